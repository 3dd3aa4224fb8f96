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
"""
START = """sysctl -qw net.ipv4.ip_default_ttl=33
exec "$SOCKPROOF_PROGRAM" agent --role "$SOCKPROOF_ROLE" --against "$SOCKPROOF_AGAINST"
"""


@pytest.fixture
def two_stacks(sockproof, tmp_path):
    """Results of the same cases on Linux and on `mine`, whose time to live is another one."""
    def make(**cases):
        folder = tmp_path / "cases" / "a"
        folder.mkdir(parents=True)
        for name, (option, mine) in cases.items():
            (folder / f"{name}.case").write_text(CASE.format(name=name, option=option, mine=mine))
        stack = tmp_path / "stacks" / "mine"
        stack.mkdir(parents=True)
        (stack / "stack.json").write_text(json.dumps(
            {"title": "for tests", "api": "mine", "tcp": "kernel", "labs": ["veth"]}))
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
