"""Captures as tshark sees them."""
import shutil
import subprocess

import pytest


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


class TestEveryCapture:
    def test_tshark_reads_them_all_without_a_complaint(self, mixed):
        paths = sorted(mixed.folder.rglob("capture.pcapng"))
        judged = [row for row in mixed.rows if row["verdict"] not in ("skip", "broken")]
        assert len(paths) >= len(judged)
        for path in paths[::7]:
            assert tshark(path, "frame.number")
