"""JUnit XML held to the two schemas that are in use, each written down here as a table of rules.

There is no package of either, so the rules are told in words of our own: what a Jenkins accepts
(the xunit plugin's junit-10) and what Ant's JUnitReport asks for. Both know the same elements; they
differ in what must be there.
"""
import re
import xml.etree.ElementTree as etree

import pytest

ANY = r"(?s).*"
COUNT = r"\d+"
WORD = r"(?s).*\S.*"
SECONDS = r"\d*(\.\d*)?"
DECIMAL = r"[+-]?(\d+(\.\d*)?|\.\d+)"
ZONELESS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


class Rules:
    """Of an element: attributes that must be there and may be there with the form of each, the
    pattern of its children's names (each followed by a space), and whether it may hold text."""

    def __init__(self, must=None, may=None, children="", text=False):
        self.must, self.may, self.children, self.text = must or {}, may or {}, children, text


OUTCOME = Rules(may={"type": ANY, "message": ANY}, text=True)
TYPED = Rules(must={"type": ANY}, may={"message": ANY}, text=True)
STREAM = Rules(text=True)
PROPERTIES = Rules(children=r"(property )*")

JENKINS = {
    "testsuites": Rules(may={"name": ANY, "time": SECONDS, "tests": ANY, "failures": ANY,
                             "errors": ANY}, children=r"(testsuite )*"),
    "testsuite": Rules(must={"name": ANY, "tests": ANY, "failures": ANY, "errors": ANY},
                       may={"group": ANY, "time": SECONDS, "skipped": ANY, "timestamp": ANY,
                            "hostname": ANY, "id": ANY, "package": ANY, "file": ANY, "log": ANY,
                            "url": ANY},
                       children=r"((testsuite|properties|testcase|system-out|system-err) )*"),
    "testcase": Rules(must={"name": ANY}, may={"time": ANY, "classname": ANY, "group": ANY},
                      children=r"((skipped|error|failure|rerunFailure|rerunError|flakyFailure|"
                               r"flakyError|system-out|system-err) )*"),
    "properties": PROPERTIES,
    "property": Rules(must={"name": ANY, "value": ANY}),
    "skipped": OUTCOME, "error": OUTCOME, "failure": OUTCOME,
    "system-out": STREAM, "system-err": STREAM,
}

ANT = {
    "testsuites": Rules(children=r"(testsuite )*"),
    "testsuite": Rules(must={"name": WORD, "package": ANY, "id": COUNT, "timestamp": ZONELESS,
                             "hostname": WORD, "tests": COUNT, "failures": COUNT, "errors": COUNT,
                             "time": DECIMAL},
                       may={"skipped": COUNT},
                       children=r"properties (testcase )*system-out system-err "),
    "testcase": Rules(must={"name": ANY, "classname": ANY, "time": DECIMAL},
                      children=r"((skipped|error|failure) )?"),
    "properties": PROPERTIES,
    "property": Rules(must={"name": WORD, "value": ANY}),
    "skipped": OUTCOME, "error": TYPED, "failure": TYPED,
    "system-out": STREAM, "system-err": STREAM,
}

SCHEMAS = {"jenkins": JENKINS, "ant": ANT}


def faults(schema, element):
    rules = schema.get(element.tag)
    if rules is None:
        return [f"there is no element {element.tag}"]
    found = []
    allowed = {**rules.must, **rules.may}
    for name in rules.must:
        if name not in element.attrib:
            found.append(f"{element.tag} without {name}")
    for name, value in element.attrib.items():
        if name not in allowed:
            found.append(f"{element.tag} may have no {name}")
        elif not re.fullmatch(allowed[name], value):
            found.append(f"{element.tag}: {name} is {value!r}")
    names = "".join(child.tag + " " for child in element)
    if not re.fullmatch(rules.children, names):
        found.append(f"{element.tag} holds {names[:80]}")
    texts = [element.text or "", *(child.tail or "" for child in element)]
    if not rules.text and "".join(texts).strip():
        found.append(f"{element.tag} holds text")
    for child in element:
        found += faults(schema, child)
    return found


@pytest.fixture(scope="module")
def document(sockproof, mixed):
    return sockproof("judge", mixed.folder, "--format", "junit").stdout


class TestOurs:
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_it_is_valid_with_every_verdict_in_it(self, document, name):
        root = etree.fromstring(document.encode())
        assert root.tag == "testsuites" and len(root) == 3
        assert not faults(SCHEMAS[name], root)

    def test_suites_count_from_0(self, document):
        root = etree.fromstring(document.encode())
        assert [suite.get("id") for suite in root] == ["0", "1", "2"]

    @pytest.mark.parametrize("name", SCHEMAS)
    def test_it_is_valid_for_a_run_that_passes(self, sockproof, tmp_path, name):
        done = sockproof.run("plain/rows", "--format", "junit", results=tmp_path / "r")
        assert not faults(SCHEMAS[name], etree.fromstring(done.stdout.encode()))


SUITE = ('<testsuites><testsuite name="a" package="p" id="0" timestamp="2026-11-22T08:55:46" '
         'hostname="h" tests="1" failures="0" errors="0" time="0.1"><properties/>{}<system-out/>'
         '<system-err/></testsuite></testsuites>')
GOOD = SUITE.format('<testcase name="n" classname="c" time="0.1"/>')


class TestTheCheckerCanObject:
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_not_to_what_is_right(self, name):
        assert not faults(SCHEMAS[name], etree.fromstring(GOOD))

    @pytest.mark.parametrize("text", [
        GOOD.replace(' name="a"', ""),
        GOOD.replace("<testcase", "<testcase colour='green'"),
        GOOD.replace("/><system-out", "><properties/></testcase><system-out"),
        GOOD.replace("/><system-out", ">words</testcase><system-out"),
        GOOD.replace("<properties/>", "<properties><property name='x'/></properties>"),
        GOOD.replace('time="0.1"><prop', 'time="soon"><prop'),
        GOOD.replace("testsuites", "results"),
    ], ids=range(7))
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_to_what_both_forbid(self, name, text):
        assert faults(SCHEMAS[name], etree.fromstring(text))

    @pytest.mark.parametrize("text", [
        GOOD.replace("46\"", "46Z\""),
        GOOD.replace("<properties/>", ""),
        GOOD.replace("<testsuites>", "<testsuites tests='1'>"),
        GOOD.replace(' classname="c"', ""),
    ], ids=range(4))
    def test_to_what_ant_forbids(self, text):
        assert faults(ANT, etree.fromstring(text)) and not faults(JENKINS, etree.fromstring(text))
