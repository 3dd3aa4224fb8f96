"""Other stacks at an end: a folder each, started as agents (docs/adding-a-stack.md)."""
import json
import os
import shutil
from pathlib import Path

import pytest
from tools import ROOT, read_json, rows_of

AGENT = 'exec "$SOCKPROOF_PROGRAM" agent --role "$SOCKPROOF_ROLE" --against "$SOCKPROOF_AGAINST"'
MANIFEST = {"title": "for tests", "api": "mine", "tcp": "kernel", "labs": ["veth"]}


@pytest.fixture
def stack(tmp_path):
    """Makes stacks/NAME and returns the environment that finds it."""
    def make(name="mine", start=AGENT, version=None, **fields):
        folder = tmp_path / "stacks" / name
        folder.mkdir(parents=True)
        (folder / "stack.json").write_text(json.dumps({**MANIFEST, **fields}))
        for file, body in (("start", start), ("version", version)):
            if body is not None:
                (folder / file).write_text(f"#!/bin/sh\n{body}\n")
                (folder / file).chmod(0o755)
        return {"SOCKPROOF_STACKS": str(folder.parent)}
    return make


def run(sockproof, tmp_path, env, *words, end="--client", name="mine"):
    return sockproof.run("plain/conversation", end, name, *words, results=tmp_path / "r", env=env)


