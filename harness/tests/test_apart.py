"""tests/apart/apart: which runs of one stack pass as another."""
import json
import subprocess

import pytest
from tools import ROOT

CASE = """case a/{name}
title t
spec POSIX:getsockopt
labs veth
family ipv4

establish
client get {option}
  on mine -> {mine}
    source measured mine-1
{more}
"""
# Nobody watches the states of `mine`, so that a line of each case is not watched there.
UNWATCHED = {"tcp": "mine", "address": "kernel"}
START = """sysctl -qw net.ipv4.ip_default_ttl=33
exec "$SOCKPROOF_PROGRAM" agent --role "$SOCKPROOF_ROLE" --against "$SOCKPROOF_AGAINST"
"""


@pytest.fixture
def two_stacks(sockproof, tmp_path):
    """Results of the same cases on Linux and on `mine`, whose time to live is another one."""
    def make(more="", tcp=None, **cases):
        folder = tmp_path / "cases" / "a"
        folder.mkdir(parents=True)
        for name, (option, mine) in cases.items():
            (folder / f"{name}.case").write_text(CASE.format(
                name=name, option=option, mine=mine, more=more))
        stack = tmp_path / "stacks" / "mine"
        stack.mkdir(parents=True)
        (stack / "stack.json").write_text(json.dumps(
            {"title": "for tests", "api": "mine", "labs": ["veth"], **(tcp or {"tcp": "kernel"})}))
        for file, body in (("start", START), ("version", "echo 1\n")):
            (stack / file).write_text(f"#!/bin/sh\n{body}")
            (stack / file).chmod(0o755)
        words = ["run", "--cases", folder.parent, "--lab", "veth"]
        env = {"SOCKPROOF_STACKS": str(stack.parent)}
        for results, ends in (("linux", ()), ("mine", ("--client", "mine"))):
            done = sockproof(*words, *ends, "--results", tmp_path / results, env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        return subprocess.run(
            [ROOT / "tests/apart/apart", sockproof.path, "client=linux", tmp_path / "linux",
             "client=mine-1", tmp_path / "mine", "--keys", "mine", "--cases", folder.parent],
            stdout=subprocess.PIPE, text=True)
    return make


def test_what_is_told_apart_in_both_directions_is_fine(two_stacks):
    done = two_stacks(b=("IP_TTL -> 64", "33"))
    assert done.returncode == 0, done.stdout
    assert "1 tell them apart, 0 do not" in done.stdout
    assert "client=linux judged as client=mine-1: fail 1" in done.stdout


def test_a_run_that_passes_as_the_other_is_named(two_stacks):
    """`mine` may do what Linux does, so that Linux passes for it, though the two did otherwise."""
    done = two_stacks(b=("IP_TTL -> 64", "33 | 64"))
    assert done.returncode == 1, done.stdout
    assert "PASSES a/b@veth@ipv4 of client=linux as client=mine-1" in done.stdout


def test_a_case_that_shows_no_difference_is_listed_with_the_reason(two_stacks):
    done = two_stacks(b=("IP_TTL -> 64", "33"), c=("SO_KEEPALIVE -> 0", "0 | 1"))
    assert done.returncode == 0, done.stdout
    assert "a/c: " in done.stdout and "1 do not" in done.stdout


def test_a_line_that_nobody_watched_on_one_hides_no_difference(two_stacks):
    done = two_stacks(b=("IP_TTL -> 64", "33 | 64"), tcp=UNWATCHED)
    assert done.returncode == 1, done.stdout
    assert "PASSES a/b@veth@ipv4 of client=linux as client=mine-1: line 8" in done.stdout


def test_a_line_that_nobody_watched_on_one_is_no_difference(two_stacks):
    done = two_stacks(b=("SO_KEEPALIVE -> 0", "0 | 1"), tcp=UNWATCHED)
    assert done.returncode == 0, done.stdout
    assert "0 of them differ, 0 in ways that are known" in done.stdout


def test_what_differs_without_a_variant_is_not_known_though_another_line_has_one(two_stacks):
    done = two_stacks(b=("SO_KEEPALIVE -> 0", "0 | 1"), more="client get IP_TTL -> 33 | 64")
    assert done.returncode == 0, done.stdout
    assert "1 of them differ, 0 in ways that are known" in done.stdout


def test_conversations_that_part_at_a_block_are_known_to_differ(two_stacks):
    block = "on client=mine {\n  # measured mine-1\n  client get IP_TOS -> 0\n}"
    done = two_stacks(b=("IP_TTL -> 64", "33"), more=block)
    assert done.returncode == 0, done.stdout
    assert "1 of them differ, 1 in ways that are known" in done.stdout
