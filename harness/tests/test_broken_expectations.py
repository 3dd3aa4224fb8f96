"""A broken expectation of each kind makes its case fail, and says file, line, expected and seen.

The line under `# fails: KIND` in each file of broken/ is the one to be blamed; `# breaks: WORDS`
marks what must make the run broken: never a verdict under wrong conditions.
"""
import re

import pytest

from tools import HERE

MARK = re.compile(r"^# (fails|breaks): (.+)$", re.M)


def marks(path):
    text = path.read_text()
    found = MARK.search(text)
    return found.group(1), found.group(2), text.count("\n", 0, found.end()) + 2


FILES = {path.stem: path for path in sorted((HERE / "broken").glob("*.case"))}
FAILING = [name for name, path in FILES.items() if marks(path)[0] == "fails"]
BREAKING = [name for name, path in FILES.items() if marks(path)[0] == "breaks"]


def rows_of_case(mixed, name):
    rows = [row for row in mixed.rows if row["id"] == f"broken/{name}"]
    assert len(rows) == 2
    return rows


class TestEachKindFails:
    @pytest.mark.parametrize("name", FAILING)
    def test_with_file_line_expected_and_seen(self, mixed, name):
        _how, kind, line = marks(FILES[name])
        statement = FILES[name].read_text().splitlines()[line - 1]
        for row in rows_of_case(mixed, name):
            assert row["verdict"] == "fail", row
            assert row["kind"] == kind, row
            assert row["at"] == f"{row['file']}:{line}"
            assert row["file"].endswith(f"harness/tests/broken/{name}.case")
            if kind != "segment-extra":
                assert words(statement.partition(" as @")[0]) in words(row["expected"])
            assert row["seen"] and row["seen"] != row["expected"]
            for part in (row["at"], row["expected"], row["seen"]):
                assert part in row["reason"]

    @pytest.mark.parametrize("name, seen", [
        ("call-value", "recv returned 10"),
        ("call-error", "ECONNREFUSED"),
        ("call-hangs", "hung"),
        ("segment-missing", "no 1..5 from server within 400ms"),
        ("segment-wrong-seq", "seq=1"),
        ("segment-wrong-ack", "ack=1"),
        ("segment-wrong-payload", "bytes 1..10"),
        ("state-missing", "CLOSE_WAIT"),
        ("order-of-segments", "before it"),
        ("queue", "10 bytes unread"),
        ("forbidden-state", "TIME_WAIT"),
    ])
    def test_what_was_seen_is_told_in_its_own_words(self, mixed, name, seen):
        for row in rows_of_case(mixed, name):
            assert seen in row["seen"]

    def test_every_kind_that_the_judge_knows_of_a_real_stack_is_here(self):
        kinds = {marks(FILES[name])[1] for name in FAILING}
        assert kinds == {"value", "error", "signal", "hung", "segment-missing", "segment-extra",
                         "segment-wrong", "state-missing", "order", "early", "late", "forbidden",
                         "queue"}


class TestAWrongSettingIsNoVerdict:
    @pytest.mark.parametrize("name", BREAKING)
    def test_it_breaks_the_run(self, mixed, name):
        for row in rows_of_case(mixed, name):
            assert row["verdict"] == "broken"
            assert marks(FILES[name])[1] in row["reason"]


def words(text):
    return " ".join(text.split())
