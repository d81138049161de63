"""The command line as a whole: help, exit codes, and errors that are messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import console
from engine.cli.commands import runs as runs_verbs
from engine.common.errors import ConfigError, DataError, MachineError, ModelError, RunError, TunedeckError
from engine.messages.message import Message
from tests.engine.cli.cli_calls import Shell

VERBS = (
    "run", "attach", "runs", "status", "logs", "stop", "pause", "resume", "save", "demo", "doctor", "model", "data",
)  # fmt: skip


def test_help_lists_every_verb_and_the_exit_codes(shell: Shell) -> None:
    answer = shell("--help")
    assert answer.code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in answer.out
    for word in ("stdout", "stderr", "130 interrupted", "6 run"):
        assert word in answer.out
    assert "..." not in answer.out.partition("Commands:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(shell: Shell, verb: str) -> None:
    answer = shell(verb, "--help")
    assert answer.code == 0
    assert "Usage: tunedeck" in answer.out


def test_the_version_is_data(shell: Shell) -> None:
    assert shell("version").out == shell("--version").out
    assert shell("version").out.strip()[0].isdigit()


def test_without_a_verb_the_screen_opens(shell: Shell) -> None:
    assert shell().code == 0
    assert shell.screens == [("home", {})]


@pytest.mark.parametrize(
    "arguments", [["nope"], ["run"], ["--nope"], ["run", "x.toml", "--nope"], ["model"], ["model", "nope"]]
)
def test_a_command_line_that_makes_no_sense_ends_with_2_and_a_hint(shell: Shell, arguments: list[str]) -> None:
    answer = shell(*arguments)
    assert answer.code == 2
    assert "--help" in answer.err or "Did you mean" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [(TunedeckError, 1), (ConfigError, 2), (DataError, 3), (ModelError, 4), (MachineError, 5), (RunError, 6)],
)
def test_each_kind_of_error_has_its_exit_code_and_is_a_message(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, kind: type[TunedeckError], code: int
) -> None:
    def fail(name: str) -> None:
        raise kind.of(Message.literal("It went wrong", message="row 7: \x1b[31mbad\x07", hint="Mend row 7."))

    monkeypatch.setattr(runs_verbs, "run_or_latest", fail)
    answer = shell("status")
    assert answer.code == code
    assert answer.out == ""
    assert answer.err.splitlines() == ["tunedeck: It went wrong", "  row 7: bad\\x07", "Mend row 7."]


def break_status(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def fail(name: str) -> None:
        raise ZeroDivisionError(words)

    monkeypatch.setattr(runs_verbs, "run_or_latest", fail)


def test_the_unexpected_is_one_line_and_a_saved_traceback(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_status(monkeypatch, "words of the library")
    answer = shell("status")
    assert answer.code == 1
    assert len(answer.err.splitlines()) == 2
    assert "Traceback" not in answer.err
    [saved] = home.glob("crash-*.log")
    assert str(saved) in answer.err
    assert "ZeroDivisionError: words of the library" in saved.read_text()
    assert saved.stat().st_mode & 0o777 == 0o600


def test_secrets_are_in_no_message_and_no_saved_traceback(
    shell: Shell, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_verysecretvalue")
    break_status(monkeypatch, "401 for hf_verysecretvalue")
    shell("status")
    [saved] = home.glob("crash-*.log")
    assert "hf_verysecretvalue" not in saved.read_text()
    assert "<HF_TOKEN>" in saved.read_text()

    def refuse(name: str) -> None:
        raise ModelError("models.unreachable", model="a/b", reason="token hf_verysecretvalue")

    monkeypatch.setattr(runs_verbs, "run_or_latest", refuse)
    assert "verysecret" not in shell("status").err


def test_the_unexpected_is_told_even_where_nothing_can_be_saved(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", "/sys/tunedeck")
    break_status(monkeypatch, "words of the library")
    answer = shell("status")
    assert answer.code == 1
    assert "ZeroDivisionError: words of the library" in answer.err


def test_a_full_disk_is_told_and_no_crash(home: Path) -> None:
    code = "import sys; sys.argv = ['tunedeck', 'version']; from tui.__main__ import main; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.splitlines()[:2] == ["tunedeck: The output can't be written", "  No space left on device."]
    assert not list(home.glob("crash-*"))


def test_a_stdout_that_the_shell_closed_is_no_crash(home: Path) -> None:
    code = "import sys; sys.argv = ['tunedeck', 'version']; from tui.__main__ import main; main()"
    done = subprocess.run(["sh", "-c", '"$0" -c "$1" >&-', sys.executable, code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ctrl_c_while_libraries_are_loaded_ends_with_130_and_says_nothing(home: Path) -> None:
    code = (
        "import sys; sys.argv = ['tunedeck', 'runs']; from tui import __main__\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed()); __main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_ends_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs_verbs, "run_or_latest", interrupt)
    assert shell("status").code == 130


def test_the_installed_command_runs_and_ends_quietly_when_nobody_reads(home: Path) -> None:
    """As `tunedeck fields | head -1`: the reader goes away in the middle."""
    code = "import sys; sys.argv = ['tunedeck', 'fields']; from tui.__main__ import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in said
    assert "Exception" not in said


def test_a_terminal_that_is_not_utf_8_shows_escapes_instead_of_failing(home: Path) -> None:
    code = "import sys; sys.argv = ['tunedeck', 'status', '漢字']; from tui.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False
    )
    assert done.returncode == 6
    assert b"No such run" in done.stderr
    assert b"\\u6f22" in done.stderr


def test_json_has_no_nan_and_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    console.json_line({"loss": float("nan"), "all": [float("inf"), 1.5], "text": "\x1b[31m漢"})
    assert capsys.readouterr().out == '{"loss": null, "all": [null, 1.5], "text": "\\u001b[31m\\u6f22"}\n'


def test_a_table_for_a_pipe_is_aligned_whole_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["A", "LONGER"], [["x" * 300, "1"], ["\x1b[2Jy", "two\nlines"]])
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.index("LONGER") == first.index("1") == second.index("two lines") == 302
    assert second.startswith("y ")


def test_progress_in_a_log_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress = console.Progress(every_s=3600)
    for done in range(0, 101, 10):
        progress(done * 1_000_000, 100_000_000, "downloading")
    progress(1, None, "unpacking")
    progress.end()
    assert capsys.readouterr().err.splitlines() == [
        "downloading: 0 / 100 MB", "downloading: 100 / 100 MB", "unpacking: 1",
    ]  # fmt: skip


def test_progress_of_many_rows_counts_rows(capsys: pytest.CaptureFixture[str]) -> None:
    console.Progress()(1_500_000, 2_000_000, Message("jobs.looking-at-rows"))
    assert "1,500,000 / 2,000,000" in capsys.readouterr().err
