"""What tiketi-inspect says of itself: help, completion, words that it does not know, tokens."""
import hashlib
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from inspector import inspect  # noqa: E402


def test_every_command_has_help_with_examples():
    names = inspect("--help").stdout
    for verb in ("nodes", "shards", "where", "actor", "event", "queue", "holds", "user",
                 "reservation", "ledger", "outbox", "hot", "brakes", "brake", "release", "top",
                 "wishes", "notices", "accept-loss",
                 "drain", "undrain", "rebalance", "move", "completion", "token",
                 "audit", "verify-draw"):
        assert verb in names
        helped = inspect(verb, "--help").stdout
        assert "Examples" in helped and "Exit codes" in helped, verb
    for verb in (("why",), ("why", "seat"), ("notice",), ("cases",), ("cases", "close")):
        helped = inspect(*verb, "--help").stdout
        assert "Examples" in helped and "Exit codes" in helped, verb
    for verb in ("where", "actor", "move"):
        assert "whether or not something lives there" in inspect(verb, "--help").stdout, verb
    assert "contradicts" not in names  # That is of `audit`.
    for verb in ("add", "change", "remove"):
        assert "Examples" in inspect("notice", verb, "--help").stdout, verb


@pytest.mark.parametrize("words, why", [
    (("gess",), "there is no command 'gess'"),
    (("quue", "--watch"), "there is no command 'quue'; did you mean 'queue'?"),
    (("brak", "all"), "there is no command 'brak'; did you mean 'brake'?"),
    (("why", "seet", "x"), "there is no command 'why seet'; did you mean 'why seat'?"),
    (("notice", "delete"), "there is no command 'notice delete'"),
])
def test_a_word_that_is_no_command_is_named(words, why):
    done = inspect(*words)
    assert done.returncode == 2 and why in done.stderr, done


@pytest.mark.parametrize("words, name", [
    (("event",), "EVENT"), (("where",), "KEY"), (("why", "seat"), "SEAT"), (("brake",), "SCOPE"),
    (("drain",), "NODE"), (("move",), "KEY"), (("move", "event:x"), "NODE"),
    (("notice", "remove"), "NOTICE"), (("cases", "close"), "CASE"), (("token",), "NAME"),
    (("completion",), "SHELL"), (("verify-draw",), "FILE")])
def test_what_is_missing_is_named_as_in_the_help(words, name):
    missing = inspect(*words)
    assert missing.returncode == 2 and f"{name} is required" in missing.stderr, missing
    text = inspect(*words[:2 if words[0] in ("why", "notice", "cases") else 1], "--help").stdout
    assert name in text.split(), text


# -- completion: each script in its own shell -----------------------------------------------------

BASH = """source {script}; COMP_WORDS=({line}); COMP_CWORD={last}
_tiketi_inspect; printf '%s\\n' "${{COMPREPLY[@]}}" """
# What would show them is replaced: it needs somebody who types.
ZSH = """compdef() {{ }}; _files() {{ }}
_describe() {{ for one in "${{(@P)2}}"; do print -r -- "${{one%%:*}}"; done }}
source {script}; words=({line}); (( CURRENT = {last} + 1 )); _tiketi_inspect"""
FISH = """source {script}; complete -C "{plain}" | string replace -r '\\t.*' ''; true"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_completes_what_there_is(shell, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    script = tmp_path / "completion"
    script.write_text(inspect("completion", shell).stdout)

    def completed(*words):
        words = ("tiketi-inspect", *words)
        code = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell].format(
            script=script, line=" ".join(f"'{x}'" for x in words), last=len(words) - 1,
            plain=" ".join(words))
        done = subprocess.run([shell, "-c", code], capture_output=True, text=True, timeout=60,
                              check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
        assert done.stderr == "", done
        return [x for x in done.stdout.split() if x.startswith(words[-1])]
    assert completed("nod") == ["nodes"]
    assert set(completed("why", "")) >= {"seat", "reservation"}
    assert completed("why", "seat", "--wat") == ["--watch"]
    assert completed("ledger", "--js") == ["--json"]
    assert completed("brake", "al") == ["all"]
    assert set(completed("release", "")) >= {"all", "event", "queue", "holds", "payments"}
    assert completed("brake", "payments", "--rea") == ["--reason"]
    assert "all" not in completed("brake", "payments", "")
    assert set(completed("notice", "add", "--level", "")) == {"info", "warning", "incident"}
    assert completed("token", "ann", "--role", "o") == ["operator"]
    assert completed("completion", "z") == ["zsh"]


def test_there_is_no_script_for_other_shells():
    assert inspect("completion", "tcsh").returncode == 2


# -- tokens ---------------------------------------------------------------------------------------

def test_a_token_fits_its_line():
    made = inspect("token", "carl", "--role", "operator")
    assert made.returncode == 0
    name, role, digest = made.stderr.splitlines()[-1].split(":")
    assert (name, role) == ("carl", "operator")
    assert digest == hashlib.sha256(made.stdout.strip().encode()).hexdigest()
    assert len(made.stdout.strip()) == 64
    assert inspect("token", "carl").stdout != inspect("token", "carl").stdout


@pytest.mark.parametrize("name, good", [
    ("ann", True), ("a.b-c_9", True), ("x" * 40, True), ("x" * 41, False), ("Bad Name!", False),
    ("Ann", False), ("a b", False), ("한", False)])
def test_a_token_is_made_only_of_a_name_that_nodes_read(name, good):
    made = inspect("token", name)
    assert (made.returncode == 0) == good and (made.stdout != "") == good
