"""One results folder for all tests that only read, and the program under test."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sockproof_pytest.program import Program  # noqa: E402
from tools import HERE, ROOT, open_to_all, read_json  # noqa: E402

# Cases that are made to fail, to wait or to be skipped: material, not tests.
collect_ignore = ["broken", "plain", "slow", "skipped", "routed"]



@pytest.fixture(scope="session", autouse=True)
def temporary_root(tmp_path_factory):
    """A place of this session's own below the temporary folder: pytest's usual one is closed to
    other users again by every other session of the same user, and some tests need it open."""
    root = tempfile.mkdtemp(prefix="sockproof-tests-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)  # after pytest's own, which is later
    usual = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = root
    try:
        tmp_path_factory.getbasetemp()
    finally:
        if usual is None:
            del os.environ["PYTEST_DEBUG_TEMPROOT"]
        else:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = usual


class Command:
    """The program as the tests call it: in the root of the tree, with our cases."""

    def __init__(self, program, root=ROOT, prefix=()):
        self.program, self.path = program, program.path
        self.root, self.cases, self.prefix = root, root / HERE.relative_to(ROOT), prefix

    def __call__(self, *words, timeout=60, prefix=(), cwd=None, env=None):
        done = subprocess.run([*self.prefix, *prefix, self.path, *map(str, words)],
                              cwd=cwd or self.root, timeout=timeout,
                              env={**self.program.environment(), **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)
        # A test that fails shows these whole: pytest cuts what an assertion compares.
        print("$", "sockproof", *words, "->", done.returncode)
        print(done.stdout, done.stderr, sep="\n")
        return done

    def run(self, *words, results, **more):
        return self("run", "--cases", self.cases, "--results", results, *words, **more)

    def start(self, *words, results):
        """In a session of its own, so that all its processes can be told from others."""
        log = open(Path(results).with_suffix(".log"), "w+")
        return subprocess.Popen([self.path, "run", "--cases", str(HERE), "--results", str(results),
                                 *map(str, words)], cwd=ROOT, env=self.program.environment(),
                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                start_new_session=True)


@pytest.fixture(scope="session")
def sockproof(pytestconfig):
    program = Program.find(pytestconfig.getoption("sockproof"), ROOT)
    if program.missing():
        pytest.fail(program.missing())
    return Command(program)


class Results:
    def __init__(self, folder, done):
        self.folder, self.done = folder, done
        self.run = read_json(folder / "run.json") if (folder / "run.json").exists() else {}

    @property
    def rows(self):
        return self.run["runs"]

    def row(self, id, lab="loopback", family="ipv4"):
        for row in self.rows:
            if (row["id"], row["lab"], row["family"]) == (id, lab, family):
                return row
        raise AssertionError(f"no run of {id}@{lab}@{family} in {self.folder}")

    def path(self, row, name):
        return self.folder / row["dir"] / name


def results_of(sockproof, tmp_path_factory, *topics):
    """A run that this machine keeps from being judged is no verdict about anything."""
    folder = tmp_path_factory.mktemp("results") / "r"
    results = Results(folder, sockproof.run(*topics, "--tries", 9, results=folder))
    assert results.run, f"no run.json; sockproof run said:\n{results.done.stderr}"
    return results


@pytest.fixture(scope="session")
def plain(sockproof, tmp_path_factory):
    """Short cases that pass, and some that only another stack could run."""
    return results_of(sockproof, tmp_path_factory, "plain", "skipped")


@pytest.fixture(scope="session")
def mixed(sockproof, tmp_path_factory):
    """Every verdict that can be had: passes, variants, skips, failures, broken runs."""
    return results_of(sockproof, tmp_path_factory, "plain", "skipped", "broken")


@pytest.fixture
def copy_of_plain(plain, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(plain.folder, folder)
    return Results(folder, plain.done)


@pytest.fixture(scope="session")
def unprivileged(sockproof, tmp_path_factory):
    """The program as an unprivileged user calls it. Of root's tree he gets a copy: root's own may
    be closed to him (/root, or a umask of 077)."""
    if os.getuid() != 0:
        return sockproof
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv to become an unprivileged user with")
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "harness", tree / "harness",
                    ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pytest.ini"):
        shutil.copy(ROOT / name, tree)
    shutil.copy(sockproof.path, tree / "sockproof")
    for path in (tree, *tree.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    (tree / "sockproof").chmod(0o755)
    open_to_all(tree)
    return Command(Program(tree / "sockproof", tree),
                   root=tree,
                   prefix=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))


@pytest.fixture(scope="session")
def unprivileged_runner(unprivileged):
    """The same where he may run cases: some containers, and every chroot, let only root."""
    done = subprocess.run([*unprivileged.prefix, "unshare", "--user", "--net", "true"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"an unprivileged user cannot make namespaces here: {done.stderr.strip()}")
    return unprivileged


@pytest.fixture
def as_root():
    if os.getuid() != 0:
        pytest.skip("only root can look for this")
