"""JUnit XML and KTAP, each read by a parser that is not ours or knows nothing of ours."""
import re
import xml.etree.ElementTree as etree
from collections import Counter

import pytest


@pytest.fixture(scope="module")
def junit(sockproof, mixed):
    done = sockproof("judge", mixed.folder, "--format", "junit")
    assert done.returncode == 1
    return etree.fromstring(done.stdout.encode())


class TestJunit:
    def test_counts_agree_with_the_elements_and_with_run_json(self, junit, mixed):
        assert junit.tag == "testsuites"
        cases = junit.findall("./testsuite/testcase")
        totals = mixed.run["totals"]
        wanted = {"tests": len(mixed.rows), "failures": totals["fail"],
                  "errors": totals["broken"] + totals["inconclusive"], "skipped": totals["skip"]}
        assert {name: sum(int(suite.get(name)) for suite in junit) for name in wanted} == wanted
        assert len(cases) == wanted["tests"]
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert len(junit.findall(f"./testsuite/testcase/{tag}")) == wanted[name]

    def test_each_suite_is_a_topic_whose_counts_agree(self, junit, mixed):
        topics = Counter(row["topic"] for row in mixed.rows)
        assert {suite.get("name"): int(suite.get("tests")) for suite in junit} == topics
        for suite in junit:
            assert int(suite.get("failures")) == len(suite.findall("./testcase/failure"))
            assert int(suite.get("errors")) == len(suite.findall("./testcase/error"))
            assert float(suite.get("time")) >= 0

    def test_names_are_unique_and_a_failure_says_where(self, junit, mixed):
        names = [(case.get("classname"), case.get("name"))
                 for case in junit.iter("testcase")]
        assert len(set(names)) == len(names)
        row = mixed.row("broken/call-value")
        (case,) = [case for case in junit.iter("testcase")
                   if "call-value@loopback@ipv4" in case.get("name")]
        failure = case.find("failure")
        assert failure.get("type") == "value"
        for part in (row["at"], row["expected"], row["seen"]):
            assert part in failure.text

    def test_run_prints_it_too_and_nothing_else(self, sockproof, tmp_path):
        done = sockproof.run("plain/rows", "--format", "junit", results=tmp_path / "r")
        root = etree.fromstring(done.stdout.encode())
        (suite,) = root
        assert int(suite.get("tests")) == 8 and int(suite.get("failures")) == 0

    def test_our_verdicts_are_properties_of_the_suite(self, junit, mixed):
        seen = {found.get("name"): found.get("value") for found in junit.iter("property")}
        for row in mixed.rows:
            name = f"{row['id']}@{row['lab']}@{row['family']}"
            assert seen[f"verdict:{name}"] == row["verdict"]
            assert seen[f"reason:{name}"] == row["reason"]


class Ktap:
    """KTAP version 1 as Documentation/dev-tools/ktap.rst has it; complains of what it forbids:
    a block without its version line or plan, numbers out of turn, a subtest that no result line of
    the same name closes, a parent that passes over a child that does not, stray indentation."""

    RESULT = re.compile(r"(ok|not ok) (\d+)(?: -)?(?: ([^#]*?))?\s*(?:# ([A-Z]+)(?: (.*))?)?$")

    def __init__(self, text):
        self.lines = text.splitlines()
        self.at = 0
        self.tests = self.block(0)
        assert self.at == len(self.lines), f"line {self.at + 1}: {self.lines[self.at]!r}"

    def next(self, indent):
        """The line at this indentation, without it; None where the block has ended."""
        if self.at == len(self.lines):
            return None
        line = self.lines[self.at]
        depth = len(line) - len(line.lstrip(" "))
        if depth < indent:
            return None
        assert depth in (indent, indent + 2), f"line {self.at + 1}: indented by {depth}"
        return line[indent:]

    def block(self, indent):
        assert self.next(indent) == "KTAP version 1", f"line {self.at + 1}: no version line"
        self.at += 1
        plan, tests = None, []
        children, subtest = None, None
        while (line := self.next(indent)) is not None:
            if line.startswith("  "):
                assert children is None, f"line {self.at + 1}: two subtests for one result"
                subtest = self.name_of_subtest(indent + 2)
                children = self.block(indent + 2)
                continue
            if line.startswith("#"):
                self.at += 1
                continue
            if match := re.fullmatch(r"1\.\.(\d+)", line):
                assert plan is None and not tests, "the plan comes once, and first"
                plan = int(match.group(1))
                self.at += 1
                continue
            match = self.RESULT.fullmatch(line)
            assert match, f"line {self.at + 1}: {line!r}"
            ok, number, name, directive, _why = match.groups()
            assert directive in (None, "SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")
            assert int(number) == len(tests) + 1, "numbers count from 1"
            if children is not None:
                assert subtest in (None, name), f"{subtest!r} is closed as {name!r}"
                assert ok == "not ok" or all(child[1] for child in children), "ok over not ok"
            tests.append((name, ok == "ok", directive, children))
            children = None
            self.at += 1
        assert plan == len(tests), "the plan says how many"
        assert children is None, "a subtest without a result of its own"
        return tests

    def name_of_subtest(self, indent):
        """What the line behind the version line calls it, where it does."""
        lines = self.lines[self.at:self.at + 2]
        match = re.fullmatch(r" {%d}# Subtest: (.*)" % indent, lines[-1])
        return match.group(1) if match else None


