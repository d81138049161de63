"""What the verbs print where a terminal may not be steered: lines, never a cursor that moves or letters in bold."""

from __future__ import annotations

import io
import sys

import pytest

from engine.cli import console
from engine.messages import language


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    """All that a job with a table at its end says on a terminal."""
    terminal = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, terminal)
    for name in ("NO_COLOR", "ACCESSIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | env).items():
        monkeypatch.setenv(name, value)
    progress = console.Progress()
    progress(1, 10, "reading")
    progress(10, 10, "reading")
    progress.end()
    console.table(["RUN", "STATE"], [["orders", "running"]])
    return terminal.getvalue()


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1"), ("ACCESSIBLE", "1")])
def test_nothing_but_lines_is_sent(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    said = told(monkeypatch, **{name: value})
    assert not set(said) & {"\x1b", "\r"}
    assert said.splitlines() == ["reading: 1 / 10", "reading: 10 / 10", "RUN     STATE", "orders  running"]


def test_figures_stand_behind_the_colon_of_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    language.use("zh")
    assert told(monkeypatch, TERM="dumb").splitlines()[0] == "reading：1 / 10"


def test_elsewhere_progress_is_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\r" in told(monkeypatch)
