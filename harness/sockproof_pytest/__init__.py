"""pytest plugin: every run of every *.case file as a test.

    pytest cases/                      every case on every lab and family
    pytest cases/ -k zero-resets       some
    pytest cases/ -m linger            a topic
    pytest 'cases/linger/zero-resets.case::veth-ipv4'

All that is selected is run by one command when the first test begins, many at once; the tests
then read what became of them. A run that failed shows its ladder; one that was broken or
inconclusive is an error, because then it is not the stack that was found wanting.
"""
from .collect import CaseFile, Listing
from .program import Program
from .session import Runs

__all__ = ["CaseFile"]


def pytest_addoption(parser):
    group = parser.getgroup("sockproof", "socket conformance cases")
    group.addoption("--sockproof", metavar="PATH",
                    help="the sockproof program (default: $SOCKPROOF, or build/sockproof)")
    group.addoption("--sockproof-jobs", metavar="N", type=int, default=64,
                    help="so many cases at once (default: 64)")
    group.addoption("--sockproof-results", metavar="DIR",
                    help="keep the results there (default: a folder that is removed if all pass)")
    group.addoption("--sockproof-max-wait", metavar="T",
                    help="skip cases that must wait longer than this (10s, 500ms)")


def pytest_configure(config):
    config.pluginmanager.register(CasePlugin(config), "sockproof-cases")


class CasePlugin:
    def __init__(self, config):
        self.config = config
        self.listing = None
        self.runs = None

    def pytest_collect_file(self, file_path, parent):
        if file_path.suffix != ".case":
            return None
        if self.listing is None:
            program = Program.find(self.config.getoption("sockproof"), self.config.rootpath)
            self.listing = Listing(program)
            self.runs = Runs(program, self.config)
        return CaseFile.from_parent(parent, path=file_path, listing=self.listing, runs=self.runs)

    def pytest_sessionfinish(self):
        if self.runs:
            self.runs.finish()

    def pytest_terminal_summary(self, terminalreporter):
        if self.runs and self.runs.kept:
            terminalreporter.section("sockproof")
            for folder in self.runs.kept:
                terminalreporter.write_line(f"results: {folder}")
