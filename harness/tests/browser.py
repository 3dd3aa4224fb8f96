"""A real browser: Debian's Chromium, driven by its own chromedriver."""
import shutil
from pathlib import Path

import pytest

from tools import ROOT

AXE = ROOT / "reports" / "html" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = (1400, 1000), (390, 844)


def found(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.fail(f"no {names[0]}: ./dev test installs it (Debian: chromium chromium-driver)")


class Browser:
    """One window; what a page says on its console is kept until it is asked for."""

    def __init__(self, downloads):
        try:
            from selenium import webdriver
            from selenium.webdriver.chrome.options import Options
            from selenium.webdriver.chrome.service import Service
            from selenium.webdriver.common import utils
        except ImportError:
            pytest.fail("no selenium: ./dev test installs it (Debian: python3-selenium)")

        class ByAddress(Service):
            """A bare machine has no /etc/hosts, and so no name for itself."""

            @property
            def service_url(self):
                return f"http://127.0.0.1:{self.port}"

            def is_connectable(self):
                return utils.is_connectable(self.port, "127.0.0.1")

        options = Options()
        options.binary_location = found("chromium", "google-chrome")
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--disable-background-networking",
                     "--remote-debugging-pipe"):  # needs no name and no port of this machine
            options.add_argument(word)
        self.driver = webdriver.Chrome(options=options, service=ByAddress(found("chromedriver")))
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.downloads = Path(downloads)
        self.command("Browser.setDownloadBehavior", behavior="allow", eventsEnabled=False,
                     downloadPath=str(downloads))
        self.look()

    def command(self, name, **words):
        return self.driver.execute_cdp_cmd(name, words)

    def look(self, size=WIDE, dark=False):
        self.command("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                     deviceScaleFactor=1, mobile=size[0] < 500)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, page, place="#/"):
        """Always as if for the first time."""
        self.driver.get("about:blank")
        self.driver.get(Path(page).as_uri() + place)
        self.until("return document.querySelector('main') !== null")
        self.until("return !document.body.textContent.includes('Unpacking…') && "
                   "(document.querySelector('.drawing') === null ||"
                   " document.querySelector('.drawing svg') !== null)")

    def run(self, script, *words):
        return self.driver.execute_script(script, *words)

    def until(self, script, *words, seconds=20):
        from selenium.webdriver.support.ui import WebDriverWait
        return WebDriverWait(self.driver, seconds, poll_frequency=0.02).until(
            lambda driver: driver.execute_script(script, *words), f"never came true: {script}")

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        elements = self.all(selector)
        assert len(elements) == 1, f"{len(elements)} of {selector}"
        return elements[0]

    def text(self, selector="main"):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def keys(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def focused(self):
        return self.run("return document.activeElement.textContent"
                        " || document.activeElement.getAttribute('aria-label')")

    def complaints(self):
        """What the console says, all of it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def axe(self):
        """What axe-core objects to, a line each."""
        if not AXE.exists():
            pytest.fail(f"no {AXE.relative_to(ROOT)}: ./dev test installs it (npm ci)")
        self.run(AXE.read_text())
        done = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa',"
            "'best-practice']}).then(done)")
        return [f"{rule['id']}: {rule['help']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
                for rule in done["violations"] for node in rule["nodes"][:3]]

    def screenshot(self, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))

    def quit(self):
        self.driver.quit()
