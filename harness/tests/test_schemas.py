"""What the program writes, held to the published schemas; and the schemas, that they can object."""
import copy
import json

import pytest

from tools import HERE, ROOT, read_json

jsonschema = pytest.importorskip("jsonschema", reason="needs python3-jsonschema")

NAMES = ("run", "result", "trace", "list", "coverage", "compare", "matrix")
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name):
    return read_json(ROOT / "docs" / "schema" / f"{name}.schema.json")


def closed(schema):
    """The same schema without room for members that it does not name: readers are to let unknown
    members by, but what we write must be published."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


VALIDATORS = {}


def validator(name):
    if name not in VALIDATORS:
        VALIDATORS[name] = jsonschema.Draft202012Validator(closed(schema_of(name)))
    return VALIDATORS[name]


def complaints(name, document):
    """The first few, each with its place; the deepest reason of each."""
    found = []
    for error in validator(name).iter_errors(document):
        deepest = jsonschema.exceptions.best_match([error])
        place = "/".join(map(str, deepest.absolute_path))
        found.append(f"{place}: {deepest.message[:300]}")
        if len(found) == 5:
            break
    return found


def hold(name, document):
    found = complaints(name, document)
    assert not found, f"{name}: " + "\n".join(found)


class TestTheSchemasThemselves:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_a_schema_of_the_draft_that_it_names(self, name):
        schema = schema_of(name)
        assert schema["$schema"] == DRAFT
        jsonschema.Draft202012Validator.check_schema(schema)

    def test_there_are_no_others(self):
        there = {path.name for path in (ROOT / "docs" / "schema").iterdir()}
        assert there == {f"{name}.schema.json" for name in NAMES}

    @pytest.mark.parametrize("name", NAMES)
    def test_every_definition_is_used(self, name):
        text = json.dumps(schema_of(name))
        for definition in schema_of(name).get("$defs", {}):
            assert f'"#/$defs/{definition}"' in text


class TestResults:
    def test_run_json(self, mixed):
        hold("run", mixed.run)

    def test_run_json_judged_as_another(self, sockproof, mixed):
        done = sockproof("judge", mixed.folder, "--json", "--os", "windows-10.0.19045")
        hold("run", json.loads(done.stdout))

    def test_run_json_of_an_interrupted_run(self, mixed):
        run = copy.deepcopy(mixed.run)
        run["finished"] = False
        hold("run", run)

    def test_every_result_json(self, mixed):
        found = list(mixed.folder.rglob("result.json"))
        assert found
        for path in found:
            hold("result", read_json(path))

    def test_every_trace_json(self, mixed):
        kinds = set()
        for path in mixed.folder.rglob("trace.json"):
            trace = read_json(path)
            hold("trace", trace)
            kinds |= {event["kind"] for event in trace["events"]}
        assert kinds >= {"call", "segment", "state", "lab", "process", "mark"}

    def test_result_json_names_what_trace_json_holds(self, mixed):
        row = mixed.row("plain/conversation", "veth")
        orders = {event["order"] for event in read_json(mixed.path(row, "trace.json"))["events"]}
        lines = read_json(mixed.path(row, "result.json"))["lines"]
        assert all(set(line["matched"]) <= orders for line in lines)


class TestCommands:
    @pytest.mark.parametrize("more", [(), ("--runs",)], ids=["cases", "runs"])
    def test_list(self, sockproof, more):
        done = sockproof("list", "--json", *more)
        document = json.loads(done.stdout)
        assert document
        hold("list", document)

    def test_coverage(self, sockproof, plain):
        done = sockproof("coverage", "--json", "--results", plain.folder)
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        assert document
        hold("coverage", document)

    def test_compare(self, sockproof, plain, mixed):
        for folders in ((mixed.folder, plain.folder), (plain.folder, mixed.folder),
                        (plain.folder, plain.folder, mixed.folder)):
            done = sockproof("compare", *folders, "--json")
            document = json.loads(done.stdout)
            assert len(document["comparisons"]) == len(folders) - 1
            hold("compare", document)

    def test_matrix(self, sockproof, tmp_path):
        done = sockproof("matrix", "--over", "host,client=nobody", "--cases", sockproof.cases,
                         "--results", tmp_path / "m", "plain", "--quiet")
        assert done.returncode == 4, done.stderr  # the second column: no such stack
        document = read_json(tmp_path / "m" / "matrix.json")
        assert document["columns"][0]["totals"] and document["columns"][1]["totals"] is None
        assert document["differences"] == []
        hold("matrix", document)


def damaged(document, *path, value=None, drop=False):
    made = copy.deepcopy(document)
    at = made
    for step in path[:-1]:
        at = at[step]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made


class TestTheyCanObject:
    @pytest.mark.parametrize("path, value", [
        (("schema",), "sockproof-run/2"),
        (("runs", 0, "verdict"), "passed"),
        (("runs", 0, "repeat"), 0),
        (("runs", 0, "colour"), "green"),
        (("runs", 0, "notes"), None),
        (("totals", "pass"), "18"),
        (("started",), "yesterday"),
        (("machine", "cpus"), 2.5),
    ], ids=lambda value: "/".join(map(str, value)) if isinstance(value, tuple) else "")
    def test_to_a_damaged_run_json(self, mixed, path, value):
        assert complaints("run", damaged(mixed.run, *path, value=value))

    @pytest.mark.parametrize("member", ["schema", "stack", "totals", "runs", "finished"])
    def test_to_a_missing_member(self, mixed, member):
        assert complaints("run", damaged(mixed.run, member, drop=True))

    def test_to_a_failure_that_does_not_say_what_was_seen(self, mixed):
        row = [row["verdict"] for row in mixed.rows].index("fail")
        assert complaints("run", damaged(mixed.run, "runs", row, "seen"))

    def test_to_a_damaged_trace(self, plain):
        trace = read_json(plain.path(plain.row("plain/conversation"), "trace.json"))
        call = [event["kind"] for event in trace["events"]].index("call")
        hold("trace", trace)
        assert complaints("trace", damaged(trace, "events", call, "value", drop=True))
        assert complaints("trace", damaged(trace, "events", call, "kind", value="dance"))
        assert complaints("trace", damaged(trace, "events", call, "colour", value="green"))
        assert complaints("trace", damaged(trace, "wire", value="half"))

    def test_to_a_damaged_list(self, sockproof):
        cases = json.loads(sockproof("list", "--json", "--cases", HERE, "plain").stdout)
        hold("list", cases)
        assert complaints("list", damaged(cases, 0, "labs", value=[]))
        assert complaints("list", damaged(cases, 0, "families", value=["ipv5"]))

    def test_readers_may_let_unknown_members_by(self, mixed):
        run = damaged(mixed.run, "colour", value="green")
        jsonschema.Draft202012Validator(schema_of("run")).validate(run)
