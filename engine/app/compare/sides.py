"""One side of a comparison: a run, or a group as one, with its state, cost, losses and curves."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.app.compare.curves import SERIES, Axis, Curve, curves_of, mean_curves
from engine.app.compare.figures import RowSet, logged
from engine.app.compare.targets import Target
from engine.common.errors import TunedeckError
from engine.config import toml
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.follow import Tail, infer
from engine.runs.reducer import RunReducer
from engine.runs.state import RunState

_TEXT_METRICS = frozenset(("bits_per_byte", "perplexity"))


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds in all and tokens trained on; of a group the sums. ``peak_bytes`` of GPU or RAM."""

    seconds: float | None
    tokens: int | None
    steps: int
    peak_bytes: int | None
    device: str


@dataclass(frozen=True)
class Side:
    """One column: a run, or a group as one. ``seeds`` of it that began; ``result_step`` is the kept checkpoint's.

    ``logged`` are figures of a run that kept no answers (of an earlier version): what its log says.
    """

    letter: str
    target: Target
    state: str
    model: str
    kind: Literal["text", "chat", ""]
    seeds: int
    cost: Cost
    result_step: int | None
    losses: Mapping[str, float]
    curves: Mapping[str, Mapping[Axis, Curve]] = field(default_factory=dict)
    logged: Sequence[RowSet] = ()

    @property
    def name(self) -> str:
        return self.target.name


def side_of(letter: str, target: Target) -> Side:
    """Reads the whole logs of its runs."""
    read = [_state_of(run) for run in target.runs]
    begun = [(state, course) for state, course in read if state.state != "created"] or read
    first, run = begun[0][0], target.runs[0]
    started, finished = first.started, first.finished
    model = started.model if started and started.model else str(run.read_run_json().get("model") or "")
    states = [state for state, _ in read]
    return Side(
        letter, target, _whole_state(states, target), model, _kind(run), len(begun),
        _cost([state for state, _ in begun]), finished.result_step if finished else None, _losses(states),
        {name: mean_curves([course[name] for _, course in begun]) for name in SERIES},
        logged(letter, first) if len(begun) == 1 else (),
    )  # fmt: skip


def _state_of(run: RunDir) -> tuple[RunState, dict[str, dict[Axis, Curve]]]:
    """The state of a run, and its curves."""
    alive = run.is_alive()
    found = Tail(run.events).read(max_events=1 << 62, max_seconds=float("inf"))
    state = infer(run, RunReducer().apply_all(found).snapshot(), alive)
    return state, curves_of(state, found)


def _whole_state(states: Sequence[RunState], target: Target) -> str:
    if target.group is None or len({state.state for state in states}) == 1:
        return states[0].state
    going = next((state.state for state in states if state.state in ("running", "starting", "paused")), None)
    return going or ("failed" if any(state.state in ("failed", "crashed") for state in states) else "stopped")


def _kind(run: RunDir) -> Literal["text", "chat", ""]:
    own = [each for each in evaluations.all_of(run) if not evaluations.is_export(each.name)]
    metrics = {metric for each in own for metric in each.metrics if not evaluations.is_elsewhere(each.name)}
    if metrics:  # the proof of an export has the perplexity of every run
        return "text" if metrics & _TEXT_METRICS else "chat"
    try:
        return "text" if toml.load(run.config).config.dataset.train_on == "all" else "chat"
    except TunedeckError:
        return ""


def _cost(states: Sequence[RunState]) -> Cost:
    seconds = [each for state in states if (each := _seconds(state)) is not None]
    tokens = [state.step.num_tokens for state in states if state.step]
    peaks = [peak for state in states if (peak := _peak_bytes(state)) is not None]
    devices = list(dict.fromkeys(state.started.device for state in states if state.started and state.started.device))
    return Cost(
        sum(seconds) if seconds else None, sum(tokens) if tokens else None, sum(state.done_steps for state in states),
        max(peaks) if peaks else None, ", ".join(devices),
    )  # fmt: skip


def _seconds(state: RunState) -> float | None:
    if state.finished is not None and state.finished.seconds:
        return state.finished.seconds
    return state.last_t - state.first_t if state.first_t is not None else None


def _peak_bytes(state: RunState) -> int | None:
    """The most that the run held: reserved on its GPU, else resident in RAM."""
    gpu = state.own_gpu
    series = state.series.get(f"reserved/{gpu.index}") if gpu else None
    if series is not None and series.length:
        return round(max(series.y[: series.length]))
    return None if gpu else state.peak_rss


def _losses(states: Sequence[RunState]) -> dict[str, float]:
    """Means over the runs that have them: validation and test after training, else the newest validation."""
    found: dict[str, list[float]] = {}
    for state in states:
        test, after = state.evals_at("after", "test"), state.evals_at("after")
        newest = after or (state.evals[-1] if state.evals else None)
        for name, event in (("validation", newest), ("test", test)):
            if event is not None and event.loss is not None:
                found.setdefault(name, []).append(event.loss)
    return {name: statistics.fmean(values) for name, values in found.items()}
