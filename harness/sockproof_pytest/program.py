"""The sockproof program as a child process."""
import os
import shutil
import subprocess
from pathlib import Path


class Program:
    def __init__(self, path, root):
        self.path, self.root = str(path), Path(root)

    @classmethod
    def find(cls, option, root):
        """The option, $SOCKPROOF, or build/sockproof of this tree; never a guess beyond these."""
        named = option or os.environ.get("SOCKPROOF")
        tree = Path(__file__).resolve().parents[2]
        path = Path(shutil.which(named) or named) if named else tree / "build" / "sockproof"
        return cls(path.resolve(), root)

    def missing(self):
        """What to tell a person where it is not there; None where it is."""
        if os.access(self.path, os.X_OK) and not os.path.isdir(self.path):
            return None
        return (f"{self.path} is not the sockproof program: run ./dev build, or name one with"
                " --sockproof PATH")

    def word(self, path):
        """A case file as the program should be told of it: short where it is in the tree."""
        try:
            return str(Path(path).relative_to(self.root))
        except ValueError:
            return str(path)

    def environment(self):
        return {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "COLUMNS": "120"}

    def ask(self, *words):
        """Runs it to its end: (exit code, standard output, standard error)."""
        done = subprocess.run([self.path, *words], cwd=self.root, env=self.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)
        return done.returncode, done.stdout, done.stderr

    def start(self, log, *words):
        """Starts it; what it says goes to the open file `log`."""
        return subprocess.Popen([self.path, *words], cwd=self.root, env=self.environment(),
                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
