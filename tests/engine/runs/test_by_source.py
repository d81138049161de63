"""Losses of single sources: smoothed, held out, and a word once when one gets worse while the whole gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from engine.messages.catalogue import text
from engine.runs import events as ev
from engine.runs.by_source import newest, sources_of
from engine.runs.curves import Series
from engine.runs.reducer import RunReducer, reduce
from engine.runs.state import RunState


def step(number: int, **losses: float) -> ev.Step:
    return ev.Step(
        step=number, epoch=0.0, loss=1.0, learning_rate=1e-4, grad_norm=1.0, num_tokens=1, supervised_tokens=1,
        tokens_per_second=1.0, step_time=0.1, loss_by_source=losses,
    )  # fmt: skip


def evaluation(number: int, total: float, **losses: float) -> ev.Eval:
    return ev.Eval(step=number, loss=total, n=9, loss_by_source=losses, seq=number, t=float(number))


def told(state: RunState) -> list[str]:
    return [warning.message.args["source"] for warning in state.warnings]


def shown(series: Mapping[str, Series]) -> str:
    found = newest(series)
    assert found is not None
    return text(found)


RISING = [evaluation(10 * i, 2.0 - 0.1 * i, orders=1.0 - 0.2 * i, replay=1.0 + 0.1 * i) for i in range(6)]


def test_a_source_that_gets_worse_while_the_whole_gets_better_is_told_once() -> None:
    state = reduce(RISING)
    assert told(state) == ["replay"]
    (warning,) = state.warnings
    assert warning.step == 30, "at the third rise"
    assert (warning.message.args["first"], warning.message.args["now"]) == (1.0, pytest.approx(1.3))
    assert [line.level for line in state.log].count("warning") == 1
    assert told(reduce(RISING[:3])) == [], "two rises may be chance"


def test_no_source_is_told_of_where_all_get_worse_together() -> None:
    assert told(reduce([evaluation(i, 1.0 + i, orders=1.0 + i, replay=1.0 + i) for i in range(6)])) == []


def test_a_fall_in_between_begins_anew() -> None:
    replay = [1.0, 1.1, 1.2, 1.15, 1.2, 1.25]
    events = [evaluation(i, 2.0 - 0.1 * i, orders=0.5, replay=loss) for i, loss in enumerate(replay)]
    assert told(reduce(events)) == []
    assert told(reduce([*events, evaluation(6, 1.0, orders=0.4, replay=1.3)])) != []


def test_a_run_of_one_source_and_a_test_say_nothing() -> None:
    assert told(reduce([evaluation(i, 2.0 - 0.1 * i, replay=1.0 + 0.1 * i) for i in range(6)])) == []
    tests = [ev.Eval(step=i, part="test", loss=e.loss, loss_by_source=e.loss_by_source) for i, e in enumerate(RISING)]
    assert told(reduce(tests)) == []


def test_evaluations_repeated_after_a_resume_count_once() -> None:
    """Steps 10 and 20 are measured again: with them twice, a rise of two would look like one of three."""
    events = [*RISING[:3], ev.RunStarted(resumed_from_step=5), *RISING[1:3]]
    assert told(reduce(events)) == []
    assert len(told(reduce([*events, *RISING[3:]]))) == 1
    assert len(told(reduce([*RISING, ev.RunStarted(resumed_from_step=5), *RISING[1:]]))) == 1


def test_each_source_has_a_smooth_curve_and_its_held_out_losses() -> None:
    reducer = RunReducer()
    for number in range(1, 101):
        reducer.apply(step(number, orders=1.0 + (-1) ** number, replay=0.5))
        if number % 50 == 0:
            reducer.apply(evaluation(number, 1.0, orders=0.8, replay=0.6))
    series = reducer.snapshot().series
    average = series["loss_average/orders"]
    assert average.length == series["loss/orders"].length == 100
    assert all(0.7 < value < 1.3 for value in average.y[50:])
    assert list(series["eval_loss/replay"].y) == [0.6, 0.6]
    assert sources_of(series) == ["orders", "replay"]
    assert shown(series) == f"orders {average.y[99]:.3f}, replay 0.500"


def test_a_source_that_is_not_in_a_step_keeps_its_last_loss_and_a_lost_number_is_left_out() -> None:
    state = reduce([step(1, a=1.0, b=2.0), step(2, a=1.0), step(3, a=math.nan, b=2.0)])
    assert state.series["loss_average/b"].length == 2
    assert shown(state.series) == "a 1.000, b 2.000"


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_sources_have_nothing_to_compare(count: int) -> None:
    assert newest(reduce([step(1, **dict.fromkeys(["orders"][:count], 1.0))]).series) is None


def test_of_many_sources_the_rest_is_counted() -> None:
    state = reduce([step(1, **{f"s{i}": 1.0 for i in range(10)})])
    assert shown(state.series).endswith("s7 1.000, 2 more")
