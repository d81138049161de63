"""Lists of runs in an order, and those of them that a person looks for."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal, get_args

from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics import words
from engine.runs import story
from engine.runs.group_summary import GroupSummary, Line

Order = Literal["newest", "name", "state", "metric", "loss"]
ORDERS: tuple[Order, ...] = get_args(Order)
NAMES: dict[Order, str] = {
    "newest": "runs.order-newest", "name": "runs.order-name", "state": "runs.order-state",
    "metric": "runs.order-metric", "loss": "runs.order-loss",
}  # fmt: skip
_STATES = ("running", "starting", "stopping", "paused", "failed", "crashed", "damaged", "stopped", "created",
           "finished")  # fmt: skip
"""What needs a person's eye first."""


def ordered(lines: Sequence[Line], by: Order) -> list[Line]:
    """``lines``, which come newest first; equal ones stay so. Runs without the figure come last.

    By metric, those of the metric that most runs have come first, best first; values of two metrics don't compare.
    """
    if by == "name":
        return sorted(lines, key=lambda line: line.name.casefold())
    if by == "state":
        return sorted(lines, key=lambda line: _STATES.index(line.state))
    if by == "loss":
        return sorted(lines, key=lambda line: _last(line.loss))
    if by == "metric":
        names = [line.score.metric for line in lines if line.score]
        common = sorted(dict.fromkeys(names), key=lambda name: -names.count(name))
        return sorted(
            lines,
            key=lambda line: (common.index(line.score.metric), -line.score.rank) if line.score else (len(common), 0.0),
        )
    return list(lines)


def matching(lines: Sequence[Line], wanted: str) -> list[Line]:
    """Those in which each word of ``wanted`` is found: in name, model, data, state, id or metric.

    A word is found where its letters stand in this order from the beginning of a word on: "sml" finds "smollm2".
    """
    asked = wanted.casefold().split()
    return [line for line in lines if all(_found(word, line) for word in asked)] if asked else list(lines)


def unfolded(lines: Sequence[Line], groups: Collection[str]) -> list[Line]:
    """``lines`` with the runs of these groups below their group."""
    found: list[Line] = []
    for line in lines:
        found.append(line)
        if isinstance(line, GroupSummary) and line.id in groups:
            found += line.members
    return found


def result_of(line: Line) -> Message | None:
    """ "exact match 97%: better (n = 100)", of a group with its range over the seeds; None without a metric."""
    score = line.score
    if score is None:
        return None
    told = {"metric": words.metric(score.metric), "value": words.value(score.metric, score.value), "rows": score.n}
    spread = line.spread if isinstance(line, GroupSummary) else None
    if spread is not None:
        low, high = words.value(spread.metric, spread.low), words.value(spread.metric, spread.high)
        told |= {"range": Message("runs.range", low=low, high=high), "seeds": spread.seeds}
    if score.verdict is None:
        return Message("runs.seeds-result" if spread else "runs.result", **told)
    told |= {"verdict": words.verdict(score.verdict), "against": words.candidate(score.against)}
    return Message("runs.seeds-result-against" if spread else "runs.result-against", **told)


def _found(word: str, line: Line) -> bool:
    fields = [line.name, line.model, line.state, text(story.state(line.state)), line.id, *line.data]
    if line.score is not None:
        fields += [line.score.metric, text(words.metric(line.score.metric))]
    if isinstance(line, GroupSummary):
        fields += [each.name for each in line.members]
    return any(is_like(word, field.casefold()) for field in fields)


def is_like(word: str, field: str) -> bool:
    """Whether ``word`` stands in ``field``, or its letters do in their order from the beginning of a word on."""
    if word in field:
        return True
    starts = [at for at, letter in enumerate(field) if letter == word[0] and (not at or not field[at - 1].isalnum())]
    return len(word) > 2 and any(_follows(word, field, start) for start in starts)


def _follows(word: str, field: str, start: int) -> bool:
    """Whether the letters come soon after each other: in at most three times their number."""
    at = start
    for letter in word[1:]:
        at = field.find(letter, at + 1)
        if at < 0 or at - start >= 3 * len(word):
            return False
    return True


def _last(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.inf
