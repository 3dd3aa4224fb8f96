"""Requirement by requirement: which cases hold it, their verdict, and what nothing holds."""
import json
import re

import pytest

from tools import ROOT

CASE = """\
case   t/{name}
title  one
spec   {spec}
labs   loopback
family ipv4

establish
{lines}
"""

KEYS = {"requirement", "level", "testable", "cases", "verdict"}


@pytest.fixture
def write(tmp_path):
    def write(name, spec, lines=""):
        path = tmp_path / "cases" / "t" / f"{name}.case"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CASE.format(name=name, spec=spec, lines=lines))
        return path.parents[1]
    return write


def coverage(sockproof, folder, *words):
    done = sockproof("coverage", "--json", "--cases", folder, *words)
    return done.returncode, {row["requirement"]: row for row in json.loads(done.stdout)}


class TestTable:
    def test_it_is_the_table_of_the_repository(self, sockproof):
        done = sockproof("coverage", "--json")
        rows = json.loads(done.stdout)
        table = [line.split("\t") for line in (ROOT / "docs/requirements.tsv").read_text().splitlines()
                 if not line.startswith(("#", "id\t"))]
        assert done.returncode == 0, done.stderr
        assert [(row["requirement"], row["level"], row["testable"]) for row in rows] == [
            (fields[0], fields[1], fields[4] != "c") for fields in table]
        assert all(set(row) == KEYS for row in rows)
        ids = [row["requirement"] for row in rows]
        assert len(ids) == len(set(ids)) == 209
        assert {f"MUST-{n}" for n in range(1, 70)} | {f"SHLD-{n}" for n in range(1, 32)} <= set(ids)

    def test_the_totals_are_those_of_the_table(self, sockproof, write):
        done = sockproof("coverage", "--cases", write("a", "RFC9293:3.5"))
        totals = [line.split()[-4:] for line in done.stdout.splitlines()[-4:]]
        assert [row[:2] for row in totals] == [["67", "0"], ["39", "0"], ["76", "0"], ["17", "0"]]

    @pytest.mark.parametrize("text, said", [("", "no requirements"), ("MUST-1\tMUST\n", ":1: no row"),
                                            ("A\tB\tC\tD\tx\tE\n", ":1: no row")])
    def test_a_table_that_is_none_is_refused(self, sockproof, write, tmp_path, text, said):
        (tmp_path / "t.tsv").write_text(text)
        done = sockproof("coverage", "--cases", write("a", "RFC9293:3.5"), "--requirements",
                         tmp_path / "t.tsv")
        assert done.returncode == 4 and said in done.stderr and done.stdout == ""


class TestHolding:
    @pytest.mark.parametrize("spec, held", [
        ("RFC9293:MUST-13", ["MUST-13"]),
        ("RFC9293:MUST-1 RFC9293:SHLD-5", ["MUST-1", "SHLD-5"]),
        ("RFC9293:EV-TW-1", ["EV-TW-1"]),
        ("RFC9293:REC-1 RFC9293:MAY-2", ["MAY-2", "REC-1"]),
        ("RFC5961:3.2a", ["R5961-3.2a"]),
        ("RFC5961:R5961-3.2a", ["R5961-3.2a"]),
        ("RFC5961:R5961-4.2", ["R5961-4.2"]),
        ("RFC5482:loc", ["R5482-loc"]),
        ("RFC8985:R8985", ["R8985"]),
    ])
    def test_a_case_holds_what_its_spec_line_names(self, sockproof, write, spec, held):
        code, rows = coverage(sockproof, write("a", spec))
        assert code == 0
        assert sorted(id for id, row in rows.items() if row["cases"]) == held
        assert all(rows[id]["cases"] == ["t/a"] for id in held)

    @pytest.mark.parametrize("spec", ["RFC9293:3.6.1", "RFC5961:4.2", "RFC5961:3.2", "POSIX:MUST-1",
                                      "RFC1122:MUST-1x", "RFC9293:3.2a"])
    def test_a_section_alone_holds_nothing(self, sockproof, write, spec):
        folder = write("a", spec)
        done = sockproof("coverage", "--json", "--cases", folder)
        assert all(row["cases"] == [] and row["verdict"] == "not run"
                   for row in json.loads(done.stdout))

    @pytest.mark.parametrize("spec", ["RFC9293:MUST-70", "RFC9293:EV-NONE-1", "RFC5961:R5961-9",
                                      "RFC9293:R5961-3.2a", "RFC1122:MUST-1"])
    def test_a_name_that_is_in_no_table_is_said_and_ends_with_1(self, sockproof, write, spec):
        done = sockproof("coverage", "--cases", write("a", spec))
        assert done.returncode == 1 and spec in done.stderr and "t/a.case" in done.stderr

    def test_only_what_nothing_holds(self, sockproof, write):
        folder = write("a", "RFC9293:MUST-13")
        _code, rows = coverage(sockproof, folder, "--uncovered")
        assert len(rows) == 208 and "MUST-13" not in rows
        text = sockproof("coverage", "--uncovered", "--cases", folder).stdout
        assert re.search(r"^MUST-14 +nothing +MUST: ", text, re.M)
        assert re.search(r"^MUST-9 +not testable +MUST NOT: ", text, re.M)
        assert not re.search(r"^MUST-13\b", text, re.M)
        assert all(f"\n{id} " in f"\n{text}" for id in rows)


