"""sockproof.exe, which ./dev windows builds, as it runs under Wine (docs/windows.md)."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tools import HERE, ROOT

UNDER_WINE = HERE / "under-wine"


class Windows:
    """Calls the program as a test would call it on Windows; files of this machine are on Z:."""

    def __init__(self, exe, environment):
        self.exe, self.environment = exe, environment

    def __call__(self, *words, timeout=120, prefix=(), env=None):
        return subprocess.run([*map(str, prefix), UNDER_WINE, self.exe, *map(str, words)], cwd=ROOT,
                              timeout=timeout, env={**self.environment, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)


@pytest.fixture(scope="module")
def windows(sockproof):
    """Where ./dev windows has been run: wine is optional for everything else, and 700 MB."""
    built = Path(str(Path(sockproof.path).resolve().parent) + "-windows")
    if os.geteuid() != 0 or not shutil.which("wine"):
        pytest.skip("needs root and wine (apt-get install wine)")
    if not (built / "build.ninja").exists():
        pytest.skip(f"no {built}/sockproof.exe: ./dev windows builds it")
    made = subprocess.run(["ninja", "-C", built, "sockproof"], capture_output=True, text=True,
                          check=False)
    assert made.returncode == 0, made.stdout
    environment = {**os.environ, "SOCKPROOF_PROGRAM": str(sockproof.path)}
    prefix = subprocess.run([ROOT / "stacks/wine/version"], env=environment, capture_output=True,
                            text=True, timeout=300, check=False)
    if prefix.returncode != 0:
        pytest.skip("Wine's prefix cannot be made here: stacks/wine/version says no version")
    return Windows(built / "sockproof.exe", environment)


class TestWhatNeedsNoSocket:
    def test_a_judged_result_is_the_same_to_the_byte(self, sockproof, windows, plain, tmp_path):
        here, there = tmp_path / "here", tmp_path / "there"
        for folder in (here, there):
            shutil.copytree(plain.folder, folder)
        ours = sockproof("judge", here, "--os", "windows-10.0.19045", "--json")
        theirs = windows("judge", there, "--os", "windows-10.0.19045", "--json")
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout.decode())
        assert any(row["verdict"] == "fail" for row in json.loads(ours.stdout)["runs"])
        for file in (path for path in here.rglob("*") if path.is_file()):
            assert file.read_bytes() == (there / file.relative_to(here)).read_bytes(), file

    def test_a_ladder_is_the_same(self, sockproof, windows, plain):
        words = "explain", "plain/conversation", "--results", plain.folder
        ours = sockproof(*words, env={"LC_ALL": "C.UTF-8"})
        theirs = windows(*words)
        assert theirs.returncode == 0 and ours.stdout == theirs.stdout.decode()
        assert "ESTABLISHED" in ours.stdout

    def test_a_comparison_tells_the_regression(self, windows, plain, copy_of_plain):
        trace = copy_of_plain.path(plain.row("plain/conversation"), "trace.json")
        trace.write_text(trace.read_text().replace('"ESTABLISHED"', '"CLOSE_WAIT"'))
        same = windows("compare", plain.folder, plain.folder)
        worse = windows("compare", plain.folder, copy_of_plain.folder)
        assert (same.returncode, worse.returncode) == (0, 1), worse.stdout + worse.stderr

    @pytest.mark.parametrize("format", ["html", "junit", "ktap", "markdown", "json"])
    def test_reports_are_the_same(self, sockproof, windows, plain, tmp_path, format):
        def report(program, name):
            done = program("report", plain.folder, "--format", format, "-o", tmp_path / name)
            return done.returncode, (tmp_path / name).read_bytes()
        ours, theirs = report(sockproof, "ours"), report(windows, "theirs")
        if format == "html":  # it says when it was made
            assert (ours[0], theirs[0]) == (0, 0)
            assert abs(len(ours[1]) - len(theirs[1])) < 200
        else:
            assert ours == theirs

    def test_cases_are_found_by_pattern_and_listed(self, sockproof, windows):
        words = "list", "linger/[a-z]*ero*", "close", "--runs", "--json"
        ours, theirs = sockproof(*words), windows(*words)
        assert theirs.returncode == 0 and ours.stdout == theirs.stdout.decode()
        assert "linger/zero-resets" in ours.stdout
        assert windows("list", "no-such-*").returncode == 4

    def test_a_bad_case_is_told_with_its_place(self, sockproof, windows):
        bad = sorted((ROOT / "tests/bad-cases").glob("*.case"))[0].relative_to(ROOT)
        ours, theirs = sockproof("lint", bad), windows("lint", bad)
        assert ours.returncode == theirs.returncode == 4
        assert ours.stdout in theirs.stdout.decode()
        assert all(line in theirs.stderr.decode() for line in ours.stderr.splitlines())

    def test_our_cases_are_canonical_there_too(self, windows):
        done = windows("fmt", "--check")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_commands_are_those_that_work_there(self, windows):
        words = windows("--help").stdout.decode()
        assert "judge" in words and "guest" not in words
        assert windows("guest").returncode == 4
