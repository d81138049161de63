"""Curves keep their shape when thinned, spikes do not flatten them, and axes have round numbers."""

from __future__ import annotations

import math
import re

import pytest

from engine.report import charts
from engine.report.charts import Curve


def test_a_thinned_curve_keeps_its_ends_and_its_spikes() -> None:
    x = list(range(100_000))
    y = [math.sin(at / 5000) for at in x]
    y[77_777] = 9.0
    kept = charts.thinned(x, y, 700)
    assert len(kept) <= 702
    assert (kept[0], kept[-1]) == ((0, y[0]), (99_999, y[-1]))
    assert (77_777, 9.0) in kept
    assert kept == sorted(kept)


def test_a_short_curve_is_kept_whole() -> None:
    assert charts.thinned([1, 2, 3], [5, 4, 6], 700) == [(1, 5), (2, 4), (3, 6)]


@pytest.mark.parametrize(("low", "high"), [(0, 300), (0.0, 3e-4), (-1.2, 0.7), (5, 5.0001), (0, 1e12), (1e-9, 2e-9)])
def test_ticks_are_few_and_lie_within(low: float, high: float) -> None:
    found = charts.ticks(low, high, 5)
    assert 1 <= len(found) <= 11
    room = (high - low) * 1e-6
    assert all(low - room <= tick <= high + room for tick in found)


def test_spikes_of_single_steps_do_not_flatten_the_rest_and_are_counted() -> None:
    y = [1.0 + (at % 10) / 10 for at in range(1000)]
    y[500] = 1e6
    drawn = charts.chart("t", [Curve("a", range(1000), y, "faint")], "step", "alt", str)
    assert drawn is not None
    assert drawn.above == 1
    heights = [float(found) for found in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn.curves[0].path)]
    assert max(heights) - min(heights) > 200


@pytest.mark.parametrize("y", [[2.0], [2.0, 2.0, 2.0], [0.0, 0.0]])
def test_a_flat_curve_and_a_single_point_can_be_drawn(y: list[float]) -> None:
    drawn = charts.chart("t", [Curve("a", range(len(y)), y)], "step", "alt", str, zero=True)
    assert drawn is not None
    assert "nan" not in drawn.curves[0].path
    assert all(-1 <= at <= 101 for at, _ in drawn.y_ticks)


def test_nothing_gives_no_chart() -> None:
    assert charts.chart("t", [Curve("a", [], [])], "step", "alt", str) is None
