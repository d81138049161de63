"""Where lines come from and go to: pipes, narrow terminals, bytes that are no text, an end in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.common.columns import cells, cut
from tests.tui.pty_session import ROOT, PtySession
from tests.tui.wizard.making import make_model
from tui.plain.lines import Lines
from tui.plain.stream import Typed

IGNORING_HANGUP = ("sh", "-c", 'trap "" HUP; exec "$0" "$@"', sys.executable, "-P", "-m", "tui")
LONG_S = 120.0


def piped(home: Path, typed: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    env = os.environ | {"TUNEDECK_HOME": str(home), "HF_HOME": str(home), "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui", "--plain", *arguments], input=typed, cwd=ROOT, env=env,
        capture_output=True, timeout=LONG_S,
    )  # fmt: skip


@pytest.mark.e2e
def test_answers_from_a_pipe_are_taken_shown_and_kept(home: Path) -> None:
    make_model(home / "models" / "tiny-chat")
    done = piped(home, b"n\n2\n\xff\xfe\n")
    said = done.stderr.decode()
    assert done.returncode == 0
    assert "[1] > 2\n" in said
    assert "Which model" in said
    assert said.count("What do you want to do?") == 1, "after the end nothing is asked"
    assert said.rstrip().endswith("n continues them.")
    assert (home / "draft.toml").is_file()
    assert not list(home.glob("crash-*"))
    assert b"\x1b" not in done.stderr


@pytest.mark.e2e
def test_files_on_the_command_line_begin_the_questions(home: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "output": "b"}\n' * 20)
    done = piped(home, b"", str(rows))
    assert done.returncode == 0
    assert b"Step 1 of 6: Task\nYour data: rows.jsonl" in done.stderr


@pytest.mark.e2e
def test_a_closed_terminal_ends_the_questions_though_hangup_is_ignored(home: Path) -> None:
    make_model(home / "models" / "tiny-chat")
    with PtySession(["--plain"], command=IGNORING_HANGUP, env={"TUNEDECK_HOME": str(home), "TERM": "dumb"}) as session:
        for shown, typed in (("want to do?", "n\n"), ("should the model learn?", "2\n")):
            session.wait_for(shown, seconds=LONG_S)
            session.send(typed)
        session.wait_for("Which model", seconds=LONG_S)
        os.close(session._master)
        ends = time.monotonic() + LONG_S
        while session.process.poll() is None and time.monotonic() < ends:
            time.sleep(0.1)
        assert session.process.poll() == 0
    assert 'task = "text"' in (home / "draft.toml").read_text()
    assert not list(home.glob("crash-*"))


@pytest.mark.parametrize(
    ("pressed", "word"),
    [
        (b"\x1bOQ", "f2 "),
        (b"\x1b[15~", "f5 "),
        (b"\x1b[21~", "f10 "),
        (b"\x1b[[C folder", "f3 folder"),
        (b"\x1bOP", "?"),
        (b"/data/\x1bOQ", "/data/\x1bOQ"),
    ],
)
def test_a_function_key_is_the_word_that_a_question_names_it_by(
    pressed: bytes, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.write(writing, pressed + b"\n")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert Typed().line() == word


@pytest.mark.e2e
def test_a_hangup_in_a_long_job_leaves_no_folder_behind(home: Path, tmp_path: Path) -> None:
    make_model(home / "models" / "tiny-chat")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {"TUNEDECK_HOME": str(home), "TERM": "dumb", "TMPDIR": str(scratch)}
    with PtySession(["--plain"], env=env) as session:
        for shown, typed in (("want to do?", "n\n"), ("should the model", "\n"), ("Which model", "\n"), ("f5", "f5\n")):
            session.wait_for(shown, seconds=LONG_S)
            session.send(typed)
        session.wait_for("Ctrl+C stops it", seconds=LONG_S)
        os.close(session._master)
        session.process.wait(LONG_S)
    assert list(scratch.glob("tunedeck-*")) == []


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(
    "line",
    [
        "  1  Instructions and dialogue: Rows with a question and the answer you want, in one turn or many.",
        "任务继续进行。输入 q 并回车可离开，训练会在后台继续；输入 p 可以暂停，输入 r 可以继续，输入 s 可以保存。",
    ],
)
def test_lines_are_cut_at_words_to_the_width_of_the_terminal(line: str, width: int) -> None:
    found = cut(line, width, 3)
    assert all(cells(each) <= width for each in found)
    assert "".join("".join(found).split()) == "".join(line.split())
    assert not any(each.lstrip().startswith(("，", "。", "；")) for each in found)


def test_what_is_copied_stays_in_one_piece() -> None:
    path = "/data/with/a/path/that/is/longer/than/a/line/of/the/terminal/rows.jsonl"
    assert path in cut(f"数据在 {path} 里", 40)[1]
    assert "`tunedeck attach orders`." in cut("It keeps running. Come back to it: `tunedeck attach orders`.", 40)[1]


def test_what_only_waits_is_told_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("tui.plain.lines.time.monotonic", lambda: now)
    tell = Lines().rarely()
    for now, done in ((104.0, 0), (110.0, 0), (150.0, 0), (164.0, 0), (180.0, 1)):
        tell(f"loading: {done} of 60, {now - 100:.0f} s", figures=done)
    assert capsys.readouterr().err.splitlines() == [
        "loading: 0 of 60, 4 s", "loading: 0 of 60, 64 s", "loading: 1 of 60, 80 s"
    ]  # fmt: skip
