"""tests/mutants/run, with a program in the place of a kernel and a suite that only looks into it."""
import os
import re
import signal
import subprocess
import sys

import pytest

from tools import ROOT, wait_until

# As Kbuild: objects with the commands that made them beside, and a link that is said.
MAKEFILE = """
S := {tree}
allnoconfig: ; @touch $(O)/.config
linux:
	@cd $(O) && mkdir -p net && for name in net/tcp net/ip; do \\
	    command="gcc -Wp,-MMD,$$name.d -I$(S)/include -c -o $$name.o $(S)/$$name.c"; \\
	    $$command || exit 1; \\
	    printf 'savedcmd_%s.o := %s\\n\\ndeps_%s.o := \\\\\\n  $(S)/%s.c \\\\\\n  $(S)/include/tcp.h \\\\\\n' \\
	        "$$name" "$$command" "$$name" "$$name" >net/.$${{name#net/}}.o.cmd; done
	@cd $(O) && rm -f vmlinux.a && ar rcsDPT vmlinux.a net/tcp.o net/ip.o
	@cd $(O) && set -x && gcc -o vmlinux {link}-Wl,--whole-archive vmlinux.a -Wl,--no-whole-archive
	@ln -f $(O)/vmlinux $(O)/linux
"""
SOURCES = {
    "include/tcp.h": 'static const char word[] =\n"RIGHT WORD"\n;\n',
    "net/tcp.c": '#include <tcp.h>\nconst char *tcp =\n"RIGHT TCP"\n;\nconst char *of(void) { return word; }\n',
    "net/ip.c": '#include <tcp.h>\nconst char *ip =\n"RIGHT IP"\n;\nint main(void) { return word[0] == 0; }\n',
}

# Each case looks for a mistake of its name: a/wrong for WRONG. One may take its time over it, once.
SUITE = """#!{python}
import json, pathlib, sys, time
words = sys.argv[1:]
kernel = words[words.index("--kernel") + 1].removeprefix("uml:")
results = pathlib.Path(words[words.index("--results") + 1])
cases = [word for word in words[1:words.index("--kernel")] if "/" in word] or {every!r}
content = open(kernel, "rb").read()
right = b"RIGHT TCP" in content and b"RIGHT IP" in content and b"RIGHT WORD" in content
mark = pathlib.Path({mark!r})
if not right and {slow!r} in ("every", *cases) and not mark.exists():
    mark.touch()
    time.sleep(60)
if right and set({refused!r}) & set(cases):
    sys.exit(4)
calls = pathlib.Path({calls!r})
calls.open("a").write(("right" if right else "wrong") + " " + " ".join(words) + chr(10))
before = calls.read_text()
def verdict(case):
    word = case.split("/")[1].upper().encode()
    if right:
        return "fail" if case in {always!r} or case in {sometimes!r} and "--repeat" in words else "pass"
    if case == "a/late":
        return "broken" if b"LATE" in content and before.count("wrong run a/late") < 2 else "pass"
    return ("broken" if word == b"PANIC" else "fail") if word in content else "pass"
rows = [dict(id=case, lab="veth", family="ipv4", verdict=verdict(case)) for case in cases]
results.mkdir(parents=True)
(results / "run.json").write_text(json.dumps(dict(finished=True, runs=rows)))
sys.exit(any(row["verdict"] != "pass" for row in rows))
"""

EVERY = ["a/wrong", "a/other", "a/flaky", "a/never", "a/panic", "a/late"]


