"""Small drawings fit their cells, and texts that come with data are cleaned."""

from __future__ import annotations

from pathlib import Path

from engine.messages.message import Message
from tests.tui import fake_runs
from tui import words


def test_a_sparkline_shows_the_course_and_stays_in_its_width() -> None:
    assert words.sparkline((4.0, 3.0, 2.0, 1.0), 4, True) == "█▆▃▁"
    assert words.sparkline((1.0, 1.0), 4, True) == "▁▁  "
    assert words.sparkline((), 3, True) == "   "
    assert words.sparkline((4.0, 1.0), 2, False).isascii()


def test_a_bar_is_full_at_one_and_never_longer() -> None:
    assert words.bar(0.5, 4, True) == "━━──"
    assert words.bar(1.7, 4, False) == "####"
    assert words.bar(-1, 4, False) == "...."


def test_what_a_run_says_is_one_clean_line_whether_it_is_a_code_or_old_words() -> None:
    assert words.said(Message("runs.killed-for-ram")) == "killed by the system: out of memory (RAM)"
    assert words.said("one\ntwo\x1b[31m") == words.said(Message.literal("one\ntwo\x1b[31m")) == "one two"
    assert words.said(None) == ""


def test_rows_of_an_earlier_run_are_called_by_its_name(root: Path) -> None:
    run, _ = fake_runs.new_run(root, "orders-zh")
    assert words.source_name(f"run:{run.id}") == words.source_name(f"run-{run.id}") == "orders-zh"
    assert words.source_name("run:20250101-000000-gone-0000") == "run:20250101-000000-gone-0000"
    assert words.source_name("chat") == "chat"
