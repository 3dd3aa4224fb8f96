"""Bad case files: where, what, a caret, and exit code 4; never a crash."""
import re

import pytest

from tools import ROOT

FOLDER = ROOT / "tests" / "bad-cases"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.case"))}

SMALL = ("case   t/x\ntitle  one\nspec   RFC9293:3.5\nlabs   loopback\nfamily ipv4\n\n"
         "establish\n")


class TestBadCases:
    def test_there_are_at_least_thirty_kinds(self):
        assert len(FILES) >= 30

    @pytest.mark.parametrize("name", FILES)
    def test_place_sentence_and_caret(self, sockproof, name):
        path = FILES[name]
        done = sockproof("lint", path.relative_to(ROOT))
        assert done.returncode == 4
        place, _space, part = path.with_suffix(".expect").read_text().strip().partition(" ")
        said = done.stderr
        heads = re.findall(r"^(\S+?):(\d+):(\d+): (error|warning): (.+)$", said, re.M)
        assert heads, said
        assert all(head[0] == str(path.relative_to(ROOT)) for head in heads)
        errors = [head for head in heads if head[3] == "error"]
        assert place in [f"{line}:{column}" for _file, line, column, _kind, _text in heads]
        assert part in said and errors
        assert re.search(r"^\s*\^~*$", said, re.M)

    def test_run_says_the_same_and_runs_nothing(self, sockproof, tmp_path):
        path = FILES["flag-twice"].relative_to(ROOT)
        lint = sockproof("lint", path)
        run = sockproof("run", path, "--results", tmp_path / "r")
        assert run.returncode == 4 and run.stderr == lint.stderr
        assert not (tmp_path / "r").exists()

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\0\0", b"\xff\xfe\xfd", b"case",
                                         b"case a/b\n" * 5000, b"x" * (1 << 21)],
                             ids=["empty", "blank", "zeros", "no-utf-8", "one-word", "long", "huge"])
    def test_what_is_no_case_at_all_is_refused(self, sockproof, tmp_path, content):
        path = tmp_path / "t" / "x.case"
        path.parent.mkdir()
        path.write_bytes(content)
        done = sockproof("lint", path, "--cases", tmp_path)
        assert done.returncode == 4 and "x.case" in done.stderr

    @pytest.mark.parametrize("line,part", [(b"client\0 close", "NUL byte"),
                                           (b"client " + b"x" * 500_000, "500007 bytes")],
                             ids=["nul", "long-line"])
    def test_one_bad_line_is_named_and_not_poured_out(self, sockproof, tmp_path, line, part):
        path = tmp_path / "t" / "x.case"
        path.parent.mkdir()
        path.write_bytes(SMALL.encode() + line + b"\n")
        done = sockproof("run", path, "--cases", tmp_path, "--results", tmp_path / "r")
        assert done.returncode == 4 and f"x.case:{SMALL.count(chr(10)) + 1}:" in done.stderr
        assert part in done.stderr and len(done.stderr) < 2000
        assert not (tmp_path / "r").exists()


class TestGoodCases:
    def test_the_projects_cases_are_well_formed(self, sockproof):
        assert sockproof("lint").returncode == 0

    @pytest.mark.parametrize("content", [SMALL.replace("\n", "\r\n").encode(),
                                         b"\xef\xbb\xbf" + SMALL.encode()],
                             ids=["crlf", "byte-order-mark"])
    def test_what_an_editor_of_windows_adds_is_let_by_and_fmt_takes_it_off(self, sockproof, tmp_path,
                                                                           content):
        path = tmp_path / "t" / "x.case"
        path.parent.mkdir()
        path.write_bytes(content)
        assert sockproof("lint", path, "--cases", tmp_path).returncode == 0
        assert sockproof("fmt", "--check", path, "--cases", tmp_path).returncode == 1
        assert sockproof("fmt", path, "--cases", tmp_path).returncode == 0
        assert path.read_bytes() == SMALL.encode()

    def test_fmt_knows_a_file_that_is_not_canonical_and_mends_it(self, sockproof, tmp_path):
        path = tmp_path / "t" / "x.case"
        path.parent.mkdir()
        path.write_text("case t/x\ntitle   one\nspec RFC9293:3.5\nlabs loopback\nfamily ipv4\n\n\n"
                        "establish # a word\n")
        check = sockproof("fmt", "--check", path, "--cases", tmp_path)
        assert check.returncode == 1 and str(path) in check.stdout
        assert sockproof("fmt", path, "--cases", tmp_path).returncode == 0
        assert "# a word" in path.read_text()
        again = sockproof("fmt", "--check", path, "--cases", tmp_path)
        assert again.returncode == 0 and again.stdout == ""
