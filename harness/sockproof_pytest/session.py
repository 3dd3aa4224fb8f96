"""All selected runs, made by as few `sockproof run` commands as name them, and what they found."""
import json
import shutil
import signal
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

from .collect import CaseError, CaseItem

LABS = ("loopback", "veth")
FAMILIES = ("ipv4", "ipv6")
ENDING_S = 20  # after SIGINT the runner finishes what it holds


def filters(wanted, there):
    """--lab and --family that leave of `there` no more than need be for `wanted`."""
    if wanted == there:
        return ()
    words = []
    for option, index, names in (("--lab", 0, LABS), ("--family", 1, FAMILIES)):
        used = {pair[index] for pair in wanted}
        if len(used) == 1 and len({pair[index] for pair in there}) > 1:
            words += [option, next(iter(used))]
    return tuple(words)


def commands(items):
    """{(cases folder, filters): files} for the items; one entry where everything is selected."""
    wanted, there = defaultdict(set), {}
    for item in items:
        wanted[item.path].add((item.run["lab"], item.run["family"]))
        if item.path not in there:
            listed = item.parent.listing.runs_of(item.path)
            there[item.path] = {(run["lab"], run["family"]) for run in listed}
    groups = defaultdict(list)
    for path, pairs in sorted(wanted.items()):
        groups[path.resolve().parent.parent, filters(pairs, there[path])].append(path)
    return groups


def identity(folder):
    """What tells one run.json of a folder from the next: it is replaced, never rewritten."""
    try:
        status = (folder / "run.json").stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


class Runs:
    def __init__(self, program, config):
        self.program, self.config = program, config
        self.rows = None
        self.kept = []
        self.trouble = []
        self.folder_of = {}
        self.failed = False
        self.temporary = None

    # ---- making them -----------------------------------------------------------------------

    def make_all(self, items):
        if self.rows is not None:
            return
        self.rows = {}
        groups = commands([item for item in items if isinstance(item, CaseItem)])
        folders = self._folders(len(groups))
        self._say(sum(isinstance(item, CaseItem) for item in items), folders)
        jobs = max(1, self.config.getoption("sockproof_jobs") // len(groups))
        started = []
        try:
            for ((cases, words), files), folder in zip(groups.items(), folders):
                started.append(self._start(cases, words, files, folder, jobs))
            for process, *_rest in started:
                process.wait()
        except BaseException:
            for process, *_rest in started:
                self._end(process)
            raise
        for process, log, folder, before in started:
            self._read(process.returncode, log, folder, before)

    def _folders(self, count):
        option = self.config.getoption("sockproof_results")
        if option:
            base = Path(self.config.invocation_params.dir, option)
        else:
            self.temporary = Path(tempfile.mkdtemp(prefix="sockproof-"))
            base = self.temporary / "results"
        if count == 1:
            return [base]
        base.mkdir(parents=True, exist_ok=True)
        return [base / str(number) for number in range(1, count + 1)]

    def _say(self, count, folders):
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if not reporter or reporter.verbosity < 0:
            return
        if capture:
            capture.suspend_global_capture(in_=False)
        try:
            reporter.ensure_newline()
            reporter.write_line(f"sockproof: making {count} runs, results in "
                                + ", ".join(map(str, folders)))
        finally:
            if capture:
                capture.resume_global_capture()

    def _start(self, cases, words, files, folder, jobs):
        log = tempfile.TemporaryFile("w+")
        before = identity(folder)
        options = ["--jobs", str(jobs), "--results", str(folder), "--cases", str(cases), *words]
        if self.config.getoption("sockproof_max_wait"):
            options += ["--max-wait", self.config.getoption("sockproof_max_wait")]
        process = self.program.start(log, "run", *options, "--",
                                     *map(self.program.word, files))
        return process, log, folder, before

    @staticmethod
    def _end(process):
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _read(self, code, log, folder, before):
        log.seek(0)
        said = log.read().strip()
        log.close()
        if code not in (0, 1, 3, 5):
            self.trouble.append(f"sockproof run ended with {code}:\n{said}")
        if identity(folder) in (None, before):  # nothing was run, or it was refused
            if code in (0, 1, 3):
                self.trouble.append(f"sockproof run left no run.json in {folder}:\n{said}")
            return
        self.kept.append(folder)
        for row in json.loads((folder / "run.json").read_text())["runs"]:
            key = row["id"], row["lab"], row["family"]
            self.rows[key] = row
            self.folder_of[key] = folder

    # ---- what they found -------------------------------------------------------------------

    def row(self, item):
        row = self.rows.get(item.key)
        if row is None and self.trouble:
            self.failed = True
            raise CaseError("\n".join(self.trouble))
        max_wait = self.config.getoption("sockproof_max_wait")
        if row is None and max_wait:
            pytest.skip(f"it must wait longer than {max_wait}")
        if row is None:
            self.failed = True
            raise CaseError(f"sockproof run made no run of {'@'.join(item.key)}")
        self.failed |= row["verdict"] not in ("pass", "variant", "skip")
        return row

    def ladder(self, item):
        """The ladder of the item's run, and its bare facts where there is none."""
        row = self.rows[item.key]
        code, out, err = self.program.ask("explain", "@".join(item.key), "--results",
                                          str(self.folder_of[item.key]))
        text = out if code == 0 else f"sockproof explain ended with {code}: {err}"
        lines = [f"{name}: {row[name]}" for name in ("reason", "at", "expected", "seen")
                 if row.get(name)]
        return "\n".join([text.rstrip(), "", *lines])

    def finish(self):
        if not self.temporary or self.failed:
            return
        self.kept = []
        shutil.rmtree(self.temporary, ignore_errors=True)
