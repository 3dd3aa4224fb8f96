"""What `run` shows on a terminal, and what it prints where there is none."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from tools import HERE, ROOT

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def on_a_terminal(sockproof, *words, columns=100, env=None):
    """Both streams on a terminal of that width; returns all that was written to it."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**sockproof.program.environment(), "TERM": "xterm", "LANG": "C.UTF-8",
                   "LC_ALL": "C.UTF-8"}
    environment.pop("CI", None)
    environment.pop("NO_COLOR", None)
    environment.update(env or {})
    process = subprocess.Popen([sockproof.path, *map(str, words)], cwd=ROOT, env=environment,
                               stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        seen += part
    os.close(leader)
    process.wait(timeout=60)
    return seen.decode(errors="replace")


@pytest.fixture(scope="module")
def shown(sockproof, tmp_path_factory):
    """One that fails among some that pass, on 90 columns."""
    return on_a_terminal(sockproof, "run", "--cases", HERE, "--results",
                         tmp_path_factory.mktemp("t") / "r", "broken/state-missing",
                         "plain/conversation", columns=90)


class TestOnATerminal:
    def test_one_line_tells_what_runs_and_what_it_waits_for(self, shown):
        live = [part for part in shown.split("\r") if re.match(r"\d+/\d+  ", part)]
        assert len(live) > 2, "the line is rewritten"
        assert any("broken/state-missing@" in line and ": " in line for line in live)
        assert any("state client TIME_WAIT" in line for line in live), live[-3:]

    def test_no_line_is_wider_than_the_terminal(self, shown):
        for line in re.split(r"[\r\n]+", ESCAPE.sub("", shown)):
            if not line.startswith(("results: ", "  look ")):  # these are copied whole
                assert len(line) <= 90, line

    def test_what_failed_has_its_ladder_and_the_command_to_look_further(self, shown):
        text = ESCAPE.sub("", shown)
        assert re.search(r"\d+ rows before", text)
        assert ">>> expected  state client TIME_WAIT" in text
        assert ">>> seen " in text
        assert "look      sockproof explain broken/state-missing@" in text
        place = text.index(">>> expected")
        assert "│" in text[:place].rsplit("rows before", 1)[1], "rows of the ladder before it"

    def test_there_is_colour_and_none_where_it_is_not_wanted(self, sockproof, shown, tmp_path):
        assert "\x1b[3" in shown
        plain = on_a_terminal(sockproof, "run", "--cases", HERE, "--results", tmp_path / "r",
                              "plain/conversation", env={"NO_COLOR": "1"})
        assert not re.search(r"\x1b\[[0-9;]*m", plain)

    def test_in_ci_there_are_plain_lines_even_on_a_terminal(self, sockproof, tmp_path):
        text = on_a_terminal(sockproof, "run", "--cases", HERE, "--results", tmp_path / "r",
                             "plain/conversation", env={"CI": "true"})
        assert re.search(r"^pass +plain/conversation@veth@ipv4", text, re.M)
        assert "\r\x1b[K" not in text


class TestInAPipe:
    def test_a_failure_has_its_ladder_too_and_nothing_is_coloured(self, sockproof, mixed):
        text = mixed.done.stdout
        assert "\x1b[" not in text + mixed.done.stderr
        assert text.count(">>> seen ") == 3, "of the first three"
        assert "look      sockproof explain broken/" in text
