"""Another machine at an end, by ssh: sshd in a namespace of its own, joined to ours by a veth pair."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tools import ROOT, read_json, rows_of, wait_until

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
ETHTOOL = shutil.which("ethtool", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = pytest.mark.skipif(
    not SSHD or not shutil.which("ssh") or not ETHTOOL or os.geteuid() != 0,
    reason="needs root, ssh, sshd and ethtool (apt-get install openssh-client openssh-server ethtool)")

CONFIG = """\
Host far
  HostName {address}
  Port {port}
  User root
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
"""
SSHD_CONFIG = """\
Port 2222
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
SetEnv PATH={path}
"""
OFF = "ethtool -K {0} tso off gso off gro off tx off >/dev/null 2>&1 || true"


class Far:
    """The other machine: a namespace with an sshd, seen from another one, in which we run."""

    def __init__(self, folder):
        self.folder = folder
        self.temp = Path(tempfile.mkdtemp(dir="/tmp"))  # short: there will be a Unix socket in it
        self.sshd = None
        self.spaces = [subprocess.Popen(["unshare", "--net", "sleep", "1000"]) for _ in range(2)]
        ours = os.readlink("/proc/self/ns/net")
        for space in self.spaces:
            wait_until(lambda pid=space.pid: os.readlink(f"/proc/{pid}/ns/net") != ours, "a namespace")
        near, far = (space.pid for space in self.spaces)
        self.inside(near, f"ip link set lo up; ip link add near type veth peer name far netns {far};"
                    "ip addr add 10.99.0.1/24 dev near; ip -6 addr add fd99::1/64 dev near nodad;"
                    "ip link set near up; " + OFF.format("near"))
        self.inside(far, "ip link set lo up; ip addr add 10.99.0.2/24 dev far;"
                    "ip -6 addr add fd99::2/64 dev far nodad; ip link set far up; " + OFF.format("far"))
        for space, name in zip(self.spaces, ("near", "far")):
            wait_until(lambda pid=space.pid, name=name: "LOWER_UP" in subprocess.run(
                ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "show", name],
                capture_output=True, text=True, check=True).stdout, "a carrier")
        for name in ("host", "key", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "key.pub", folder / "authorized")
        (folder / "bin").mkdir()
        (folder / "there").mkdir()  # what the other machine has in its PATH
        (folder / "bin/ssh").write_text(
            f"#!/bin/sh\nexec {shutil.which('ssh')} -F {folder}/config \"$@\"\n")
        (folder / "bin/ssh").chmod(0o755)
        self.configure()
        self.start()

    def inside(self, pid, script):
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-c", script], check=True)

    def configure(self, address="10.99.0.2", port=2222, key="key"):
        (self.folder / "config").write_text(CONFIG.format(
            address=address, port=port, key=self.folder / key, folder=self.folder))

    def start(self):
        """sshd says on standard error when it listens."""
        (self.folder / "sshd_config").write_text(SSHD_CONFIG.format(
            folder=self.folder, path=f"{self.folder}/there:/usr/bin:/bin"))
        Path("/run/sshd").mkdir(exist_ok=True)
        log = self.folder / "sshd.log"
        log.write_text("")
        with log.open("w") as out:
            self.sshd = subprocess.Popen(
                ["nsenter", f"--net=/proc/{self.spaces[1].pid}/ns/net", SSHD, "-D", "-e", "-f",
                 self.folder / "sshd_config"], stderr=out)
        wait_until(lambda: "listening" in log.read_text(), "sshd")

    def drop(self):
        """All its connections are lost; it listens on."""
        for pid in self.children(self.sshd.pid):
            for child in (pid, *self.children(pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    @staticmethod
    def children(pid):
        """[] of one that is gone meanwhile."""
        try:
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []

    def close(self):
        for process in (self.sshd, *self.spaces):
            process.kill()
            process.wait()
        shutil.rmtree(self.temp)


@pytest.fixture
def far(tmp_path):
    folder = tmp_path / "far"
    folder.mkdir(mode=0o700)
    machine = Far(folder)
    yield machine
    machine.close()


class Runner:
    def __init__(self, sockproof, far, tmp_path):
        self.far, self.results = far, tmp_path / "r"
        self.temp = far.temp
        self.env = {**os.environ, "SOCKPROOF_STACKS": str(ROOT / "stacks"), "TMPDIR": str(self.temp),
                    "PATH": f"{far.folder}/bin:{os.environ['PATH']}"}
        self.command = ["nsenter", f"--net=/proc/{far.spaces[0].pid}/ns/net", str(sockproof.path)]

    def words(self, *words):
        return [*self.command, "run", *(str(word) for word in words), "--results", str(self.results)]

    def __call__(self, *words):
        return subprocess.run(self.words(*words), env=self.env, capture_output=True, text=True,
                              timeout=120, check=False, cwd=ROOT)

    def start(self, *words):
        return subprocess.Popen(self.words(*words), env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.fixture
def run(sockproof, far, tmp_path):
    return Runner(sockproof, far, tmp_path)


class TestAnotherMachine:
    @pytest.mark.parametrize("end", ["client", "server"])
    def test_plays_its_end(self, run, end):
        done = run("handshake/three-way", "close/four-segments", f"--{end}", "ssh:far,10.99.0.2,fd99::2")
        rows = rows_of(run.results)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted((row["id"], row["family"]) for row in rows) == [
            (case, family) for case in ("close/four-segments", "handshake/three-way")
            for family in ("ipv4", "ipv6")]
        assert {row["verdict"] for row in rows} == {"pass"}
        trace = read_json(run.results / rows[0]["dir"] / "trace.json")
        there, here = end, "server" if end == "client" else "client"
        release = os.uname().release
        assert trace["ends"][there]["tcp"] == {"name": "linux", "version": release}
        assert trace["ends"][there]["states"] == "absent"  # nobody of ours watches there
        assert trace["ends"][here].get("states") != "absent"
        (note,) = [note for note in read_json(run.results / "run.json")["notes"] if "ssh:far" in note]
        assert release in note and "10.99.0.1 at near" in note and "not there" in note

    def test_what_goes_on_beside_the_run_is_not_in_it(self, run):
        """The agent's own connection has the same two addresses."""
        assert run("handshake/three-way", "--server", "ssh:far").returncode == 0
        (row,) = rows_of(run.results)
        trace = read_json(run.results / row["dir"] / "trace.json")
        ports = {port for event in trace["events"] if event["kind"] == "segment"
                 for port in (event["src"].rsplit(":", 1)[1], event["dst"].rsplit(":", 1)[1])}
        assert len(ports) == 2 and "2222" not in ports
        states = [event for event in trace["events"] if event["kind"] == "state"]
        told = {event[side].rsplit(":", 1)[-1] for event in states for side in ("local", "remote")
                if side in event}
        assert told & ports and "2222" not in told

    def test_a_process_there_can_be_ended_and_begun_again(self, run, tmp_path):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        (cases / "b.case").write_text(
            "case a/b\ntitle t\nspec POSIX:close\nlabs veth\nfamily ipv4\n\nestablish\n"
            "client send 10\nwire client 1..10\nqueue client unacked 0\nserver kill SIGKILL\nwire server RST\n"
            "client recv 1 -> ECONNRESET\nserver spawn\nestablish client/b server/b\nserver exit 3\n"
            "wire server/b FIN\nclient/b recv 1 -> 0\n")
        done = run("--cases", cases.parent, "--server", "ssh:far")
        assert done.returncode == 0, done.stdout

    def test_what_is_not_ours_is_not_touched(self, run):
        """The path between two machines, their settings, a scripted peer: skipped with the reason."""
        done = run("close/last-ack-lost", "rfc9293/syn-to-group-ipv4", "--client", "ssh:far")
        rows = rows_of(run.results)
        assert {row["verdict"] for row in rows} == {"skip"}, done.stdout
        assert done.returncode == 5
        for words in ("acts on the path", "a scripted peer has no place"):
            assert any(words in row["reason"] for row in rows), rows

    def test_leaves_nothing_there_or_here(self, run):
        before = set(os.listdir("/tmp"))
        assert run("handshake/three-way", "--client", "ssh:far").returncode == 0
        assert not list(run.temp.iterdir())
        left = {name for name in set(os.listdir("/tmp")) - before if name.startswith("sockproof-agent")}
        assert not left and not run.far.children(run.far.sshd.pid)

    def test_leaves_nothing_when_it_is_killed(self, run):
        process = run.start("handshake", "close", "--client", "ssh:far")
        wait_until(lambda: rows_of(run.results) or list(run.results.glob("*/*/*/result.json")) or
                   list(run.temp.glob("sockproof-ssh.*/agent")), "a connection")
        process.kill()
        process.communicate()
        wait_until(lambda: not list(run.temp.iterdir()), "its folder is gone")
        wait_until(lambda: not run.far.children(run.far.sshd.pid), "its connection is gone")

    def test_finds_the_same_program_there(self, run, sockproof):
        (run.far.folder / "there/sockproof").symlink_to(sockproof.path)
        process = run.start("handshake/three-way", "--client", "ssh:far", "--family", "ipv4")
        agent = wait_until(lambda: [path.read_text() for path in run.temp.glob("*/agent")],
                           "the agent's place")
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert agent == [f"{run.far.folder}/there/sockproof\n"]


