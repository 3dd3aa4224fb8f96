"""From what is done to what was seen: a proposal that holds, and never over anybody's file."""
import re

import pytest

HEAD = """\
case   t/x
title  one
spec   RFC9293:3.6
labs   loopback veth
family ipv4 ipv6

"""

SCRIPT = """\
server listen  # by hand
client connect server
server accept
client send 100
server recv 1000 as @read
client close
server recv 1
server send 5
server send 5
server close
"""


@pytest.fixture
def write(tmp_path):
    def write(lines, head=HEAD):
        path = tmp_path / "cases" / "t" / "x.case"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + lines)
        return tmp_path / "cases"
    return write


def lines_of(text, *words):
    return [line for line in text.splitlines() if line.startswith(words)]


class TestProposal:
    @pytest.mark.parametrize("lab, family", [("veth", "ipv4"), ("loopback", "ipv6")])
    def test_outcomes_and_segments_stand_under_what_made_them(self, sockproof, write, lab, family):
        folder = write(SCRIPT)
        done = sockproof("record", "t/x", "--cases", folder, "--lab", lab, "--family", family)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(HEAD)
        assert lines_of(done.stdout, "client", "server", "wire") == [
            "server listen  # by hand",
            "client connect server",
            "wire   client SYN seq=0",
            "wire   server SYN,ACK seq=0 ack=1",
            "wire   client ACK ack=1",
            "server accept",
            "client send 100",
            "wire   client 1..100",
            "server recv 1000 -> 100 as @read",
            "client close",
            "wire   client FIN seq=101 ack=1",
            "wire   server ACK ack=102",
            "server recv 1 -> 0",
            "server send 5",
            "wire   server 1..5",
            "wire   client RST seq=102",
            "server send 5 -> EPIPE raises SIGPIPE",
            "server close"]
        assert f"run once on {lab} {family}: pass" in done.stderr
        assert (folder / "t" / "x.case").read_text() == HEAD + SCRIPT

    def test_states_are_those_of_each_socket_to_time_wait(self, sockproof, write, as_root):
        done = sockproof("record", "t/x", "--cases", write("""\
establish
client/b set SO_LINGER on=1 linger=0
client/b get SO_LINGER
client/b connect server
server accept second
client/b close
server/second recv 1
client close
server close
"""))
        assert done.returncode == 0, done.stderr
        assert "client/b get SO_LINGER -> on=1 linger=0" in done.stdout
        assert "server/second recv 1 -> ECONNRESET" in done.stdout
        states = [line.split()[1:] for line in lines_of(done.stdout, "state")]
        assert [state for who, state in states if who == "client/b"] == [
            "SYN_SENT", "ESTABLISHED", "CLOSED"]
        assert [state for who, state in states if who == "client"] == [
            "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"]
        assert [state for who, state in states if who == "server"] == [
            "CLOSE_WAIT", "LAST_ACK", "CLOSED"]
        assert "pass" in done.stderr

    @pytest.mark.parametrize("lines, seen", [
        ("establish\nserver start recv 10\nclient send 3\nserver finish recv\nclient close\n",
         "server finish recv -> 3\nclient close\nwire   client FIN seq=4 ack=1\n"),
        ("server bind :p1\nserver close\nclient connect server:p1\n",
         "client connect server:p1 -> ECONNREFUSED\nwire   client SYN seq=0\nwire   server RST seq=0\n"),
        ("establish\nclient poll IN OUT\nclient get TCP_NODELAY\nclient get SO_ERROR\n",
         "client poll IN OUT -> has OUT\nclient get TCP_NODELAY -> 0\nclient get SO_ERROR -> 0\n"),
        ("establish\nclient send 60000\nclient close\nserver drain\n",
         "server drain -> 60000\n"),
    ], ids=["blocks", "refused", "options", "much"])
    def test_it_holds_when_it_is_run(self, sockproof, write, lines, seen):
        done = sockproof("record", "t/x", "--cases", write(lines), "--lab", "veth")
        assert done.returncode == 0 and seen in done.stdout, done.stdout + done.stderr
        assert "run once on veth ipv4: pass" in done.stderr

    def test_beside_a_peer_every_segment_is_spelled_out_and_none_of_the_peers(self, sockproof,
                                                                              write):
        head = HEAD.replace("loopback ", "")
        done = sockproof("record", "t/x", "--cases", write(
            "establish peer\npeer   1..10\nserver recv 10\npeer   RST seq=server.rcv_nxt+10\n", head))
        assert done.returncode == 0, done.stderr
        assert lines_of(done.stdout, "wire") == ["wire   server ACK ack=11"] * 2
        assert "pass" in done.stderr

    def test_what_it_writes_is_in_canonical_form(self, sockproof, write, tmp_path):
        out = tmp_path / "cases" / "t" / "y.case"
        done = sockproof("record", "t/x", "--cases", write("establish\nclient close  # x\n"), "-o", out)
        assert done.returncode == 0 and done.stdout == ""
        out.rename(tmp_path / "cases" / "t" / "x.case")
        assert sockproof("fmt", "--check", "--cases", tmp_path / "cases").returncode == 0


class TestRefusal:
    def test_a_file_that_is_there_is_never_written_over(self, sockproof, write, tmp_path):
        out = tmp_path / "mine"
        out.write_text("mine")
        done = sockproof("record", "t/x", "--cases", write(SCRIPT), "-o", out)
        assert done.returncode == 4 and "not written over" in done.stderr
        assert out.read_text() == "mine"

    @pytest.mark.parametrize("lines, line", [
        ("establish\nwire client FIN\n", 8), ("establish\nclient send 1 -> 1\n", 8),
        ("establish\nclient close took <1s\n", 8), ("establish\nsilence for 10ms\n", 8),
        ("establish\non linux {\n  client close\n}\n", 8), ("establish\nnever client TIME_WAIT\n", 8),
    ])
    def test_a_case_that_expects_something_is_refused_with_its_line(self, sockproof, write, lines,
                                                                    line):
        done = sockproof("record", "t/x", "--cases", write(lines))
        assert done.returncode == 4 and re.search(rf"x\.case:{line}: ", done.stderr)
        assert done.stdout == ""

    @pytest.mark.parametrize("words", [(), ("t/x", "t/x"), ("t/x", "--lab", "moon"),
                                       ("t/x", "--family", "ipv5"), ("t/none",), ("t/x", "-o")])
    def test_wrong_use_ends_with_4(self, sockproof, write, words):
        done = sockproof("record", *words, "--cases", write(SCRIPT))
        assert done.returncode == 4 and done.stdout == "" and done.stderr.strip()

    def test_a_table_is_refused(self, sockproof, write):
        head = HEAD.rstrip("\n") + "\nfor    n in 1 2\n\n"
        done = sockproof("record", "t/x", "--cases", write("establish\nclient send $n\n", head))
        assert done.returncode == 4 and "`for`" in done.stderr

    def test_where_the_case_is_skipped_nothing_is_proposed(self, sockproof, write):
        head = HEAD.replace("family", "needs  stack=windows\nfamily")
        done = sockproof("record", "t/x", "--cases", write(SCRIPT, head))
        assert done.returncode == 3 and "skip" in done.stderr and done.stdout == ""

    def test_nothing_stays_in_the_temporary_folder(self, sockproof, write, tmp_path):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        for lines in ("establish\nclient close\n", "establish\nwire client FIN\n"):
            sockproof("record", "t/x", "--cases", write(lines), env={"TMPDIR": str(scratch)})
        assert list(scratch.iterdir()) == []
