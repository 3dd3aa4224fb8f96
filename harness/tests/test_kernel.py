"""`run --kernel`: guests that work, and guests that do not."""
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ROOT, key, rows_of, verdicts, wait_until

# A program that is started as a kernel is, and speaks as our own program inside one does.
GUEST = """#!{python}
import json, os, sys, time
if sys.argv[1:] == ["--version"]:
    print("6.12.99")
    sys.exit()
os.chdir(sys.argv[-1].strip('"'))
runs = [line.split("\\t") for line in open("job").read().splitlines() if line.startswith("run\\t")]

def say(word, text):
    with open("said", "ab") as said:
        said.write(word.encode() + len(text).to_bytes(4, "little") + text.encode())

def id_of(run):
    return "plain/" + os.path.basename(run[1]).removesuffix(".case")

def at(run):
    say("S", f"{{id_of(run)}}@{{run[3]}}@{{run[4]}}\\twire client SYN")

def passes(run):
    say("R", json.dumps({{"id": id_of(run), "topic": "plain", "title": "t", "lab": run[3],
                         "family": run[4], "repeat": int(run[5]), "verdict": "pass",
                         "reason": "as expected", "duration_ms": 1.0, "cpu_ms": 0.0,
                         "file": run[1], "notes": [], "dir": "cases/x"}}))

try:  # several guests may begin at the same time
    os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
    first = True
except FileExistsError:
    first = False
{body}
"""

WORKS = """
for run in runs:
    at(run)
    passes(run)
say("E", "1\\t0\\t")
"""


def kernel(tmp_path, body):
    """One that does `body` in its first guest and works in every other."""
    path = tmp_path / "kernel"
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(GUEST.format(python=sys.executable, mark=str(tmp_path / "mark"),
                                 body=f"if first:\n{indented}    sys.exit()\n{WORKS}"))
    path.chmod(0o755)
    return f"uml:{path}"


def run(sockproof, folder, kernel_word, *words):
    done = sockproof.run("plain/conversation", "--kernel", kernel_word, "--jobs", "1", *words,
                         results=folder)
    return done, rows_of(folder)


def hour(folder):
    """A case that waits an hour, in a folder of cases of its own."""
    case = folder / "cases" / "jump" / "hour.case"
    case.parent.mkdir(parents=True)
    case.write_text("case jump/hour\ntitle an hour passes\nspec RFC9293:3.8.4\nlabs veth\n"
                    "family ipv4\nneeds clock=virtual\n\n"
                    "establish\nwait 1h\nclient close\nwire client FIN\n")
    return folder / "cases"


class TestTheClock:
    def test_on_a_real_one_what_needs_a_virtual_one_is_skipped_and_said(self, sockproof, tmp_path):
        done = sockproof("run", "--cases", hour(tmp_path), "--results", tmp_path / "r", timeout=50)
        rows = rows_of(tmp_path / "r")
        assert done.returncode == 5 and [row["verdict"] for row in rows] == ["skip"]
        assert "clock=virtual" in rows[0]["reason"] and "clock=virtual" in done.stdout