class TestAnAgentOfAnother:
    @pytest.mark.parametrize("end", ["--client", "--server"])
    @pytest.mark.parametrize("clock", ["machine", "own"])
    def test_plays_its_end(self, sockproof, stack, tmp_path, end, clock):
        env = stack(version="echo 1.2", clock=clock)
        done = run(sockproof, tmp_path, env, end=end)
        rows = rows_of(tmp_path / "r")
        assert done.returncode == 0, done.stderr
        assert {row["lab"] for row in rows} == {"veth"}  # the only one that it can be in
        trace = read_json(tmp_path / "r" / rows[0]["dir"] / "trace.json")
        here, there = ("client", "server") if end == "--client" else ("server", "client")
        assert trace["ends"][here]["api"] == {"name": "mine", "version": "1.2"}
        assert trace["ends"][here]["tcp"]["name"] == trace["ends"][there]["tcp"]["name"] == "linux"
        assert trace["ends"][there]["api"]["name"] == "linux"
        assert "mine-1.2" in read_json(tmp_path / "r" / "run.json")["stack"]["name"]

    @pytest.mark.parametrize("line", [
        "rubbish",
        "1 1 1 none LISTEN 10.0.0.1:1 10.0.0.2:2 0",
        "99999999999999999999 1 1 none LISTEN 10.0.0.1:1 10.0.0.2:2 0 0",
        "1 1 1 none LISTENING 10.0.0.1:1 10.0.0.2:2 0 0",
        "late 1 x",
        "1 1 1 none LISTEN " + 99 * "1" + " 10.0.0.2:2 0 0",
    ])
    def test_that_tells_rubbish_of_its_states_breaks_its_run(self, sockproof, stack, tmp_path, line):
        env = stack(start=f"echo '{line}' >>\"$SOCKPROOF_STATES\"\n{AGENT}", tcp="own", states="told")
        done = run(sockproof, tmp_path, env, "--family", "ipv4")
        rows = rows_of(tmp_path / "r")
        assert done.returncode == 3 and [row["verdict"] for row in rows] == ["broken"]
        assert "mine tells of its states in words that are none: " + line[:60] in rows[0]["reason"]

    def test_is_told_where_it_is(self, sockproof, stack, tmp_path):
        told = tmp_path / "told"
        env = stack(start=f"env >{told}.$SOCKPROOF_ROLE.$SOCKPROOF_FAMILY\n{AGENT}")
        done = run(sockproof, tmp_path, env, name="mine:a b")
        assert done.returncode == 0, done.stderr
        for family in "46":
            lines = dict(line.split("=", 1) for line in
                         (tmp_path / f"told.client.{family}").read_text().splitlines()
                         if line.startswith("SOCKPROOF_"))
            assert lines["SOCKPROOF_PARAM"] == "a b"
            assert lines["SOCKPROOF_AGAINST"] == "server"
            assert (":" in lines["SOCKPROOF_ADDRESS"]) == (family == "6")
            assert lines["SOCKPROOF_ADDRESS"] != lines["SOCKPROOF_PEER_ADDRESS"]
            assert lines["SOCKPROOF_MAC"] != lines["SOCKPROOF_PEER_MAC"]
            assert lines["SOCKPROOF_INTERFACE"]

    def test_its_expectations_are_its_own(self, sockproof, stack, tmp_path):
        """A deviation of `mine` is one at the end where it stands, and nowhere else."""
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:getsockopt\nlabs veth\nfamily ipv4\n\nestablish\n"
            "client get SO_KEEPALIVE -> 7\n  on mine -> 0\n    source measured mine-1\n")
        env = stack()
        for words, code in (((), 1), (("--client", "mine"), 0), (("--server", "mine"), 1)):
            done = sockproof("run", "--cases", cases.parent, *words, "--results", tmp_path / "r",
                             env=env)
            assert done.returncode == code, done.stdout + done.stderr

    @pytest.mark.parametrize("always, pinned, verdict", [
        ("0", "0", "pass"), ("0", "1", "skip"), (None, "0", "skip"), (None, "default", "pass")])
    def test_a_pin_stands_for_what_its_tcp_does_always(self, sockproof, stack, tmp_path, always,
                                                       pinned, verdict):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:bind\nlabs veth\nfamily ipv4\n"
            f"pin net.ipv4.tcp_sack={pinned}\n\nclient bind any\n")
        env = stack(tcp="mine", sysctls={"net.ipv4.tcp_sack": always} if always else {})
        sockproof("run", "--cases", cases.parent, "--client", "mine", "--results", tmp_path / "r",
                  env=env)
        (row,) = rows_of(tmp_path / "r")
        assert row["verdict"] == verdict, row["reason"]
        if verdict == "skip":
            assert "net.ipv4.tcp_sack" in row["reason"]

    @pytest.mark.parametrize("need, end, verdict", [
        ("stack=linux", "--client", "skip"), ("client=linux", "--client", "skip"),
        ("server=linux", "--client", "pass"), ("server=linux", "--server", "skip"),
        ("client=linux", "--server", "pass"), ("client=linux|mine", "--client", "pass")])
    def test_a_need_is_of_the_end_that_it_names(self, sockproof, stack, tmp_path, need, end, verdict):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:bind\nlabs veth\nfamily ipv4\n"
            f"needs {need}\n\nclient bind any\n")
        sockproof("run", "--cases", cases.parent, end, "mine", "--results", tmp_path / "r",
                  env=stack(tcp="mine"))
        (row,) = rows_of(tmp_path / "r")
        assert row["verdict"] == verdict, row["reason"]
        assert verdict == "pass" or need in row["reason"]

    @pytest.mark.parametrize("signals, ends_by, verdict, why", [
        (True, "SIGINT", "fail", "kill SIGINT, seen: the process lived on for 1 s"),
        (True, "SIGKILL", "pass", None),
        (False, "SIGINT", "skip", "has no signals"),
        (False, "SIGKILL", "pass", None)])
    def test_a_signal_that_does_not_end_its_process_is_seen(self, sockproof, stack, tmp_path,
                                                            signals, ends_by, verdict, why):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:_Exit\nlabs veth\nfamily ipv4\n"
            f"deadline 1s\n\nestablish\nclient kill {ends_by}\nwire client FIN\n")
        env = stack(start="trap '' INT\n" + AGENT, signals=signals)
        sockproof("run", "--cases", cases.parent, "--client", "mine", "--results", tmp_path / "r",
                  env=env)
        (row,) = rows_of(tmp_path / "r")
        assert row["verdict"] == verdict, row["reason"]
        assert why is None or why in row["reason"]


