"""Without root everything works in a user namespace; states are polled, and that is said once."""
import pytest

from tools import open_to_all, read_json


@pytest.fixture(scope="module")
def as_nobody(unprivileged_runner, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nobody")
    open_to_all(folder)
    folder.chmod(0o777)
    return unprivileged_runner.run("plain", "skipped", results=folder / "r"), folder / "r"


class TestUnprivileged:
    def test_short_cases_pass(self, as_nobody):
        done, folder = as_nobody
        assert done.returncode == 0, done.stdout + done.stderr
        totals = read_json(folder / "run.json")["totals"]
        assert totals["fail"] == totals["broken"] == totals["inconclusive"] == 0
        assert totals["pass"] + totals["variant"] == 22

    def test_it_says_once_that_tracepoints_are_missing(self, as_nobody):
        done, folder = as_nobody
        assert (done.stdout + done.stderr).count("no tracepoints") == 1
        run = read_json(folder / "run.json")
        assert run["machine"]["privileged"] is False
        assert sum("no tracepoints" in note for note in run["notes"]) == 1

    def test_root_has_them_and_says_nothing(self, plain, as_root):
        assert "no tracepoints" not in plain.done.stdout + plain.done.stderr
        assert plain.run["machine"]["privileged"] is True
        assert not any("no tracepoints" in note for note in plain.run["notes"])

    def test_failures_fail_there_too(self, unprivileged_runner, as_nobody):
        _done, folder = as_nobody
        done = unprivileged_runner.run("broken/call-value", "broken/segment-wrong-seq",
                                       results=folder.parent / "broken")
        assert done.returncode == 1
        totals = read_json(folder.parent / "broken" / "run.json")["totals"]
        assert totals["fail"] == 4 and sum(totals.values()) == 4