class TestGuestsThatFail:
    def test_a_panic_costs_the_run_that_it_came_in(self, sockproof, tmp_path):
        word = kernel(tmp_path, "at(runs[0])\nprint('Kernel panic - not syncing: made up', flush=True)")
        done, rows = run(sockproof, tmp_path / "r", word, "--repeat", "3")
        broken = [row for row in rows if row["verdict"] == "broken"]
        assert done.returncode == 3 and len(broken) == 1 and len(rows) > 3
        assert broken[0]["reason"] == "the guest's kernel panicked: made up"
        assert "Kernel panic - not syncing: made up" in broken[0]["notes"]
        assert all(row["verdict"] == "pass" for row in rows if row is not broken[0])

    @pytest.mark.parametrize("body, said", [
        ("at(runs[0])\ntime.sleep(60)", "the guest hung for 3s and was ended"),
        ("at(runs[0])\nwhile True: pass", "the guest computed for 3s without a sign and was ended"),
        ("at(runs[0])\nsys.exit(7)", "the guest ended with 7 before its runs did"),
        ("at(runs[0])\nos.kill(os.getpid(), 11)", "the guest was ended by signal 11"),
    ])
    def test_what_became_of_a_guest_is_said(self, sockproof, tmp_path, body, said):
        done, rows = run(sockproof, tmp_path / "r", kernel(tmp_path, body), "--patience", "3s")
        broken = [row["reason"] for row in rows if row["verdict"] == "broken"]
        assert done.returncode == 3 and len(broken) == 1
        # "for 3s" is what it was: a busy machine looks later
        assert broken[0].split(" for ")[0].startswith(said.split(" for ")[0])

    def test_while_others_have_its_processor_patience_does_not_run_out(self, sockproof, tmp_path):
        word = kernel(tmp_path, "at(runs[0])\nwhile time.process_time() < 0.9: pass\n"
                                "for run in runs:\n    at(run)\n    passes(run)\nsay('E', '1\\t0\\t')")
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(ours)})
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(7)]
        try:
            done, rows = run(sockproof, tmp_path / "r", word, "--patience", "3s")
        finally:
            os.sched_setaffinity(0, ours)
            for other in others:
                other.kill()
                other.wait()
        assert done.returncode == 0 and all(row["verdict"] == "pass" for row in rows), rows

    def test_a_run_that_was_done_is_not_run_again(self, sockproof, tmp_path):
        word = kernel(tmp_path, "at(runs[0])\npasses(runs[0])\nat(runs[1])\nsys.exit(1)")
        _, rows = run(sockproof, tmp_path / "r", word, "--repeat", "2")
        assert len({key(row) for row in rows}) == len(rows)
        assert [row["verdict"] for row in rows].count("broken") == 1

    def test_a_guest_that_dies_between_two_runs_is_told_of_at_the_next(self, sockproof, tmp_path):
        word = kernel(tmp_path, "at(runs[0])\npasses(runs[0])\n"
                                "print('Kernel panic - not syncing: behind it', flush=True)")
        done, rows = run(sockproof, tmp_path / "r", word, "--repeat", "2")
        broken = [row for row in rows if row["verdict"] == "broken"]
        assert done.returncode == 3 and len(broken) == 1 and len({key(row) for row in rows}) == len(rows)
        assert broken[0]["reason"].startswith("the guest's kernel panicked: behind it, after plain/conversation@")

    def test_guests_that_never_start_end_the_run_with_their_last_words(self, sockproof, tmp_path):
        path = tmp_path / "kernel"
        path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo 6.1 || exit 9\n')
        path.chmod(0o755)
        done, rows = run(sockproof, tmp_path / "r", f"uml:{path}")
        assert done.returncode == 3 and rows == []
        assert "the guest ended with 9 before its runs did" in done.stderr

    def test_nothing_is_left_of_guests_in_the_results(self, sockproof, tmp_path):
        run(sockproof, tmp_path / "r", kernel(tmp_path, "at(runs[0])\nsys.exit(1)"))
        assert [name for name in os.listdir(tmp_path / "r") if name.startswith(".guest")] == []

    @pytest.mark.parametrize("word", ["uml:/nonexistent", "uml:/bin/true", "qemu", "qemu:/nonexistent",
                                      "qemu:/bin/true", "/boot/vmlinuz"])
    def test_what_is_no_kernel_is_a_mistake_of_the_callers(self, sockproof, tmp_path, word):
        done, _ = run(sockproof, tmp_path / "r", word)
        assert done.returncode == 4 and not (tmp_path / "r").exists()


# A program that is started as QEMU is, in the guest's folder. Several runs are under way at once.
MACHINE = GUEST.replace('''if sys.argv[1:] == ["--version"]:
    print("6.12.99")
    sys.exit()
os.chdir(sys.argv[-1].strip('"'))
''', '''
console = open("console", "ab", buffering=0)
''').replace('''def at(run):
''', '''def begins(run):
    say("B", f"{{id_of(run)}}@{{run[3]}}@{{run[4]}}\\t{{run[5]}}")

def at(run):
''')


