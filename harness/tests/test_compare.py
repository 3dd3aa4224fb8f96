"""Results beside each other: what is a regression, what only a difference, what the same."""
import json
import re
import shutil

import pytest

from conftest import Results
from tools import read_json

CLASSES = ("regression", "improvement", "change", "variant", "observation", "added", "same")

CASE = """case   {topic}/{name}
title  {title}
spec   RFC9293:3.10
labs   loopback
family ipv4

establish
{lines}
"""

CLOSING = """client send 10
wire   client 1..10
server recv 10 -> {got}
client close
wire   client FIN
server recv 1 -> 0
server close
wire   server FIN
"""


def write_case(folder, topic, name, lines, title="A conversation"):
    path = folder / topic / f"{name}.case"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CASE.format(topic=topic, name=name, title=title, lines=lines))
    return path


def compare(sockproof, *words):
    done = sockproof("compare", *words, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def only(document):
    (comparison,) = document["comparisons"]
    return comparison


def run_cases(sockproof, cases, results):
    done = sockproof("run", "--cases", cases, "--results", results, "--jobs", "4")
    assert (results / "run.json").exists(), done.stderr
    return Results(results, done)


@pytest.fixture
def again(plain, tmp_path):
    """A copy of a result, to be changed."""
    folder = tmp_path / "again"
    shutil.copytree(plain.folder, folder)
    return Results(folder, plain.done)


def edit_run_json(results, change):
    run = read_json(results.folder / "run.json")
    change(run)
    (results.folder / "run.json").write_text(json.dumps(run))


def edit_calls(results, row, name, end, **values):
    """Rewrites what calls of that name at that end came to, as another stack might have it."""
    path = results.path(row, "trace.json")
    trace = read_json(path)
    found = 0
    for event in trace["events"]:
        if (event["kind"], event.get("name"), event.get("end")) == ("call", name, end):
            event.update(values)
            found += 1
    assert found
    path.write_text(json.dumps(trace))


class TestTheSame:
    def test_a_result_differs_from_itself_in_nothing(self, sockproof, mixed):
        code, document = compare(sockproof, mixed.folder, mixed.folder)
        assert code == 0
        assert only(document)["differences"] == []
        assert only(document)["totals"] == {**dict.fromkeys(CLASSES, 0), "same": len(mixed.rows)}

    def test_two_runs_of_the_same_cases_have_no_regression(self, sockproof, plain, tmp_path):
        second = tmp_path / "r"
        sockproof.run("plain", "skipped", results=second)
        code, document = compare(sockproof, plain.folder, second)
        assert code == 0, only(document)["differences"]
        assert only(document)["totals"]["same"] == len(plain.rows)

    def test_the_folders_are_read_and_not_changed(self, sockproof, plain):
        before = {path: path.stat().st_mtime_ns for path in plain.folder.rglob("*")}
        compare(sockproof, plain.folder, plain.folder)
        assert {path: path.stat().st_mtime_ns for path in plain.folder.rglob("*")} == before

    def test_a_result_stands_for_its_stack_and_version(self, sockproof, plain):
        _code, document = compare(sockproof, plain.folder, plain.folder)
        assert [result["stack"] for result in document["results"]] == [plain.run["stack"]] * 2


class TestRegressions:
    def test_a_broken_copy_of_the_cases_is_one(self, sockproof, tmp_path):
        good, bad = tmp_path / "good", tmp_path / "bad"
        for folder, got in ((good, 10), (bad, 9)):
            write_case(folder, "topic", "reads", CLOSING.format(got=got))
            write_case(folder, "topic", "other", CLOSING.format(got=10))
        first = run_cases(sockproof, good, tmp_path / "first")
        second = run_cases(sockproof, bad, tmp_path / "second")
        refused = sockproof("compare", first.folder, second.folder)
        assert refused.returncode == 4 and refused.stdout == ""
        assert "topic/reads@loopback@ipv4" in refused.stderr and "--all" in refused.stderr
        assert "topic/other" not in refused.stderr

        code, document = compare(sockproof, first.folder, second.folder, "--all")
        (row,) = only(document)["differences"]
        assert code == 1 and row["class"] == "regression" and row["case_changed"] is True
        assert (row["first"]["verdict"], row["other"]["verdict"]) == ("pass", "fail")
        assert only(document)["changed_cases"] == 1 and only(document)["totals"]["same"] == 1

        code, document = compare(sockproof, second.folder, first.folder, "--all")
        (row,) = only(document)["differences"]
        assert code == 0 and row["class"] == "improvement"

    def test_a_call_that_comes_to_something_else_is_named_with_both_sides(self, sockproof, plain,
                                                                          again):
        row = again.row("plain/conversation", "veth")
        edit_calls(again, row, "recv", "server", value=-1, error="ECONNRESET")
        code, document = compare(sockproof, plain.folder, again.folder)
        (found,) = only(document)["differences"]
        assert code == 1 and found["class"] == "regression" and found["why"] == "pass, now fail"
        divergence = found["divergences"][0]
        assert divergence["text"] == "server recv 10 -> 10"
        assert divergence["first"]["seen"] == "10" and divergence["first"]["how"] == "done"
        assert divergence["other"]["seen"] == "-1 ECONNRESET"
        assert divergence["other"]["how"] == "failed"
        assert divergence["first"]["line"] == divergence["other"]["line"] == 10

        text = sockproof("compare", plain.folder, again.folder).stdout
        assert re.search(r"^regression plain/conversation@veth@ipv4: pass, now fail\n"
                         r"  line 10  server recv 10 -> 10\n"
                         r"    first   10\n"
                         r"    other   -1 ECONNRESET$", text, re.M)

    def test_a_lost_segment_is_the_first_divergence(self, sockproof, plain, again):
        path = again.path(again.row("plain/conversation"), "trace.json")
        trace = read_json(path)
        for event in trace["events"]:
            if event["kind"] == "segment" and event.get("end") == "server" and \
                    "FIN" in event.get("flags", ""):
                event["flags"] = event["flags"].replace("FIN", "RST")
        path.write_text(json.dumps(trace))
        code, document = compare(sockproof, plain.folder, again.folder)
        (found,) = only(document)["differences"]
        assert code == 1 and found["divergences"][0]["text"] == "wire server FIN"
        assert found["divergences"][0]["first"]["seen"].startswith("FIN,ACK seq=1")
        assert "RST,ACK" in found["divergences"][0]["other"]["seen"]

    def test_a_run_that_is_no_longer_there_is_coverage_lost(self, sockproof, plain, again):
        def drop(run):
            run["runs"] = [row for row in run["runs"] if row["id"] != "plain/path"]

        edit_run_json(again, drop)
        code, document = compare(sockproof, plain.folder, again.folder)
        assert code == 1
        assert {(row["id"], row["class"], row["other"])
                for row in only(document)["differences"]} == {("plain/path", "regression", None)}
        code, document = compare(sockproof, again.folder, plain.folder)
        assert code == 0 and {row["class"] for row in only(document)["differences"]} == {"added"}

    def test_a_pass_that_is_now_skipped_is_coverage_lost(self, sockproof, plain, again):
        def skip(run):
            for row in run["runs"]:
                if row["id"] == "plain/path":
                    row.update(verdict="skip", reason="no box here")

        edit_run_json(again, skip)
        code, document = compare(sockproof, plain.folder, again.folder)
        assert code == 1
        assert {row["why"] for row in only(document)["differences"]} == {"pass, now skip"}

    def test_lines_that_nobody_watches_any_longer_are_coverage_lost(self, sockproof, plain,
                                                                    again):
        path = again.path(again.row("plain/conversation"), "trace.json")
        trace = read_json(path)
        trace["states"] = "absent"
        trace["events"] = [event for event in trace["events"]
                           if event["kind"] not in ("state", "note")
                           and event.get("text") != "states"]
        path.write_text(json.dumps(trace))
        code, document = compare(sockproof, plain.folder, again.folder)
        (found,) = only(document)["differences"]
        assert code == 1 and found["class"] == "regression"
        assert "unwatched" in {part["other"]["how"] for part in found["divergences"]}

    def test_they_come_first_and_the_rest_keeps_its_order(self, sockproof, plain, mixed):
        _code, document = compare(sockproof, mixed.folder, plain.folder)
        classes = [row["class"] for row in only(document)["differences"]]
        assert classes == sorted(classes, key=CLASSES.index) and classes


class TestNoRegressions:
    def test_another_observation_is_told_and_ends_with_0(self, sockproof, tmp_path):
        cases = tmp_path / "cases"
        write_case(cases, "topic", "asks", "client set SO_RCVTIMEO 20\n"
                                           "client recv 1 -> EAGAIN | ETIMEDOUT")
        first = run_cases(sockproof, cases, tmp_path / "first")
        second = tmp_path / "second"
        shutil.copytree(first.folder, second)
        other = Results(second, first.done)
        assert first.rows[0]["verdict"] == "pass", first.rows
        edit_calls(other, other.rows[0], "recv", "client", error="ETIMEDOUT")
        code, document = compare(sockproof, first.folder, second)
        (row,) = only(document)["differences"]
        assert code == 0 and row["class"] == "observation" and row["why"] == "pass in both"
        (divergence,) = row["divergences"]
        assert divergence["first"]["seen"] == "-1 EAGAIN"
        assert divergence["other"]["seen"] == "-1 ETIMEDOUT"

    def test_what_the_api_calls_an_error_is_no_difference(self, sockproof, plain, again):
        row = again.row("plain/variant")
        edit_calls(again, row, "recv", "client", native="WSAEWOULDBLOCK")
        code, document = compare(sockproof, plain.folder, again.folder)
        assert code == 0 and only(document)["differences"] == []

    def test_a_known_variant_of_another_stack_is_none(self, sockproof, plain, again):
        """The same case on Linux, where it is a variant, and on a stack that keeps the baseline."""
        row = again.row("plain/variant")
        path = again.path(row, "trace.json")
        trace = read_json(path)
        for end in trace["ends"].values():
            end["api"] = {"name": "freebsd", "version": "14.0"}
        path.write_text(json.dumps(trace))
        edit_calls(again, row, "recv", "client", error="ETIMEDOUT")
        code, document = compare(sockproof, plain.folder, again.folder)
        (found,) = only(document)["differences"]
        assert code == 0 and found["class"] == "variant", found
        (divergence,) = found["divergences"]
        assert "socket(7)" in divergence["first"]["variant"]
        assert divergence["other"]["variant"] is None
        assert divergence["other"]["seen"] == "-1 ETIMEDOUT"

    def test_each_of_several_is_held_against_the_first(self, sockproof, plain, mixed):
        code, document = compare(sockproof, plain.folder, plain.folder, mixed.folder)
        assert code == 0
        same, more = document["comparisons"]
        assert (same["result"], more["result"]) == (1, 2)
        assert same["differences"] == []
        added = [row for row in more["differences"] if row["class"] == "added"]
        assert len(added) == len(mixed.rows) - len(plain.rows) == len(more["differences"])


class TestUsage:
    @pytest.mark.parametrize("words", [(), ("{plain}",), ("{plain}", "/nowhere"),
                                       ("{plain}", "{plain}", "--format", "morse"),
                                       ("{plain}", "{plain}", "--json", "--format", "text"),
                                       ("{plain}", "{plain}", "--nonsense")],
                             ids=range(6))
    def test_wrong_use_ends_with_4(self, sockproof, plain, words):
        done = sockproof("compare", *(word.format(plain=plain.folder) for word in words))
        assert done.returncode == 4 and done.stdout == "" and done.stderr.strip()

    def test_a_trace_that_cannot_be_read_is_no_clean_comparison(self, sockproof, plain, again):
        again.path(again.row("plain/conversation"), "trace.json").write_text("{")
        code, document = compare(sockproof, plain.folder, again.folder)
        assert code == 1 and [row["other"]["verdict"]
                              for row in only(document)["differences"]] == ["broken"]
        done = sockproof("compare", again.folder, plain.folder)
        assert done.returncode == 3 and "could not be judged" in done.stderr

    def test_nothing_in_common_ends_with_5(self, sockproof, tmp_path, plain):
        sockproof.run("skipped", results=tmp_path / "r")
        other = tmp_path / "other"
        sockproof.run("plain/rows", "--lab", "veth", results=other)
        done = sockproof("compare", tmp_path / "r", other)
        assert done.returncode == 5 and "nothing was compared" in done.stderr

    def test_a_run_that_is_there_twice_is_said(self, sockproof, plain, again):
        edit_run_json(again, lambda run: run["runs"].append(run["runs"][0]))
        done = sockproof("compare", plain.folder, again.folder)
        assert done.returncode == 3 and "twice" in done.stderr


class TestMarkdown:
    def test_differences_only(self, sockproof, plain, again):
        row = again.row("plain/conversation", "veth")
        edit_calls(again, row, "recv", "server", value=-1, error="ECONNRESET")
        done = sockproof("compare", plain.folder, again.folder, "--format", "markdown")
        assert done.returncode == 1
        assert "### Regressions: 1" in done.stdout
        assert "`plain/conversation@veth@ipv4`: pass, now fail" in done.stdout
        assert "`-1 ECONNRESET`" in done.stdout and "plain/rows" not in done.stdout

    def test_it_is_bounded_and_says_what_was_cut(self, sockproof, plain, tmp_path):
        folder = tmp_path / "large"
        shutil.copytree(plain.folder, folder)
        skipped = [row for row in plain.rows if row["verdict"] == "skip"][0]

        def fill(run):
            run["runs"] += [{**skipped, "id": f"skipped/number-{number:05}",
                             "reason": "`|<b>" * 50} for number in range(3000)]

        edit_run_json(Results(folder, plain.done), fill)
        first = tmp_path / "first"
        shutil.copytree(folder, first)

        def passed(run):
            for row in run["runs"]:
                if row["id"].startswith("skipped/number"):
                    row["verdict"] = "broken"

        edit_run_json(Results(folder, plain.done), passed)
        done = sockproof("compare", first, folder, "--format", "markdown")
        assert done.returncode == 1
        assert 30 * 1024 < len(done.stdout.encode()) <= 60 * 1024
        assert re.search(r"^\d+ entries were cut to keep this page below 60 KB", done.stdout, re.M)
        assert "<b>" not in re.sub(r"(`+).*?\1", "", done.stdout)


class TestMarkdownOfARun:
    def test_totals_and_failures_with_expected_and_seen(self, sockproof, mixed):
        done = sockproof("judge", mixed.folder, "--format", "markdown")
        assert done.returncode == 1
        for verdict, count in mixed.run["totals"].items():
            assert (f"| {verdict} | {count} |" in done.stdout) == (count > 0)
        row = mixed.row("broken/call-value")
        for part in ("at", "expected", "seen"):
            assert f"  - {part}: `{row[part]}`" in done.stdout
        assert done.stdout.count("<details>") == done.stdout.count("</details>") == 2
        assert "plain/conversation" not in done.stdout

    def test_run_prints_it_too_and_nothing_else(self, sockproof, tmp_path):
        done = sockproof.run("plain/rows", "--format", "markdown", results=tmp_path / "r")
        assert done.returncode == 0 and done.stdout.startswith("## Sockproof on linux-")

    def test_it_is_bounded_and_says_what_was_cut(self, sockproof, plain, tmp_path):
        folder = tmp_path / "large"
        shutil.copytree(plain.folder, folder)
        skipped = [row for row in plain.rows if row["verdict"] == "skip"][0]

        def fill(run):
            run["runs"] += [{**skipped, "id": f"skipped/number-{number:05}", "verdict": "broken",
                             "reason": "x" * 100} for number in range(3000)]

        edit_run_json(Results(folder, plain.done), fill)
        done = sockproof("judge", folder, "--format", "markdown")
        assert 30 * 1024 < len(done.stdout.encode()) <= 60 * 1024
        assert re.search(r"^\d+ entries were cut to keep this page below 60 KB; all of them: "
                         rf"`{re.escape(str(folder))}/run.json`$", done.stdout, re.M)
        assert "| broken | 3000 |" in done.stdout
