"""Stored traces judged again, with and without the eyes of another system."""
import json

import pytest

from tools import open_to_all, verdicts


def judge(sockproof, folder, *words):
    done = sockproof("judge", folder, "--json", *words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


class TestJudgeAgain:
    def test_it_comes_to_the_same(self, sockproof, mixed):
        code, again = judge(sockproof, mixed.folder)
        assert code == 1
        assert verdicts(again["runs"]) == verdicts(mixed.rows)
        of = {(row["id"], row["lab"], row["family"]): row for row in again["runs"]}
        for row in mixed.rows:
            same = of[row["id"], row["lab"], row["family"]]
            for name in ("at", "expected", "seen", "kind", "reason"):
                assert same[name] == row[name]

    def test_it_changes_nothing_in_the_folder(self, sockproof, plain):
        before = {path: path.stat().st_mtime_ns for path in plain.folder.rglob("*")}
        assert judge(sockproof, plain.folder)[0] == 0
        assert {path: path.stat().st_mtime_ns for path in plain.folder.rglob("*")} == before

    def test_it_needs_no_privilege_and_no_network(self, unprivileged, copy_of_plain):
        for path in (copy_of_plain.folder, *copy_of_plain.folder.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        open_to_all(copy_of_plain.folder)
        done = unprivileged("judge", copy_of_plain.folder)
        assert done.returncode == 0, done.stderr


class TestJudgeAsAnother:
    @pytest.mark.parametrize("system, variant, differs", [
        # id plain/variant: baseline ETIMEDOUT, Linux EAGAIN; seen EAGAIN
        # id plain/windows-differs: baseline EAGAIN, measured on one Windows ETIMEDOUT
        ("linux-6.18", "variant", "pass"),
        ("freebsd-14.0", "fail", "pass"),
        ("windows-10.0.19045", "fail", "fail"),
        ("windows-10.0.17763", "fail", "pass"),
        ("client=windows-10.0.19045,server=linux-6.18", "fail", "fail"),
        ("client=linux-6.18,server=windows-10.0.19045", "variant", "pass"),
        ("wine-8.0", "fail", "pass"),  # the calls are Wine's, what is under them stays
        ("wine-8.0/linux-6.18", "fail", "pass"),
        ("linux-6.18/freebsd-14.0", "variant", "pass"),
    ])
    def test_verdicts_differ_where_expectations_do(self, sockproof, plain, system, variant,
                                                   differs):
        code, again = judge(sockproof, plain.folder, "--os", system)
        expected = {"plain/variant": variant, "plain/windows-differs": differs}
        seen = {row["id"]: row["verdict"] for row in again["runs"] if row["id"] in expected}
        assert seen == expected
        others = {row["verdict"] for row in again["runs"]
                  if row["id"] not in expected and not row["id"].startswith("skipped/")}
        assert others == {"pass"}
        assert again["judged_as"] == system
        assert code == (1 if "fail" in (variant, differs) else 0)

    def test_a_measured_stack_that_did_otherwise_is_called_stale(self, sockproof, plain):
        _code, again = judge(sockproof, plain.folder, "--os", "windows-10.0.19045")
        kinds = {row["kind"] for row in again["runs"] if row["id"] == "plain/windows-differs"}
        assert kinds == {"stale"}

    def test_what_is_no_stack_is_refused(self, sockproof, plain):
        assert sockproof("judge", plain.folder, "--os", "Windows 10").returncode == 4


class TestDamage:
    @pytest.mark.parametrize("keep", [0, 1, 0.5, 0.99], ids=lambda keep: f"{keep}")
    def test_a_truncated_trace_breaks_its_run_and_no_other(self, sockproof, copy_of_plain, keep):
        row = copy_of_plain.row("plain/conversation")
        path = copy_of_plain.path(row, "trace.json")
        whole = path.read_bytes()
        path.write_bytes(whole[:keep if isinstance(keep, int) else int(len(whole) * keep)])
        code, again = judge(sockproof, copy_of_plain.folder)
        assert code == 3
        expected = verdicts(copy_of_plain.rows)
        expected["plain/conversation", "loopback", "ipv4", 1] = "broken"
        assert verdicts(again["runs"]) == expected
        (broken,) = [r for r in again["runs"] if r["verdict"] == "broken"]
        assert "trace.json" in broken["reason"]

    def test_a_truncated_trace_is_said_by_all_who_read_it(self, sockproof, plain, copy_of_plain):
        row = copy_of_plain.row("plain/conversation")
        path = copy_of_plain.path(row, "trace.json")
        path.write_bytes(path.read_bytes()[:500])
        explain = sockproof("explain", "plain/conversation", "--lab", "loopback", "--family", "ipv4",
                            "--results", copy_of_plain.folder)
        assert explain.returncode == 3 and "trace.json: not JSON" in explain.stderr
        compare = sockproof("compare", plain.folder, copy_of_plain.folder)
        assert compare.returncode == 1 and "trace.json: not JSON" in compare.stdout

    def test_the_verdict_needs_no_capture(self, sockproof, copy_of_plain):
        row = copy_of_plain.row("plain/conversation")
        path = copy_of_plain.path(row, "capture.pcapng")
        path.write_bytes(path.read_bytes()[:100])
        code, again = judge(sockproof, copy_of_plain.folder)
        assert code == 0 and verdicts(again["runs"]) == verdicts(copy_of_plain.rows)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": "else/1", "runs": []}',
                                         b"\xff\xfe"], ids=range(5))
    def test_a_damaged_run_json_is_said(self, sockproof, copy_of_plain, content):
        (copy_of_plain.folder / "run.json").write_bytes(content)
        done = sockproof("judge", copy_of_plain.folder)
        assert done.returncode == 3 and "run.json" in done.stderr

    def test_a_missing_case_copy_breaks_its_run(self, sockproof, copy_of_plain):
        row = copy_of_plain.row("plain/conversation")
        copy_of_plain.path(row, "case").unlink()
        code, again = judge(sockproof, copy_of_plain.folder)
        assert code == 3 and again["totals"]["broken"] == 1