# In processes of its own, the agent having only what a loop on the same processor leaves it.
NOT_LET_RUN = """\
[ "${1:-}" = inside ] || exec unshare --mount --pid --fork --kill-child --propagation private -- "$0" inside
mount -t proc proc /proc
taskset -c -p "$(taskset -c -p $$ | sed 's/.*: //; s/[,-].*//')" $$ >/dev/null
sh -c 'while :; do :; done' &
exec chrt --idle 0 """ + AGENT.removeprefix("exec ")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a process namespace")
class TestProcessor:
    def marks(self, sockproof, tmp_path, env):
        sockproof.run("plain/conversation", "--client", "mine", "--family", "ipv4",
                      results=tmp_path / "r", env=env, timeout=120)
        (row,) = rows_of(tmp_path / "r")
        trace = read_json(tmp_path / "r" / row["dir"] / "trace.json")
        return [event for event in trace["events"] if event.get("what") == "kept"]

    def test_what_it_waited_for_is_noted(self, sockproof, stack, tmp_path):
        marks = self.marks(sockproof, tmp_path, stack(start=NOT_LET_RUN, clock="own"))
        assert marks and {mark["end"] for mark in marks} == {"client"}
        # its threads together may have waited for longer than the stretch that a mark is capped to
        assert max(mark["t_end_ns"] - mark["t_ns"] for mark in marks) >= 5_000_000

    def test_whose_account_nobody_can_tell_is_not(self, sockproof, stack, tmp_path):
        start = NOT_LET_RUN.replace("mount -t proc proc /proc\n", "")
        assert not self.marks(sockproof, tmp_path, stack(start=start, clock="own"))


class TestTrouble:
    def broken(self, sockproof, tmp_path, env):
        done = run(sockproof, tmp_path, env, "--family", "ipv4")
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 3 and row["verdict"] == "broken"
        return row["reason"]

    def test_one_that_ends_says_why(self, sockproof, stack, tmp_path):
        env = stack(start="echo no licence >&2; exit 1")
        assert "ended before it came up: no licence" in self.broken(sockproof, tmp_path, env)

    def test_one_that_writes_garbage_is_named(self, sockproof, stack, tmp_path):
        env = stack(start="head -c 100 /dev/zero; echo what is this >&2; sleep 100")
        reason = self.broken(sockproof, tmp_path, env)
        assert "client's agent" in reason and "frame" in reason

    def test_one_that_dies_on_its_own_is_no_verdict(self, sockproof, stack, tmp_path):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:send\nlabs veth\nfamily ipv4\n\nestablish\n"
            "client start recv 1\nwire client FIN\nserver close\nclient finish recv -> 0\n")
        env = stack(start='timeout -s KILL 2 "$SOCKPROOF_PROGRAM" agent --role client; '
                          "echo out of breath >&2")
        done = sockproof("run", "--cases", cases.parent, "--client", "mine", "--results",
                         tmp_path / "r", env=env)
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 3 and row["verdict"] == "broken", done.stdout
        assert "client" in row["reason"] and "out of breath" in row["reason"], row

    def test_what_is_no_stack_is_a_usage_error(self, sockproof, stack, tmp_path):
        env = stack()
        for name in ("yours", "", "../mine", ":x"):
            done = run(sockproof, tmp_path, env, name=name)
            assert done.returncode == 4 and "stack" in done.stderr, name

    def test_a_manifest_that_is_none_names_the_file(self, sockproof, stack, tmp_path):
        env = stack()
        for text in ("{", "{}", '{"api": 1, "tcp": "kernel", "labs": ["veth"]}',
                     '{"api": "mine", "tcp": "kernel", "labs": ["moon"]}'):
            (tmp_path / "stacks" / "mine" / "stack.json").write_text(text)
            done = run(sockproof, tmp_path, env)
            assert done.returncode == 4 and "mine/stack.json" in done.stderr, text

    def test_one_that_is_not_installed_is_said(self, sockproof, stack, tmp_path):
        done = run(sockproof, tmp_path, stack(version="exit 1"))
        assert done.returncode == 3 and "not installed" in done.stderr


@pytest.mark.skipif(not shutil.which("runsc") or os.geteuid() != 0,
                    reason="needs root and runsc (apt-get install runsc)")
