"""Editors and the shell know the words of the language and of the command."""
import json
import re
import shutil
import subprocess

import pytest

from tools import ROOT

GENERATE = ROOT / "editors" / "generate"
GRAMMAR = ROOT / "editors" / "vscode" / "syntaxes" / "sockproof.tmLanguage.json"
VIM = ROOT / "editors" / "vim" / "syntax" / "sockproof.vim"


@pytest.fixture(scope="module")
def words():
    done = subprocess.run([GENERATE, "--words"], capture_output=True, text=True, check=True)
    return {kind: found.split() for kind, _colon, found in
            (line.partition(":") for line in done.stdout.splitlines())}


@pytest.fixture(scope="module")
def vim_words():
    text = VIM.read_text()
    found = [word for line in re.findall(r"^syn keyword \S+ (.+)$", text, re.M)
             for word in line.split()]
    header = re.search(r"^syn match sockproof_header /\^\\%\((.+?)\\\)", text, re.M).group(1)
    return set(found) | set(header.split("\\|"))


def patterns_of(grammar):
    return [pattern[key] for pattern in grammar["patterns"] for key in ("match", "begin")
            if key in pattern]


def examples():
    """The words of every example of the language page, and of every case, outside free text."""
    page = (ROOT / "docs" / "case-language.md").read_text()
    texts = re.findall(r"^```case\n(.*?)^```", page, re.M | re.S)
    texts += [path.read_text() for path in (ROOT / "cases").rglob("*.case")]
    for text in texts:
        # Free text, and the values of tables, go on behind a line for as long as they are indented.
        text = re.sub(r"^(?:why|for)\b.*\n(?:[ \t].*\n)*", "", text, flags=re.M)
        for line in text.splitlines():
            line = re.sub(r'(?:^|\s)#.*|"[^"]*"', " ", line)
            if not re.match(r"\s*(title|source|case|spec|needs|pin|for|when)\b", line):
                yield line


