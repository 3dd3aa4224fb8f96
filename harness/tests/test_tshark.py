"""Captures as tshark sees them."""
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools import read_json


def tshark(path, *fields):
    words = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for field in fields:
        words += ["-e", field]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    complaints = [line for line in done.stderr.splitlines()
                  if line and not line.startswith("Running as user")]
    assert done.returncode == 0 and complaints == [], done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def needs_tshark():
    if not shutil.which("tshark"):
        pytest.skip("no tshark; as root: apt-get install tshark")


@pytest.mark.parametrize("lab", ["loopback", "veth"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
class TestTshark:
    def frames(self, plain, lab, family):
        row = plain.row("plain/conversation", lab, family)
        return tshark(plain.path(row, "capture.pcapng"), "frame.protocols", "frame.comment",
                      "tcp.flags", "systemd_journal.message", "frame.time_epoch")

    def test_every_matched_segment_carries_its_case_line(self, plain, lab, family):
        comments = [frame[1] for frame in self.frames(plain, lab, family) if "tcp" in frame[0]]
        text = " ".join(comments)
        for line in ("conversation.case:9 wire client 1..10", "conversation.case:12 wire client FIN",
                     "conversation.case:15 wire server FIN"):
            assert line.split(" ", 1)[0] in text and line in " ".join(text.split())

    def test_calls_and_states_are_rows_between_the_packets(self, plain, lab, family):
        frames = self.frames(plain, lab, family)
        kinds = ["journal" if "journal" in frame[0] else "tcp" for frame in frames
                 if "journal" in frame[0] or "tcp" in frame[0]]
        rows = [frame[3] for frame in frames if "journal" in frame[0]]
        assert any("send(10) -> 10" in row for row in rows)
        lasting, passing = "ESTABLISHED", "FIN_WAIT_1"  # polling sees what lasts
        seen = passing if plain.run["machine"]["privileged"] else lasting
        assert any(seen in row for row in rows)
        first, last = kinds.index("tcp"), len(kinds) - kinds[::-1].index("tcp")
        assert "journal" in kinds[first:last]

    def test_times_never_go_backwards(self, plain, lab, family):
        times = [float(frame[4]) for frame in self.frames(plain, lab, family)]
        assert times == sorted(times)


@pytest.fixture(scope="module")
def many(sockproof, tmp_path_factory):
    """Every short case of some topics, on each lab."""
    folder = tmp_path_factory.mktemp("many") / "r"
    done = sockproof("run", "linger", "reset", "close", "handshake", "box", "--family", "ipv4",
                     "--max-wait", "200ms", "--results", folder, timeout=300)
    rows = read_json(folder / "run.json")["runs"]
    assert len(rows) > 80, done.stderr
    return [(row, folder / row["dir"]) for row in rows if row["verdict"] not in ("skip", "broken")]


class TestEveryCapture:
    def test_tshark_reads_each_of_a_whole_run_and_finds_what_its_trace_holds(self, many):
        """Without a complaint; every segment, every call, every state, every line's comment."""
        def look(of):
            row, folder = of
            frames = tshark(folder / "capture.pcapng", "frame.protocols", "frame.comment",
                            "systemd_journal.message")
            return row, read_json(folder / "trace.json"), read_json(folder / "result.json"), frames

        with ThreadPoolExecutor(4) as pool:
            looked = list(pool.map(look, many))
        assert len(looked) == len(many)
        seen = {"call": 0, "state": 0, "segment": 0, "comment": 0}
        for row, trace, result, frames in looked:
            journal = [frame[2] for frame in frames if "journal" in frame[0]]
            packets = [frame for frame in frames if "journal" not in frame[0]]
            kinds = {kind: [event for event in trace["events"] if event["kind"] == kind]
                     for kind in ("call", "state", "segment")}
            assert len(packets) >= len(kinds["segment"]), row
            for call in kinds["call"]:
                assert any(f"{call['name']}(" in text for text in journal), (row, call)
            for state in kinds["state"]:
                if state["source"] == "tracepoint":
                    assert any(state["new"] in text for text in journal), (row, state)
            comments = " ".join(" ".join(frame[1].split()) for frame in packets)
            orders = {event["order"] for event in kinds["segment"]}
            for line in result["lines"]:
                if line["how"] == "done" and orders & set(line["matched"]):
                    assert " ".join(line["text"].split()) in comments, (row, line)
                    seen["comment"] += 1
            for kind, events in kinds.items():
                seen[kind] += len(events)
        assert all(count > 100 for count in seen.values()), seen
