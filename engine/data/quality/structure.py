"""Faults of a dialogue's form: answers and questions that are missing, turns in an order that no chat has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from engine.data.rows.convert import all_marked
from engine.data.rows.messages import Message, Row
from engine.messages.message import Message as Said

Seen = Said | str
"""What is wrong, or a few uncleaned words of what was seen."""


def form_faults(row: Row) -> Iterator[tuple[str, Seen]]:
    """Codes of the faults of ``row``, each with a few words on where it is; those too that its reading remarked."""
    yield from row.remarks
    marked = row.untrained or all_marked(row)
    if marked:
        yield "untrained_rows", _marked(row, marked)
    if not row.messages:
        if not row.text.strip() and "empty_answers" not in dict(row.remarks):
            yield "empty_answers", Said("quality.text-empty")
        return
    messages = row.messages
    answers = [(number, m) for number, m in enumerate(messages, start=1) if m.role == "assistant"]
    empty = next((number for number, m in answers if _is_blank(m)), None)
    if empty is not None:
        yield "empty_answers", Said("quality.turn-blank", turn=empty)
    if messages[-1].role != "assistant" and not (len(messages) == 1 and messages[0].role == "system"):
        ends = Said("quality.ends-with", role=messages[-1].role)
        yield "unanswered", ends if answers else Said("quality.no-answer")
    if answers and not _is_asked(messages[: answers[0][0] - 1]):
        yield "missing_user", Said("quality.no-question")
    order = _order(messages)
    if order is not None:
        yield "role_order", order
    if any(_has_edges(m) for _, m in answers):
        yield "whitespace", Said("quality.blank-edges")


def _is_blank(message: Message) -> bool:
    return not (message.content.strip() or message.calls or message.reasoning)


def _is_asked(before: tuple[Message, ...]) -> bool:
    return any(message.role == "user" and message.content.strip() for message in before)


def _order(messages: tuple[Message, ...]) -> Said | None:
    """The first turn that stands where it can't; None for none. Assistant turns may follow each other around calls."""
    for number, (before, turn) in enumerate(pairwise(messages), start=2):
        if turn.role == "system":
            return Said("quality.system-in-middle", turn=number)
        if turn.role == "tool" and not (before.role == "tool" or before.calls or before.role == "assistant"):
            return Said("quality.tool-uncalled", turn=number)
        if turn.role == before.role == "user":
            return Said("quality.user-twice", turn=number)
        if turn.role == before.role == "assistant" and not before.calls:
            return Said("quality.answer-twice", turn=number)
        if turn.role == "assistant" and before.role == "system":
            return Said("quality.answer-first", turn=number)
    return None


def _marked(row: Row, mark: str) -> Said:
    return Said("quality.row-marked", mark=mark) if row.untrained else Said("quality.answers-marked", mark=mark)


def _has_edges(message: Message) -> bool:
    return bool(message.content.strip()) and message.content != message.content.strip()
