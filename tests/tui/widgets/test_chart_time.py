"""A chart over time: axis in minutes and hours, gaps where nothing ran, and lines to measure the curves against."""

from __future__ import annotations

import itertools
import re
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.chart_parts import Curve, Level, Look
from tui.widgets.chart_plot import draw, within_reach
from tui.widgets.chart_scale import View, time_axis, time_label

LEVELS = (Level(2.9, "predicted 2.9"), Level(8.0, "total 8.0"))


def curve(name: str, points: list[tuple[float, float]], tag: str = "", label: str = "") -> Curve:
    x, y = array("d", [x for x, _ in points]), array("d", [y for _, y in points])
    return Curve(name, x, y, len(points), label=label, tag=tag)


def steady(value: float, first: int = 0, last: int = 1200) -> list[tuple[float, float]]:
    return [(float(t), value) for t in range(first, last, 5)]


def lines(curves: list[Curve], **look: object) -> list[str]:
    settings: dict[str, object] = {"of_time": True, "from_zero": True, "join_up_to": 300.0, "levels": LEVELS}
    plot = draw({c.name: c for c in curves}, {}, Look(72, 12, "memory", **(settings | look)))  # type: ignore[arg-type]
    assert all(len(text) == len(styles) == 72 for text, styles in plot.rows)
    return [text.rstrip() for text, _ in plot.rows]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (45, "45 s"), (720, "12 min"), (90, "1:30 min"), (10_800, "3 h"), (5400, "1:30 h"), (172_800, "2 d"),
     (194_400, "2 d 6 h")],
)  # fmt: skip
def test_times_are_written_as_short_as_can_be(seconds: float, text: str) -> None:
    assert time_label(seconds) == text


@given(st.floats(0, 1e6), st.floats(1, 3e6), st.integers(30, 180))
def test_labels_of_a_time_axis_never_touch(start: float, span: float, width: int) -> None:
    ticks = time_axis(start, start + span, width).ticks
    assert sum(len(text) + 1 for _, text in ticks) <= width + 12
    assert all(start - 1 <= value <= start + span + 1 for value, _ in ticks)


def test_an_hour_is_cut_into_quarters_and_a_week_into_days() -> None:
    assert [text for _, text in time_axis(0, 3600, 60).ticks] == ["0", "15 min", "30 min", "45 min", "1 h"]
    assert [text for _, text in time_axis(0, 604_800, 100).ticks][:3] == ["0", "1 d", "2 d"]


@pytest.mark.parametrize(("unicode", "predicted", "total"), [(True, "╌", "═"), (False, "-", "=")])
def test_prediction_and_limit_are_lines_of_their_own_kind_with_their_names(
    unicode: bool, predicted: str, total: str
) -> None:
    found = lines([curve("gpu/0", steady(2.0), label="in use")], unicode=unicode)
    assert f"{predicted * 2} predicted 2.9" in found[0]
    assert f"{total * 2} total 8.0" in found[0]
    plotted = found[1:-2]
    assert any(predicted * 60 in line for line in plotted)
    assert any(total * 60 in line for line in plotted)
    assert unicode or all(line.isascii() for line in found)


def test_a_limit_far_above_is_named_and_does_not_press_the_curve_flat() -> None:
    found = lines([curve("rss", steady(2.0))], levels=(Level(2.9, "predicted 2.9"), Level(500.0, "total 500")))
    assert "total 500 (above)" in found[0]
    assert "═" not in "".join(found[1:])
    assert [level.value for level in within_reach(LEVELS, 2.0)] == [2.9, 8.0]
    assert [level.value for level in within_reach(LEVELS, 0.1)] == []


def test_while_a_run_was_away_there_is_a_gap() -> None:
    away = steady(2.0, 0, 600) + steady(2.0, 3000, 3600)
    rows = lines([curve("rss", away)], levels=())[1:-2]
    drawn = [column for row in rows for column, character in enumerate(row) if "\u2800" < character <= "\u28ff"]
    assert max(after - before for before, after in itertools.pairwise(drawn)) > 30


def test_curves_are_told_apart_by_a_sign_at_their_end_and_in_the_legend() -> None:
    found = lines([curve("a", steady(6.0), "0", "GPU 0"), curve("b", steady(1.0), "1", "GPU 1")])
    assert "⠤⠤0 GPU 0" in found[0]
    assert "⠤⠤1 GPU 1" in found[0]
    assert sorted(character for line in found[1:-2] for character in line[4:] if character in "01") == ["0", "1"]


def test_the_crosshair_reads_out_the_time() -> None:
    assert "at 10 min" in lines([curve("rss", steady(2.0), label="memory")], cursor=600.0)[0]


def test_nothing_measured_yet_says_so_and_calls_nothing_above() -> None:
    found = lines([], empty="not measured yet")
    assert "not measured yet" in found[0]
    assert "above" not in found[0]


def test_a_part_of_the_run_fills_the_chart_and_lines_out_of_sight_are_only_named() -> None:
    points = [(float(t), 2.0 if t < 600 else 3.1 + 0.01 * (t % 10)) for t in range(0, 1200, 5)]
    whole, part = lines([curve("gpu/0", points)]), lines([curve("gpu/0", points)], view=View(800, 1200, follow=False))
    assert whole[-3].strip().startswith("0"), "the whole run is seen from zero, up to the limits within reach"
    labels = [float(found[1]) for line in part if (found := re.match(r"\s*([\d.]+)┤", line))]
    assert min(labels) >= 3.0
    assert max(labels) <= 3.2
    assert "predicted 2.9 (below)" in part[0]
    assert "total 8.0 (above)" in part[0]
