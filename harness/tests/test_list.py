"""What there is to run."""
import json

from tools import HERE, ROOT

KEYS = {"id", "topic", "title", "file", "labs", "families", "spec"}


class TestList:
    def test_json_is_an_array_of_cases(self, sockproof):
        done = sockproof("list", "--json", "--cases", HERE, "plain")
        assert done.returncode == 0
        cases = json.loads(done.stdout)
        assert [case["id"] for case in cases] == sorted(case["id"] for case in cases)
        for case in cases:
            assert set(case) == KEYS
            assert case["id"].startswith(case["topic"] + "/")
            assert case["file"].endswith(case["id"] + ".case")
            assert case["title"] and case["spec"] == ["RFC9293:3.10"]
            assert case["families"] == ["ipv4", "ipv6"]
        assert {case["id"]: case["labs"] for case in cases}["plain/path"] == ["veth"]

    def test_the_projects_own_cases_are_all_listed(self, sockproof):
        done = sockproof("list", "--json")
        assert done.returncode == 0, done.stderr
        listed = {case["file"] for case in json.loads(done.stdout)}
        there = {str(path.relative_to(ROOT)) for path in (ROOT / "cases").rglob("*.case")}
        assert listed == there and there

    def test_a_folder_may_end_as_a_shell_completes_it(self, sockproof):
        plain, ended = (sockproof("list", "--json", word) for word in ("cases/linger", "./cases/linger//"))
        assert ended.returncode == 0, ended.stderr
        assert [case["id"] for case in json.loads(ended.stdout)] == [
            case["id"] for case in json.loads(plain.stdout)]
        within = sockproof("list", "--json", "--cases", "cases/", "linger")
        assert within.returncode == 0 and len(json.loads(within.stdout)) > 5

    def test_a_person_sees_titles_under_topics(self, sockproof):
        done = sockproof("list", "--cases", HERE, "plain", "slow")
        lines = done.stdout.splitlines()
        assert lines[0] == "plain" and "slow" in lines
        assert any("conversation" in line and "orderly close" in line for line in lines)

    def test_runs_are_those_that_run_makes(self, sockproof, plain):
        done = sockproof("list", "--runs", "--json", "--cases", HERE, "plain", "skipped")
        listed = {(run["id"], run["lab"], run["family"]) for run in json.loads(done.stdout)}
        assert listed == {(row["id"], row["lab"], row["family"]) for row in plain.rows}
        text = sockproof("list", "--runs", "--cases", HERE, "plain", "skipped").stdout
        assert set(text.split()) == {"@".join(run) for run in listed}
