"""Cases as pytest tests."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import HERE, ROOT, rows_of


@pytest.fixture
def inner(sockproof, tmp_path):
    """pytest in a process of its own, on our cases."""

    def run(*words, cwd=ROOT, prefix=(), program=None):
        python = "/usr/bin/python3" if prefix else sys.executable
        done = subprocess.run(
            [*prefix, python, "-m", "pytest", "-p", "no:cacheprovider", *map(str, words),
             "--sockproof", program or sockproof.path],
            cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
        counts = {word.rstrip("s"): int(number) for number, word in
                  re.findall(r"(\d+) (passed|failed|skipped|errors?|deselected)",
                             done.stdout.splitlines()[-1] if done.stdout else "")}
        done.counts = counts
        return done

    return run


def ids(done):
    return re.findall(r"^\S*harness/tests/(\S+::\S+)$", done.stdout, re.M)


class TestCollection:
    def test_one_test_for_each_row_lab_and_family(self, inner):
        done = inner(HERE / "plain" / "rows.case", "--collect-only", "-q")
        assert ids(done) == [f"plain/rows.case::{lab}-{family}[n={n}]"
                             for lab in ("loopback", "veth") for family in ("ipv4", "ipv6")
                             for n in (1, 1000)]

    def test_topics_are_markers_and_k_knows_ids(self, inner):
        words = (HERE / "plain", HERE / "skipped", "--collect-only", "-q", "-W", "error")
        assert len(ids(inner(*words))) == 26
        assert len(ids(inner(*words, "-m", "plain"))) == 22
        assert len(ids(inner(*words, "-k", "conversation and veth"))) == 2
        assert len(ids(inner(*words, "-k", "plain/rows"))) == 8

    def test_a_bad_case_file_shows_its_complaints(self, inner):
        done = inner(ROOT / "tests" / "bad-cases" / "flag-twice.case", "-q")
        assert done.returncode == 2
        assert "flag-twice.case:7:15: error:" in done.stdout and "^~" in done.stdout
        assert "Traceback" not in done.stdout and ".py:" not in done.stdout

    def test_a_program_that_is_not_there_is_said(self, inner):
        done = inner(HERE / "plain", "-q", program="/nowhere/sockproof")
        assert done.returncode == 2 and "./dev build" in done.stdout
        assert ".py:" not in done.stdout


class TestOutcomes:
    def test_each_verdict_has_its_outcome(self, inner):
        done = inner(HERE / "plain", HERE / "skipped", HERE / "broken", "-k",
                     "not veth and (plain or skipped or call-value or pin-unknown)")
        assert done.returncode == 1
        assert done.counts["passed"] == 10 and done.counts["skipped"] == 2
        assert done.counts["failed"] == 2 and done.counts["error"] == 2
        assert "the case needs stack=windows" in done.stdout

    def test_a_failure_shows_its_ladder_and_no_python(self, inner):
        done = inner(f"{HERE}/broken/call-value.case::loopback-ipv6", "-q")
        assert done.returncode == 1 and done.counts == {"failed": 1}
        for sight in ("SYN seq=0", "recv(10) -> 10", "call-value.case:10", "expected", "seen"):
            assert sight in done.stdout
        assert "Traceback" not in done.stdout and ".py:" not in done.stdout

    def test_a_selection_runs_no_more_than_it_must(self, inner, tmp_path):
        done = inner(HERE / "plain", "-q", "-k", "conversation and veth and ipv6",
                     "--sockproof-results", tmp_path / "r")
        assert done.counts["passed"] == 1
        (row,) = rows_of(tmp_path / "r")
        assert (row["lab"], row["family"]) == ("veth", "ipv6")

    def test_results_are_kept_when_something_fails_and_only_then(self, inner):
        failed = inner(f"{HERE}/broken/call-value.case::loopback-ipv6", "-q")
        (folder,) = re.findall(r"^results: (.+)$", failed.stdout, re.M)
        assert (Path(folder) / "run.json").exists()
        passed = inner(f"{HERE}/plain/conversation.case::loopback-ipv6")
        made = re.search(r"results in (\S+)", passed.stdout).group(1)
        assert not Path(made).exists()

    def test_what_max_wait_leaves_out_is_skipped(self, inner):
        done = inner(HERE / "slow", HERE / "plain", "-q", "-k", "waits or conversation",
                     "--sockproof-max-wait", "1s", "-rs")
        assert done.returncode == 0
        assert done.counts["passed"] == 4 and done.counts["skipped"] == 4
        assert "must wait longer than 1s" in done.stdout


class TestElsewhere:
    def test_options_may_come_first_where_they_have_an_equals_sign(self, sockproof, tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--sockproof={sockproof.path}", "-q",
             HERE / "plain", "-k", "conversation", "-p", "no:cacheprovider"],
            cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_it_works_from_another_folder(self, inner, tmp_path):
        done = inner(HERE / "plain", "-q", "-k", "conversation", cwd=tmp_path)
        assert done.returncode == 0 and done.counts["passed"] == 4

    def test_it_works_without_root(self, inner, unprivileged_runner):
        done = inner(unprivileged_runner.cases / "plain", "-q", "-k", "conversation",
                     cwd=unprivileged_runner.root, prefix=unprivileged_runner.prefix,
                     program=unprivileged_runner.path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.counts["passed"] == 4
