"""When the loss of a step is out of line: a robust z-score over the steps before it, or no number at all."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

WINDOW = 100
"""Steps that a new one is compared with."""
FEWEST, FEWEST_TENFOLD = 25, 5
"""Steps before anything is said, and before a tenfold loss is."""
_SIGMAS = 8.0
"""Robust standard deviations above the median, of the logarithm: batches' losses are spread like a log-normal."""
_RISE = math.log(1.5)
_ABOVE_ALL = 2.0
"""Standard deviations above the highest of the window: where two kinds of rows take turns both are in line."""
_SOFT = 0.1
"""Nats that are added: below that a loss may well be ten times as high as the one before."""
_TENFOLD, _HIGH, _CLEAR = 10.0, 1.0, 4.5
"""Ten times the median is told where it is a nat more than that, or so many deviations of the bare logarithm."""
_SCALE = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
_UPPER = 1.645  # standard deviations of a normal distribution up to its 95th percentile
_LEVEL = 5
"""So many steps in a row that are out of line are the new line."""
_QUIET = 25
"""Steps after a spike in which only one that is twice as high is told."""

Kind = Literal["loss", "not-finite"]


@dataclass(frozen=True)
class Found:
    """A loss out of line: ``expected`` is the window's median, ``score`` how many deviations above it (None: no number
    or tenfold too early to tell)."""

    kind: Kind
    expected: float | None = None
    score: float | None = None


class SpikeFinder:
    """Takes the losses (nats a token) of steps in their order; ``past`` are those from before a resume."""

    def __init__(self, past: Iterable[float] = ()) -> None:
        self._logs: deque[float] = deque(maxlen=WINDOW)
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self._out: list[float] = []
        self._told_at, self._told_loss, self._steps = -_QUIET, 0.0, 0
        for loss in past:
            if math.isfinite(loss):
                self._take(loss)

    def forget(self) -> None:
        """The data changes: what was in line so far says nothing."""
        self._logs.clear()
        self._losses.clear()
        self._out.clear()

    def look(self, loss: float, grad_norm: float) -> Found | None:
        """What is wrong with the next step, None if nothing is or it was just told."""
        self._steps += 1
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return Found("not-finite", statistics.median(self._losses) if self._losses else None)
        found = self._judge(loss)
        if found is None:
            self._out.clear()
            self._take(loss)
            return None
        self._out.append(loss)
        if len(self._out) >= _LEVEL:
            level = list(self._out)
            self.forget()
            for each in level:
                self._take(each)
        if self._steps - self._told_at < _QUIET and loss < 2 * self._told_loss:
            return None
        self._told_at, self._told_loss = self._steps, loss
        return found

    def _judge(self, loss: float) -> Found | None:
        count = len(self._losses)
        if count < FEWEST_TENFOLD or (loss <= max(self._losses) and loss < _TENFOLD * min(self._losses)):
            return None  # nearly all steps; what follows sorts the window
        median = statistics.median(self._losses)
        if loss >= _TENFOLD * median and (loss - median >= _HIGH or self._is_clear(loss)):
            return Found("loss", median)
        if count < FEWEST:
            return None
        middle, deviation = _spread(self._logs)
        here = _log(loss)
        above = max(_RISE, _SIGMAS * deviation)
        if here - middle < above or here - max(self._logs) < _ABOVE_ALL * deviation:
            return None
        return Found("loss", median, (here - middle) / deviation if deviation else None)

    def _is_clear(self, loss: float) -> bool:
        middle, deviation = _spread([math.log(max(each, 1e-9)) for each in self._losses])
        return math.log(loss) - middle >= _CLEAR * deviation if loss > 0 else False

    def _take(self, loss: float) -> None:
        self._losses.append(loss)
        self._logs.append(_log(loss))


def _spread(values: Collection[float]) -> tuple[float, float]:
    """Median and standard deviation, the larger of what the middle and what the upper end say of it."""
    middle = statistics.median(values)
    of_middle = _SCALE * statistics.median(abs(each - middle) for each in values)
    upper = sorted(values)[-(len(values) // 20 + 1)]
    return middle, max(of_middle, (upper - middle) / _UPPER)


def _log(loss: float) -> float:
    return math.log(max(loss, 0.0) + _SOFT)
