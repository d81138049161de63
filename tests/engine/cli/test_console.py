"""What the verbs print where a terminal may not be steered: lines, never a cursor that moves or letters in bold."""

from __future__ import annotations

import io
import re
import sys

import pytest

from engine.cli import console
from engine.common import columns
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


def test_progress_that_stands_still_is_said_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, now = Terminal(), 100.0
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    progress = console.Progress()
    for now in (100.0, 106.0, 130.0, 161.0):  # noqa: B007  # read by the clock
        progress(1, 10, "reading")
    now = 167.0
    progress(2, 10, "reading")
    assert terminal.getvalue().splitlines() == ["reading: 1 / 10", "reading: 1 / 10", "reading: 2 / 10"]


@pytest.mark.parametrize("spoken", language.LANGUAGES)
@pytest.mark.parametrize("width", [40, 80])
def test_a_table_too_wide_for_its_terminal_is_a_list_of_rows(
    monkeypatch: pytest.MonkeyPatch, width: int, spoken: str
) -> None:
    language.use(spoken)
    monkeypatch.setattr(console, "width_of", lambda stream: width)
    headers = ["METRIC", "MODEL", "VALUE", "95% INTERVAL", "DIFFERENCE"]
    rows = [
        ["exact match", "base model, few-shot", "71.7%", "66.7% to 76.7%", ""],
        ["回答完全一致", "基座模型", "0%", "", "+62.5 points (57.5 to 67.5)"],
    ]
    lines = console.fitted(headers, rows, io.StringIO())
    assert lines[0] == "METRIC", "it may be the title of the table"
    assert all(columns.cells(line) <= width for line in lines)
    told = re.sub(r"\s+", " ", " ".join(lines))
    assert all(cell in told for row in rows for cell in row)
    assert "VALUE: 71.7%" in told or "VALUE：71.7%" in told
    assert told.count("DIFFERENCE") == 1, "an empty cell says nothing"


def test_what_is_told_line_by_line_is_cut_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(console, "width_of", lambda stream: 30)
    console.say("the answers reached the token limit")
    monkeypatch.setenv("ACCESSIBLE", "1")
    console.say("the answers reached the token limit")
    assert terminal.getvalue().splitlines() == [
        "the answers reached the token limit", "the answers reached the token", "limit"
    ]  # fmt: skip


def test_a_table_that_fits_keeps_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width_of", lambda stream: 40)
    assert console.fitted(["RUN", "STATE"], [["orders", "running"]], io.StringIO()) == [
        "RUN     STATE",
        "orders  running",
    ]
