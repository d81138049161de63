"""What a run's log says of single sources: their smoothed and held-out losses, and which of them gets worse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.curves import Curve, Series

RISES = 3
"""Evaluations in a row with a higher held-out loss, after which a source is said to get worse."""
RAW, AVERAGE, HELD_OUT = "loss/", "loss_average/", "eval_loss/"
"""Beginnings of the names of a source's curves."""
_WINDOW, _SHARE = 20, 8  # as the average of the whole loss


class BySource:
    """Takes steps and evaluations in the order of the log; ``curve`` gives the curve of a name, made when needed."""

    def __init__(self, curve: Callable[[str], Curve]) -> None:
        self._curve = curve
        self._measured: list[ev.Eval] = []
        self._told: set[str] = set()

    def step(self, event: ev.Step) -> None:
        for source, loss in event.loss_by_source.items():
            raw = self._curve(RAW + source)
            raw.add(event.step, loss)
            if math.isfinite(loss):
                average = self._curve(AVERAGE + source)
                keep = 1 - 1 / min(_WINDOW, max(1.0, len(raw.x) / _SHARE))
                before = average.before(event.step)
                average.add(event.step, loss if before is None else keep * before + (1 - keep) * loss)

    def cut_after(self, step: int) -> None:
        """Forget evaluations after ``step``; the curves are the caller's."""
        self._measured = [each for each in self._measured if each.step <= step]

    def evaluation(self, event: ev.Eval) -> list[ev.Warn]:
        """What has to be said now, once for each source; an evaluation repeated after a resume replaces the old one."""
        if event.loss is None or len(event.loss_by_source) < 2:
            return []
        for source, loss in event.loss_by_source.items():
            self._curve(HELD_OUT + source).add(event.step, loss)
        self._measured = [each for each in self._measured if each.step < event.step][-RISES:]
        self._measured.append(event)
        found = [source for source in event.loss_by_source if source not in self._told and self._gets_worse(source)]
        self._told.update(found)
        return [self._warning(source, event) for source in found]

    def _gets_worse(self, source: str) -> bool:
        """Whether its held-out loss rose each time of late, while that of all sources together fell."""
        if len(self._measured) <= RISES:
            return False
        losses = [each.loss_by_source.get(source, math.nan) for each in self._measured]
        first, last = self._measured[0].loss, self._measured[-1].loss
        rises = all(after > before for before, after in pairwise(losses))
        return rises and first is not None and last is not None and last < first

    def _warning(self, source: str, event: ev.Eval) -> ev.Warn:
        first, now = self._measured[0].loss_by_source[source], event.loss_by_source[source]
        told = Message("events.source-gets-worse", source=source, evaluations=RISES, first=first, now=now)
        return ev.Warn(seq=event.seq, t=event.t, step=event.step, message=told)


def sources_of(series: Mapping[str, Series]) -> list[str]:
    """The sources that ``series`` of a run has losses of, in a fixed order."""
    return sorted(name.removeprefix(RAW) for name in series if name.startswith(RAW))


def newest(series: Mapping[str, Series], most: int = 8) -> Message | None:
    """The newest loss of each source, smoothed: "orders 0.412, notes 1.873"; None with fewer than two."""
    names = sources_of(series)
    if len(names) < 2:
        return None
    averages = {name: series.get(AVERAGE + name) for name in names[:most]}
    told = [
        Message("events.source-loss", source=name, loss=average.last() if average else None)
        for name, average in averages.items()
    ]
    more = [Message("events.more", count=len(names) - most)] if len(names) > most else []
    return Message("events.figures", figures=[*told, *more])
