"""sockproof.exe, which ./dev windows builds, as it runs under Wine (docs/windows.md)."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tools import HERE, ROOT, read_json, rows_of

UNDER_WINE = HERE / "under-wine"


class Windows:
    """Calls the program as a test would call it on Windows; files of this machine are on Z:."""

    def __init__(self, exe, environment):
        self.exe, self.environment = exe, environment

    def __call__(self, *words, shell=None, timeout=120, prefix=(), env=None):
        """`shell`: a script that starts the program, as "$WINELOADER" "$@"."""
        how = [UNDER_WINE] if shell is None else [UNDER_WINE, "--shell", shell]
        return subprocess.run([*map(str, [*prefix, *how, self.exe, *words])], cwd=ROOT,
                              timeout=timeout, env={**self.environment, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)


@pytest.fixture(scope="module")
def windows(sockproof):
    """Where ./dev windows has been run: wine is optional for everything else, and 700 MB."""
    built = Path(str(Path(sockproof.path).resolve().parent) + "-windows")
    if os.geteuid() != 0 or not shutil.which("wine"):
        pytest.skip("needs root and wine (apt-get install wine)")
    if not (built / "build.ninja").exists():
        pytest.skip(f"no {built}/sockproof.exe: ./dev windows builds it")
    made = subprocess.run(["ninja", "-C", built, "sockproof"], capture_output=True, text=True,
                          check=False)
    assert made.returncode == 0, made.stdout
    environment = {**os.environ, "SOCKPROOF_PROGRAM": str(sockproof.path)}
    prefix = subprocess.run([ROOT / "stacks/wine/version"], env=environment, capture_output=True,
                            text=True, timeout=300, check=False)
    if prefix.returncode != 0:
        pytest.skip("Wine's prefix cannot be made here: stacks/wine/version says no version")
    return Windows(built / "sockproof.exe", environment)


class TestWhatNeedsNoSocket:
    def test_a_judged_result_is_the_same_to_the_byte(self, sockproof, windows, plain, tmp_path):
        here, there = tmp_path / "here", tmp_path / "there"
        for folder in (here, there):
            shutil.copytree(plain.folder, folder)
        ours = sockproof("judge", here, "--os", "windows-10.0.19045", "--json")
        theirs = windows("judge", there, "--os", "windows-10.0.19045", "--json")
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout.decode())
        assert any(row["verdict"] == "fail" for row in json.loads(ours.stdout)["runs"])
        for file in (path for path in here.rglob("*") if path.is_file()):
            assert file.read_bytes() == (there / file.relative_to(here)).read_bytes(), file

    def test_a_ladder_is_the_same(self, sockproof, windows, plain):
        words = "explain", "plain/conversation", "--results", plain.folder
        ours = sockproof(*words, env={"LC_ALL": "C.UTF-8"})
        theirs = windows(*words)
        assert theirs.returncode == 0 and ours.stdout == theirs.stdout.decode()
        assert "ESTABLISHED" in ours.stdout

    def test_a_comparison_tells_the_regression(self, windows, plain, copy_of_plain):
        trace = copy_of_plain.path(plain.row("plain/conversation"), "trace.json")
        trace.write_text(trace.read_text().replace('"ESTABLISHED"', '"CLOSE_WAIT"'))
        same = windows("compare", plain.folder, plain.folder)
        worse = windows("compare", plain.folder, copy_of_plain.folder)
        assert (same.returncode, worse.returncode) == (0, 1), worse.stdout + worse.stderr

    @pytest.mark.parametrize("format", ["html", "junit", "ktap", "markdown", "json"])
    def test_reports_are_the_same(self, sockproof, windows, plain, tmp_path, format):
        def report(program, name):
            done = program("report", plain.folder, "--format", format, "-o", tmp_path / name)
            return done.returncode, (tmp_path / name).read_bytes()
        ours, theirs = report(sockproof, "ours"), report(windows, "theirs")
        if format == "html":  # it says when it was made
            assert (ours[0], theirs[0]) == (0, 0)
            assert abs(len(ours[1]) - len(theirs[1])) < 200
        else:
            assert ours == theirs

    def test_cases_are_found_by_pattern_and_listed(self, sockproof, windows):
        words = "list", "linger/[a-z]*ero*", "close", "--runs", "--json"
        ours, theirs = sockproof(*words), windows(*words)
        assert theirs.returncode == 0 and ours.stdout == theirs.stdout.decode()
        assert "linger/zero-resets" in ours.stdout
        assert windows("list", "no-such-*").returncode == 4

    def test_a_bad_case_is_told_with_its_place(self, sockproof, windows):
        bad = sorted((ROOT / "tests/bad-cases").glob("*.case"))[0].relative_to(ROOT)
        ours, theirs = sockproof("lint", bad), windows("lint", bad)
        assert ours.returncode == theirs.returncode == 4
        assert ours.stdout in theirs.stdout.decode()
        assert all(line in theirs.stderr.decode() for line in ours.stderr.splitlines())

    def test_our_cases_are_canonical_there_too(self, windows):
        done = windows("fmt", "--check")
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("word", ["linger\\zero-resets", "cases\\linger\\zero-resets.case",
                                      ".\\cases\\linger\\"])
    def test_folders_may_be_joined_as_windows_does(self, windows, word):
        done = windows("list", word)
        assert done.returncode == 0, done.stderr
        assert b"zero-resets" in done.stdout

    def test_a_name_may_be_of_any_letters_and_of_any_length(self, windows, plain, tmp_path):
        folder = tmp_path.joinpath("Ergebnisse für 測試", *["a folder with a long name"] * 12)
        shutil.copytree(plain.folder, folder)
        again = windows("judge", folder, "--json")
        ladder = windows("explain", "plain/conversation", "--results", folder)
        assert again.returncode == ladder.returncode == 0, again.stderr + ladder.stderr
        missing = windows("judge", folder / "測", "--json")
        assert missing.returncode == 4 and "測" in missing.stderr.decode()

    def test_a_file_in_the_place_of_the_results_is_named(self, windows, tmp_path):
        (tmp_path / "file").write_text("")
        done = windows("run", "--cases", HERE, "plain/conversation", "--results", tmp_path / "file")
        assert done.returncode == 3 and "Not a directory" in done.stderr.decode()

    def test_the_commands_are_those_that_work_there(self, windows):
        words = windows("--help").stdout.decode()
        assert "judge" in words and "guest" not in words
        assert windows("guest").returncode == 4


# ---- runs ------------------------------------------------------------------------------------------

# A network namespace with nothing but a loopback, as quiet as a lab's.
QUIET = "ip link set lo mtu 1500 gso_max_segs 1 up"
TWO_MORE = "ip -6 addr add fd5c::1/128 dev lo nodad && ip -6 addr add fd5c::2/128 dev lo nodad"


def alone(*setup):
    return ["unshare", "--net", "sh", "-c", " && ".join([QUIET, *setup, 'exec "$@"']), "sh"]


# What is written first is the file's own head: the capture has begun.
CAPTURED = """
dumpcap -q -i lo -w "$OUTSIDE" 2>"$OUTSIDE.log" &
while ! grep -q '^File' "$OUTSIDE.log" || ! [ -s "$OUTSIDE" ]; do
    kill -0 $! && sleep 0.05 || exit 9