class Machines:
    """A folder with a kernel, its modules and what stands for QEMU in it."""

    NEEDED = ("virtio_pci", "9pnet", "9pnet_virtio", "9p", "veth", "af_packet", "inet_diag",
              "tcp_diag")

    def __init__(self, folder, text="6.1.0-99-amd64 (somebody) #1 SMP Debian 6.1.234-1 (2026-01-01)"):
        self.folder, self.release = folder, text.split(" ")[0]
        image = bytearray(0x1000)
        image[0x202:0x206] = b"HdrS"
        image[0x20e:0x210] = (0x600).to_bytes(2, "little")
        image[0x800:0x800 + len(text)] = text.encode()
        self.kernel = folder / "boot" / "vmlinuz"
        self.kernel.parent.mkdir(parents=True)
        self.kernel.write_bytes(image)
        self.word, self.env = f"qemu:{self.kernel}", {}
        self.modules(self.NEEDED)

    def modules(self, names, builtin=()):
        folder = self.folder / "lib" / "modules" / self.release
        (folder / "kernel").mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / "kernel" / f"{name}.ko.xz").write_text(name)
        (folder / "modules.order").write_text("".join(f"kernel/{name}.ko\n" for name in names))
        (folder / "modules.builtin").write_text("".join(f"kernel/{name}.ko\n" for name in builtin))

    def does(self, body):
        """In the first guest; in every other it works."""
        program = self.folder / "bin" / "qemu-system-x86_64"
        program.parent.mkdir()
        indented = "".join(f"    {line}\n" for line in body.splitlines())
        program.write_text(MACHINE.format(python=sys.executable, mark=str(self.folder / "mark"),
                                          body=f"if first:\n{indented}    sys.exit()\n{WORKS}"))
        program.chmod(0o755)
        self.env = {"PATH": f"{program.parent}:{os.environ['PATH']}"}

    def run(self, sockproof, *words, env=None):
        done = sockproof.run("plain/conversation", "--kernel", self.word, *words,
                             results=self.folder / "r", env=env or self.env)
        return done, rows_of(self.folder / "r")


def unpacked(archive):
    """What is in a cpio archive of the format newc, by name."""
    files, at = {}, 0
    while True:
        assert archive[at:at + 6] == b"070701"
        sizes = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110:at + 109 + sizes[11]].decode()
        begin = (at + 110 + sizes[11] + 3) // 4 * 4
        if name == "TRAILER!!!":
            return files
        files[name] = archive[begin:begin + sizes[6]]
        at = (begin + sizes[6] + 3) // 4 * 4


