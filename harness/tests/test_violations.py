"""A stack that breaks one statement of one of RFC 9293's MUSTs fails at the line that states it.

Each row takes the trace of a run that passed, changes it as violations.py can, and lets it be judged
again: the requirement, the run, the line to be blamed, and what the other stack did.
"""
import json
import re
import shutil

import pytest

from tools import ROOT, read_json
from violations import Trace, without_flag

MSS_ONLY = "020405b4"


def swap_words(trace, old, new):
    """An address instead of another one, wherever it stands."""
    trace.data = json.loads(json.dumps(trace.data).replace(old, new))
    trace.events = trace.data["events"]


def second_address(trace):
    return trace.data["ends"]["client"]["second"], trace.data["ends"]["client"]["addr"]


def speaks_from(trace, old, new, nth):
    """The nth connection of the client, from another of its addresses."""
    port = trace.segments("client", "SYN")[nth][0]["src"].rpartition(":")[2]
    swap_words(trace, f"{old}:{port}", f"{new}:{port}")


def moves_on(trace):
    """Its first data comes from the client's other address; nobody knows that connection."""
    second, first = second_address(trace)
    copies = trace.data_of("client")
    trace.change(copies, src=lambda src: src.replace(f"{first}:", f"{second}:"))
    trace.stops(copies)


def option(trace, copies, text):
    trace.change(copies, options=text)


def state_stays(trace, end, name):
    """That state is never reported."""
    trace.events[:] = [event for event in trace.events if not (
        event["kind"] == "state" and event["end"] == end and event.get("new") in (name, "NONE"))]