class TestGvisor:
    ENV = {"SOCKPROOF_STACKS": str(ROOT / "stacks")}

    @pytest.mark.parametrize("ends", [("--client",), ("--server",), ("--client", "--server")])
    def test_its_own_tcp_is_on_the_wire(self, sockproof, tmp_path, ends):
        words = [word for end in ends for word in (end, "gvisor")]
        done = sockproof.run("plain/conversation", *words, "--family", "ipv4", "--jobs", "1",
                             results=tmp_path / "r", env=self.ENV, timeout=200)
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 0 and row["verdict"] in ("pass", "variant"), row["reason"]
        trace = read_json(tmp_path / "r" / row["dir"] / "trace.json")
        for end in ends:
            told = trace["ends"][end.lstrip("-")]
            assert told["tcp"]["name"] == "gvisor" and told["states"] == "absent"
        sent = {event["end"] for event in trace["events"] if event["kind"] == "segment"}
        assert sent == {"client", "server"}
        states = {event["end"] for event in trace["events"] if event["kind"] == "state"}
        assert states.isdisjoint(end.lstrip("-") for end in ends)


LWIP = Path(os.environ.get("SOCKPROOF", ROOT / "build" / "sockproof")).with_name("sockproof-lwip")


@pytest.mark.skipif(not LWIP.exists(), reason="built without lwIP (apt-get install liblwip-dev)")
class TestLwip:
    ENV = {"SOCKPROOF_STACKS": str(ROOT / "stacks")}

    @pytest.mark.parametrize("ends", [("--client",), ("--server",), ("--client", "--server")])
    @pytest.mark.parametrize("family", ["ipv4", "ipv6"])
    def test_opens_and_closes_connections(self, sockproof, tmp_path, ends, family):
        words = [word for end in ends for word in (end, "lwip")]
        done = sockproof("run", "handshake/three-way", "--lab", "veth", "--family", family, *words,
                         "--results", tmp_path / "r", env=self.ENV)
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 0 and row["verdict"] == "pass", done.stdout
        trace = read_json(tmp_path / "r" / row["dir"] / "trace.json")
        for end in ends:
            told = trace["ends"][end.lstrip("-")]
            assert told["tcp"] == told["api"] and told["tcp"]["name"] == "lwip"

    @pytest.mark.parametrize("end", ["client", "server"])
    def test_its_states_are_told(self, sockproof, tmp_path, end):
        done = sockproof("run", "close/four-segments", "--lab", "veth", "--family", "ipv6", f"--{end}",
                         "lwip", "--results", tmp_path / "r", env=self.ENV)
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 0 and row["verdict"] == "pass", done.stdout
        trace = read_json(tmp_path / "r" / row["dir"] / "trace.json")
        assert trace["ends"][end]["states"] == "told"
        states = [event["new"] for event in trace["events"]
                  if event["kind"] == "state" and event["end"] == end]
        walk = {"client": ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"],
                "server": ["LISTEN", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"]}[end]
        assert [state for i, state in enumerate(states)
                if state in walk and state not in states[:i]] == walk

    def test_an_option_that_it_does_not_have_is_a_skip(self, sockproof, tmp_path):
        done = sockproof("run", "close/three-segments", "--lab", "veth", "--server", "lwip", "--family", "ipv4",
                         "--results", tmp_path / "r", env=self.ENV)
        (row,) = rows_of(tmp_path / "r")
        assert row["verdict"] == "skip" and "TCP_QUICKACK" in row["reason"], done.stdout
        assert done.returncode == 5  # nothing was judged

    def test_linger_zero_is_told_apart(self, sockproof, tmp_path):
        """lwIP's {on, 0} sends FIN (measured-matrix: linger10_close): no pass as another stack."""
        done = sockproof("run", "linger/zero-resets", "--lab", "veth", "--client", "lwip", "--family", "ipv4",
                         "--results", tmp_path / "r", env=self.ENV)
        (row,) = rows_of(tmp_path / "r")
        assert done.returncode == 0 and row["verdict"] in ("pass", "variant"), done.stdout
        as_linux = sockproof("judge", tmp_path / "r", "--os", "linux-6.18", env=self.ENV)
        # a machine that stood still has shown nothing of the RST that never came
        assert as_linux.returncode in (1, 3) and "FIN" in as_linux.stdout, as_linux.stdout

    # What is known to differ between the two, with the end that shows it (docs/stacks.md).
    APART = [("linger/zero-resets", "client"), ("connect/refused-again", "client"),
             ("signal/pipe", "client"), ("time-wait/descriptor-kept", "client"),
             ("half-close/both-ends", "client"), ("close/recv-zero-every-time", "server"),
             ("close/reader-is-woken", "server"), ("half-close/both-sides-unread", "server"),
             ("readiness/reset", "server")]

    @pytest.mark.parametrize("end", ["client", "server"])
    def test_traces_of_one_stack_pass_as_no_other(self, sockproof, tmp_path, end):
        """Judged as what they are they are fine; as the other stack none of them is."""
        cases = [case for case, shows in self.APART if shows == end]
        here, there = tmp_path / "lwip", tmp_path / "linux"
        words = ["run", *cases, "--lab", "veth", "--family", "ipv4", "--jobs", "4"]
        assert sockproof(*words, f"--{end}", "lwip", "--results", here, env=self.ENV).returncode == 0
        assert sockproof(*words, "--results", there, env=self.ENV).returncode == 0
        for results, os_name in ((here, "linux-6.18"), (there, "lwip-2.1.3")):
            done = sockproof("judge", results, "--os", f"{end}={os_name}", "--json", env=self.ENV)
            told = {row["id"]: row["verdict"] for row in json.loads(done.stdout)["runs"]}
            assert len(told) >= len(cases)
            assert set(told.values()) <= {"fail", "inconclusive"}, (os_name, told)
            assert "fail" in told.values()


WINE = LWIP.with_name("sockproof-agent.exe")


@pytest.mark.skipif(not WINE.exists() or not shutil.which("wine") or os.geteuid() != 0,
                    reason="needs root, wine and MinGW (apt-get install wine gcc-mingw-w64-x86-64)")
class TestWine:
    def run(self, sockproof, folder, case, end):
        done = sockproof("run", case, "--lab", "veth", "--family", "ipv4", end, "wine",
                         "--results", folder, env={"SOCKPROOF_STACKS": str(ROOT / "stacks")},
                         timeout=200)
        (row,) = rows_of(folder)
        return done, row, read_json(folder / row["dir"] / "trace.json")

    def test_a_signal_that_winsock_does_not_have_is_a_skip(self, sockproof, tmp_path):
        done = sockproof("run", "signal/pipe", "--lab", "veth", "--family", "ipv4", "--client", "wine",
                         "--results", tmp_path / "r",
                         env={"SOCKPROOF_STACKS": str(ROOT / "stacks")}, timeout=200)
        (row,) = rows_of(tmp_path / "r")
        assert row["verdict"] == "skip", done.stdout
        assert "does not have the signal SIGPIPE" in row["reason"] and done.returncode == 5

    def test_a_call_that_must_not_wait_does_not(self, sockproof, tmp_path):
        """MSG_DONTWAIT is no flag of Winsock's: the call is made in the mode that does not wait."""
        done, row, trace = self.run(sockproof, tmp_path / "r", "transfer/empty-recv", "--server")
        assert done.returncode == 0 and row["verdict"] in ("pass", "variant"), done.stdout
        assert any(event["kind"] == "call" and event["name"] == "recv" and event["end"] == "server" and
                   "DONTWAIT" in event["args"] and event.get("error") == "EAGAIN"
                   for event in trace["events"])

    @pytest.mark.parametrize("end", ["--client", "--server"])
    def test_its_calls_are_winsocks_and_its_tcp_this_kernels(self, sockproof, tmp_path, end):
        done, row, trace = self.run(sockproof, tmp_path / "r", "handshake/three-way", end)
        assert done.returncode == 0 and row["verdict"] == "pass", done.stdout
        told = trace["ends"][end.lstrip("-")]
        assert told["api"]["name"] == "wine" and told["tcp"]["name"] == "linux"
        assert any(event["kind"] == "state" and event["end"] == end.lstrip("-")
                   for event in trace["events"])

    def test_both_names_of_an_error_are_told(self, sockproof, tmp_path):
        _done, _row, trace = self.run(sockproof, tmp_path / "r", "connect/refused", "--client")
        errors = {(event.get("error"), event.get("native")) for event in trace["events"]
                  if event["kind"] == "call" and event["end"] == "client" and event.get("error")}
        assert ("ECONNREFUSED", "WSAECONNREFUSED") in errors
