"""Who says that a stack does otherwise: all of it listed, and what nobody says found."""
import json
import shutil
import subprocess

import pytest
from tools import ROOT

CASE = """\
case   t/x
title  one
spec   RFC9293:3.5
labs   loopback
family ipv4

establish
server send 1 -> 1
  on wine<9 lwip -> 1 | EPIPE took <1s "it may be late"
    source measured wine-8.0, here
  on client=gvisor -> 1
    "a reason of its own line"
    source documented https://example.org/x
  on windows took <3s
    source reported a user, 2023
state  client ESTABLISHED within 3s
  on linux within 2s
    source measured linux-6.18
"""

BLOCK = """\
on client=lwip {
  %s
  client recv 1 -> 1
} else {
  client recv 1
}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "t" / "x.case"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return tmp_path
    return write


def read(sockproof, folder):
    done = sockproof("sources", "--json", "--cases", folder)
    return done.returncode, json.loads(done.stdout)


class TestSources:
    def test_each_variant_has_its_place_stack_outcome_and_source(self, sockproof, write):
        code, said = read(sockproof, write(CASE))
        rows = [(v["line"], v["stacks"], v["expects"], v["kind"], v["where"], v["why"])
                for v in said["variants"]]
        assert code == 0
        assert rows == [
            (9, "wine<9 lwip", "-> 1 | EPIPE took <1s", "measured", "wine-8.0, here",
             "it may be late"),
            (11, "client=gvisor", "-> 1", "documented", "https://example.org/x",
             "a reason of its own line"),
            (14, "windows", "took <3s", "reported", "a user, 2023", ""),
            (17, "linux", "within 2s", "measured", "linux-6.18", "")]
        assert said["totals"] == {"measured": 2, "documented": 1, "reported": 1, "none": 0}
        assert said["variants"][3]["instead_of"] == "state  client ESTABLISHED within 3s"

    @pytest.mark.parametrize("comment, kind, where", [
        ("# measured lwip-2.2", "measured", "lwip-2.2"),
        ("# documented: RFC 1\n  # and RFC 2", "documented", "RFC 1 and RFC 2"),
        ("# a word\n  # reported a user", "reported", "a user"),
    ])
    def test_a_blocks_source_is_the_comment_that_begins_it(self, sockproof, write, comment, kind,
                                                           where):
        code, said = read(sockproof, write(CASE + BLOCK % comment))
        block = said["variants"][-1]
        assert code == 0 and block["block"]
        assert (block["stacks"], block["kind"], block["where"]) == ("client=lwip", kind, where)
        assert block["expects"] == "client recv 1 -> 1"

    @pytest.mark.parametrize("comment", ["", "# a word", "# measured", "# measured-matrix.tsv row",
                                         "# documented:"])
    def test_a_block_without_a_source_is_listed_and_ends_with_1(self, sockproof, write, comment):
        folder = write(CASE + BLOCK % comment)
        code, said = read(sockproof, folder)
        assert code == 1 and said["totals"]["none"] == 1
        assert said["variants"][-1]["kind"] is None and said["variants"][-1]["where"] is None
        text = sockproof("sources", "--cases", folder)
        assert text.returncode == 1
        missing = text.stdout.partition("without a source:")[2]
        assert "x.case:19: on client=lwip {" in missing and "x.case:9" not in missing

    def test_a_person_reads_the_place_the_source_and_the_totals(self, sockproof, write):
        folder = write(CASE)
        done = sockproof("sources", "--cases", folder)
        assert done.returncode == 0
        assert f"{folder}/t/x.case:9: on wine<9 lwip -> 1 | EPIPE took <1s" in done.stdout
        assert "measured wine-8.0, here" in done.stdout and '"it may be late"' in done.stdout
        assert done.stdout.splitlines()[-1].endswith(
            "2 measured, 1 documented, 1 reported, 0 without a source")

    def test_a_case_that_cannot_be_read_is_said_and_ends_with_4(self, sockproof, write):
        text = CASE.replace("    source measured wine-8.0, here\n", "")
        done = sockproof("sources", "--cases", write(text))
        assert done.returncode == 4 and "a variant without a source" in done.stderr

    def test_a_variant_is_listed_once_for_each_value_that_a_table_puts_in(self, sockproof, write):
        text = CASE.replace("family ipv4", "family ipv4\nfor    n in 1 2").replace(
            "-> 1 | EPIPE", "-> $n | EPIPE")
        _code, said = read(sockproof, write(text))
        assert [variant["expects"] for variant in said["variants"][:2]] == [
            "-> 1 | EPIPE took <1s", "-> 2 | EPIPE took <1s"]
        assert len(said["variants"]) == 5

    def test_the_projects_own_cases_have_a_source_for_everything(self, sockproof):
        done = sockproof("sources")
        assert done.returncode == 0, done.stdout.partition("without a source:")[2]


def test_the_page_of_stacks_is_what_the_cases_say(sockproof):
    done = subprocess.run([ROOT / "docs" / "generate-stacks", sockproof.path, "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_of_stacks_notes_a_change(sockproof, tmp_path):
    """--check is no formality: a variant more in the cases, and the page is old."""
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", docs)
    cases = tmp_path / "cases"
    shutil.copytree(ROOT / "cases" / "close", cases / "close")
    done = subprocess.run([docs / "generate-stacks", sockproof.path, "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "./dev docs" in done.stderr
    assert subprocess.run([docs / "generate-stacks", sockproof.path], check=False).returncode == 0
    assert "| close/" in (docs / "stacks.md").read_text()
    assert "| linger/" not in (docs / "stacks.md").read_text()
