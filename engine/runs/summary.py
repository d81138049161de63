"""One line about a run, from the end of its log only: cheap enough for a list of hundreds, every second."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.common.files import MOST_JSON_BYTES
from engine.common.regular_files import read_regular
from engine.messages.message import Message
from engine.metrics.result import Verdict
from engine.metrics.words import LOWER_IS_BETTER
from engine.runs import evaluations, failures, groups, story
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode
from engine.runs.failures import Failure
from engine.runs.follow import infer
from engine.runs.reducer import reduce
from engine.runs.state import RunState, StateName
from engine.runs.writer import tail_lines

DATA = "data"
"""Fact of run.json: the paths of a run's sources."""
_RESUMABLE = ("stopped", "failed", "crashed")
_TAIL_BYTES = 96 * 1024  # about 250 steps
_RECENT = 240


@dataclass(frozen=True)
class Score:
    """The metric that decides, of the result on ``n`` rows; ``verdict`` against the best that there was without it.

    ``verdict`` is None where nothing was compared.
    """

    metric: str
    value: float
    n: int
    verdict: Verdict | None = None
    against: str = ""

    @property
    def rank(self) -> float:
        """Higher is better, of one metric."""
        return -self.value if self.metric in LOWER_IS_BETTER else self.value


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run. ``losses`` are recent averages, oldest first; times are Unix seconds.

    ``losses_at`` are the steps of ``losses``. ``eval_loss`` is the newest of the validation, ``test_loss`` that of the
    test after training. ``data`` names its sources; ``group`` is the id of the group of seeds it is part of, with its
    ``seed``. ``gpus`` are the indices of those it holds memory of; ``alarm`` tells of a spike or much
    forgotten, the event ``alarm_seq``, that nobody answered yet. ``failures`` are of work on it after its training.
    """

    run: RunDir
    name: str
    model: str
    state: StateName
    reason: Message | None
    step: int
    total_steps: int | None
    loss: float | None
    losses: tuple[float, ...]
    eta_s: float | None
    last_t: float
    resumable: bool
    has_adapter: bool = False
    eval_loss: float | None = None
    test_loss: float | None = None
    score: Score | None = None
    data: tuple[str, ...] = ()
    group: str = ""
    seed: int | None = None
    losses_at: tuple[float, ...] = ()
    gpus: tuple[int, ...] = ()
    alarm: Message | None = None
    alarm_seq: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def id(self) -> str:
        return self.run.id


def summarise(run: RunDir) -> RunSummary:
    """The summary of ``run``; never raises, whatever state its files are in."""
    try:
        return _summary(run)
    except Exception as error:  # one bad folder must not hide the others
        reason = Message("runs.unreadable", kind=type(error).__name__, words=" ".join(str(error).split())[:200])
        return RunSummary(
            run=run, name=run.id, model="", state="damaged", reason=reason, step=0, total_steps=None, loss=None,
            losses=(), eta_s=None, last_t=0.0, resumable=False,
        )  # fmt: skip


def _summary(run: RunDir) -> RunSummary:
    facts = run.read_run_json()
    alive = run.is_alive()
    decoded = (decode(line) for line in tail_lines(run.events, _TAIL_BYTES))
    state = infer(run, reduce(event for event in decoded if event is not None), alive)
    curve = state.series.get("loss_average")
    start = max(0, curve.length - _RECENT) if curve else 0
    points = zip(curve.x[start : curve.length], curve.y[start : curve.length], strict=True) if curve else ()
    recent = [point for point in points if math.isfinite(point[1])]
    alarm = _alarm(state) if alive else None
    evals, test = [event.loss for event in state.evals if event.loss is not None], state.evals_at("after", "test")
    total = state.total_steps or _whole(facts.get("total_steps"))
    return RunSummary(
        run=run, name=str(facts.get("name") or run.id), model=str(facts.get("model") or ""),
        state=state.state, reason=state.reason,
        step=state.done_steps, total_steps=total, loss=state.loss,
        losses=tuple(y for _, y in recent), losses_at=tuple(x for x, _ in recent),
        eta_s=replace(state, total_steps=total).eta_s,
        last_t=state.last_t or float(_whole(facts.get("created_t")) or 0),
        resumable=not alive and state.state in _RESUMABLE and _has_way_on(run, state.state),
        has_adapter=run.has_adapter, eval_loss=evals[-1] if evals else None, test_loss=test.loss if test else None,
        score=_score(run, state), data=_data(run, facts), group=_text(facts.get(groups.GROUP)),
        seed=_whole(facts.get(groups.SEED)), gpus=_gpus(state), alarm=story.alarm(alarm) if alarm else None,
        alarm_seq=alarm.seq if alarm else 0, failures=failures.all_of(run),
    )  # fmt: skip


def _has_way_on(run: RunDir, state: StateName) -> bool:
    """A checkpoint; a run that was stopped before its first begins anew, one that failed would only fail again."""
    return bool(run.complete_checkpoints()) or (state == "stopped" and run.begins_anew)


def _gpus(state: RunState) -> tuple[int, ...]:
    """Of the GPUs that the machine told of, those that the run holds memory of."""
    return tuple(gpu.index for gpu in state.device.gpus if gpu.reserved) if state.device else ()


def _alarm(state: RunState) -> ev.Spike | ev.Forgetting | None:
    """The newest, but for a spike since which the rate was changed; a rollback takes both out of the state."""
    lowered = max((mark.step for mark in state.marks if mark.kind == "rate" and mark.step is not None), default=-1)
    return next((each for each in state.alarms if isinstance(each, ev.Forgetting) or lowered < each.step), None)


def score_of(found: evaluations.Evaluation) -> Score | None:
    """The first metric of an evaluation, of the tuned model, and how it compares with the best other candidate."""
    metric = found.metrics[0] if found.metrics else ""
    mean = found.mean(evaluations.TUNED, metric)
    if mean is None:
        return None
    against = best_other(found, metric)
    compared = found.comparison(evaluations.TUNED, against, metric) if against else None
    return Score(metric, mean.value, mean.n, compared.verdict if compared else None, against if compared else "")


def best_other(found: evaluations.Evaluation, metric: str) -> str:
    """The best candidate beside the tuned model by ``metric``; "" where there is none."""
    means = [each for each in found.means if each.metric == metric and each.candidate != evaluations.TUNED]
    sign = -1 if metric in LOWER_IS_BETTER else 1
    return max(means, key=lambda each: sign * each.value).candidate if means else ""


def _score(run: RunDir, state: RunState) -> Score | None:
    """From what the run measured itself; of a run of an earlier version from its log."""
    kept = evaluations.read(evaluations.folder(run, evaluations.TRAINING))
    if kept is not None:
        return score_of(kept)
    after = state.evals_at("after", "test") or state.evals_at("after")
    if after is None or not after.metrics:
        return None
    metric, value = next(iter(after.metrics.items()))
    return Score(metric, value, after.n)


def _data(run: RunDir, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The paths of its sources: noted at its start, of a run of an earlier version from its config."""
    noted = facts.get(DATA)
    if isinstance(noted, list):
        return tuple(map(str, noted))
    try:
        found = tomllib.loads(read_regular(run.config, MOST_JSON_BYTES).decode("utf-8")).get("data")
    except (OSError, ValueError):
        return ()
    sources = found if isinstance(found, list) else found.values() if isinstance(found, dict) else []
    return tuple(str(each.get("path")) for each in sources if isinstance(each, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    """A number of run.json, which anything may have written to."""
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