class TestKtap:
    def test_it_parses_and_agrees_with_run_json(self, sockproof, mixed):
        done = sockproof("judge", mixed.folder, "--format", "ktap")
        topics = Ktap(done.stdout).tests
        assert {name for name, *_rest in topics} == {row["topic"] for row in mixed.rows}
        seen = {}
        for _topic, ok, _directive, runs in topics:
            assert ok == all(run[1] for run in runs)
            seen.update({name: (run_ok, directive) for name, run_ok, directive, _ in runs})
        expected = {"pass": (True, None), "variant": (True, None), "skip": (True, "SKIP"),
                    "fail": (False, None), "broken": (False, "ERROR"),
                    "inconclusive": (False, "ERROR")}
        assert seen == {f"{row['id']}@{row['lab']}@{row['family']}": expected[row["verdict"]]
                        for row in mixed.rows}

    def test_a_tap_parser_that_knows_nothing_of_ours_reads_each_level(self, sockproof, mixed):
        """tap.py, of Debian's python3-tap: topics, and the runs of each without their indentation."""
        parser = pytest.importorskip("tap.parser", reason="needs python3-tap").Parser()
        text = sockproof("judge", mixed.folder, "--format", "ktap").stdout
        outer = [line for line in text.splitlines() if not line.startswith("  ")]
        blocks = re.findall(r"(?:^  .*\n)+", text, re.M)
        topics = {row["topic"] for row in mixed.rows}
        assert len(blocks) == len(topics)
        for lines, count in ((outer, len(topics)),
                             (re.sub("^  ", "", "".join(blocks), flags=re.M).splitlines(),
                              len(mixed.rows))):
            known = [line for line in lines if line != "KTAP version 1"]
            read = list(parser.parse_text("\n".join(known) + "\n"))
            tests = [line for line in read if line.category == "test"]
            assert len(tests) == count
            assert sum(line.expected_tests for line in read if line.category == "plan") == count
            assert {line.category for line in read} <= {"test", "plan", "diagnostic"}
        skipped = sum(row["verdict"] == "skip" for row in mixed.rows)
        assert sum(line.skip for line in tests) == skipped
        assert sum(line.ok for line in tests) == len(
            [row for row in mixed.rows if row["verdict"] in ("pass", "variant", "skip")])

    def test_run_prints_it_too_and_nothing_else(self, sockproof, tmp_path):
        done = sockproof.run("plain/rows", "--format", "ktap", results=tmp_path / "r")
        ((name, ok, directive, runs),) = Ktap(done.stdout).tests
        assert name == "plain" and ok and directive is None and len(runs) == 8

    @pytest.mark.parametrize("text", [
        "1..1\nok 1 a\n", "KTAP version 1\n1..2\nok 1 a\n", "KTAP version 1\n1..1\nok 2 a\n",
        "KTAP version 1\n1..1\nmaybe 1 a\n", "KTAP version 1\n1..1\nok 1 a # WHATEVER\n",
        "KTAP version 1\n1..1\n1..1\nok 1 a\n", "KTAP version 1\nok 1 a\n1..1\n",
        "KTAP version 1\n1..1\n  1..1\n  ok 1 b\nok 1 a\n",
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 b\nok 1 a\n",
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 2 b\nok 1 a\n",
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 b\nok 1 a\n",
        "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: c\n  1..1\n  ok 1 b\nok 1 a\n",
        "KTAP version 1\n1..0\n  KTAP version 1\n  1..1\n  ok 1 b\n",
        "KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n    ok 1 b\nok 1 a\n",
    ])
    def test_the_parser_of_this_test_can_complain(self, text):
        with pytest.raises(AssertionError):
            Ktap(text)

    def test_the_parser_of_this_test_takes_subtests_of_subtests(self):
        ((_a, _ok, _none, ((_b, _ok_b, _none_b, ((name, ok, directive, none),)),)),) = Ktap(
            "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: a\n  1..1\n"
            "    KTAP version 1\n    1..1\n    # said before\n    not ok 1 c # ERROR why\n"
            "  not ok 1 b\nnot ok 1 a\n").tests
        assert (name, ok, directive, none) == ("c", False, "ERROR", None)


class TestSummary:
    def test_it_counts_and_says_where_the_results_are(self, mixed):
        out, totals = mixed.done.stdout, mixed.run["totals"]
        assert f"results: {mixed.folder}" in out
        assert f"{len(mixed.rows)} runs:" in out and f"{totals['fail']} fail" in out

    def test_it_says_what_failed_and_how_to_look_at_it(self, sockproof, tmp_path):
        done = sockproof.run("broken/call-value", results=tmp_path / "r")
        assert "recv returned 10" in done.stdout and "call-value.case:10" in done.stdout
        assert "sockproof explain broken/call-value@" in done.stdout

    def test_many_failures_are_not_poured_out(self, mixed):
        assert len(mixed.done.stdout.splitlines()) < 250
        assert "more with the verdict fail" in mixed.done.stdout
