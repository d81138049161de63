"""Courses of a run's losses over steps, tokens and time, and the mean of a group's."""

from __future__ import annotations

import statistics
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.runs import events as ev
from engine.runs.state import RunState

Axis = Literal["steps", "tokens", "time"]
AXES: tuple[Axis, ...] = ("steps", "tokens", "time")
SERIES = {"loss": "loss_average", "eval_loss": "eval_loss"}
"""Names of curves, and of the series of a run's state that they are drawn from."""


@dataclass(frozen=True)
class Curve:
    """A course of a figure over one axis: optimizer steps, trained tokens, or seconds since the run's first event."""

    x: array[float]
    y: array[float]


def curves_of(state: RunState, found: Iterable[ev.Event]) -> dict[str, dict[Axis, Curve]]:
    """The curves of a run over each axis; ``found`` are the events that ``state`` is of."""
    tokens: dict[float, float] = {}
    times: dict[float, float] = {}
    for event in found:
        if isinstance(event, ev.Step):
            tokens[event.step], times[event.step] = event.num_tokens, max(0.0, event.t - (state.first_t or 0.0))
    return {name: _over_axes(state, series, tokens, times) for name, series in SERIES.items()}


def _over_axes(
    state: RunState, series: str, tokens: Mapping[float, float], times: Mapping[float, float]
) -> dict[Axis, Curve]:  # fmt: skip
    curve = state.series.get(series)
    if curve is None:
        return {}
    x, y = curve.x[: curve.length], curve.y[: curve.length]
    steps = sorted(tokens)

    def along(measure: Mapping[float, float]) -> array[float]:
        """``measure`` at each x: at the step itself or the last before it, 0 before the first."""
        places = (bisect_right(steps, at) - 1 for at in x)
        return array("d", (measure[steps[place]] if place >= 0 else 0.0 for place in places))

    return {"steps": Curve(x, y), "tokens": Curve(along(tokens), y), "time": Curve(_rising(along(times)), y)}


def _rising(x: array[float]) -> array[float]:
    """``x`` without steps back, as after a clock that was put back."""
    highest = 0.0
    return array("d", (highest := max(highest, value) for value in x))


def mean_curves(curves: Sequence[Mapping[Axis, Curve]]) -> dict[Axis, Curve]:
    """Of one run its curves; of several the mean at the steps that all of them have."""
    curves = [each for each in curves if each]
    if len(curves) < 2:
        return dict(curves[0]) if curves else {}
    places = [{step: at for at, step in enumerate(each["steps"].x)} for each in curves]
    common = sorted(set.intersection(*map(set, places)))

    def mean(axis: Axis, part: Literal["x", "y"]) -> array[float]:
        values = [getattr(each[axis], part) for each in curves]
        pairs = list(zip(values, places, strict=True))
        return array("d", (statistics.fmean(of[place[step]] for of, place in pairs) for step in common))

    y = mean("steps", "y")
    return {axis: Curve(mean(axis, "x"), y) for axis in AXES}
