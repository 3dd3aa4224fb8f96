"""What a run leaves in its results folder, also where the folder is the trouble."""
import json

import pytest

from tools import HERE, open_to_all, read_json, rows_of, verdicts, wait_until

HEAD = {"schema", "version", "command", "machine", "stack", "totals", "runs"}
ROW = {"id", "lab", "family", "verdict", "reason", "duration_ms", "cpu_ms", "at", "expected", "seen"}
VERDICTS = {"broken", "fail", "inconclusive", "skip", "variant", "pass"}


class TestRunJson:
    def test_it_says_what_was_run_where_and_how_it_ended(self, mixed):
        run = mixed.run
        assert HEAD <= set(run) and run["schema"] == "sockproof-run/1"
        assert run["command"][:2] == ["sockproof", "run"] and "broken" in run["command"]
        assert set(run["stack"]) == {"name", "os", "os_version"} and run["stack"]["os"] == "linux"
        assert run["stack"]["name"] == f"linux-{run['stack']['os_version']}"
        assert run["finished"] is True and run["wall_ms"] > 0

    def test_every_run_has_its_row_and_totals_add_up(self, mixed):
        counted = dict.fromkeys(VERDICTS, 0)
        for row in mixed.rows:
            assert ROW <= set(row)
            assert row["reason"]
            counted[row["verdict"]] += 1
            if row["verdict"] == "fail":
                assert row["at"] and row["expected"] and row["seen"]
            elif row["verdict"] != "inconclusive":
                assert row["at"] is row["expected"] is row["seen"] is None
            if row["verdict"] not in ("skip", "broken"):
                assert row["duration_ms"] > 0 and 0 < row["cpu_ms"] < 1000
        assert counted == mixed.run["totals"]
        assert len(verdicts(mixed.rows)) == len(mixed.rows)

    def test_json_on_standard_output_is_the_same(self, sockproof, tmp_path):
        done = sockproof.run("plain/rows", "--json", results=tmp_path / "r")
        assert json.loads(done.stdout) == read_json(tmp_path / "r" / "run.json")

    def test_each_round_of_repeats_comes_before_the_next(self, sockproof, tmp_path):
        sockproof.run("plain", "--repeat", "3", "--jobs", "1", "--lab", "veth", "--family", "ipv6",
                      results=tmp_path / "r")
        rows = rows_of(tmp_path / "r")
        assert len({row["id"] for row in rows}) > 1
        assert [row["repeat"] for row in rows] == sorted(row["repeat"] for row in rows)

    def test_repeats_are_runs_of_their_own(self, sockproof, tmp_path):
        done = sockproof.run("plain/conversation", "--repeat", "3", "--lab", "veth", "--family",
                             "ipv6", results=tmp_path / "r")
        rows = rows_of(tmp_path / "r")
        assert done.returncode == 0 and sorted(row["repeat"] for row in rows) == [1, 2, 3]
        assert len({row["dir"] for row in rows}) == 3


