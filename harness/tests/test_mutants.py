"""tests/mutants/run, with a tree that is none of a kernel and a suite that only pretends."""
import os
import signal
import subprocess
import sys

import pytest

from tools import ROOT, wait_until

MAKEFILE = """
allnoconfig: ; @touch $(O)/.config
linux: ; @cp net/tcp.c $(O)/linux
"""

# Finds the mistake wherever the kernel has it, and may take its time over it.
SUITE = """#!{python}
import json, pathlib, sys, time
words = sys.argv[1:]
kernel = words[words.index("--kernel") + 1].removeprefix("uml:")
results = pathlib.Path(words[words.index("--results") + 1])
wrong = "wrong" in open(kernel).read()
if wrong and {slow!r}:
    pathlib.Path({mark!r}).touch()
    time.sleep(60)
results.mkdir(parents=True)
rows = [dict(id="a/b", lab="veth", family="ipv4", verdict="fail" if wrong else "pass")]
(results / "run.json").write_text(json.dumps(dict(finished=True, runs=rows)))
sys.exit(wrong)
"""

PATCH = """What: it is wrong
Killed-by: a/b
---
--- a/net/tcp.c
+++ b/net/tcp.c
@@ -1,3 +1,3 @@
 one
-right
+wrong
 three
"""
RIGHT = "one\nright\nthree\n"


class Lab:
    def __init__(self, folder):
        self.folder, self.source = folder, folder / "tree" / "net" / "tcp.c"
        (folder / "tree" / "arch" / "um").mkdir(parents=True)
        (folder / "tree" / "Makefile").write_text(MAKEFILE)
        (folder / "tree" / "Kconfig").write_text("")
        self.source.parent.mkdir()
        self.source.write_text(RIGHT)
        (folder / "mutants").mkdir()
        (folder / "mutants" / "wrong.patch").write_text(PATCH)
        self.mark = folder / "mark"

    def start(self, slow=False):
        suite = self.folder / "suite"
        suite.write_text(SUITE.format(python=sys.executable, slow=slow, mark=str(self.mark)))
        suite.chmod(0o755)
        return subprocess.Popen([ROOT / "tests" / "mutants" / "run", "--tree", self.folder / "tree", "--mutants",
                                 self.folder / "mutants", "--sockproof", suite, "--expected"],
                                env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def left_over(self):
        return [name for name in os.listdir(self.folder / "tree") if name.startswith(".sockproof")]


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


class TestMutants:
    def test_a_mistake_that_is_found_is_killed_and_taken_back(self, lab):
        out, err = lab.start().communicate(timeout=50)
        assert "killed    wrong: it is wrong" in out, out + err
        assert lab.source.read_text() == RIGHT and not lab.left_over()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_interrupted_it_takes_the_mistake_back(self, lab, number):
        running = lab.start(slow=True)
        wait_until(lab.mark.exists, "the mutant's run", seconds=40)
        assert "wrong" in lab.source.read_text()
        os.killpg(running.pid, number)
        assert running.wait(timeout=30) != 0
        assert lab.source.read_text() == RIGHT and not lab.left_over()

    def test_killed_the_next_start_takes_it_back(self, lab):
        running = lab.start(slow=True)
        wait_until(lab.mark.exists, "the mutant's run", seconds=40)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(timeout=30)
        assert "wrong" in lab.source.read_text()
        out, err = lab.start().communicate(timeout=50)
        assert "killed    wrong: it is wrong" in out, out + err
        assert lab.source.read_text() == RIGHT and not lab.left_over()

    def test_a_patch_of_another_tree_is_said_and_changes_nothing(self, lab):
        lab.source.write_text("one\nelse\nthree\n")
        out, _ = lab.start().communicate(timeout=50)
        assert "NO PATCH" in out
        assert lab.source.read_text() == "one\nelse\nthree\n" and not lab.left_over()
