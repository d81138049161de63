"""Axes have round limits and labels; the view survives new data."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui.widgets.chart_scale import View, label, nice_step, round_up, step_axis, value_axis


def test_a_linear_axis_has_round_limits_around_the_data() -> None:
    axis = value_axis(0.43, 2.31, 5)
    assert (axis.low, axis.high) == (0.0, 2.5)
    assert [text for _, text in axis.ticks] == ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]


def test_a_logarithmic_axis_has_the_numbers_1_2_5() -> None:
    axis = value_axis(0.03, 2.3, 4, log=True)
    assert (axis.low, axis.high) == (pytest.approx(0.02), pytest.approx(5))
    assert axis.place(0.02) == pytest.approx(0)
    assert axis.place(5) == pytest.approx(1)


def test_equal_values_still_give_an_axis() -> None:
    for value in (0.0, 1.0, -3.0, 1e-9):
        axis = value_axis(value, value, 4)
        assert axis.low <= value < axis.high


def test_an_axis_of_nothing_but_zeros_begins_at_zero() -> None:
    """A loss or a divergence is never below it."""
    axis = value_axis(0.0, 0.0, 4)
    assert (axis.low, axis.high) == (0.0, 1.0)


def test_learning_rates_are_labelled_in_e_notation() -> None:
    assert [text for _, text in value_axis(0, 3e-4, 4).ticks] == ["0", "1e-4", "2e-4", "3e-4"]
    assert label(120_000, 20_000) == "1.2e5"
    assert label(1500, 500) == "1,500"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_every_axis_holds_its_data_and_rises(low: float, span: float, count: int) -> None:
    assume(span > abs(low) * 1e-9)  # less is beyond what floats tell apart
    axis = value_axis(low, low + span, count)
    assert axis.low <= low + span * 1e-6
    assert axis.high >= low + span * (1 - 1e-6)
    values = [value for value, _ in axis.ticks]
    assert values == sorted(values)
    assert len(values) <= count + 2


@given(st.floats(1e-9, 1e9), st.integers(1, 20))
def test_a_nice_step_cuts_into_at_most_so_many_parts(span: float, parts: int) -> None:
    assert span / nice_step(span, parts) <= parts * (1 + 1e-6)


def test_step_labels_keep_their_distance() -> None:
    ticks = step_axis(0, 100_000, 60).ticks
    assert [text for _, text in ticks] == ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]
    assert [text for _, text in step_axis(0, 20, 70).ticks] == ["0", "5", "10", "15", "20"]


def test_the_axis_of_a_growing_run_moves_seldom_and_ends_at_its_last_step() -> None:
    ends = {View().window(1, step, 900)[1] for step in range(1, 901)}
    assert len(ends) < 20
    assert View().window(1, 900, 900) == (0.0, 900.0)
    assert round_up(412) == 500
    assert round_up(45) == 64


def test_a_zoom_survives_new_data() -> None:
    zoomed = View(100.0, 200.0, follow=False)
    assert zoomed.window(1, 400, 900) == zoomed.window(1, 700, 900) == (100.0, 200.0)


def test_at_the_right_edge_the_view_stays_on_the_newest() -> None:
    view = View().zoom(0.25, 400, 1, 400, 900)
    assert view.follow
    start, end = view.window(1, 400, 900)
    later_start, later_end = view.window(1, 500, 900)
    assert end == 400
    assert later_end == 500
    assert later_end - later_start == pytest.approx(end - start)


def test_a_run_of_a_few_steps_is_not_made_smaller_by_zooming_in() -> None:
    assert View().zoom(0.5, 1, 0, 2, None) == View()


def test_zooming_out_far_enough_shows_the_whole_run_again() -> None:
    view = View(100.0, 300.0, follow=False)
    assert view.zoom(2, 200, 1, 400, 900) == View()


def test_panning_left_stops_following_and_right_begins_again() -> None:
    view = View(300.0, 400.0, follow=True)
    left = view.pan(-0.25, 1, 400, 900)
    assert (left.start, left.end, left.follow) == (275.0, 375.0, False)
    assert left.pan(0.25, 1, 400, 900).follow
    assert View(0.0, 100.0, False).pan(-0.25, 1, 400, 900).start == 0.0