class TestCaseFolder:
    def test_trace_capture_and_case_of_every_judged_run_are_there(self, mixed):
        judged = [row for row in mixed.rows if row["verdict"] not in ("skip", "broken")]
        assert judged
        for row in judged:
            trace = read_json(mixed.path(row, "trace.json"))
            assert trace["schema"] == "sockproof-trace/1"
            assert mixed.path(row, "capture.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
            text = (HERE / (row["id"].split("[")[0] + ".case")).read_bytes()
            assert mixed.path(row, "case").read_bytes() == text
            result = read_json(mixed.path(row, "result.json"))
            for name in ROW - {"cpu_ms"}:  # written before the processes have been counted up
                assert result[name] == row[name]

    def test_folders_are_named_by_id_lab_and_family(self, plain):
        row = plain.row("plain/conversation", "veth", "ipv6")
        assert row["dir"] == "cases/plain/conversation@veth@ipv6"

    def test_nothing_half_written_is_left(self, mixed):
        names = {path.name for path in mixed.folder.rglob("*") if path.is_file()}
        assert names <= {"run.json", "trace.json", "capture.pcapng", "result.json", "case"}


class TestFolderTrouble:
    def test_a_second_run_replaces_the_first(self, sockproof, tmp_path):
        folder = tmp_path / "r"
        assert sockproof.run("plain/rows", results=folder).returncode == 0
        assert sockproof.run("plain/variant", results=folder).returncode == 0
        assert {row["id"] for row in rows_of(folder)} == {"plain/variant"}
        assert [path.name for path in (folder / "cases" / "plain").iterdir()
                if path.name.startswith("rows")] == []

    def test_a_strangers_folder_is_refused_and_left_alone(self, sockproof, tmp_path):
        mine = tmp_path / "thesis.txt"
        mine.write_text("years of work")
        done = sockproof.run("plain/rows", results=tmp_path)
        assert done.returncode == 4 and str(tmp_path) in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
        assert mine.read_text() == "years of work"

    def test_a_run_json_of_somebody_else_makes_no_folder_ours(self, sockproof, tmp_path):
        (tmp_path / "run.json").write_text('{"schema": "marathon/1", "runs": []}')
        (tmp_path / "cases").mkdir()
        (tmp_path / "cases" / "of-wine").write_text("12 bottles")
        done = sockproof.run("plain/rows", results=tmp_path)
        assert done.returncode == 4
        assert (tmp_path / "cases" / "of-wine").read_text() == "12 bottles"

    @pytest.mark.parametrize("place", ["file/r", "file"])
    def test_a_folder_that_cannot_be_made_is_said(self, sockproof, tmp_path, place):
        (tmp_path / "file").write_text("")
        done = sockproof.run("plain/rows", results=tmp_path / place)
        assert done.returncode in (3, 4) and "file" in done.stderr

    def test_a_folder_without_permission_is_said(self, unprivileged_runner, tmp_path_factory,
                                                 as_root):  # nobody is locked out of his own
        folder = tmp_path_factory.mktemp("closed")
        open_to_all(folder)
        folder.chmod(0o555)
        done = unprivileged_runner.run("plain/rows", results=folder / "r")
        assert done.returncode in (3, 4) and "denied" in done.stderr.lower()

    def test_one_folder_is_not_written_by_two_runners(self, sockproof, tmp_path):
        folder = tmp_path / "r"
        first = sockproof.start("slow", "--lab", "veth", results=folder)
        try:
            wait_until((folder / "run.json").exists, "the first runner's run.json")
            second = sockproof.run("plain/rows", results=folder)
            assert second.returncode == 4 and str(folder) in second.stderr
            assert first.poll() is None
        finally:
            first.terminate()
            first.wait(20)

    def test_a_full_disk_is_said_and_passes_for_nothing(self, sockproof, tmp_path, as_root):
        disk = tmp_path / "disk"
        disk.mkdir()
        # in a chroot / is no mount point, and so cannot be made private
        script = ('mount --make-rprivate / && mount -t tmpfs -o size=64k none "$1" || exit 77; '
                  'shift; exec "$@"')
        prefix = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, "sh",
                  str(disk))
        done = sockproof.run("plain", results=disk / "r", prefix=prefix)
        if done.returncode == 77:
            pytest.skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
        assert done.returncode == 3, done.stderr
        assert "no space left" in (done.stdout + done.stderr).lower()


class TestManyAtOnce:
    def test_one_at_a_time_and_64_at_once_come_to_the_same(self, sockproof, tmp_path, plain):
        done = sockproof.run("plain", "skipped", "--jobs", "1", results=tmp_path / "r")
        assert done.returncode == 0
        assert verdicts(rows_of(tmp_path / "r")) == verdicts(plain.rows)

    def test_two_runners_do_not_disturb_each_other(self, sockproof, tmp_path, plain):
        both = [sockproof.start("plain", "skipped", results=tmp_path / name) for name in "ab"]
        assert [process.wait(60) for process in both] == [0, 0]
        for name in "ab":
            assert verdicts(rows_of(tmp_path / name)) == verdicts(plain.rows)


class TestMaxWait:
    def test_what_is_left_out_is_said_and_counted(self, sockproof, tmp_path):
        done = sockproof.run("slow", "plain/rows", "--max-wait", "1s", results=tmp_path / "r")
        run = read_json(tmp_path / "r" / "run.json")
        assert done.returncode == 0
        assert {row["id"] for row in run["runs"]} == {"plain/rows[n=1]", "plain/rows[n=1000]"}
        assert any("--max-wait leaves out 4 runs" in note for note in run["notes"])
        assert "--max-wait leaves out 4 runs" in done.stdout + done.stderr


class TestExplain:
    def test_the_ladder_has_all_three_witnesses(self, sockproof, plain):
        done = sockproof("explain", "plain/conversation", "--results", plain.folder)
        assert done.returncode == 0
        for sight in ("connect(server:", "SYN seq=0", "ESTABLISHED", "recv(1) -> 0"):
            assert sight in done.stdout
        if plain.run["machine"]["privileged"]:  # polling need not see what passes
            assert "FIN_WAIT_2" in done.stdout and "TIME_WAIT" in done.stdout

    def test_expected_stands_beside_seen_where_it_failed(self, sockproof, mixed):
        row = mixed.row("broken/segment-wrong-ack")
        done = sockproof("explain", "broken/segment-wrong-ack@loopback@ipv4", "--results",
                         mixed.folder)
        assert done.returncode == 0
        assert "ack=2" in done.stdout and row["at"].rpartition(":")[2] in done.stdout
        assert "✗" in done.stdout or "FAILED" in done.stdout.upper()
