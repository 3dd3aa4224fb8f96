"""`matrix`: the same cases on several kernels and stacks, and where they differ."""
import re
import signal
import subprocess

import pytest

from test_kernel import kernel
from tools import read_json, rows_of, wait_until

CASE = "plain/conversation"

# A guest in which one run of the first's fails.
ONE_FAILS = """
at(runs[0])
row = dict(id=id_of(runs[0]), topic="plain", title="t", lab=runs[0][3], family=runs[0][4],
           repeat=int(runs[0][5]), verdict="fail", reason="made up", duration_ms=1.0, cpu_ms=0.0,
           file=runs[0][1], notes=[], dir="cases/x")
say("R", json.dumps(row))
for run in runs[1:]:
    at(run)
    passes(run)
say("E", "1\\t0\\t")
"""


def matrix(sockproof, folder, over, *words, **more):
    return sockproof("matrix", "--over", over, "--cases", sockproof.cases, "--results", folder, CASE,
                     *words, **more)


def lines_of(done):
    """The table's lines by what stands first in them."""
    return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.split()}


@pytest.fixture(scope="module")
def differing(sockproof, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    word = kernel(folder, ONE_FAILS)
    done = matrix(sockproof, folder / "m", f"host,other={word}", "--quiet", "--jobs", "1")
    return folder / "m", done


class TestATable:
    def test_names_each_columns_stack_and_the_runs_that_differ(self, differing):
        _, done = differing
        lines = lines_of(done)
        assert lines["stack"][1] == "linux-6.12.99" and lines["stack"][0].startswith("linux-")
        rows = [key for key in lines if key.startswith(CASE)]
        assert len(rows) == 1 and re.fullmatch(CASE + r"@\w+@ipv[46]", rows[0])
        assert lines[rows[0]] == ["pass", "fail"]
        assert lines["fail"] == ["0", "1"] and "1 of 4 runs differ" in done.stdout

    def test_a_failure_in_any_column_is_one(self, differing):
        assert differing[1].returncode == 1

    def test_columns_that_agree_are_no_rows(self, sockproof, tmp_path):
        done = matrix(sockproof, tmp_path / "m", f"a=host,b={kernel(tmp_path, 'pass')}", "--quiet")
        assert done.returncode == 0 and "0 of 4 runs differ" in done.stdout
        assert not any(key.startswith(CASE) for key in lines_of(done))

    def test_a_whole_case_is_one_row(self, sockproof, tmp_path):
        body = ONE_FAILS.replace("runs[0]", "run").replace("at(run)\nrow", "for run in runs:\n at(run)\n row",
                                                           1)
        body = re.sub(r"\n +(repeat|file)", r"\n  \1", body).split("say(\"R\"")[0] + \
            " say('R', json.dumps(row))\n"
        done = matrix(sockproof, tmp_path / "m", f"host,other={kernel(tmp_path, body)}", "--quiet",
                      "--lab", "veth", "--jobs", "1")
        assert lines_of(done).get(CASE) == ["pass", "fail"], done.stdout + done.stderr


class TestTheFolder:
    def test_each_column_is_a_results_folder(self, differing):
        folder, _ = differing
        assert sorted(path.name for path in folder.iterdir()) == ["host", "matrix.json", "other"]
        assert len(rows_of(folder / "host")) == len(rows_of(folder / "other")) == 4

    def test_the_index_holds_columns_and_differences(self, differing):
        index = read_json(differing[0] / "matrix.json")
        assert [column["name"] for column in index["columns"]] == ["host", "other"]
        assert [column["exit_code"] for column in index["columns"]] == [0, 1]
        assert [row["verdicts"] for row in index["differences"]] == [["pass", "fail"]]

    def test_compare_takes_it_for_its_columns(self, sockproof, differing):
        folder, _ = differing
        whole = sockproof("compare", folder)
        each = sockproof("compare", folder / "host", folder / "other")
        assert whole.stdout == each.stdout and whole.stdout
        assert whole.returncode == each.returncode

    def test_report_takes_it_for_its_columns(self, sockproof, differing, tmp_path):
        folder, _ = differing
        pages = []
        for results in ((folder,), (folder / "host", folder / "other"), (folder / "host",)):
            done = sockproof("report", *results, "-o", tmp_path / "page.html")
            assert done.returncode == 0, done.stderr
            pages.append((tmp_path / "page.html").read_bytes())
        assert pages[0] == pages[1] != pages[2]

    def test_a_strangers_folder_is_left_alone(self, sockproof, tmp_path):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "precious").write_text("x")
        done = matrix(sockproof, tmp_path / "m", "host")
        assert done.returncode == 4 and "something else" in done.stderr
        assert [path.name for path in (tmp_path / "m").iterdir()] == ["precious"]

    def test_an_index_that_is_none_is_told(self, sockproof, tmp_path):
        (tmp_path / "matrix.json").write_text("{}")
        done = sockproof("compare", tmp_path)
        assert done.returncode == 3 and "no index of a matrix" in done.stderr


