"""lib/wire's builder and decoder against tshark, on random segments."""
import shutil
import subprocess
from pathlib import Path

import pytest

SEGMENTS = 10_000
SEED = 20

IP = ["ip.src", "ip.dst", "ip.ttl", "ip.dsfield", "ip.id", "ip.flags.df",
      "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.tclass"]
TCP = ["tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags",
       "tcp.window_size_value", "tcp.urgent_pointer", "tcp.checksum", "tcp.options",
       "tcp.options.mss_val", "tcp.options.wscale.shift", "tcp.options.timestamp.tsval",
       "tcp.options.timestamp.tsecr", "tcp.options.sack_le", "tcp.options.sack_re",
       "tcp.len", "tcp.payload", "tcp.checksum.status", "tcp.seq"]
RST = 4
ICMP = ["icmp.type", "icmp.code", "icmp.mtu", "icmp.checksum.status",
        "icmpv6.type", "icmpv6.code", "icmpv6.mtu", "icmpv6.checksum.status"]
# What tshark would read from one segment into the next, or from an address.
PLAIN = ["-o", "tcp.check_checksum:TRUE", "-o", "tcp.relative_sequence_numbers:FALSE",
         "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE",
         "-o", "tcp.try_heuristic_first:FALSE"]


def number(text):
    """Flags are 1 and 0 up to tshark 4.0, True and False in 4.4."""
    if text in ("True", "False"):
        return int(text == "True")
    return int(text, 0) if text else 0


def first(text):
    """The outer header's, where a quoted one follows."""
    return text.split(",")[0]


def as_tshark_has_it(row):
    """A line of wire_segments out of tshark's fields."""
    get = dict(zip(IP + TCP + ICMP, row)).__getitem__
    v4 = bool(get("ip.src"))
    ends = ([first(get("ip.src")), first(get("ip.dst")), number(first(get("ip.ttl"))),
             number(first(get("ip.dsfield"))), number(first(get("ip.id"))),
             number(first(get("ip.flags.df")))] if v4 else
            [first(get("ipv6.src")), first(get("ipv6.dst")), number(first(get("ipv6.hlim"))),
             number(first(get("ipv6.tclass"))), 0, 0])
    icmp = "icmp." if get("icmp.type") else "icmpv6." if get("icmpv6.type") else None
    # What a RST carries is text that says why, to tshark, and no payload.
    payload = "" if number(get("tcp.flags")) & RST else get("tcp.payload").replace(":", "")
    if icmp:
        said = ["icmp", *ends, number(get(icmp + "checksum.status")),
                *(number(get(icmp + name)) for name in ("type", "code", "mtu")),
                *(number(get(name)) for name in ("tcp.srcport", "tcp.dstport", "tcp.seq"))]
    else:
        said = ["tcp", *ends, number(get("tcp.checksum.status")),
                *(number(get(name)) for name in TCP[:8]), get("tcp.options").replace(":", ""),
                *(get(name) for name in TCP[9:16]), payload]
    return [str(word) for word in said]


@pytest.fixture(scope="module")
def generator(sockproof):
    if not shutil.which("tshark"):
        pytest.skip("no tshark; as root: apt-get install tshark")
    path = Path(sockproof.path).parent / "tests" / "wire_segments"
    if not path.exists():
        pytest.skip(f"{path} is not built: ./dev test builds it")
    return path


@pytest.fixture(scope="module")
def both(generator, tmp_path_factory):
    """What we and what tshark read from the same frames."""
    capture = tmp_path_factory.mktemp("wire") / "segments.pcap"
    ours = subprocess.run([generator, str(SEED), str(SEGMENTS), capture], capture_output=True,
                          text=True, check=True).stdout
    words = ["tshark", "-n", *PLAIN, "-r", str(capture), "-T", "fields"]
    for field in IP + TCP + ICMP:
        words += ["-e", field]
    theirs = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    return ([line.split("\t") for line in ours.splitlines()],
            [as_tshark_has_it(line.split("\t")) for line in theirs.splitlines()])


class TestWire:
    def test_tshark_reads_every_segment_as_we_do(self, both):
        ours, theirs = both
        assert len(ours) == len(theirs) == SEGMENTS
        wrong = [(at + 1, mine, other)
                 for at, (mine, other) in enumerate(zip(ours, theirs)) if mine != other]
        assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"

    def test_the_segments_are_of_every_kind(self, both):
        ours, _ = both
        tcp = [row for row in ours if row[0] == "tcp"]
        assert 0 < len(ours) - len(tcp) < SEGMENTS / 5, "ICMP errors are among them"
        for at, what in {7: "wrong and right checksums", 4: "traffic classes"}.items():
            assert len({row[at] for row in ours}) > 1, what
        for at in (*range(16, 23), 24):
            assert any(row[at] for row in tcp) and not all(row[at] for row in tcp), at
        assert {":" in row[1] for row in ours} == {True, False}, "both families"