done
"$WINELOADER" "$@"
code=$?
sleep 1
kill -INT $!
wait $!
exit $code
"""

# Two processes at a time: the runner that is killed, and the agents that must go with it.
KILLED = """
"$WINELOADER" "$@" >&2 &
agents() { grep -lz -- '--agains[t]' /proc/[0-9]*/cmdline 2>/dev/null | wc -l; }
within() { # SECONDS COUNT
    n=$(($1 * 20))
    while [ "$(agents)" != "$2" ]; do
        n=$((n - 1)); [ $n -gt 0 ] || { echo "$(agents) agents, not $2"; exit 1; }
        sleep 0.05
    done
}
within 60 2
kill -KILL $!
within 20 0
pgrep -x wineserver64 >/dev/null || pgrep wineserver >/dev/null || { echo "all of Wine is gone"; exit 2; }
"""

INTERRUPTED = """
"$WINELOADER" "$@" &
n=1200
until grep -q '"id"' "$RESULTS/run.json" 2>/dev/null; do
    n=$((n - 1)); [ $n -gt 0 ] || exit 9
    sleep 0.05
done
kill -INT $!
wait $!
"""


@pytest.fixture(scope="module")
def ran(windows, tmp_path_factory):
    """A few cases of both families, with another capture outside of Wine."""
    if not shutil.which("dumpcap") or not shutil.which("tshark"):
        pytest.skip("no tshark; as root: apt-get install tshark")
    folder = tmp_path_factory.mktemp("windows")
    outside = folder / "outside.pcapng"
    done = windows("run", "--cases", HERE, "plain/conversation",
                   "plain/windows-differs", "--results", folder / "r",
                   prefix=alone(TWO_MORE), env={"OUTSIDE": str(outside)}, timeout=300, shell=CAPTURED)
    assert (folder / "r/run.json").exists(), done.stderr
    return folder / "r", outside, done


def segments(path):
    fields = ("ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "tcp.flags",
              "tcp.seq_raw", "tcp.ack_raw", "tcp.len")
    words = ["tshark", "-n", "-r", str(path), "-Y", "tcp", "-T", "fields"]
    done = subprocess.run([*words, *(word for field in fields for word in ("-e", field))],
                          capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


class TestRuns:
    def test_cases_are_played_and_judged(self, ran):
        folder, _outside, done = ran
        verdicts = {(row["id"], row["family"]): row["verdict"] for row in rows_of(folder)}
        for family in ("ipv4", "ipv6"):
            assert verdicts["plain/conversation", family] == "pass", done.stdout
            assert verdicts["plain/windows-differs", family] == "fail"  # Wine's API is not Linux's
        assert done.returncode == 1

    def test_the_stack_is_an_api_over_another_systems_tcp(self, ran):
        folder, _outside, _done = ran
        run = read_json(folder / "run.json")
        assert run["machine"]["sysname"] == "Windows" and run["stack"]["os"] == "wine"
        assert any("loopback" in note for note in run["notes"])
        for row in rows_of(folder):
            ends = read_json(folder / row["dir"] / "trace.json")["ends"]
            for end in ("client", "server"):
                assert ends[end]["api"]["name"] == "wine" and ends[end]["tcp"]["name"] == "linux"

    def test_an_error_has_both_its_names(self, ran):
        folder, _outside, _done = ran
        seen = [row["seen"] for row in rows_of(folder) if row["id"] == "plain/windows-differs"]
        assert seen and all("ETIMEDOUT (WSAETIMEDOUT)" in text for text in seen)

    def test_states_come_from_the_systems_table(self, ran):
        folder, _outside, _done = ran
        row = rows_of(folder)[0]
        events = read_json(folder / row["dir"] / "trace.json")["events"]
        states = [event for event in events if event["kind"] == "state"]
        assert {event["source"] for event in states} == {"table"}
        assert {"ESTABLISHED", "LISTEN"} <= {event["new"] for event in states}

    def test_its_capture_and_one_outside_agree(self, ran):
        folder, outside, _done = ran
        from_outside = segments(outside)
        seen = 0
        for row in rows_of(folder):
            own = segments(folder / row["dir"] / "capture.pcapng")
            ports = {(segment[2], segment[5]) for segment in own}
            same = [segment for segment in from_outside if (segment[2], segment[5]) in ports]
            # what the kernel sends when a run is over and its capture closed, only the outside sees
            late = len(same) if row["id"] == "plain/conversation" else len(own)
            assert own == same[:late], row["id"]
            seen += len(own)
        assert seen > 20

    def test_each_run_has_addresses_of_its_own(self, ran):
        folder, _outside, _done = ran
        used = [read_json(folder / row["dir"] / "trace.json")["ends"]["server"]["addr"]
                for row in rows_of(folder) if row["family"] == "ipv4"]
        assert len(set(used)) == len(used) and all(text.startswith("127.") for text in used)

    def test_linux_judges_its_traces_the_same(self, ran, sockproof):
        folder, _outside, _done = ran
        done = sockproof("judge", folder, "--json")
        again = {(row["id"], row["family"]): (row["verdict"], row["seen"])
                 for row in json.loads(done.stdout)["runs"]}
        assert again == {(row["id"], row["family"]): (row["verdict"], row["seen"])
                         for row in rows_of(folder)}

    def test_the_doctor_tells_what_is_missing(self, windows):
        both = windows("doctor", prefix=alone(TWO_MORE))
        none = windows("doctor", prefix=alone(), env={"WINEDLLOVERRIDES": "wpcap="})
        assert both.returncode == none.returncode == 0, both.stdout + none.stdout
        assert b"without" not in both.stdout
        assert [line.split()[1] for line in none.stdout.decode().splitlines()
                if line.startswith("without")] == ["wire", "lab"]
        assert b"npcap.com" in none.stdout and b"netsh" in none.stdout

    def test_who_connects_from_the_wildcard_is_skipped(self, windows, tmp_path):
        done = windows("run", "connect/wildcard", "connect/bound-port", "--family", "ipv4",
                       "--results", tmp_path / "r", prefix=alone())
        rows = rows_of(tmp_path / "r")
        skipped = {row["id"]: row["reason"] for row in rows if row["verdict"] == "skip"}
        assert done.returncode == 0, done.stdout
        assert set(skipped) == {"connect/wildcard", "connect/bound-port[address=any]"}
        assert len(rows) == 3 and all("wildcard" in reason for reason in skipped.values())

    def test_without_wpcap_the_verdict_says_that_the_wire_was_not_watched(self, windows, tmp_path):
        done = windows("run", "--cases", HERE, "plain/conversation", "--results", tmp_path / "r",
                       prefix=alone(), env={"WINEDLLOVERRIDES": "wpcap="})
        first, second = sorted(rows_of(tmp_path / "r"), key=lambda row: row["family"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert first["verdict"] == "pass"
        assert any("calls, states" in note and "wire" not in note for note in first["notes"])
        trace = read_json(tmp_path / "r" / first["dir"] / "trace.json")
        assert any("Npcap" in event.get("text", "") for event in trace["events"])
        # and without the two addresses of IPv6 there is nothing to tell the ends apart by
        assert second["verdict"] == "skip" and "docs/windows.md" in second["reason"]

    def test_a_killed_runner_leaves_no_agent(self, windows, tmp_path):
        done = windows("run", "--cases", HERE, "slow/waits",
                       "--family", "ipv4", "--results", tmp_path / "r", prefix=alone(),
                       shell=KILLED)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_an_interrupted_run_keeps_what_is_finished(self, windows, tmp_path):
        done = windows("run", "--cases", HERE,
                       "plain/conversation", "slow/waits", "--family", "ipv4", "--results",
                       tmp_path / "r", prefix=alone(), env={"RESULTS": str(tmp_path / "r")},
                       shell=INTERRUPTED)
        assert done.returncode == 2, done.stdout + done.stderr
        assert [row["id"] for row in rows_of(tmp_path / "r")] == ["plain/conversation"]
        assert read_json(tmp_path / "r/run.json")["finished"] is False

    @pytest.mark.parametrize("words, said", [
        (["--jobs", "2"], "at once"), (["--lab", "veth"], "veth"), (["--client", "gvisor"], "gvisor"),
        (["--appliance", "nat"], "box"), (["--kernel", "uml:x"], "Linux")])
    def test_what_it_cannot_do_is_refused_by_name(self, windows, tmp_path, words, said):
        done = windows("run", "--cases", HERE, "plain/conversation", "--results", tmp_path / "r",
                       *words)
        assert done.returncode == 4 and said in done.stderr.decode()
        assert not (tmp_path / "r").exists()
