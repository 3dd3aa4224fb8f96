"""What stacks were measured or documented to do, row by row: a case that shows it, or why there is none.

docs/facts.tsv stands alone. Where the facts themselves are at hand, SOCKPROOF_FACTS names their folder
and each of their rows is looked for in it.
"""
import os
import re
from pathlib import Path

import pytest

from tools import ROOT

TABLE = ROOT / "docs" / "facts.tsv"
COLUMNS = ["row", "what", "stacks", "held"]


def table():
    head, *rows = (line.split("\t") for line in TABLE.read_text().splitlines())
    assert head == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def is_reason(held):
    return held.startswith("- ")


def test_each_row_is_there_once():
    names = [row["row"] for row in table()]
    assert sorted(set(names)) == sorted(names)


def test_each_row_is_held_by_cases_that_there_are_or_says_why_not():
    wrong = []
    for row in table():
        if is_reason(row["held"]):
            if len(row["held"]) < 12:
                wrong.append((row["row"], row["held"]))
            continue
        wrong += [(row["row"], case) for case in row["held"].split() or ["nothing"]
                  if not (ROOT / "cases" / f"{case}.case").exists()]
    assert wrong == []


def test_the_page_tells_how_many_rows_no_case_holds():
    rows = table()
    without = sum(is_reason(row["held"]) for row in rows)
    page = (ROOT / "docs" / "coverage.md").read_text()
    assert f"{len(rows) - without} of {len(rows)} rows" in page


def numbered(lines):
    """os-behaviour:TOPIC.N: the N-th row of its topic."""
    seen = {}
    for line in lines[1:]:
        topic = line.split("\t")[0].split()[0]
        seen[topic] = seen.get(topic, 0) + 1
        yield f"os-behaviour:{topic}.{seen[topic]}"


def rows_of(facts):
    def lines(name):
        return (facts / name).read_text().splitlines()
    yield from numbered(lines("os-behaviour.tsv"))
    yield from dict.fromkeys(f"measured-matrix:{line.split(chr(9))[0]}"
                             for line in lines("measured-matrix.tsv")[1:])
    for name in ("netsem-2004", "learned-models-2016"):
        yield from (f"{name}:{i}" for i in range(1, len(lines(f"{name}.tsv"))))
    for line in lines("windows.md"):
        found = re.match(r"\| (\d+\.\d+) \|", line)
        if found:
            yield f"windows:{found[1]}"


@pytest.mark.skipif(not os.environ.get("SOCKPROOF_FACTS"), reason="SOCKPROOF_FACTS names no folder")
def test_each_row_of_the_facts_is_in_the_table():
    known = {row["row"] for row in table()}
    assert set(rows_of(Path(os.environ["SOCKPROOF_FACTS"]))) == known