class TestWords:
    def test_the_files_are_those_that_the_words_make(self):
        done = subprocess.run([GENERATE, "--check"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + "run editors/generate and commit what it writes"

    @pytest.mark.parametrize("kind, some", [
        ("header", "case title why spec labs family needs pin deadline watch for"),
        ("statement", "wire state still never silence queue wait lab any optional repeat on"),
        ("call", "connect accept send recv drain close shutdown set get poll start finish spawn"),
        ("state", "LISTEN SYN_RECEIVED TIME_WAIT CLOSED"), ("flag", "SYN ACK FIN RST PSH URG"),
        ("error", "ECONNRESET EWOULDBLOCK"), ("signal", "SIGPIPE SIGKILL"),
        ("constant", "SO_LINGER TCP_NODELAY MSG_PEEK HUP RDWR FIONREAD"),
        ("stack", "linux windows wine"), ("source", "measured documented reported"),
        ("word", "within after since took raises until again probe window-probe bytes then order"
                 " has lacks killed pending unread hold release sysctl badsum icmp unreachable"),
    ])
    def test_the_words_are_found_where_the_language_has_them(self, words, kind, some):
        assert set(some.split()) <= set(words[kind])

    def test_vim_knows_each(self, words, vim_words):
        for kind, found in words.items():
            assert set(found) <= vim_words, kind

    def test_vs_code_knows_each(self, words):
        patterns = patterns_of(json.loads(GRAMMAR.read_text()))
        for found in words.values():
            for word in found:
                assert any(match and match.group().startswith(word) for match in
                           (re.search(pattern, word + " x") for pattern in patterns)), word

    def test_every_lower_case_word_of_every_example_is_known_or_a_name(self, words):
        known = {word for found in words.values() for word in found}
        names = re.compile(r"(?<=/)[a-z][\w-]*|@\S+|\$\w+|:[a-z]\w*|net\.[\w.]+|[-+]=\S+")
        unknown = {}
        for line in examples():
            line = names.sub(" ", line)
            if re.match(r"\s*\S+\s+(start\s+)?(accept|dup|take)\b", line):  # makes a name
                line = re.sub(r"\b(accept|dup|take)\b\s+\S+", r"\1", line)
            line = re.sub(r"\b(set\s+(?:TCP_CONGESTION|SO_BINDTODEVICE))\s+\S+", r"\1", line)  # the stack's own
            for word in re.findall(r"(?<![\w.+-])[a-z][a-z_-]*(?![\w.])", line):
                if word not in known and not re.search(rf"\d\s*{word}\b", line):
                    unknown.setdefault(word, line.strip())
        assert not unknown


class TestFiles:
    def test_vs_code_finds_what_its_manifest_names(self):
        folder = ROOT / "editors" / "vscode"
        contributes = json.loads((folder / "package.json").read_text())["contributes"]
        language, grammar = contributes["languages"][0], contributes["grammars"][0]
        assert language["extensions"] == [".case"] and grammar["language"] == language["id"]
        assert json.loads((folder / language["configuration"]).read_text())["comments"]
        assert json.loads((folder / grammar["path"]).read_text())["scopeName"] == grammar["scopeName"]

    @pytest.mark.skipif(not shutil.which("vim"), reason="no vim here")
    def test_vim_paints_a_case(self, tmp_path):
        script = tmp_path / "paint.vim"
        out = tmp_path / "out"
        script.write_text(
            "set rtp^=editors/vim\nfiletype on\nsyntax on\n"
            "edit tests/bad-cases/../../cases/linger/zero-resets.case\n"
            "let all = [&filetype]\n"
            "for l in range(1, line('$'))\n  for c in range(1, col([l, '$']))\n"
            "    call add(all, synIDattr(synID(l, c, 1), 'name'))\n  endfor\nendfor\n"
            f"call writefile(uniq(sort(all)), '{out}')\nqall!\n")
        done = subprocess.run(["vim", "-Nu", "NONE", "-es", "-S", script], cwd=ROOT, timeout=30,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if not out.exists():
            pytest.skip(f"this vim runs no scripts ({done.returncode})")
        assert {"sockproof", "sockproof_call", "sockproof_end", "sockproof_state", "sockproof_flag",
                "sockproof_error", "sockproof_header", "sockproofText"} <= set(
                    out.read_text().split())


class TestCompletion:
    @pytest.fixture
    def complete(self, sockproof):
        def complete(*words):
            script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sockproof; '
                      'printf "%s\\n" "${COMPREPLY[@]}"')
            done = subprocess.run(["bash", "-uc", script, "bash",
                                   ROOT / "completions" / "sockproof.bash", sockproof.path, *words],
                                  cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
            assert done.stderr == ""
            return set(done.stdout.split())
        return complete

    def test_commands(self, complete):
        assert complete("ru") == {"run"}
        assert {"run", "list", "explain", "judge", "lint", "fmt", "sources", "coverage"} <= complete("")

    def test_options_of_the_command(self, complete):
        assert complete("run", "--re") == {"--results", "--repeat"}
        assert complete("coverage", "--u") == {"--uncovered"}

    def test_what_an_option_takes(self, complete):
        assert complete("run", "--lab", "") == {"loopback", "veth", "routed"}
        assert complete("run", "--family", "ipv") == {"ipv4", "ipv6"}
        assert {"text", "junit", "ktap", "json"} <= complete("judge", "x", "--format", "")

    def test_ids_and_topics(self, complete):
        assert complete("run", "linger/zero-res") == {"linger/zero-resets"}
        assert "linger" in complete("explain", "ling")
        assert complete("run", "linger/zero-resets", "linger/zero-l") == {
            "linger/zero-last-copy", "linger/zero-loses-in-flight"}

    def test_folders_where_the_command_takes_no_case(self, complete):
        assert "docs" in complete("judge", "do") and "cases" in complete("run", "--cases", "ca")

    def test_the_shell_is_told(self):
        text = (ROOT / "completions" / "sockproof.bash").read_text()
        assert re.search(r"^complete .*-F _sockproof sockproof$", text, re.M)