class TestWhatCannotBeRun:
    @pytest.fixture
    def without_qemu(self, sockproof, tmp_path):
        from test_kernel import Machines
        machines = Machines(tmp_path / "k")
        return machines.word, {"PATH": str(tmp_path)}

    def test_a_column_that_cannot_be_run_does_not_end_the_others(self, sockproof, tmp_path, without_qemu):
        word, env = without_qemu
        done = matrix(sockproof, tmp_path / "m", f"gone={word},host", "--quiet", env=env)
        assert done.returncode == 3 and "qemu-system-x86_64" in done.stderr
        assert lines_of(done)["pass"] == ["-", "4"]

    def test_results_of_an_earlier_one_do_not_stand_for_it(self, sockproof, tmp_path, without_qemu):
        word, env = without_qemu
        first = matrix(sockproof, tmp_path / "m", "gone=host", "--quiet")
        done = matrix(sockproof, tmp_path / "m", f"gone={word},host", "--quiet", env=env)
        assert first.returncode == 0 and lines_of(done)["pass"] == ["-", "4"]

    @pytest.mark.parametrize("over, said", [
        ("moon", "nothing to run on"), ("host,host", "two columns"), ("", "nothing to run on"),
        ("uml:", "nothing to run on"), ("qemu:/nonexistent", "no kernel at"),
    ])
    def test_a_word_that_is_no_column_is_a_mistake(self, sockproof, tmp_path, over, said):
        done = matrix(sockproof, tmp_path / "m", over)
        assert done.returncode == 4 and said in done.stderr

    def test_columns_must_be_named(self, sockproof):
        done = sockproof("matrix", CASE)
        assert done.returncode == 4 and "--over" in done.stderr

    def test_nothing_that_fits_is_nothing_run(self, sockproof, tmp_path):
        done = sockproof("matrix", "--over", "host", "--cases", sockproof.cases, "--results",
                         tmp_path / "m", "plain/variant", "--max-wait", "0ms", "--lab", "routed")
        assert done.returncode == 5

    def test_interrupted_it_keeps_what_was_finished(self, sockproof, tmp_path):
        words = [sockproof.path, "matrix", "--over", "a=host,b=host", "--cases", sockproof.cases,
                 "--results", tmp_path / "m", "--quiet", "--repeat", "500", CASE]
        running = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True,
                                   env=sockproof.program.environment(), start_new_session=True)
        wait_until(lambda: rows_of(tmp_path / "m" / "a"), "a first row")
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=20)
        assert running.returncode == 2 and "not run" not in out
        assert not (tmp_path / "m" / "b").exists() and rows_of(tmp_path / "m" / "a")
        assert read_json(tmp_path / "m" / "matrix.json")["columns"][1]["exit_code"] is None
