"""The lab routed: boxes that behave, boxes that do not, and what the results say of them."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import HERE, open_to_all, read_json, rows_of, wait_until

BOXES = HERE / "boxes"
pytestmark = pytest.mark.skipif(not (shutil.which("nft") or shutil.which("/usr/sbin/nft")),
                                reason="no nft: apt-get install nftables")


def through(sockproof, tmp_path, box, case="routed/conversation", *more):
    folder = tmp_path / "r"
    done = sockproof.run(case, "--appliance", box, *more, results=folder)
    return done, {row["family"]: row for row in rows_of(folder)}, folder


def keepers_of(log):
    """Processes that were started with that log in their environment: recipes and what they left."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = environ.read_bytes().split(b"\0")
        except OSError:
            continue
        name = (environ.parent / "comm").read_text() if environ.exists() else ""
        if f"SOCKPROOF_TEST_LOG={log}".encode() in words and "pytest" not in name:
            found.append(int(environ.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def expect_all(rows, verdict, done):
    assert rows and {row["verdict"] for row in rows.values()} == {verdict}, done.stdout + done.stderr


@pytest.mark.parametrize("box", ["router", "firewall", "nat", BOXES / "nat-other-ports.sh"])
def test_a_box_that_behaves_is_not_seen(sockproof, tmp_path, box):
    done, rows, folder = through(sockproof, tmp_path, box)
    expect_all(rows, "pass", done)
    assert read_json(folder / "run.json")["appliance"] == str(box)
    again = sockproof("judge", folder)
    assert "0 of 2 verdicts changed" in again.stdout


@pytest.mark.parametrize("box, rule, seen", [
    ("drops-fin", "path-lost", "FIN,ACK seq=11"),
    ("swallows-rst", "path-lost", "RST,ACK seq=1"),
    ("lowers-mss", "path-changed", "to <mss 1000,"),
    ("shrinks-window", "path-changed", "to 1000"),
    ("corrupts", "path-changed", "its payload of 10 bytes"),
    ("doubles", "path-made", "PSH,ACK seq=1"),
    ("rejects", "path-lost", "FIN,ACK seq=11"),
    ("undeclared-nat", "path-lost", "is the box a nat?"),
    ("nat-that-leaks", "path-leak", "the client's own address"),
])
def test_a_box_that_breaks_something_is_named_with_what_it_did(sockproof, tmp_path, box, rule, seen):
    done, rows, folder = through(sockproof, tmp_path, BOXES / f"{box}.sh")
    expect_all(rows, "fail", done)
    for row in rows.values():
        assert (row["kind"], row["rule"], row["blames"]) == ("invariant", rule, "middle")
        assert seen in row["seen"]
        assert "conversation.case:" in row["at"]
    assert "0 of 2 verdicts changed" in sockproof("judge", folder).stdout


def test_a_case_says_what_is_seen_at_each_end_where_a_box_interferes(sockproof, tmp_path):
    done, rows, folder = through(sockproof, tmp_path, BOXES / "rejects.sh", "routed/rejected")
    expect_all(rows, "pass", done)
    assert "0 of 2 verdicts changed" in sockproof("judge", folder).stdout
    shutil.rmtree(folder)
    done, rows, _ = through(sockproof, tmp_path, "router", "routed/rejected")
    expect_all(rows, "fail", done)
    assert all("no RST @client from server" in row["seen"] or "FIN" in row["seen"]
               for row in rows.values())


def test_explain_and_the_capture_show_both_sides_of_the_box(sockproof, tmp_path):
    done, rows, folder = through(sockproof, tmp_path, "nat", "routed/conversation", "--family", "ipv4")
    expect_all(rows, "pass", done)
    page = sockproof("explain", "routed/conversation@routed@ipv4", "--results", folder).stdout
    assert "\nbox: nat\n" in page and "┊" in page
    renamed = [line for line in page.splitlines() if " at the server" in line]
    assert len(renamed) == 2 and all(".5:" in line or "10." in line for line in renamed)
    if not shutil.which("tshark"):
        pytest.skip("no tshark; as root: apt-get install tshark")
    capture = folder / rows["ipv4"]["dir"] / "capture.pcapng"
    seen = subprocess.run(["tshark", "-n", "-r", str(capture), "-Y", "tcp.flags.syn==1", "-T", "fields",
                           "-e", "frame.interface_name", "-e", "ip.src"],
                          capture_output=True, text=True, check=True).stdout
    sources = {}
    for line in seen.splitlines():
        interface, source = line.split("\t")
        sources.setdefault(interface, set()).add(source)
    assert set(sources) == {"client", "server"}
    assert len(sources["client"] & sources["server"]) == 1  # the server's own
    assert len(sources["client"] | sources["server"]) == 3


def test_a_recipe_that_fails_breaks_the_run_and_is_quoted(sockproof, tmp_path):
    done, rows, _ = through(sockproof, tmp_path, BOXES / "fails.sh")
    expect_all(rows, "broken", done)
    assert done.returncode == 3
    for row in rows.values():
        assert row["reason"].endswith("up ended with 3: no such table: up")


def test_an_interrupted_run_is_followed_by_down(sockproof, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("SOCKPROOF_TEST_LOG", str(log))
    run = sockproof.start("routed/waits", "--appliance", BOXES / "hangs.sh", "--family", "ipv4",
                          results=tmp_path / "r")
    wait_until(log.exists, "up")
    run.terminate()
    assert run.wait(20) == 2
    wait_until(lambda: log.read_text() == "up\ndown\n", "down after the interruption")


def test_results_through_two_boxes_are_compared_as_such(sockproof, tmp_path):
    for box in ("router", "nat"):
        sockproof.run("routed/conversation", "--appliance", box, results=tmp_path / box)
    done = sockproof("compare", tmp_path / "router", tmp_path / "nat")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "appliance router" in done.stdout and "appliance nat" in done.stdout


def test_a_runner_that_is_killed_is_followed_by_down(sockproof, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("SOCKPROOF_TEST_LOG", str(log))
    run = sockproof.start("routed/waits", "--appliance", BOXES / "hangs.sh", "--family", "ipv4",
                          results=tmp_path / "r")
    wait_until(log.exists, "up")
    run.kill()
    assert run.wait(20) == -9
    wait_until(lambda: log.read_text() == "up\ndown\n", "down after the kill")
    wait_until(lambda: not keepers_of(log), "the end of all that the recipe left running")


def test_what_a_case_asks_of_the_class_of_the_box(sockproof, tmp_path):
    done, rows, _ = through(sockproof, tmp_path, "nat", "routed/behind-a-nat")
    assert rows["ipv4"]["verdict"] == "variant", done.stdout
    done, rows, _ = through(sockproof, tmp_path, "router", "routed/behind-a-nat")
    expect_all(rows, "pass", done)


def test_a_case_that_needs_a_class_gets_the_recipe_that_ships(sockproof, tmp_path):
    done = sockproof.run("routed/only-a-firewall", results=tmp_path / "r")
    assert done.returncode == 0, done.stdout + done.stderr
    for row in rows_of(tmp_path / "r"):
        trace = read_json(tmp_path / "r" / row["dir"] / "trace.json")
        assert trace["ends"]["middle"] == {"api": {"name": "firewall"}, "tcp": {"name": "firewall"}}
    done, rows, _ = through(sockproof, tmp_path, "nat", "routed/only-a-firewall")
    expect_all(rows, "skip", done)
    assert "path=firewall" in rows["ipv4"]["reason"]


def test_a_missing_program_is_told_with_what_brings_it(sockproof, tmp_path):
    box = tmp_path / "box.sh"
    box.write_text("#!/bin/sh\n# sockproof: path=router needs=no-such-program\n")
    box.chmod(0o755)
    done = sockproof.run("routed/conversation", "--appliance", box, results=tmp_path / "r")
    assert done.returncode == 3 and "no-such-program" in done.stderr


@pytest.mark.parametrize("words, says", [
    (("--appliance", "nut"), "router, firewall and nat"),
    (("--appliance", "nat", "--lab", "veth"), "--appliance is the box of the lab routed"),
    (("--appliance", "./nowhere.sh"), "nowhere.sh"),
])
def test_what_cannot_be_asked_for(sockproof, tmp_path, words, says):
    done = sockproof.run("routed/conversation", *words, results=tmp_path / "r")
    assert done.returncode == 4 and says in done.stderr


def test_without_root_there_are_boxes_too(unprivileged_runner, tmp_path):
    open_to_all(tmp_path)
    tmp_path.chmod(0o777)
    done = unprivileged_runner.run("routed/conversation", "--appliance", "nat",
                                   results=tmp_path / "r")
    assert done.returncode == 0, done.stdout + done.stderr
