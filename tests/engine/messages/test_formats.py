"""Numbers are written one way, wherever they stand."""

from __future__ import annotations

import math
import time

import pytest

from engine.messages import formats, language

_DURATIONS = [
    (None, "-", "-"), (math.nan, "NaN", "NaN"), (0, "0 s", "0 秒"), (38.4, "38 s", "38 秒"),
    (372, "6 min 12 s", "6 分 12 秒"), (360, "6 min", "6 分"), (3599.7, "1 h", "1 小时"),
    (3840, "1 h 4 min", "1 小时 4 分"),
    (86_399, "1 day", "1 天"), (190_000, "2 days 5 h", "2 天 5 小时"), (1_714_000, "20 days", "20 天"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "english", "chinese"), _DURATIONS)
def test_durations_have_their_two_largest_units(seconds: float | None, english: str, chinese: str) -> None:
    assert (formats.duration(seconds, "en"), formats.duration(seconds, "zh")) == (english, chinese)


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [(40, "40 s", "40 秒"), (360, "6 min", "6 分钟"), (5400, "2 h", "2 小时"), (300_000, "3 days", "3 天")],
)
def test_rough_durations_have_one_unit(seconds: float, english: str, chinese: str) -> None:
    assert (formats.rough_duration(seconds, "en"), formats.rough_duration(seconds, "zh")) == (english, chinese)


def test_moments_are_told_from_now() -> None:
    noon = time.mktime((2026, 3, 10, 12, 0, 0, 0, 0, -1))
    passed = (10, 720, 4 * 3600, 20 * 3600, 3 * 86_400, 40 * 86_400)
    assert [formats.when(noon - each, noon, "en") for each in passed] == [
        "just now", "12 min ago", "08:00", "yesterday", "3 days ago", "29 Jan"]  # fmt: skip
    assert [formats.when(noon - each, noon, "zh") for each in passed] == [
        "刚刚", "12 分钟前", "08:00", "昨天", "3 天前", "1 月 29 日"]  # fmt: skip
    assert formats.when(0, noon) == formats.when(None, noon) == ""


def test_shares_are_written_with_the_sign_at_the_number() -> None:
    shares = (0, 0.003, 0.42, 1.0, None, math.nan)
    assert [formats.percent(share) for share in shares] == ["0%", "<1%", "42%", "100%", "-", "NaN"]
    assert [formats.percent(share, 1) for share in (0.125, 0.7, 0.0002, 0)] == ["12.5%", "70%", "<0.1%", "0%"]


def test_sizes_have_their_unit() -> None:
    gib = 2**30
    assert [formats.gib(each * gib) for each in (14.2, 0.27, 1500.04, -2.25)] == [
        "14.2 GiB", "0.27 GiB", "1,500.0 GiB", "-2.2 GiB"]  # fmt: skip
    assert formats.gib(2.8 * gib, unit=0) == "2.8"
    assert [formats.size(each) for each in (512, 19e6, 1.24e9, 3e12)] == ["512 B", "19 MB", "1.2 GB", "3.0 TB"]


def test_numbers_have_separators_and_the_digits_that_matter() -> None:
    assert [formats.number(each) for each in (7, 12300, 294.2, 0.8249, 45.25, 0.0031, None)] == [
        "7", "12,300", "294", "0.82", "45.2", "3.1e-3", "-"]  # fmt: skip
    assert [formats.weight(each) for each in (0.7, -0.25, 1.0, 1 / 3, 1 / 7)] == ["0.7", "-0.25", "1", "1/3", "1/7"]
    assert [formats.setting(each) for each in (1024, 0.05, 2e-4, 2.5e-5, 32.0, 0.0)] == [
        "1,024", "0.05", "2e-4", "2.5e-5", "32", "0"]  # fmt: skip
    assert [formats.amount(each) for each in (134_515_008, 7.24e9, 950, 1_000)] == ["135M", "7.24B", "950", "1k"]


def test_losses_and_learning_rates() -> None:
    losses = (0.4123, 0.00031, math.nan, math.inf, None, 12345.0)
    assert [formats.loss(each) for each in losses] == ["0.412", "3.1e-4", "NaN", "inf", "-", "1.23e+04"]
    assert [formats.rate(each) for each in (3.1e-4, 0)] == ["3.1e-4", "0"]


def test_lists_are_joined_as_the_language_does() -> None:
    assert [formats.listing(list("abc")[:n], "en") for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert formats.listing(["a", "b", "c"], "zh") == "a、b 和 c"
    assert formats.listing(["整数", "文本", "auto"], "zh", "or") == "整数、文本或 auto"
    language.use("zh")
    assert formats.listing(["a", "b"], joined="or") == "a 或 b"


def test_a_count_has_its_noun() -> None:
    assert [formats.count(each, "row", "rows") for each in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