class TestVerdicts:
    def test_the_worst_verdict_of_the_runs_that_hold_it(self, sockproof, write, tmp_path):
        write("fine", "RFC9293:MUST-1 RFC9293:MUST-2")
        write("bad", "RFC9293:MUST-2 RFC9293:MUST-3", "client recv 1 MSG_DONTWAIT -> 7")
        folder = write("other", "RFC9293:MUST-4")
        done = sockproof("run", "t/fine", "t/bad", "--cases", folder, "--results", tmp_path / "r",
                         "--quiet")
        assert done.returncode == 1, done.stderr
        code, rows = coverage(sockproof, folder, "--results", tmp_path / "r")
        assert code == 0
        assert [rows[f"MUST-{n}"]["verdict"] for n in range(1, 6)] == [
            "pass", "fail", "fail", "not run", "not run"]
        assert rows["MUST-2"]["cases"] == ["t/bad", "t/fine"]
        text = sockproof("coverage", "--cases", folder, "--results", tmp_path / "r").stdout
        assert re.search(r"^MUST-2 +fail +MUST: .*\n +t/bad  t/fine$", text, re.M)
        assert re.search(r"^MUST, MUST NOT \(RFC 9293\) +67 +4 +63 +1$", text, re.M)

    def test_rows_of_a_table_count_for_their_case_and_a_longer_name_does_not(self, sockproof,
                                                                             write, tmp_path):
        folder = write("a", "RFC9293:MUST-1")
        write("ab", "RFC9293:MUST-2", "client recv 1 MSG_DONTWAIT -> 7")
        path = folder / "t" / "a.case"
        path.write_text(path.read_text().replace("family ipv4\n", "family ipv4\nfor    n in 1 2\n")
                        + "client recv $n MSG_DONTWAIT -> EAGAIN\n")
        sockproof("run", "--cases", folder, "--results", tmp_path / "r", "--quiet")
        _code, rows = coverage(sockproof, folder, "--results", tmp_path / "r")
        assert (rows["MUST-1"]["verdict"], rows["MUST-2"]["verdict"]) == ("pass", "fail")

    def test_without_results_nothing_was_run(self, sockproof, write, tmp_path):
        folder = write("a", "RFC9293:MUST-1")
        done = sockproof("coverage", "--json", "--cases", folder, "--requirements",
                         ROOT / "docs/requirements.tsv", cwd=tmp_path)
        assert done.returncode == 0
        assert {row["verdict"] for row in json.loads(done.stdout)} == {"not run"}

    def test_results_that_are_named_must_be_there(self, sockproof, write):
        done = sockproof("coverage", "--cases", write("a", "RFC9293:MUST-1"), "--results", "/nowhere")
        assert done.returncode == 4 and done.stdout == ""
