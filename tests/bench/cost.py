#!/usr/bin/env python3
"""What a case costs beyond its waiting, in CPU time of all its processes.

    tests/bench/cost.py [--sockproof PATH] [--limit-ms 8] [--max-wait 500ms] [--repeat 1]
                        [--results DIR] [CASE...]

Runs short cases on all labs and families: one of each topic, one at a time, then all of them, 64 at
once. `run` is what run.json says of each run (user and system time of the run's process and of all
its children); `whole` is what the kernel charged the runner and everything it waited for, divided by
the runs: the collector, the scheduler and the start are in it. For scale, on two cores of 2024: a bare namespace
with a capture, two processes and one connection 2.8 ms, an empty packetdrill script 107 ms.

Where a run does not pass, it is printed with its reason, and the results folder is kept.

Exit codes: 0 the mean is under the limit, 1 it is not, 3 the runs did not pass, 4 usage.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sockproof", default=os.environ.get("SOCKPROOF", "build/sockproof"))
    parser.add_argument("--limit-ms", type=float, default=8.0)
    parser.add_argument("--max-wait", default="500ms", help="cases that wait longer are left out")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--results", type=Path, help="keep the results there; default: only where a"
                                                     " run does not pass, in a temporary folder")
    parser.add_argument("cases", nargs="*", help="default: all short ones; with --jobs 1 one of each topic")
    try:
        return parser.parse_args(argv)
    except SystemExit as end:
        sys.exit(4 if end.code else 0)


def chosen(options, jobs):
    """The cases to run: one at a time they would take a quarter of an hour, most of it waiting."""
    if options.cases or jobs > 1:
        return options.cases
    listed = json.loads(subprocess.run([options.sockproof, "list", "--json"], cwd=ROOT, check=True,
                                       capture_output=True, text=True).stdout)
    topics = {}
    for case in listed:
        topics.setdefault(case["topic"], []).append(case["id"])
    return [ids[len(ids) // 2] for ids in topics.values()]


def measure(options, jobs, folder):
    """Runs everything once: (rows, whole CPU in ms, wall in s)."""
    program = str(Path(options.sockproof).resolve())
    words = [program, "run", "--json", "--jobs", str(jobs), "--repeat", str(options.repeat),
             "--max-wait", options.max_wait, "--results", str(folder), *chosen(options, jobs)]
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=log)
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - begin
        out.seek(0)
        log.seek(0)
        if process.returncode != 0:
            said = log.read().strip()
            print(f"sockproof run --jobs {jobs} ended with {process.returncode}"
                  f"{': ' + said if said else ''}", file=sys.stderr)
        try:
            run = json.load(out)
        except ValueError:
            raise Unusable(f"sockproof run --jobs {jobs} left no results") from None
        if process.returncode not in (0, 1, 3):
            raise Unusable("the runs did not come to their end")
    return process.returncode, run["runs"], (usage.ru_utime + usage.ru_stime) * 1000, wall


class Unusable(Exception):
    """The runs left nothing that could be measured."""


def tell_failures(rows, folder):
    """Each run that did not pass, as its row has it: what is to be known of a failure seen once."""
    failed = [row for row in rows if row["verdict"] not in ("pass", "variant", "skip")]
    for row in failed:
        print(f"\n{row['verdict']}: {row['id']}@{row['lab']}@{row['family']}: {row['reason']}",
              file=sys.stderr)
        for name in ("at", "expected", "seen"):
            if row.get(name):
                print(f"  {name:8} {row[name]}", file=sys.stderr)
        print(f"  evidence {folder / row['dir']}", file=sys.stderr)
    return bool(failed)


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


def bench(options, top):
    """Exit code; prints what was measured, and what failed."""
    print(f"{'jobs':>5} {'runs':>5}  {'mean':>6} {'median':>6} {'p95':>6} {'max':>6}"
          f"  {'whole':>6}  {'wall':>7}   (CPU ms a run)")
    worst, bad, dear = 0.0, False, []
    for jobs in options.jobs:
        folder = top / str(jobs)
        code, rows, cpu_ms, wall = measure(options, jobs, folder)
        made = [row for row in rows if row["verdict"] != "skip"]
        if not made:
            raise Unusable("nothing was judged")
        costs = [row["cpu_ms"] for row in made]
        whole = cpu_ms / len(made)
        print(f"{jobs:5} {len(made):5}  {statistics.mean(costs):6.2f}"
              f" {statistics.median(costs):6.2f} {percentile(costs, 0.95):6.2f}"
              f" {max(costs):6.2f}  {whole:6.2f}  {wall:6.1f}s")
        worst = max(worst, statistics.mean(costs), whole)
        bad = tell_failures(rows, folder) or code != 0 or bad
        dear += sorted(made, key=lambda row: row["cpu_ms"])[-3:]
    print("\ndearest:")
    for row in sorted(dear, key=lambda row: -row["cpu_ms"])[:5]:
        print(f"  {row['cpu_ms']:7.2f} ms  {row['id']}@{row['lab']}@{row['family']}")
    if bad:
        raise Unusable("the runs did not all pass: their cost proves nothing")
    print(f"\nlargest mean {worst:.2f} ms, limit {options.limit_ms:g} ms:"
          f" {'kept' if worst <= options.limit_ms else 'BROKEN'}")
    return 0 if worst <= options.limit_ms else 1


def main(argv):
    options = parse(argv)
    top = options.results or Path(tempfile.mkdtemp(prefix="sockproof-bench-"))
    kept = options.results is not None
    try:
        return bench(options, top)
    except Unusable as why:
        kept = True
        print(f"\n{why}\nthe results are kept: {top}", file=sys.stderr)
        return 3
    finally:
        if not kept:
            shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