class Lab:
    def __init__(self, folder):
        self.folder, self.tree = folder, folder / "tree"
        (self.tree / "arch" / "um").mkdir(parents=True)
        (self.tree / "Kconfig").write_text("")
        for name, text in SOURCES.items():
            (self.tree / name).parent.mkdir(exist_ok=True)
            (self.tree / name).write_text(text)
        (folder / "mutants").mkdir()
        self.mark, self.calls = folder / "mark", folder / "calls"
        self.makefile()

    def makefile(self, link=""):
        (self.tree / "Makefile").write_text(MAKEFILE.format(tree=self.tree, link=link))

    def mistake(self, name, word, cases="a/wrong", file="net/tcp.c", old="RIGHT TCP"):
        """A patch that puts this word there."""
        before = SOURCES[file].splitlines()[1 if file.endswith(".h") else 2]
        lines = SOURCES[file].splitlines()
        at = lines.index(before)
        (self.folder / "mutants" / f"{name}.patch").write_text(
            f"What: it is {name}\nKilled-by: {cases}\n---\n--- a/{file}\n+++ b/{file}\n"
            f"@@ -{at},3 +{at},3 @@\n {lines[at - 1]}\n-{before.replace(before.strip(chr(34)), old)}\n"
            f"+\"{word}\"\n {lines[at + 1]}\n")

    def start(self, *options, slow=None, always=(), sometimes=(), refused=()):
        suite = self.folder / "suite"
        suite.write_text(SUITE.format(python=sys.executable, slow=slow, mark=str(self.mark), calls=str(self.calls),
                                      every=EVERY, always=list(always), sometimes=list(sometimes),
                                      refused=list(refused)))
        suite.chmod(0o755)
        return subprocess.Popen([ROOT / "tests" / "mutants" / "run", "--tree", self.tree, "--mutants",
                                 self.folder / "mutants", "--sockproof", suite, *options],
                                env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache"),
                                     "TMPDIR": str(self.folder)}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def run(self, *options, **suite):
        process = self.start(*options, **suite)
        out, err = process.communicate(timeout=100)
        return process.returncode, out, err

    def wrong_calls(self):
        return sum(line.startswith("wrong ") for line in self.calls.read_text().splitlines())

    def sources(self):
        return {name: (self.tree / name).read_text() for name in SOURCES}


def counts(out):
    """Of the summary: killed, by others only, survived, no patch, not built."""
    line = re.search(r"^\d+ mutants: .*$", out, re.MULTILINE).group(0)
    return [int(number) for number in re.findall(r"\d+", line)[1:]]


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


