"""How fast this machine trains a config: three real optimizer steps on its own rows, and nothing kept but the pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.common.errors import ModelError
from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.memory import throughput
from engine.messages.message import Message
from engine.modeling.batches import StepPlan
from engine.modeling.memory_peaks import Peaks
from engine.models.local import resolve
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.steering import Steering
from engine.tokens.examples import Example
from engine.tokens.store import lengths_of
from engine.training.loop import Hooks, Loop
from engine.training.prepare import Context, prepare

STEPS = 3
MOST_PIECES = 4
"""Micro-batches of a step: its pace is the same with more, and nobody has to wait for them."""

_STEPS = Message("jobs.three-steps")
Progress = Callable[[float, float | None, Message], None]


@dataclass(frozen=True)
class Probed:
    """Tokens of rows a second, without the first step, which warms up; bytes at the peak of ``of``; what it was on."""

    tokens_per_second: float
    peak_bytes: int
    of: str
    micro_batch_tokens: int
    device: str
    train_rows: int
    tokens_total: int


class ChosenSteps(StepPlan):
    """A plan whose steps are given: one with the longest rows, then rows about the middle."""

    def __init__(self, steps: Sequence[np.ndarray]) -> None:
        super().__init__(Shuffle(max(1, sum(len(step) for step in steps)), seed=0), batch_size=1, epochs=1)
        self._steps, self.total_steps = steps, len(steps)

    def rows(self, step: int) -> np.ndarray:
        return self._steps[step - 1]


def probe(config: RunConfig, on_progress: Progress) -> Probed:
    """Train three steps as the run would begin, and remember how fast they were.

    Raises TunedeckError as the training would: no model, no rows, no memory. No file is written but the history and
    the cache of tokenised rows.
    """
    seen: list[ev.Step] = []

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Phase):
            on_progress(event.done or 0, event.total, event.message or Message(event.name))
        elif isinstance(event, ev.Step):
            seen.append(event)
            on_progress(event.step, STEPS, _STEPS)

    model = config.model
    if resolve(model.name_or_path, model.revision, model.allow_pickle).path is None:
        raise ModelError("training.model-not-here", model=model.name_or_path)
    context = Context(config, Phases(sink), Steering())
    training = prepare(context)
    plan, rows = training.plan, training.rows
    chosen = choose(rows.train, config.train.batch_size, plan.micro_batch_tokens)
    hooks = Hooks(save=lambda state, reason: "", evaluate=lambda state: None, sample=lambda state: None)
    loop = Loop(replace(training, steps=ChosenSteps(chosen)), plan.micro_batch_tokens, hooks)
    peaks = Peaks(training.placement.device)
    peaks.restart()
    on_progress(0, STEPS, _STEPS)
    loop.run(context.state)
    peaks.take("train")
    rate = _rate(seen)
    device = plan.budget.name if plan.budget else training.placement.device.type
    if plan.fit is not None:
        job = plan.fit.estimate.job
        throughput.record(job.shape.name, throughput.method_of(job), device, rate, loop.budget, "probe")
    return Probed(
        round(rate, 2), peaks.measured["train"], peaks.of, loop.budget, device, len(rows.train), rows.tokens.tokens
    )


def choose(examples: Sequence[Example], batch_size: int, budget_tokens: int) -> list[np.ndarray]:
    """Rows of three steps: the longest, and twice those about the median length; at most a few micro-batches each."""
    lengths = lengths_of(examples)
    ordered = np.argsort(-lengths, kind="stable")

    def take(start: int) -> np.ndarray:
        padded = int(lengths[ordered[start]])
        count = max(1, min(batch_size, MOST_PIECES * max(1, budget_tokens // padded)))
        return ordered[start : start + count]

    size = len(take(len(ordered) // 2))
    middle = max(0, len(ordered) // 2 - size)
    return [take(0), take(middle), take(len(ordered) // 2)]


def _rate(steps: Sequence[ev.Step]) -> float:
    """Tokens a second of all steps but the first."""
    counted = steps[1:] or steps
    tokens = sum((step.tokens_per_second or 0.0) * (step.step_time or 0.0) for step in counted)
    return tokens / max(1e-9, sum(step.step_time or 0.0 for step in counted))
