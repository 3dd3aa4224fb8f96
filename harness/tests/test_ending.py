"""However a run ends, nothing is left behind and what was finished is whole."""
import os
import signal
from contextlib import suppress

import pytest

from tools import (all_processes, interfaces, mounts, net_namespaces, processes_of_session,
                   read_json, rows_of, tracing, wait_until)

PLAIN_ROWS = 18 + 4


@pytest.fixture
def waiting(sockproof, tmp_path):
    """A runner whose short cases are done and whose long ones wait, in many namespaces."""
    folder = tmp_path / "r"
    before = mounts()
    process = sockproof.start("slow", "plain", results=folder)
    try:
        wait_until(lambda: len(rows_of(folder)) >= PLAIN_ROWS or process.poll() is not None,
                   "the rows of the short cases")
        assert process.poll() is None, folder.with_suffix(".log").read_text()
        process.folder, process.mounts_before = folder, before
        yield process
    finally:
        for pid in processes_of_session(process.pid):
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)
        process.wait(20)


def assert_whole(folder):
    rows = rows_of(folder)
    assert len(rows) >= PLAIN_ROWS
    for row in rows:
        if row["id"].startswith("plain/"):
            assert row["verdict"] in ("pass", "variant"), row
            assert read_json(folder / row["dir"] / "trace.json")["schema"] == "sockproof-trace/1"
            assert read_json(folder / row["dir"] / "result.json")["verdict"] == row["verdict"]
            assert (folder / row["dir"] / "capture.pcapng").stat().st_size > 1000
    assert [path for path in folder.rglob("*.tmp*")] == []


class TestKill9:
    def test_nothing_outlives_the_runner(self, sockproof, waiting, tmp_path):
        pids = processes_of_session(waiting.pid)
        ours = net_namespaces(pids) - net_namespaces([os.getpid()])
        assert len(pids) > 4 and len(ours) >= 6  # 4 waiting runs: 2 of one namespace, 2 of two
        links, traced = interfaces(), tracing(tmp_path) if os.getuid() == 0 else None

        os.kill(waiting.pid, signal.SIGKILL)
        waiting.wait(20)
        wait_until(lambda: not processes_of_session(waiting.pid), "the end of its processes")
        wait_until(lambda: not ours & net_namespaces(all_processes()), "the end of its namespaces")
        assert interfaces() <= links
        assert not {mount for mount in mounts() - waiting.mounts_before
                    if mount[0] in ours or "sockproof" in mount[1]}
        if traced is not None:
            assert tracing(tmp_path) == traced
            assert "sockproof" not in traced

        assert read_json(waiting.folder / "run.json")["finished"] is False
        assert_whole(waiting.folder)
        judged = sockproof("judge", waiting.folder)
        assert judged.returncode == 0 and f"0 of {PLAIN_ROWS} verdicts changed" in judged.stdout

    def test_the_next_run_takes_the_folder_over(self, sockproof, waiting):
        os.kill(waiting.pid, signal.SIGKILL)
        waiting.wait(20)
        wait_until(lambda: not processes_of_session(waiting.pid), "the end of its processes")
        done = sockproof.run("plain/rows", results=waiting.folder)
        assert done.returncode == 0, done.stderr
        assert {row["id"].partition("[")[0] for row in rows_of(waiting.folder)} == {"plain/rows"}


class TestInterrupt:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                             ids=lambda how: how.name)
    def test_it_ends_with_2_and_keeps_what_was_finished(self, waiting, how):
        ours = net_namespaces(processes_of_session(waiting.pid)) - net_namespaces([os.getpid()])
        waiting.send_signal(how)
        assert waiting.wait(20) == 2
        wait_until(lambda: not processes_of_session(waiting.pid), "the end of its processes")
        wait_until(lambda: not ours & net_namespaces(all_processes()), "the end of its namespaces")
        run = read_json(waiting.folder / "run.json")
        assert run["finished"] is False
        assert sum(run["totals"].values()) == len(run["runs"])
        assert_whole(waiting.folder)

    def test_a_case_that_was_cut_short_is_not_called_judged(self, waiting):
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(20) == 2
        for row in rows_of(waiting.folder):
            if row["id"].startswith("slow/"):
                assert row["verdict"] in ("broken", "inconclusive")
