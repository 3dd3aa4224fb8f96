"""Case files into test items: one for each (row, lab, family)."""
import json

import pytest


class CaseError(Exception):
    """What a person should read instead of a Python traceback."""


class Listing:
    """What runs the case files have. Asks for a folder at once, for a file where that is bad."""

    def __init__(self, program):
        self.program = program
        self.by_file = {}
        self.asked = set()

    def _ask(self, path, cases_dir):
        code, out, err = self.program.ask("list", "--runs", "--json", "--cases", str(cases_dir),
                                          self.program.word(path))
        if code == 0:
            for run in json.loads(out):
                file = (self.program.root / run["file"]).resolve()
                self.by_file.setdefault(file, []).append(run)
        return code, err.strip()

    def runs_of(self, path):
        if self.program.missing():
            raise CaseError(self.program.missing())
        path = path.resolve()
        folder = path.parent
        if folder not in self.asked:
            self.asked.add(folder)
            self._ask(folder, folder.parent)
        if path not in self.by_file:
            code, complaint = self._ask(path, folder.parent)
            if code != 0:
                raise CaseError(complaint or f"sockproof list ended with {code}")
        return self.by_file.get(path, [])


class CaseFile(pytest.File):
    def __init__(self, *, listing, runs, **kwargs):
        super().__init__(**kwargs)
        self.listing, self.runs = listing, runs

    def collect(self):
        for run in self.listing.runs_of(self.path):
            row = run["id"][len(run["case"]):]
            yield CaseItem.from_parent(self, name=f"{run['lab']}-{run['family']}{row}", run=run,
                                       runs=self.runs)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CaseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class CaseItem(pytest.Item):
    def __init__(self, *, run, runs, **kwargs):
        super().__init__(**kwargs)
        self.run, self.runs = run, runs
        self.key = (run["id"], run["lab"], run["family"])
        topic = run["topic"]
        known = {line.split(":", 1)[0] for line in self.config.getini("markers")}
        if topic not in known:
            self.config.addinivalue_line("markers", f"{topic}: cases of the topic {topic}")
        self.add_marker(topic)
        self.extra_keyword_matches.update((run["id"], run["case"], run["lab"], run["family"]))

    def setup(self):
        """Everything selected is run here, once; a harness that failed is an error, not a failure."""
        self.runs.make_all(self.session.items)
        self.row = self.runs.row(self)
        verdict, reason = self.row["verdict"], self.row["reason"]
        if verdict == "skip":
            pytest.skip(reason)
        if verdict in ("broken", "inconclusive"):
            raise CaseError(f"{verdict}: {reason}\n\n{self.runs.ladder(self)}")

    def runtest(self):
        self.user_properties.append(("verdict", self.row["verdict"]))
        if self.row["verdict"] == "fail":
            raise CaseError(self.runs.ladder(self))
        if self.row["verdict"] not in ("pass", "variant"):
            raise CaseError(f"sockproof said {self.row['verdict']}: {self.row['reason']}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CaseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"{self.run['id']}@{self.run['lab']}@{self.run['family']}"
