"""A run that the machine kept from being judged is made again, and says so."""
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tools import processes_of_session, rows_of, read_json, wait_until

POLL_MS = 1000


def threads_that_poll(pids):
    """Those in poll(..., ..., POLL_MS), which no process of ours calls but the case's."""
    found = []
    for pid in pids:
        for call in Path(f"/proc/{pid}/task").glob("*/syscall"):
            with suppress(OSError):  # it may have ended meanwhile
                if call.read_text().split()[3:4] == [hex(POLL_MS)]:
                    found.append(call)
    return found


def all_stand_still(session, seconds):
    """What a machine does whose host has other work: every process, for so long."""
    pids = processes_of_session(session)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, "the time to pass")
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def begun(sockproof, tmp_path):
    """Starts a run with these words and comes back when its poll has begun."""
    started = []

    def start(*words):
        process = sockproof.start("stalled", *words, results=tmp_path / "r")
        started.append(process)
        wait_until(lambda: threads_that_poll(processes_of_session(process.pid)), "the poll")
        process.first_polls = set(threads_that_poll(processes_of_session(process.pid)))
        return process

    yield start
    for process in started:
        for pid in processes_of_session(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(20)


def test_one_try_is_inconclusive(begun, tmp_path):
    process = begun("--tries", 1)
    all_stand_still(process.pid, 2)
    assert process.wait(60) == 3
    row, = rows_of(tmp_path / "r")
    assert (row["verdict"], row["by_machine"], row["tries"]) == ("inconclusive", True, 1)
    assert "stood still" in row["reason"]


def test_the_second_try_is_judged(begun, tmp_path):
    process = begun("plain/conversation", "--jobs", 1, "--family", "ipv4")
    all_stand_still(process.pid, 2)
    assert process.wait(60) == 0
    row, = (row for row in rows_of(tmp_path / "r") if row["topic"] == "stalled")
    assert (row["verdict"], row["by_machine"], row["tries"]) == ("pass", False, 2)
    assert any(note.startswith("made 2 times") and "stood still" in note for note in row["notes"])
    assert read_json(tmp_path / "r" / row["dir"] / "result.json")["tries"] == 2
    run = read_json(tmp_path / "r" / "run.json")
    assert run["totals"]["pass"] == len(run["runs"]) > 1
    assert any("kept 1 run from being judged" in note for note in run["notes"])
    assert "kept 1 run from being judged" in (tmp_path / "r.log").read_text()


def test_what_is_ended_between_two_tries_keeps_the_first(begun, tmp_path):
    process = begun()
    all_stand_still(process.pid, 2)
    wait_until(lambda: set(threads_that_poll(processes_of_session(process.pid)))
               - process.first_polls, "the second try")
    assert list((tmp_path / "r").glob("cases/*/*/result.json")), "the first try's result is kept"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 2
    row, = rows_of(tmp_path / "r")
    assert (row["verdict"], row["by_machine"], row["tries"]) == ("inconclusive", True, 1)
    assert "stood still" in row["reason"]