class TestTrouble:
    def error(self, run, *words):
        done = run("handshake/three-way", *words)
        assert not rows_of(run.results)
        return done.returncode, done.stderr

    def test_a_host_that_does_not_answer(self, run):
        run.far.configure(port=2)
        code, said = self.error(run, "--client", "ssh:far")
        assert code == 3 and "far" in said and "Connection refused" in said

    def test_a_key_that_it_does_not_know(self, run):
        run.far.configure(key="stranger")
        code, said = self.error(run, "--server", "ssh:far")
        assert code == 3 and "Permission denied" in said

    def test_another_system_without_sockproof(self, run):
        (run.far.folder / "there/uname").write_text("#!/bin/sh\ncase $1 in -s) echo Plan9;; *) echo 4;; esac\n")
        (run.far.folder / "there/uname").chmod(0o755)
        code, said = self.error(run, "--server", "ssh:far")
        assert code == 3 and "Plan9" in said and "install it there" in said

    def test_another_system_with_another_version(self, run):
        for name, body in (("uname", "case $1 in -s) echo Plan9;; *) echo 4;; esac"),
                           ("sockproof", "echo sockproof 99.1")):
            (run.far.folder / "there" / name).write_text(f"#!/bin/sh\n{body}\n")
            (run.far.folder / "there" / name).chmod(0o755)
        code, said = self.error(run, "--server", "ssh:far")
        assert code == 3 and "sockproof 99.1" in said and "install the same there" in said

    @pytest.mark.parametrize("words,says", [
        (("--client", "ssh:"), "which host"),
        (("--client", "ssh:far", "--server", "ssh:far"), "one of the two ends must be this machine"),
        (("--client", "ssh:far,10.99.0.1"), "an address of this machine"),
        (("--client", "ssh:far,10.98.0.1"), "no way to 10.98.0.1"),
        (("--client", "ssh:far,here"), "not an address"),
    ])
    def test_words_that_cannot_be(self, run, words, says):
        code, said = self.error(run, *words)
        assert code in (3, 4) and says in said

    @pytest.mark.skipif(not shutil.which("ethtool"), reason="needs ethtool")
    def test_an_interface_that_joins_segments_is_refused(self, run):
        run.far.inside(run.far.spaces[0].pid, "ethtool -K near gro on gso on >/dev/null")
        code, said = self.error(run, "--client", "ssh:far")
        assert code in (3, 4) and "ethtool -K near gso off gro off" in said

    def test_a_connection_that_is_lost_breaks_its_case_and_no_other(self, run, tmp_path):
        cases = tmp_path / "cases" / "a"
        cases.mkdir(parents=True)
        head = "title t\nspec POSIX:recv\nlabs veth\nfamily ipv4\n\nestablish\n"
        (cases / "lost.case").write_text(f"case a/lost\n{head}server start recv 1\nwait 4s\n"
                                         "client send 1\nwire client 1..1\nserver finish recv -> 1\n")
        (cases / "other.case").write_text(f"case a/other\n{head}client send 1\nwire client 1..1\n"
                                          "server recv 1 -> 1\n")
        process = run.start("--cases", cases.parent, "--server", "ssh:far", "--repeat", "2")
        wait_until(lambda: any(b"--again" in word for word in self.words_of_all(run.far.sshd.pid)),
                   "an agent there", 60)
        run.far.drop()
        out, said = process.communicate(timeout=100)
        verdicts = sorted(row["verdict"] for row in rows_of(run.results))
        assert verdicts == ["broken", "pass", "pass", "pass"], out + said
        (reason,) = [row["reason"] for row in rows_of(run.results) if row["verdict"] == "broken"]
        assert "ssh:far" in reason and ("agent" in reason or "process" in reason)
        assert process.returncode == 3

    @classmethod
    def words_of_all(cls, pid):
        """The command lines of all processes below this one."""
        for child in Far.children(pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                yield Path(f"/proc/{child}/cmdline").read_bytes()
            yield from cls.words_of_all(child)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
