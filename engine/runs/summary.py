"""One line about a run, from the end of its log only: cheap enough for a list of hundreds, every second."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import infer
from engine.runs.state import StateName, reduce
from engine.runs.writer import tail_lines

_RESUMABLE = ("stopped", "failed", "crashed")
_TAIL_BYTES = 96 * 1024  # about 250 steps


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run. ``losses`` are recent averages, oldest first; times are Unix seconds.

    ``eval_loss`` is the newest of the validation, ``test_loss`` that of the test after training.
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
    decoded = (ev.decode(line) for line in tail_lines(run.events, _TAIL_BYTES))
    state = infer(run, reduce(event for event in decoded if event is not None), alive)
    curve = state.series.get("loss_average")
    losses = tuple(v for v in curve.y[max(0, curve.length - 240) : curve.length] if math.isfinite(v)) if curve else ()
    evals, test = [event.loss for event in state.evals if event.loss is not None], state.evals_at("after", "test")
    total = state.total_steps or _whole(facts.get("total_steps"))
    return RunSummary(
        run=run, name=str(facts.get("name") or run.id), model=str(facts.get("model") or ""),
        state=state.state, reason=state.reason,
        step=state.done_steps, total_steps=total, loss=state.loss, losses=losses,
        eta_s=replace(state, total_steps=total).eta_s,
        last_t=state.last_t or float(_whole(facts.get("created_t")) or 0),
        resumable=not alive and state.state in _RESUMABLE and bool(run.complete_checkpoints()),
        has_adapter=run.has_adapter, eval_loss=evals[-1] if evals else None, test_loss=test.loss if test else None,
    )  # fmt: skip


def _whole(value: object) -> int | None:
    """A number of run.json, which anything may have written to."""
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
