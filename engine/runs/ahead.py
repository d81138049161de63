"""What a run still has to do: steps, evaluations, answers and checkpoints, and how long each has taken so far."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.runs import events as ev

if TYPE_CHECKING:
    from engine.config.schema import RunConfig

EVALUATIONS, CHECKPOINTS = 10, 5
"""Over a run, unless its config says otherwise."""


@dataclass(frozen=True)
class Rhythm:
    """Optimizer steps between two evaluations, two rounds of answers, and two checkpoints."""

    evaluate: int
    sample: int
    save: int


def rhythm_of(config: RunConfig, total_steps: int) -> Rhythm:
    def every(wanted: int | None, times: int) -> int:
        return wanted or max(1, round(total_steps / times))

    evaluate = every(config.eval.every, EVALUATIONS)
    return Rhythm(evaluate, config.sample.every or evaluate, every(config.checkpoint.every, CHECKPOINTS))


@dataclass(frozen=True)
class Seen:
    """What a run's log tells of the time that things took. ``since_step_s`` have gone by since the newest step."""

    rhythm: Rhythm | None
    evals: Sequence[ev.Eval]
    tests: Sequence[ev.Eval]
    samples: Sequence[ev.Sample]
    checkpoints: Sequence[ev.Checkpoint]
    since_step_s: float = 0.0
    phase: ev.Phase | None = None
    phase_s: float = 0.0


def seconds_left(done: int, total: int, step_s: float, seen: Seen) -> float:
    """From after step ``done`` to the run's end: steps, what lies between them, and the measuring after the last."""
    before = [e for e in (*seen.evals, *seen.tests) if e.moment == "before"]
    after = {e.part for e in (*seen.evals, *seen.tests) if e.moment == "after"}
    at_end = sum(e.seconds for e in before if e.part not in after)
    measured = [e for e in seen.evals if e.moment == "during"]
    if measured and measured[-1].step < total and "validation" not in after:  # the last step is compared with the best
        at_end += statistics.median(e.seconds for e in measured)
    if done >= total:
        return max(at_end - seen.since_step_s, _of_phase(seen))
    left = (total - done) * step_s + at_end
    if seen.rhythm is None:
        return left
    saved = [c.seconds for c in seen.checkpoints]
    return left + _between(done, total, seen, seen.rhythm) + (statistics.median(saved) if saved else 0.0)


@dataclass(frozen=True)
class Coming:
    """Comes after so many ``steps``, in about so many ``seconds`` (None: not known)."""

    kind: Literal["evaluation", "checkpoint"]
    steps: int
    seconds: float | None


def coming(done: int, total: int, step_s: float | None, seen: Seen) -> list[Coming]:
    """The next evaluation and the next checkpoint after step ``done``, the nearest first; [] without a rhythm.

    The last step brings both.
    """
    if seen.rhythm is None or done >= total:
        return []
    found = []
    for kind, every in (("evaluation", seen.rhythm.evaluate), ("checkpoint", seen.rhythm.save)):
        at = min(total, (done // every + 1) * every)
        took = None if step_s is None else (at - done) * step_s + _between(done, at, seen, seen.rhythm)
        found.append(Coming(kind, at - done, took))  # type: ignore[arg-type]
    return sorted(found, key=lambda each: each.steps)


def _between(done: int, at: int, seen: Seen, rhythm: Rhythm) -> float:
    """Seconds of what is measured, answered and saved after steps ``done`` to ``at``, without what ``at`` brings."""
    before = [e for e in (*seen.evals, *seen.tests) if e.moment == "before" and e.part == "validation"]
    answering = sum(e.answer_seconds for e in before)
    losses = sum(e.seconds for e in before) - answering
    during = [e.seconds for e in seen.evals if e.moment == "during"]
    answered = [s.seconds for s in seen.samples if s.moment == "during" and s.index == 0]
    saved = [c.seconds for c in seen.checkpoints]
    took = _times(done, at, rhythm.evaluate) * (statistics.median(during) if during else losses)
    took += _times(done, at, rhythm.sample) * (statistics.median(answered) if answered else answering)
    return took + _times(done, at, rhythm.save) * (statistics.median(saved) if saved else 0.0)


def _times(done: int, total: int, every: int) -> int:
    """How often something that comes each ``every`` steps, but not after the last, is still to come."""
    return (total - 1) // every - done // every


def _of_phase(seen: Seen) -> float:
    """The rest of a phase that counts what it does, at the pace it has."""
    phase = seen.phase
    if phase is None or not phase.done or not phase.total:
        return 0.0
    return max(0.0, (phase.total - phase.done) * seen.phase_s / phase.done)