class TestMutants:
    def test_each_is_counted_as_what_became_of_it(self, lab):
        lab.mistake("expected", "WRONG")
        lab.mistake("in-a-header", "WRONG", file="include/tcp.h", old="RIGHT WORD")
        lab.mistake("others", "OTHER")
        lab.mistake("unseen", "UNSEEN")
        lab.mistake("elsewhere", "WRONG", old="SOMETHING ELSE")
        lab.mistake("nonsense", 'WRONG" NONSENSE "')
        code, out, err = lab.run()
        assert code == 3, out + err
        for line in ("killed    expected: it is expected", "killed    in-a-header:", "killed*   others:",
                     "SURVIVED  unseen:", "NO PATCH  elsewhere:", "NOT BUILT nonsense: gcc: "):
            assert line in out, out + err
        assert counts(out) == [2, 1, 1, 1, 1]
        assert lab.sources() == SOURCES

    def test_all_killed_is_0_and_a_survivor_1(self, lab):
        lab.mistake("expected", "WRONG")
        assert lab.run()[0] == 0
        lab.mistake("unseen", "UNSEEN")
        code, out, _ = lab.run()
        assert (code, counts(out)) == (1, [1, 0, 1, 0, 0])

    def test_only_what_is_expected_is_run_where_that_is_asked_for(self, lab):
        lab.mistake("others", "OTHER")
        code, out, _ = lab.run("--expected")
        assert (code, counts(out)) == (1, [0, 0, 1, 0, 0])

    def test_a_case_that_fails_on_the_right_kernel_too_kills_nothing(self, lab):
        lab.mistake("expected", "WRONG")
        code, out, _ = lab.run("--expected", always=["a/wrong"])
        assert (code, counts(out)) == (3, [0, 0, 1, 0, 0])
        assert "the right kernel fails a/wrong@veth@ipv4" in out and "of 1 runs, and" in out and "1 fail" in out

    def test_a_case_that_fails_on_the_right_kernel_now_and_then_kills_nothing(self, lab):
        lab.mistake("by-chance", "FLAKY", cases="a/flaky")
        lab.mistake("expected", "WRONG")
        code, out, _ = lab.run("--expected", sometimes=["a/flaky"])
        assert (code, counts(out)) == (3, [1, 0, 1, 0, 0])
        assert "SURVIVED  by-chance: what found it fails on the right kernel, too" in out

    def test_a_panic_kills_and_a_run_that_is_broken_once_does_not(self, lab):
        lab.mistake("panics", "PANIC", cases="a/panic")
        lab.mistake("late", "LATE", cases="a/late")
        code, out, _ = lab.run("--expected", "--jobs", "1")
        assert "killed    panics" in out and "SURVIVED  late" in out, out
        assert (code, counts(out)) == (1, [1, 0, 1, 0, 0])

    def test_those_that_are_named_are_tried_in_that_order(self, lab):
        for name in ("a", "b", "c"):
            lab.mistake(name, "WRONG")
        code, out, _ = lab.run("--jobs", "1", "c", "a")
        assert (code, re.findall(r"^killed +(\w+):", out, re.MULTILINE)) == (0, ["c", "a"])

    def test_a_name_that_there_is_not_is_an_error_before_anything_is_tried(self, lab):
        lab.mistake("expected", "WRONG")
        code, out, err = lab.run("expected", "gone")
        assert code == 2 and "no such mutant: gone" in err and "expected" not in out
        assert not lab.calls.exists()

    def test_what_stands_in_the_log_is_not_tried_again_but_for_what_has_changed(self, lab):
        lab.mistake("expected", "WRONG")
        lab.mistake("unseen", "UNSEEN")
        log = ["--log", lab.folder / "log"]
        assert counts(lab.run(*log)[1]) == [1, 0, 1, 0, 0]
        before = lab.wrong_calls()
        lab.mistake("others", "OTHER")
        lab.mistake("unseen", "WRONG")
        code, out, err = lab.run(*log, "--expected", "expected")
        assert code == 0 and lab.wrong_calls() == before + 1, out + err  # another question
        code, out, err = lab.run(*log)
        assert (code, counts(out)) == (0, [2, 1, 0, 0, 0]), out + err
        assert "killed    expected: it is expected" in out
        before = lab.wrong_calls()
        assert counts(lab.run(*log, sometimes=["a/other"])[1]) == [2, 0, 1, 0, 0]
        assert lab.wrong_calls() > before  # another suite

    def test_what_was_done_before_an_interruption_stands_in_the_log(self, lab):
        lab.mistake("a", "WRONG")
        lab.mistake("b", "SLOW", cases="a/slow")
        log = ["--jobs", "1", "--log", lab.folder / "log"]
        running = lab.start(*log, slow="a/slow")
        wait_until(lab.mark.exists, "the second mutant's run", seconds=60)
        os.kill(running.pid, signal.SIGTERM)
        out, err = running.communicate(timeout=30)
        assert running.returncode == 143 and "killed    a:" in out and " b:" not in out, out + err
        assert "Traceback" not in err
        before = lab.wrong_calls()
        code, out, err = lab.run(*log, slow="a/slow")
        assert (code, lab.wrong_calls(), counts(out)) == (0, before + 1, [2, 0, 0, 0, 0]), out + err

    def test_a_patch_that_names_no_case_is_an_error_before_anything_is_tried(self, lab):
        lab.mistake("expected", "WRONG", cases="a/gone")
        code, out, err = lab.run(refused=["a/gone"])
        assert code == 3 and "a/gone" in err and "killed" not in out

    def test_a_build_that_cannot_be_repeated_is_an_error(self, lab):
        lab.makefile(link='"-DAT=$$(date +%N)" -Wl,--build-id=0x$$(date +%s%N)0 ')
        lab.mistake("expected", "WRONG")
        code, out, err = lab.run()
        assert code == 0, out + err  # what the build said it did can be done again
        lab.makefile(link="-Wl,--build-id=uuid ")
        code, out, err = lab.run()
        assert code == 3 and "linked again it is not the kernel that was built" in err and "killed" not in out

    def test_two_at_once_in_one_tree_are_refused(self, lab):
        lab.mistake("expected", "WRONG")
        first = lab.start(slow="every")
        wait_until(lab.mark.exists, "the mutant's run", seconds=60)
        code, out, err = lab.run()
        os.killpg(first.pid, signal.SIGTERM)
        first.wait(timeout=30)
        assert code == 3 and "another run of mutants is using" in err and "killed" not in out

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_interrupted_it_ends_and_leaves_nothing(self, lab, number):
        lab.mistake("expected", "WRONG")
        running = lab.start(slow="every")
        wait_until(lab.mark.exists, "the mutant's run", seconds=60)
        os.kill(running.pid, number)
        assert running.wait(timeout=30) != 0
        assert lab.sources() == SOURCES
        assert not [name for name in os.listdir(lab.folder) if name.startswith("sockproof-mutants")]