# requirement, run, the line that is blamed, what is done to the trace
ROWS = [
    ("MUST-1", "rfc9293/window-unsigned[win=65535]", "wire   client bytes 1..60000",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", size=True)]),
    ("MUST-2", "rfc9293/checksum-sent", "wire   client SYN goodsum",
     lambda t: t.change(t.segment("client", flags="SYN"), bad_checksum=True)),
    ("MUST-2", "rfc9293/checksum-sent", "wire   client 1..1 goodsum",
     lambda t: t.change(t.data_of("client"), bad_checksum=True)),
    ("MUST-2", "rfc9293/checksum-sent", "wire   server RST goodsum",
     lambda t: t.change(t.segments("server")[-1], bad_checksum=True)),
    ("MUST-3", "rfc9293/checksum-bad-data", "silence server for 50ms",
     lambda t: t.more_in_line(t.segments("server", "ACK")[-1], t.data_of("peer"), 20)),
    ("MUST-3", "rfc9293/checksum-bad-syn", "silence server for 50ms",
     lambda t: t.more_in_line(t.segment("server", flags="SYN,ACK"), t.segment("peer"), 20)),
    ("MUST-4", "rfc9293/options-on-syn[opts=[mss 600]]", "wire   server 1..600",
     lambda t: t.change(t.data_of("server"), payload_len=1300)),
    ("MUST-4", "rfc9293/options-on-syn[opts=[nop,nop,nop,mss 600,eol]]", "wire   server 1..600",
     lambda t: t.change(t.data_of("server"), payload_len=536)),
    ("MUST-5", "rfc9293/options-on-data[opts=[mss 600]]", "wire   server ACK ack=11",
     lambda t: t.unsaid(t.segments("server", "ACK")[0])),
    ("MUST-5", "rfc9293/options-on-data[opts=[mss 600]]", "wire   server ACK ack=12",
     lambda t: t.unsaid(t.segments("server", "ACK")[1])),
    ("MUST-6", "rfc9293/options-unknown-on-syn", "wire   server 1..600",
     lambda t: t.change(t.data_of("server"), payload_len=536)),
    ("MUST-6", "rfc9293/options-on-data[opts=raw:fd06010203040000]", "wire   server ACK ack=11",
     lambda t: t.change(t.segments("server", "ACK")[0], flags="RST")),
    ("MUST-7", "rfc9293/options-malformed[bytes=02000000]", "wire   server ACK ack=21",
     lambda t: t.unsaid(t.segments("server", "ACK")[-1])),
    ("MUST-8", "rfc9293/isn-clock", "wire   client/b SYN isn-rate=200..36000",
     lambda t: t.change(t.segments("client", "SYN")[1],
                        seq=t.segments("client", "SYN")[0][0]["seq"] + 64)),
    ("MUST-8", "rfc9293/isn-clock", "wire   client/b SYN isn-rate=200..36000",
     lambda t: t.change(t.segments("client", "SYN")[1], seq=lambda s: (s + 2**31) % 2**32)),
    ("MUST-8", "rfc9293/isn-clock-passive", "wire   server SYN,ACK isn-rate=200..36000",
     lambda t: t.change(t.segments("server", "SYN,ACK")[1],
                        seq=t.segments("server", "SYN,ACK")[0][0]["seq"] + 64)),
    ("MUST-10", "rfc9293/simultaneous-open", "wire   client SYN,ACK seq=0 ack=1 again",
     lambda t: t.unsaid(t.segment("client", flags="SYN,ACK"))),
    ("MUST-11", "rfc9293/syn-received-passive-rst", "server accept -> EAGAIN",
     lambda t: t.call("server", "accept", error="ECONNABORTED")),
    ("MUST-11", "rfc9293/syn-received-active-rst", "client finish connect -> ECONNREFUSED",
     lambda t: t.call("client", "connect", error="ETIMEDOUT")),
    ("MUST-12", "close/reader-is-woken", "server finish recv -> 0",
     lambda t: t.call("server", "recv", error="ECONNRESET")),
    ("MUST-12", "reset/reader-is-woken", "client finish recv -> ECONNRESET",
     lambda t: t.call("client", "recv", value=0)),
    ("MUST-14", "rfc9293/mss-option", "wire   server SYN,ACK opt~mss",
     lambda t: option(t, t.segment("server", flags="SYN,ACK"), "")),
    ("MUST-14", "rfc9293/mss-option", "wire   server 1..700",
     lambda t: t.change(t.data_of("server"), payload_len=1460)),
    ("MUST-14", "rfc9293/mss-option-client", "wire   client SYN opt~mss",
     lambda t: option(t, t.segment("client", flags="SYN"), "01010101")),
    ("MUST-15", "rfc9293/mss-missing-ipv4", "wire   server 1..536",
     lambda t: t.change(t.data_of("server"), payload_len=1082)),
    ("MUST-16", "rfc9293/mss-effective", "wire   server 1..988 opt~ts",
     lambda t: t.change(t.data_of("server"), payload_len=1000)),
    ("MUST-16", "rfc9293/mss-path-limit-ipv4[opts=[mss 9000]]", "wire   server 1..1460",
     lambda t: t.change(t.data_of("server"), payload_len=2930)),
    ("MUST-16", "rfc9293/mss-path-limit-options-ipv4", "wire   server 1..1448 opt~ts",
     lambda t: t.change(t.data_of("server"), payload_len=1460)),
    ("MUST-17", "rfc9293/nagle-off", "wire   client 11..20 within 100ms",
     lambda t: t.later(t.data_of("client", 1), 150)),
    ("MUST-18", "rfc9293/rto-karn", "wire   client 1..10 again after 1500ms..2500ms",
     lambda t: t.later(t.data_of("client", 1), -1200)),
    ("MUST-18", "rfc9293/rto-karn", "wire   client 11..20 again after 3s..5s",
     lambda t: t.later(t.data_of("client", 3), -2100)),
    ("MUST-19", "rfc9293/slow-start", "silence server for 30ms",
     lambda t: t.more(t.data_of("server", 9), 10, seq=lambda s: s + 1000)),
    ("MUST-19", "rfc9293/congestion-avoidance", "silence server for 100ms",
     lambda t: t.more(t.data_of("server", 4), 20, seq=lambda s: s + 1000)),
    ("MUST-19", "rfc9293/congestion-avoidance", "silence server for 20ms",
     lambda t: t.more(t.segments("server", size=True)[7], 5, seq=lambda s: s + 1000)),
    ("MUST-20", "timeout/retries-run-out", "client finish recv -> ETIMEDOUT",
     lambda t: t.call("client", "recv", error="ECONNABORTED")),
    ("MUST-20", "timeout/retries-run-out", "state  client CLOSED",
     lambda t: state_stays(t, "client", "CLOSED")),
    ("MUST-21", "timeout/user-timeout", "client finish recv -> ETIMEDOUT",
     lambda t: t.call("client", "recv", error="ECONNABORTED")),
    ("MUST-22", "connect/silent-host", "wire   client SYN seq=0 again after 1s +wheel",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", "SYN")[1:]]),
    ("MUST-23", "rfc9293/syn-tried-three-minutes", "client get TCP_SYNCNT -> 7..255",
     lambda t: t.call("client", "getsockopt", value=0, out="3")),
    ("MUST-24", "keepalive/off-by-default", "wire   client probe seq=0 ack=1",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", "ACK")[1:]]),
    ("MUST-25", "keepalive/off-by-default", "client get SO_KEEPALIVE -> 0",
     lambda t: t.call("client", "getsockopt", out="1")),
    ("MUST-25", "keepalive/off-by-default", "silence for 1500ms",
     lambda t: t.more(t.segments("client", "ACK")[1], -1500)),
    ("MUST-26", "keepalive/not-while-sending", "never  wire client probe",
     lambda t: t.more(t.segment("client", flags="ACK", size=False), 1100, seq=lambda s: s + 99)),
    ("MUST-26", "rfc9293/keepalive-waits-for-silence", "silence client for 1200ms",
     lambda t: t.more(t.segments("client", "ACK")[-1], -1500)),
    ("MUST-27", "keepalive/dead-peer", "wire   client probe seq=0 ack=1 after 2s +wheel since @up",
     lambda t: t.later(t.segments("client", "ACK")[1], 900)),
    ("MUST-28", "rfc9293/keepalive-two-hours", "client get TCP_KEEPIDLE -> 7200..2147483647",
     lambda t: t.call("client", "getsockopt", out="60")),
    ("MUST-29", "keepalive/dead-peer", "wire   client probe seq=0 ack=1 after 1s +wheel",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", "ACK")[2:]]),
    ("MUST-30", "rfc9293/urgent-both-ways", "wire   client URG 1..1",
     lambda t: t.change(t.data_of("client"), flags=without_flag("URG"))),
    ("MUST-30", "rfc9293/urgent-both-ways", "server recv 1 MSG_OOB -> 1",
     lambda t: t.call("server", "recv", error="EOPNOTSUPP")),
    ("MUST-31", "rfc9293/urgent-long", "server ioctl SIOCATMARK -> 0",
     lambda t: t.call("server", "ioctl", 1, value=1)),
    ("MUST-32", "rfc9293/urgent-told", "server poll PRI timeout 1s -> has PRI",
     lambda t: t.call("server", "poll", 1, value=0, out="")),
    ("MUST-32", "rfc9293/urgent-told", "server poll PRI timeout 1s -> has PRI",
     lambda t: t.call("server", "poll", 3, value=0, out="")),
    ("MUST-32", "rfc9293/urgent-signal", "server finish recv -> EINTR raises SIGURG",
     lambda t: t.call("server", "recv", 0, error="EINTR", signal=0)),
    ("MUST-32", "rfc9293/urgent-signal", "server finish recv -> EINTR raises SIGURG",
     lambda t: t.call("server", "recv", 3, error="EINTR", signal=0)),
    ("MUST-32", "rfc9293/urgent-signal", "server finish recv -> 10",  # the same pointer once more
     lambda t: t.call("server", "recv", 2, error="EINTR", signal=23)),
    ("MUST-33", "rfc9293/urgent-long", "server ioctl SIOCATMARK -> 1",
     lambda t: t.call("server", "ioctl", 2, value=0)),
    ("MUST-34", "rfc9293/window-shrinks", "silence client for 50ms",
     lambda t: t.more_in_line(t.segments("client", size=True)[-1], t.segments("peer", "ACK")[1], 20,
                              flags="RST,ACK", payload_len=0, payload_hash=None)),
    ("MUST-35", "rfc9293/zero-window-probe", "wire   client window-probe after 200ms..1s as @first",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", "ACK", size=False)[1:]]),
    ("MUST-36", "rfc9293/zero-window-probe", "wire   client window-probe after 200ms..2s since @first",
     lambda t: [t.unsaid(copies) for copies in t.segments("client", "ACK", size=False)[2:]]),
    ("MUST-37", "rfc9293/zero-window-held-open", "wire   client window-probe",
     lambda t: t.change(t.segments("client", "ACK")[4], flags="RST,ACK")),
    ("MUST-38", "rfc9293/sws-sender", "silence server for 30ms",
     lambda t: t.more(t.data_of("server", 3), 15, seq=lambda s: s + 1000, payload_len=300)),
    ("MUST-39", "rfc9293/sws-receiver", "silence server for 50ms",
     lambda t: t.more_in_line(t.segments("server", "ACK")[-1], [t.call("server", "recv", 1)], 20,
                              window=1)),
    ("MUST-40", "rfc9293/ack-not-late", "wire   server ACK ack=11 within 499ms",
     lambda t: t.later(t.segments("server", "ACK")[0], 600)),
    ("MUST-41", "bind/connection-reuseaddr", "server recv 10",
     lambda t: t.call("server", "recv", error="ECONNRESET")),
    ("MUST-42", "rfc9293/listen-beside-syn-sent", "client listen",
     lambda t: t.call("client", "listen", error="EADDRINUSE")),
    ("MUST-42", "rfc9293/listen-beside-syn-received", "client listen",
     lambda t: t.call("client", "listen", error="EADDRINUSE")),
    ("MUST-43", "rfc9293/local-address-given", "wire   client SYN src=second",
     lambda t: speaks_from(t, *second_address(t), 0)),
    ("MUST-44", "rfc9293/local-address-chosen", "wire   client/b SYN src=second",
     lambda t: speaks_from(t, *second_address(t), 1)),
    ("MUST-45", "rfc9293/local-address-stays", "wire   client 1..10 src=own",
     moves_on),
    ("MUST-46", "rfc9293/open-invalid-address-ipv4[to=multicast]", "client connect multicast:80",
     lambda t: t.call("client", "connect", value=0)),
    ("MUST-47", "rfc9293/soft-error-told", "client finish recv -> EHOSTUNREACH",
     lambda t: t.call("client", "recv", error="ETIMEDOUT")),
    ("MUST-48", "rfc9293/dscp-ipv4", "wire   client 1..10 dscp=46",
     lambda t: t.change(t.data_of("client"), tos=0)),
    ("MUST-48", "rfc9293/dscp-accepted-ipv4", "wire   server 11..20 dscp=46",
     lambda t: t.change(t.data_of("server", 1), tos=0)),
    ("MUST-49", "rfc9293/ttl-ipv4[ttl=255]", "wire   client SYN ttl=255",
     lambda t: t.change(t.segment("client", flags="SYN"), ttl=64)),
    ("MUST-50", "rfc9293/ip-options-unknown[bytes=5e04dead]", "wire   server SYN,ACK ack=1",
     lambda t: t.unsaid(t.segment("server", flags="SYN,ACK"))),
    ("MUST-51", "rfc9293/source-route-given", "wire   client SYN route=peer,nobody,peer",
     lambda t: t.change(t.segment("client", flags="SYN"), ip_options="")),
    ("MUST-52", "rfc9293/source-route-own-first", "wire   client ACK route=peer,peer",
     lambda t: t.change(t.segment("client", flags="ACK"),
                        ip_options=lambda o: o[:4] + "08" + o[6:])),
    ("MUST-53", "rfc9293/source-route-returned", "wire   server SYN,ACK route=peer,nobody,peer",
     lambda t: t.change(t.segment("server", flags="SYN,ACK"), ip_options="")),
    ("MUST-53", "rfc9293/source-route-returned", "wire   server 1..10 route=peer,nobody,peer",
     lambda t: t.change(t.data_of("server"), ip_options="")),
    ("MUST-54", "rfc9293/icmp-other-connection", "client finish connect",
     lambda t: t.call("client", "connect", error="ECONNREFUSED")),
    ("MUST-54", "rfc9293/icmp-hard-syn-sent", "client finish connect -> ECONNREFUSED",
     lambda t: t.call("client", "connect", error="ETIMEDOUT")),
    ("MUST-55", "rfc9293/icmp-quench", "silence client for 50ms",
     lambda t: t.more_in_line(t.data_of("client", 1), t.events_of("icmp")[-1:], 20,
                              flags="RST,ACK", payload_len=0)),
    ("MUST-56", "rfc9293/icmp-soft-errors[error=unreachable host]", "still  client ESTABLISHED for 50ms",
     lambda t: t.gone("client", t.events_of("icmp")[-1])),
    ("MUST-57", "rfc9293/syn-to-group-ipv4[to=broadcast]", "silence server for 100ms",
     lambda t: t.more_in_line(t.segment("server", flags="SYN,ACK"),
                              t.segment("peer", flags="SYN"), 20,
                              dst=t.segment("peer", flags="SYN")[0]["src"])),
    ("MUST-58", "rfc9293/acks-aggregated", "wire   server ACK ack=41",
     lambda t: t.more(t.segments("server", "ACK")[-1], -0.004, ack=lambda a: a - 30)),
    ("MUST-60", "rfc9293/small-write-leaves[nodelay=off]", "wire   client 1..1 within 500ms",
     lambda t: t.later(t.data_of("client"), 700)),
    ("MUST-61", "rfc9293/psh-last", "wire   server PSH 2001..2500",
     lambda t: t.change(t.data_of("server", 2), flags=without_flag("PSH"))),
    ("MUST-62", "rfc9293/urgent-pointer-sent", "wire   client URG 2..11 urg=10",
     lambda t: t.change(t.data_of("client", 1), urgent=9)),
    ("MUST-63", "rfc9293/syn-from-invalid-ipv4[src=multicast]", "silence server for 100ms",
     lambda t: t.more_in_line(t.segment("server", flags="SYN,ACK"), t.segment("peer", flags="SYN"),
                              20, dst="224.0.0.1:40000")),
    ("MUST-64", "rfc9293/options-on-syn[opts=[nop,mss 600,nop,nop]]", "wire   server 1..600",
     lambda t: t.change(t.data_of("server"), payload_len=536)),
    ("MUST-65", "rfc9293/mss-only-on-syn", "wire   client ACK opt!~mss",
     lambda t: option(t, t.segment("client", flags="ACK"), MSS_ONLY)),
    ("MUST-65", "rfc9293/mss-only-on-syn", "never  wire client opt~mss any",
     lambda t: option(t, t.data_of("client"), MSS_ONLY)),
    ("MUST-66", "rfc9293/rst-zero-window", "state  server CLOSED",
     lambda t: state_stays(t, "server", "CLOSED")),
    ("MUST-66", "rfc9293/urgent-zero-window", "server ioctl SIOCATMARK -> 1",
     lambda t: t.call("server", "ioctl", 1, value=0)),
    ("MUST-67", "rfc9293/mss-advertised-ipv4", "wire   client SYN opt~mss=1460",
     lambda t: option(t, t.segment("client", flags="SYN"), "0204ffff")),
    ("MUST-68", "rfc9293/options-sent", "wire   client SYN opt!~malformed opt!~junk",
     lambda t: option(t, t.segment("client", flags="SYN"), "020405b4fd010101")),
    ("MUST-68", "rfc9293/options-sent", "wire   client ACK opt!~malformed opt!~junk",
     lambda t: option(t, t.segments("client", "ACK", size=False)[1], "1e010101")),
    ("MUST-69", "rfc9293/options-sent", "wire   client SYN opt!~malformed opt!~junk",
     lambda t: option(t, t.segment("client", flags="SYN"), "020405b400ff0000")),
]


@pytest.fixture(scope="module")
def violated(sockproof, tmp_path_factory):
    """All rows judged at once: rows of one results folder, told apart by their repeat."""
    runs = tmp_path_factory.mktemp("violations")
    ids = sorted({row[1] for row in ROWS})
    done = sockproof("run", *sorted({id.partition("[")[0] for id in ids}), "--lab", "veth", "--family",
                     "ipv4", "--cases", ROOT / "cases", "--results", runs / "good", "--jobs", "16")
    made = read_json(runs / "good" / "run.json")
    good = {row["id"]: row for row in made["runs"]}
    assert {id for id in ids if good[id]["verdict"] not in ("pass", "variant")} == set(), done.stdout
    rows = []
    for number, (_requirement, id, _line, damage) in enumerate(ROWS):
        source = runs / "good" / good[id]["dir"]
        target = runs / "bad" / "cases" / str(number)
        shutil.copytree(source, target)
        trace = Trace(source / "trace.json")
        damage(trace)
        (target / "trace.json").write_text(trace.text())
        rows.append({**good[id], "repeat": number + 1, "dir": f"cases/{number}"})
    (runs / "bad" / "run.json").write_text(json.dumps({**made, "runs": rows}))
    judged = sockproof("judge", runs / "bad", "--json", "--cases", ROOT / "cases")
    assert judged.stdout, judged.stderr
    return {row["repeat"] - 1: row for row in json.loads(judged.stdout)["runs"]}


@pytest.mark.parametrize("number", range(len(ROWS)),
                         ids=[f"{row[0]}-{row[1].partition('/')[2]}-{number}"
                              for number, row in enumerate(ROWS)])
def test_the_line_that_states_it_is_blamed(violated, number):
    requirement, id, line, _damage = ROWS[number]
    row = violated[number]
    text = (ROOT / row["file"]).read_text()
    assert re.search(rf"RFC9293:{requirement}\b", text), f"{id} does not hold {requirement}"
    assert row["verdict"] == "fail", row["reason"]
    assert row["blames"] != "peer"
    blamed = text.splitlines()[int(row["at"].rpartition(":")[2]) - 1].strip()
    wanted = line
    for name, value in re.findall(r"(\w+)=((?:\[[^]]*\]|[^,\]])+)", id.partition("[")[2][:-1]):
        blamed = blamed.replace(f"${name}", value)
    assert blamed.startswith(wanted), f"{row['at']}: {row['reason']}"


def test_every_testable_must_of_rfc_9293_has_a_row():
    table = [line.split("\t") for line in (ROOT / "docs/requirements.tsv").read_text().splitlines()]
    musts = {row[0] for row in table if row[0].startswith("MUST-") and row[4] in "ab"}
    # The length of TIME_WAIT is a minute's wait: time-wait/length has to be damaged by hand.
    assert musts - {row[0] for row in ROWS} == {"MUST-13"}
