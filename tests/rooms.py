#!/usr/bin/env python3
"""What the rooms may see of each other, held against what they include.

  rooms.py floors            no include from a higher floor, no circle, no stray OS macro
  rooms.py headers [CC]      every header compiles alone, with its room's include path
  rooms.py includes ROOM     the -I flags of a room

Floors are read from the table of docs/architecture.md, dependencies from the sp_room() lines, so
neither is written down twice.
"""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOOR_ROW = re.compile(r"^\|\s*(\d+)\s*\|\s*`(?:lib/)?(\w+)/?`\s*\|", re.M)
SP_ROOM = re.compile(r"sp_room\(\s*(\w+)([^)]*)\)")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
OS_MACRO = re.compile(
    r"\b(_WIN32|_WIN64|__MINGW\w+|__linux__|__linux|__APPLE__|__FreeBSD__|__NetBSD__|__OpenBSD__|__unix__)\b"
)
WINDOWS_FOLDERS = {"windows", "winsock"}
MINGW = "x86_64-w64-mingw32-gcc"
OS_ROOMS = {"stack", "lab", "witness"}


class Room:
    def __init__(self, name, path, floor, deps):
        self.name, self.path, self.floor, self.deps = name, path, floor, deps

    def files(self, *endings):
        return sorted(p for p in self.path.rglob("*") if p.suffix in endings)


def load():
    text = (ROOT / "docs/architecture.md").read_text()
    floors = {name: int(floor) for floor, name in FLOOR_ROW.findall(text)}
    rooms, faults = {}, []
    for cmake in sorted(ROOT.glob("lib/*/CMakeLists.txt")) + [ROOT / "reports/CMakeLists.txt"]:
        match = SP_ROOM.search(cmake.read_text())
        if not match:
            faults.append(f"{cmake.relative_to(ROOT)}: no sp_room() line")
            continue
        deps, list_of = [], None
        for word in match.group(2).split():
            if word in ("DEPS", "LIBS", "SOURCES_FROM", "NOT_ON_WINDOWS"):
                list_of = word
            elif list_of == "DEPS":
                deps.append(word)
        rooms[match.group(1)] = Room(match.group(1), cmake.parent, None, deps)
    rooms["runner"] = Room("runner", ROOT / "runner", None, ["run", "reports"])
    for room in rooms.values():
        if room.name not in floors:
            faults.append(f"docs/architecture.md: no floor for {room.name}")
        room.floor = floors.get(room.name, -1)
    return rooms, faults


def reachable(rooms, name, seen=None):
    """Rooms whose folders are on the include path of `name`, itself first."""
    seen = [] if seen is None else seen
    if name not in seen:
        seen.append(name)
        for dep in rooms[name].deps:
            reachable(rooms, dep, seen)
    return seen


def check_deps(rooms):
    faults = []
    for room in rooms.values():
        where = f"{room.path.relative_to(ROOT)}/CMakeLists.txt"
        for dep in room.deps:
            if dep not in rooms:
                faults.append(f"{where}: there is no room {dep}")
            elif rooms[dep].floor > room.floor:
                faults.append(
                    f"{where}: {room.name} (floor {room.floor}) depends on {dep}, which is higher"
                    f" (floor {rooms[dep].floor})"
                )
            elif room.name in reachable(rooms, dep):
                faults.append(f"{where}: {room.name} and {dep} depend on each other")
    return faults


def check_includes(rooms):
    faults = []
    owners = {}
    for room in rooms.values():
        for header in room.files(".h"):
            owners.setdefault(header.name, []).append(room)
    for room in rooms.values():
        seen = reachable(rooms, room.name)
        for file in room.files(".c", ".h"):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match or (file.parent / match.group(1)).exists():
                    continue
                at = f"{file.relative_to(ROOT)}:{number}"
                owning = owners.get(Path(match.group(1)).name, [])
                if room in owning:
                    continue
                if not owning:
                    faults.append(f"{at}: no room has {match.group(1)}")
                for owner in owning:
                    if owner.floor > room.floor:
                        faults.append(
                            f"{at}: {room.name} (floor {room.floor}) includes {match.group(1)} of"
                            f" {owner.name}, which is higher (floor {owner.floor})"
                        )
                    elif owner.name not in seen:
                        faults.append(
                            f"{at}: {room.name} includes {match.group(1)} of {owner.name}, which"
                            " its sp_room() line does not name"
                        )
    return faults


def check_macros(rooms):
    faults = []
    for room in rooms.values():
        if room.name in OS_ROOMS:
            continue
        for file in room.files(".c", ".h"):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                match = OS_MACRO.search(line)
                if match:
                    faults.append(
                        f"{file.relative_to(ROOT)}:{number}: {match.group(1)} belongs to lib/stack,"
                        " lib/lab, lib/witness and CMake"
                    )
    return faults


def include_flags(rooms, name):
    return [f"-I{ROOT}/include", *(f"-I{rooms[each].path}" for each in reachable(rooms, name))]


def check_headers(rooms, compiler):
    def alone(job):
        header, flags = job
        mine = MINGW if header.parent.name in WINDOWS_FOLDERS else compiler
        if not shutil.which(mine):
            return ""  # the step that builds with MinGW says that it is missing
        done = subprocess.run(
            [mine, "-std=c11", "-D_GNU_SOURCE", '-DSP_SOURCE_DIR="."', "-Wall", "-Wextra",
             "-Werror", "-fsyntax-only", "-x", "c", *flags, str(header)],
            capture_output=True, text=True,
        )
        return done.stderr.strip() if done.returncode else ""

    jobs = []
    for room in rooms.values():
        for header in room.files(".h"):
            if header.name in ("fixture.h", "talk_test.h"):
                continue  # parts of one test file, which includes cmocka.h in its given order
            jobs.append((header, [f"-I{header.parent}", *include_flags(rooms, room.name)]))
    jobs += [(h, [f"-I{ROOT}/include"]) for h in sorted((ROOT / "include").rglob("*.h"))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(alone, jobs) if fault]
    print(f"{len(jobs)} headers, {len(faults)} do not compile alone")
    return faults


def main(args):
    rooms, faults = load()
    if args[:1] == ["floors"]:
        faults += check_deps(rooms) + check_includes(rooms) + check_macros(rooms)
        print(f"{len(rooms)} rooms, {len(faults)} faults")
    elif args[:1] == ["headers"]:
        faults += check_headers(rooms, args[1] if len(args) > 1 else "cc")
    elif args[:1] == ["includes"] and len(args) == 2:
        print(" ".join(include_flags(rooms, args[1])))
    else:
        print(__doc__, file=sys.stderr)
        return 4
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
