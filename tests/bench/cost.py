#!/usr/bin/env python3
"""What a case costs beyond its waiting, in CPU time of all its processes.

    tests/bench/cost.py [--sockproof PATH] [--limit-ms 8] [--max-wait 500ms] [--repeat 1] [CASE...]

Runs short cases on all labs and families: one of each topic, one at a time, then all of them, 64 at
once. `run` is what run.json says of each run (user and system time of the run's process and of all
its children); `whole` is what the kernel charged the runner and everything it waited for, divided by
the runs: the collector, the scheduler and the start are in it. For scale, on two cores of 2024: a bare namespace
with a capture, two processes and one connection 2.8 ms, an empty packetdrill script 107 ms.

Exit codes: 0 the mean is under the limit, 1 it is not, 3 the runs did not pass, 4 usage.
"""
import argparse
import json
import os
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
            if process.returncode not in (1, 3):
                sys.exit(3)
        run = json.load(out)
    return process.returncode, run["runs"], (usage.ru_utime + usage.ru_stime) * 1000, wall


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


def main(argv):
    options = parse(argv)
    print(f"{'jobs':>5} {'runs':>5}  {'mean':>6} {'median':>6} {'p95':>6} {'max':>6}"
          f"  {'whole':>6}  {'wall':>7}   (CPU ms a run)")
    worst, bad, dear = 0.0, False, []
    with tempfile.TemporaryDirectory(prefix="sockproof-bench-") as folder:
        for jobs in options.jobs:
            code, rows, cpu_ms, wall = measure(options, jobs, Path(folder) / str(jobs))
            made = [row for row in rows if row["verdict"] != "skip"]
            if not made:
                print("nothing was judged", file=sys.stderr)
                return 3
            costs = [row["cpu_ms"] for row in made]
            whole = cpu_ms / len(made)
            print(f"{jobs:5} {len(made):5}  {statistics.mean(costs):6.2f}"
                  f" {statistics.median(costs):6.2f} {percentile(costs, 0.95):6.2f}"
                  f" {max(costs):6.2f}  {whole:6.2f}  {wall:6.1f}s")
            worst = max(worst, statistics.mean(costs), whole)
            bad = bad or code != 0
            dear += sorted(made, key=lambda row: row["cpu_ms"])[-3:]
    print("\ndearest:")
    for row in sorted(dear, key=lambda row: -row["cpu_ms"])[:5]:
        print(f"  {row['cpu_ms']:7.2f} ms  {row['id']}@{row['lab']}@{row['family']}")
    if bad:
        print("\nthe runs did not all pass: their cost proves nothing", file=sys.stderr)
        return 3
    print(f"\nlargest mean {worst:.2f} ms, limit {options.limit_ms:g} ms:"
          f" {'kept' if worst <= options.limit_ms else 'BROKEN'}")
    return 0 if worst <= options.limit_ms else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
