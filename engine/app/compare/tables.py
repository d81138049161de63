"""A comparison as tables of messages and figures, which the command line and the screen show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.app.compare.compare import Compared
from engine.app.compare.differences import ABSENT, shown
from engine.app.compare.figures import Figure, RowSet, Versus
from engine.app.compare.sides import Side
from engine.messages import formats
from engine.messages.message import Message
from engine.metrics import words
from engine.runs import story

Cell = Message | str
PARTS = {
    "test": "compare.test", "validation": "compare.validation", "file": "compare.file", "general": "compare.general",
    "old": "compare.old", "tasks": "compare.tasks",
}  # fmt: skip
_WIDE = 3
"""Sides up to which a metric's interval stands beside it."""


@dataclass(frozen=True)
class Table:
    """``rows`` of as many cells as ``header``; ``below`` are sentences, each of a row or of all."""

    title: Message
    header: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    below: Sequence[Message] = field(default_factory=tuple)


def tables(compared: Compared) -> list[Table]:
    """Who, how good with verdicts and notes, losses, cost, settings."""
    return [
        _who(compared.sides),
        *_metrics(compared),
        *_losses(compared.sides),
        _cost(compared.sides),
        _settings(compared),
    ]


def _who(sides: Sequence[Side]) -> Table:
    rows: list[list[Cell]] = [
        [Message("compare.state"), *(Message(story.state(side.state).code) for side in sides)],
        [Message("compare.model"), *(side.model or ABSENT for side in sides)],
    ]
    if any(side.result_step is not None for side in sides):
        rows.append([Message("compare.result-step"), *(_number(side.result_step) for side in sides)])
    return Table(Message("compare.run"), ["", *map(_head, sides)], rows)


def _head(side: Side) -> Message:
    if side.target.group is None:
        return Message("compare.side", letter=side.letter, name=side.name)
    return Message("compare.side-of-seeds", letter=side.letter, name=side.name, seeds=side.seeds)


def _metrics(compared: Compared) -> list[Table]:
    notes = list(compared.notes)
    if not compared.row_sets:
        return [Table(Message("compare.metrics"), [], [], [Message("compare.no-metrics"), *notes])]
    found = []
    for number, row_set in enumerate(compared.row_sets):
        last = number == len(compared.row_sets) - 1
        letters = row_set.letters
        rows = [
            [_called(figure, row_set), *(_value(figure, letter, len(letters)) for letter in letters)]
            for figure in row_set.figures
        ]
        below = [_versus(row_set, figure, versus) for figure in row_set.figures for versus in figure.versus]
        found.append(Table(_title(row_set), ["", *letters], rows, [*below, *(notes if last else [])]))
    return found


def _title(row_set: RowSet) -> Message:
    part = Message(PARTS[row_set.part], data=row_set.data) if row_set.part in PARTS else Message.literal(row_set.part)
    if row_set.is_shared:
        return Message("compare.same-rows", part=part, rows=row_set.n)
    return Message("compare.other-rows", part=part, rows=row_set.n, sides=row_set.letters)


def _called(figure: Figure, row_set: RowSet) -> Message:
    """A metric, with its rows where they are not all: of general text and questions each is told of its own."""
    counts = {value.n for value in figure.values.values()}
    told = words.metric(figure.metric)
    return told if counts == {row_set.n} else Message("compare.of-rows", metric=told, rows=max(counts))


def _value(figure: Figure, letter: str, count: int) -> Cell:
    value = figure.values.get(letter)
    if value is None:
        return ABSENT
    told = words.value(figure.metric, value.value)
    if value.low is None or value.high is None or count > _WIDE:
        return told
    low, high = words.value(figure.metric, value.low), words.value(figure.metric, value.high)
    return Message("compare.value", value=told, low=low, high=high)


def _versus(row_set: RowSet, figure: Figure, versus: Versus) -> Message:
    metric = figure.metric
    difference: Cell = words.difference(metric, versus.difference)
    if words.is_share(metric):
        difference = Message("compare.points", difference=difference)
    told = {
        "metric": words.ranked(metric, figure is row_set.figures[0]), "side": versus.side, "against": versus.against,
        "verdict": words.verdict(versus.verdict), "difference": difference,
    }  # fmt: skip
    if versus.low is None or versus.high is None:
        return Message("compare.versus-untold", **told)
    low, high = words.difference(metric, versus.low), words.difference(metric, versus.high)
    return Message("compare.versus", low=low, high=high, **told)


def _losses(sides: Sequence[Side]) -> list[Table]:
    rows: list[list[Cell]] = [
        [Message(code), *(formats.loss(side.losses.get(name)) for side in sides)]
        for name, code in (("validation", "compare.loss-validation"), ("test", "compare.loss-test"))
        if any(name in side.losses for side in sides)
    ]
    return [Table(Message("compare.losses"), ["", *(side.letter for side in sides)], rows)] if rows else []


def _cost(sides: Sequence[Side]) -> Table:
    costs = [side.cost for side in sides]
    rows: list[list[Cell]] = [
        [Message("compare.seconds"), *(_duration(each.seconds) for each in costs)],
        [Message("compare.steps"), *(_number(each.steps) for each in costs)],
        [Message("compare.tokens"), *(_number(each.tokens) for each in costs)],
        [Message("compare.peak"), *(formats.gib(each.peak_bytes) if each.peak_bytes else ABSENT for each in costs)],
        [Message("compare.device"), *(each.device or ABSENT for each in costs)],
    ]
    return Table(Message("compare.cost"), ["", *(side.letter for side in sides)], rows)


def _settings(compared: Compared) -> Table:
    title, header = Message("compare.settings"), ["", *(side.letter for side in compared.sides)]
    if not compared.settings:
        return Table(
            title, [], [], [Message("compare.no-settings" if compared.read > 1 else "compare.settings-unread")]
        )
    return Table(title, header, [[each.field, *map(shown, each.values)] for each in compared.settings])


def _duration(seconds: float | None) -> str:
    return ABSENT if seconds is None else formats.duration(seconds)


def _number(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"
