"""The benchmark of what a case costs: a run that does not pass is told of, and can be looked at."""
import os
import subprocess
import sys

from tools import ROOT


def bench(sockproof, *words):
    return subprocess.run(
        [sys.executable, ROOT / "tests/bench/cost.py", *words, "--sockproof", sockproof.path,
         "--jobs", "4"],
        env={**os.environ, "SOCKPROOF_CASES": str(sockproof.cases)},
        capture_output=True, text=True, timeout=120)


def test_a_run_that_fails_is_told_with_its_reason_and_its_evidence_is_kept(sockproof, tmp_path):
    done = bench(sockproof, "broken/call-error", "--results", str(tmp_path / "r"))
    assert done.returncode == 3, done.stderr
    assert "fail: broken/call-error@loopback@ipv4: " in done.stderr
    assert "ECONNREFUSED" in done.stderr
    evidence = tmp_path / "r/4/cases/broken/call-error@loopback@ipv4"
    assert str(evidence) in done.stderr
    assert (evidence / "trace.json").exists()


def test_runs_that_pass_are_measured_against_the_limit(sockproof):
    kept = bench(sockproof, "plain/conversation", "--limit-ms", "10000")
    assert kept.returncode == 0, kept.stderr
    assert kept.stdout.rstrip().endswith("kept")
    broken = bench(sockproof, "plain/conversation", "--limit-ms", "0.001")
    assert broken.returncode == 1, broken.stderr