class TestVirtualMachines:
    """What is told of a machine, and asked of it, by what stands for QEMU."""

    def test_a_panic_costs_the_runs_that_were_under_way(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("begins(runs[0])\nbegins(runs[1])\npasses(runs[0])\nbegins(runs[2])\n"
                      "console.write(b'Kernel panic - not syncing: made up\\r\\n')")
        done, rows = machines.run(sockproof, "--repeat", "3")
        broken = [row for row in rows if row["verdict"] == "broken"]
        assert done.returncode == 3 and len(broken) == 2 and len(rows) > 3
        assert len({key(row) for row in rows}) == len(rows)
        for row in broken:
            assert row["reason"] == "the guest's kernel panicked: made up, with 2 runs under way"
            assert "Kernel panic - not syncing: made up" in row["notes"]
        assert all(row["verdict"] == "pass" for row in rows if row not in broken)

    @pytest.mark.parametrize("body, said", [
        ("begins(runs[0])\ntime.sleep(60)", "the guest hung"),
        ("begins(runs[0])\nwhile True: pass", "the guest computed"),
        ("begins(runs[0])\nos.kill(os.getpid(), 6)", "the guest was ended by signal 6"),
    ])
    def test_what_became_of_a_machine_is_said(self, sockproof, tmp_path, body, said):
        machines = Machines(tmp_path / "m")
        machines.does(body)
        done, rows = machines.run(sockproof, "--patience", "3s")
        broken = [row["reason"] for row in rows if row["verdict"] == "broken"]
        assert done.returncode == 3 and len(broken) == 1 and broken[0].startswith(said)

    def test_one_that_never_comes_up_ends_the_run_with_its_last_words(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("pass")
        (tmp_path / "m" / "bin" / "qemu-system-x86_64").write_text("#!/bin/sh\necho no such CPU\nexit 1\n")
        done, rows = machines.run(sockproof)
        assert done.returncode == 3 and rows == []
        assert done.stderr.count("\n") == 1 and "no guest came up" in done.stderr
        assert "the guest ended with 1" in done.stderr and "no such CPU" in done.stderr

    def test_the_results_name_the_kernel_that_a_package_was_built_from(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("pass")
        done, _ = machines.run(sockproof)
        head = json.loads((tmp_path / "m" / "r" / "run.json").read_text())
        assert done.returncode == 0, done.stderr
        assert head["stack"]["name"] == "linux-6.1.234"
        assert head["machine"]["release"] == "6.1.0-99-amd64" and head["machine"]["clock"] == "real"
        assert any("virtual machine" in note for note in head["notes"])

    def test_a_machine_is_given_the_modules_and_only_reads_the_hosts_root(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        saved = tmp_path / "saved"
        machines.does(f"import shutil\nshutil.copy('initramfs', {str(saved)!r})\n"
                      f"open({str(saved) + '.words'!r}, 'w').write('\\n'.join(sys.argv))")
        machines.run(sockproof)
        files = unpacked(saved.read_bytes())
        assert {"dev", "dev/console", "root"} <= set(files)
        assert files["init"].startswith(b"\x7fELF")
        for name in Machines.NEEDED:
            assert files[f"modules/{name}.ko.xz"] == name.encode()
        program, folder, *modules = files["order"].decode().splitlines()
        assert Path(program).samefile(sockproof.path) and folder.startswith(str(tmp_path / "m" / "r"))
        assert modules == [f"{name}.ko.xz" for name in Machines.NEEDED]
        words = Path(str(saved) + ".words").read_text()
        assert "path=/,security_model=none,readonly=on" in words

    def test_nothing_of_a_machine_is_left_in_the_results(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("begins(runs[0])\nsys.exit(1)")
        machines.run(sockproof)
        assert [name for name in os.listdir(tmp_path / "m" / "r") if name.startswith(".guest")] == []

    def test_a_missing_qemu_is_told_with_what_brings_it(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        done, rows = machines.run(sockproof, env={"PATH": str(tmp_path)})
        assert done.returncode == 3 and rows == []
        assert "qemu-system-x86_64" in done.stderr and "apt-get install" in done.stderr

    def test_a_file_that_is_no_kernel_is_a_mistake_of_the_callers(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.kernel.write_bytes(b"\x7fELF" + bytes(4096))
        done, _ = machines.run(sockproof)
        assert done.returncode == 4 and "is no kernel for x86-64" in done.stderr
        assert not (tmp_path / "m" / "r").exists()

    def test_missing_modules_are_told_with_where_they_were_looked_for(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.folder.joinpath("lib").rename(tmp_path / "elsewhere")
        done, _ = machines.run(sockproof)
        assert done.returncode == 4 and "no modules of 6.1.0-99-amd64" in done.stderr
        assert "--modules" in done.stderr

    def test_modules_may_be_elsewhere(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("pass")
        machines.folder.joinpath("lib").rename(tmp_path / "lib")
        done, rows = machines.run(sockproof, "--modules", tmp_path)
        assert done.returncode == 0 and rows, done.stderr
        done, rows = machines.run(sockproof, "--modules", tmp_path / "lib" / "modules" / machines.release)
        assert done.returncode == 0 and rows, done.stderr

    def test_a_kernel_without_9p_is_refused_and_says_so(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.modules([name for name in Machines.NEEDED if "9p" not in name])
        done, _ = machines.run(sockproof)
        assert done.returncode == 4 and "no module 9pnet, 9pnet_virtio, 9p" in done.stderr

    def test_what_is_built_in_is_not_missed(self, sockproof, tmp_path):
        machines = Machines(tmp_path / "m")
        machines.does("pass")
        machines.modules(Machines.NEEDED[1:], builtin=Machines.NEEDED[:1])
        done, rows = machines.run(sockproof)
        assert done.returncode == 0 and rows, done.stderr

    def test_modules_without_such_a_kernel_are_a_mistake(self, sockproof, tmp_path):
        done = sockproof.run("plain", "--modules", "/", results=tmp_path / "r")
        assert done.returncode == 4 and "--modules" in done.stderr

    def test_interrupted_it_keeps_what_was_finished(self, sockproof, tmp_path, monkeypatch):
        machines = Machines(tmp_path / "m")
        machines.does("begins(runs[0])\npasses(runs[0])\nbegins(runs[1])\ntime.sleep(60)")
        for name, value in machines.env.items():
            monkeypatch.setenv(name, value)
        running = sockproof.start("plain/conversation", "--kernel", machines.word,
                                  results=tmp_path / "m" / "r")
        wait_until(lambda: rows_of(tmp_path / "m" / "r"), "a first row", seconds=40)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 2
        finished = rows_of(tmp_path / "m" / "r")
        assert {row["verdict"] for row in finished} == {"pass"} and len(finished) < 4


@pytest.fixture(scope="session")
def uml():
    """A real one, where ./dev kernel has built it: minutes that not every test run is to take."""
    found = subprocess.run([ROOT / "kernels" / "build", "--cached"], capture_output=True, text=True,
                           check=False).stdout.strip()
    if not found:
        pytest.skip("no user-mode kernel in the cache: ./dev kernel builds one")
    return found


@pytest.fixture(scope="session")
def in_guest(sockproof, uml, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guest") / "r"
    done = sockproof.run("plain", "skipped", "broken", "--kernel", f"uml:{uml}", results=folder)
    return folder, done, json.loads((folder / "run.json").read_text())


class TestUserModeLinux:
    def test_verdicts_are_as_on_the_host(self, in_guest, mixed):
        _, _, guest = in_guest
        assert verdicts(guest["runs"]) == verdicts(mixed.rows)

    def test_the_results_say_which_kernel_and_which_clock(self, in_guest, uml):
        _, _, guest = in_guest
        version = subprocess.run([uml, "--version"], capture_output=True, text=True,
                                 check=True).stdout.strip()
        assert guest["machine"]["release"] == version
        assert guest["machine"]["clock"] == "virtual"
        assert guest["stack"]["name"] == f"linux-{version}" and guest["notes"] == []

    def test_each_run_has_its_trace_and_capture(self, in_guest):
        folder, _, guest = in_guest
        for row in guest["runs"]:
            if row["verdict"] in ("pass", "fail", "variant"):
                for name in ("trace.json", "capture.pcapng", "result.json"):
                    assert (folder / row["dir"] / name).stat().st_size > 0

    def test_nothing_of_the_guest_is_left(self, in_guest):
        folder, _, _ = in_guest
        assert sorted(os.listdir(folder)) == ["cases", "run.json"]

    def test_a_long_wait_is_jumped_over(self, sockproof, uml, tmp_path):
        done = sockproof("run", "--cases", hour(tmp_path), "--kernel", f"uml:{uml}",
                         "--results", tmp_path / "r", timeout=50)
        assert done.returncode == 0, done.stderr
        assert rows_of(tmp_path / "r")[0]["duration_ms"] >= 3600e3

    def test_a_run_is_the_same_run_every_time(self, sockproof, uml):
        cases = [str(path) for path in sorted((sockproof.cases / "plain").glob("*.case"))]
        done = subprocess.run([ROOT / "tests" / "determinism", "--sockproof", sockproof.path, "--kernel",
                               f"uml:{uml}", *cases], cwd=ROOT, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 differ" in done.stdout

    @pytest.mark.parametrize("box, patience, said", [
        ("panics-guest.sh", "50s", "the guest's kernel panicked: Out of memory"),
        ("busy-guest.sh", "4s", "the guest computed for "),
    ])
    def test_a_guest_that_dies_or_computes_for_ever_costs_its_run_only(self, sockproof, uml, tmp_path, box,
                                                                       patience, said):
        sockproof.run("routed/conversation", "--appliance", ROOT / "harness" / "tests" / "boxes" / box, "--jobs",
                      "1", "--repeat", "2", "--kernel", f"uml:{uml}", "--patience",
                      patience, results=tmp_path / "r")
        rows = rows_of(tmp_path / "r")
        assert sorted(row["family"] for row in rows) == ["ipv4", "ipv4", "ipv6", "ipv6"]
        assert all(row["verdict"] == "pass" for row in rows if row["family"] == "ipv4")
        for row in (row for row in rows if row["family"] == "ipv6"):
            assert row["verdict"] == "broken" and row["reason"].startswith(said), row

    def test_a_guest_that_stands_still_costs_its_run_only(self, sockproof, uml, tmp_path):
        running = sockproof.start("plain/conversation", "--repeat", "30", "--jobs", "1", "--kernel",
                                  f"uml:{uml}", "--patience", "4s", results=tmp_path / "r")
        said = tmp_path / "r" / ".guest-0" / "said"
        wait_until(lambda: said.exists() and said.stat().st_size, "a word of the guest", seconds=40)
        stopped = processes_of(uml, tmp_path)
        for pid in stopped:
            os.kill(int(pid), signal.SIGSTOP)
        assert stopped and running.wait(timeout=120) == 3
        rows = rows_of(tmp_path / "r")
        broken = [row for row in rows if row["verdict"] == "broken"]
        assert len(broken) == 1 and broken[0]["reason"].startswith("the guest hung for ")
        assert len({key(row) for row in rows}) == len(rows)
        assert all(row["verdict"] == "pass" for row in rows if row is not broken[0])

    def test_interrupted_it_keeps_what_was_finished_and_leaves_no_process(self, sockproof, uml,
                                                                         tmp_path):
        running = sockproof.start("plain", "--repeat", "200", "--kernel", f"uml:{uml}",
                                  results=tmp_path / "r")
        wait_until(lambda: rows_of(tmp_path / "r"), "a first row", seconds=40)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 2
        wait_until(lambda: not processes_of(uml, tmp_path), "the end of the guests")
        assert rows_of(tmp_path / "r")

    def test_killed_it_leaves_no_process(self, sockproof, uml, tmp_path):
        running = sockproof.start("plain", "--repeat", "200", "--kernel", f"uml:{uml}",
                                  results=tmp_path / "r")
        wait_until(lambda: processes_of(uml, tmp_path), "a guest", seconds=40)
        running.kill()
        running.wait(timeout=20)
        wait_until(lambda: not processes_of(uml, tmp_path), "the end of the guests")


@pytest.fixture(scope="session", params=["6.1", "6.12"])
def packaged(request):
    """A packaged one, where ./dev kernel --packaged has brought it: a download, and QEMU's 150 MB,
    that not every test run is to take."""
    found = subprocess.run([ROOT / "kernels" / "build", "--packaged", request.param, "--cached"],
                           capture_output=True, text=True, check=False).stdout.strip()
    if not found:
        pytest.skip(f"no Linux {request.param} in the cache: ./dev kernel --packaged {request.param}")
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("no qemu-system-x86_64: apt-get install qemu-system-x86")
    return found


class TestPackagedKernels:
    def test_verdicts_are_as_on_the_host(self, sockproof, packaged, plain, tmp_path):
        for _ in range(3):  # again where the machine stood still, which is no verdict
            done = sockproof.run("plain", "skipped", "--kernel", f"qemu:{packaged}",
                                 results=tmp_path / "r", timeout=300)
            run = json.loads((tmp_path / "r" / "run.json").read_text())
            if not any(row["verdict"] == "inconclusive" for row in run["runs"]):
                break
        assert done.returncode == 0, done.stdout + done.stderr
        assert verdicts(run["runs"]) == verdicts(plain.rows)
        assert run["stack"]["name"].startswith("linux-" + packaged.split("linux-image-")[1][:3])
        assert run["machine"]["release"] in packaged and run["machine"]["clock"] == "real"
        assert sorted(os.listdir(tmp_path / "r")) == ["cases", "run.json"]
        for row in run["runs"]:
            if row["verdict"] == "pass":
                for name in ("trace.json", "capture.pcapng", "result.json"):
                    assert (tmp_path / "r" / row["dir"] / name).stat().st_size > 0

    def test_killed_it_leaves_no_process(self, sockproof, packaged, tmp_path):
        running = sockproof.start("plain", "--repeat", "200", "--kernel", f"qemu:{packaged}",
                                  results=tmp_path / "r")
        qemu = shutil.which("qemu-system-x86_64")
        wait_until(lambda: processes_of(qemu, tmp_path), "a guest", seconds=40)
        running.kill()
        running.wait(timeout=20)
        wait_until(lambda: not processes_of(qemu, tmp_path), "the end of the guests")


def processes_of(kernel_path, folder):
    """Processes of that program that work below this folder: not another test's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (os.readlink(f"/proc/{pid}/exe") == os.path.realpath(kernel_path)
                    and os.readlink(f"/proc/{pid}/cwd").startswith(str(folder))):
                found.append(pid)
        except OSError:
            continue
    return found
