"""The state matrix is whole: each file of its table, and in each of them each call, once."""
import re

from tools import ROOT

CALLS = ["close", "linger-0", "linger-n", "shutdown-rd", "shutdown-wr", "shutdown-rdwr", "connect",
         "listen", "bind", "send", "recv", "poll", "so-error", "exit"]
STATES = ["CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2",
          "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"]


def matrix():
    """{state: [names of its files]} of the page."""
    page = (ROOT / "docs" / "coverage.md").read_text()
    section = page.split("## The state matrix")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z_0-9]+) \|(.*)\|$", section, re.M)
    return {state: re.findall(r"`([a-z0-9-]+)`", cells) for state, cells in rows}


def test_the_page_has_every_state_and_every_file():
    assert list(matrix()) == STATES
    named = sorted(name for names in matrix().values() for name in names)
    assert named == sorted(file.stem for file in (ROOT / "cases" / "states").glob("*.case"))


def test_each_file_asks_every_call_once(sockproof):
    done = sockproof("list", "states", "--runs")
    assert done.returncode == 0
    asked = {}
    for name, call in re.findall(r"states/([a-z0-9-]+)\[call=([a-z0-9-]+)\]@", done.stdout):
        asked.setdefault(name, set()).add(call)
    assert asked == {name: set(CALLS) for names in matrix().values() for name in names}
