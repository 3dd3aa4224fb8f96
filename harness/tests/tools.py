"""What the end-to-end tests share: waiting with a deadline, processes and namespaces as they are."""
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def wait_until(holds, what, seconds=20.0):
    """Polls; fails with `what` where it does not come true in time. Returns what it held."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)


def read_json(path):
    return json.loads(Path(path).read_text())


def rows_of(folder):
    """The rows of run.json, [] while there is none. It is replaced whole: never half a file."""
    try:
        return read_json(Path(folder) / "run.json")["runs"]
    except FileNotFoundError:
        return []


def key(row):
    return row["id"], row["lab"], row["family"], row["repeat"]


def verdicts(rows):
    return {key(row): row["verdict"] for row in rows}


def open_to_all(folder):
    """Lets every user into a folder of ours: the folders above it too, in the temporary folder."""
    top = Path(tempfile.gettempdir()).resolve()
    for path in (folder, *folder.parents):
        if path == top or top not in path.parents:
            break
        path.chmod(path.stat().st_mode | 0o055)


# ---- what a runner could leave behind ------------------------------------------------------------


def processes_of_session(leader):
    """Ids of all processes of the session that `leader` leads (zombies do not count)."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        state, session = fields[0], int(fields[3])
        if session == leader and state != "Z":
            found.add(int(entry.name))
    return found


def net_namespaces(pids):
    """Inodes of the network namespaces that these processes are in, or hold open."""
    found = set()
    for pid in pids:
        links = [Path(f"/proc/{pid}/ns/net")]
        try:
            links += list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            pass
        for link in links:
            try:
                name = os.readlink(link)
            except OSError:
                continue
            if name.startswith("net:["):
                found.add(name)
    return found


def all_processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def mounts():
    """Mount points of this mount namespace, and of all others that can be looked into."""
    found = set()
    for pid in all_processes():
        try:
            for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
                fields = line.split()
                found.add((fields[3], fields[4]))
        except OSError:
            continue
    return found


def interfaces():
    return {line.split(":")[1].strip().split("@")[0]
            for line in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True,
                                       check=True).stdout.splitlines()}


def tracing(tmp_path):
    """Tracing instances and switched-on events, seen through a tracefs in a namespace of our own."""
    where = tmp_path / "tracefs"
    where.mkdir(exist_ok=True)
    script = ('mount -t tracefs none "$1" || exit 77; ls "$1/instances"; echo --; '
              'cat "$1/set_event"')
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", str(where)],
                          capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
