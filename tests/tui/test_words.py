"""Numbers and times are written as people read them."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from engine.messages.message import Message
from tests.tui import fake_runs
from tui import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (38.4, "38 s"),
        (372, "6:12"),
        (3840, "1 h 04 min"),
        (190_000, "2 d 4 h"),
        (math.nan, "-"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (360, "6 min"), (5400, "2 h"), (300_000, "3 d"), (None, "-")]
)
def test_rough_lengths(seconds: float | None, text: str) -> None:
    assert words.about(seconds) == text


def test_moments_are_told_from_now() -> None:
    noon = time.mktime((2026, 3, 10, 12, 0, 0, 0, 0, -1))
    assert words.ago(noon - 10, noon) == "just now"
    assert words.ago(noon - 720, noon) == "12 min ago"
    assert words.ago(noon - 4 * 3600, noon) == "08:00"
    assert words.ago(noon - 20 * 3600, noon) == "yesterday"
    assert words.ago(noon - 3 * 86_400, noon) == "3 days ago"
    assert words.ago(noon - 40 * 86_400, noon).startswith("29 ")
    assert words.ago(0, noon) == ""


def test_losses_and_rates() -> None:
    assert [words.loss(v) for v in (0.4123, 0.00031, math.nan, math.inf, None, 12345.0)] == [
        "0.412", "3.1e-4", "NaN", "inf", "-", "1.23e+04"]  # fmt: skip
    assert words.rate(3.1e-4) == "3.1e-4"
    assert words.rate(0) == "0"


def test_sizes() -> None:
    assert words.gib(2.8 * 2**30) == "2.8"
    assert words.gib(0.27 * 2**30) == "0.27"
    assert words.size(19_000_000) == "19 MB"
    assert words.size(1_240_000_000) == "1.2 GB"


def test_a_sparkline_shows_the_course_and_stays_in_its_width() -> None:
    assert words.sparkline((4.0, 3.0, 2.0, 1.0), 4, True) == "█▆▃▁"
    assert words.sparkline((1.0, 1.0), 4, True) == "▁▁  "
    assert words.sparkline((), 3, True) == "   "
    assert words.sparkline((4.0, 1.0), 2, False).isascii()


def test_a_bar_is_full_at_one_and_never_longer() -> None:
    assert words.bar(0.5, 4, True) == "██░░"
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
