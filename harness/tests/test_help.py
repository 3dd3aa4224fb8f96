"""Help, options and exit codes of every command."""
import re

import pytest

COMMANDS = ("run", "list", "explain", "judge", "compare", "doctor", "lint", "fmt", "record", "sources",
            "coverage", "report", "matrix")

OPTIONS = {
    "run": ("--jobs", "--lab", "--family", "--results", "--os", "--repeat", "--max-wait", "--json",
            "--format", "--kernel", "--patience", "--modules"),
    "list": ("--json",),
    "explain": ("--results",),
    "judge": ("--os",),
    "compare": ("--json", "--format", "--all"),
    "fmt": ("--check",),
    "record": ("-o", "--lab", "--family"),
    "sources": ("--json",),
    "coverage": ("--results", "--json", "--uncovered"),
    "matrix": ("--over", "--results", "--max-wait", "--quiet"),
    "report": ("-o", "--format", "--max-mb", "--requirements"),
}


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_each_command_tells_its_use_and_its_options(self, sockproof, command):
        done = sockproof(command, "--help")
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith(f"usage: sockproof {command}")
        for option in OPTIONS.get(command, ()):
            assert option in done.stdout

    @pytest.mark.parametrize("word", ["--help", "-h", "help"])
    def test_the_program_names_every_command_and_exit_code(self, sockproof, word):
        done = sockproof(word)
        assert done.returncode == 0
        for command in COMMANDS:
            assert re.search(rf"^\s+{command}\b", done.stdout, re.M)
        assert all(f"{code} " in done.stdout for code in range(6))

    def test_the_version_is_one_line(self, sockproof):
        done = sockproof("--version")
        assert done.returncode == 0 and re.fullmatch(r"sockproof \d+\.\d+\.\d+\n", done.stdout)


class TestUsage:
    @pytest.mark.parametrize("words", [
        (),
        ("nonsense",),
        ("run", "--nonsense"),
        ("run", "--jobs", "0"),
        ("run", "--jobs", "many"),
        ("run", "--jobs"),
        ("run", "--lab", "moon"),
        ("run", "--family", "ipv5"),
        ("run", "--format", "morse"),
        ("run", "--json", "--format", "junit"),
        ("run", "--max-wait", "10"),
        ("run", "--repeat", "-1"),
        ("run", "--os", "linux 6"),
        ("run", "no-such-case"),
        ("run", "--cases", "/nowhere"),
        ("list", "no-such-case"),
        ("explain",),
        ("explain", "a/b", "c/d"),
        ("explain", "a/b", "--results", "/nowhere"),
        ("judge",),
        ("judge", "/nowhere"),
        ("judge", "x", "--format", "morse"),
        ("lint", "no-such-case"),
        ("fmt", "no-such-case"),
        ("doctor", "moon"),
    ], ids=lambda words: " ".join(words) or "nothing")
    def test_wrong_use_is_said_and_ends_with_4(self, sockproof, words, tmp_path):
        done = sockproof(*words, cwd=tmp_path)
        assert done.returncode == 4
        assert done.stdout == "" and done.stderr.strip()
        assert list(tmp_path.iterdir()) == []

    def test_a_case_that_is_nearly_right_is_guessed(self, sockproof, tmp_path):
        done = sockproof.run("plain/conversatoin", results=tmp_path / "r")
        assert done.returncode == 4 and "did you mean 'plain/conversation'?" in done.stderr


class TestExitCodes:
    def test_0_all_passed_variants_and_skips_included(self, plain):
        assert plain.done.returncode == 0, plain.done.stdout
        totals = plain.run["totals"]
        assert totals["variant"] == 4 and totals["skip"] == 4 and totals["pass"] == 18
        assert sum(totals.values()) == 26

    def test_1_something_failed(self, mixed):
        assert mixed.done.returncode == 1
        assert mixed.run["totals"]["fail"] and mixed.run["totals"]["broken"]

    def test_3_broken(self, sockproof, tmp_path):
        done = sockproof.run("broken/pin-unknown", "plain/rows", results=tmp_path / "r")
        assert done.returncode == 3

    def test_5_nothing_was_judged(self, sockproof, tmp_path):
        done = sockproof.run("skipped", results=tmp_path / "r")
        assert done.returncode == 5 and "nothing was judged" in done.stderr

    def test_5_nothing_is_left_to_run(self, sockproof, tmp_path):
        done = sockproof.run("slow", "--max-wait", "1s", results=tmp_path / "r")
        assert done.returncode == 5 and "--max-wait" in done.stderr


class TestDoctor:
    def test_it_says_what_there_is_and_that_runs_will_work(self, sockproof):
        done = sockproof("doctor")
        assert done.returncode == 0, done.stdout
        assert re.search(r"^ok\s+lab veth, IPv6", done.stdout, re.M)
        assert "will work here" in done.stdout

    def test_without_root_it_names_what_is_missed_and_the_remedy(self, unprivileged_runner):
        done = unprivileged_runner("doctor")
        assert done.returncode == 0, done.stdout
        assert re.search(r"^without\s+states \(tracepoints\)", done.stdout, re.M)
        assert "sudo" in done.stdout
