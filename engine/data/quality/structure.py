"""Faults of a dialogue's form: answers and questions that are missing, turns in an order that no chat has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from engine.data.rows.convert import all_marked
from engine.data.rows.messages import Message, Row


def form_faults(row: Row) -> Iterator[tuple[str, str]]:
    """Codes of the faults of ``row``, each with a few words on where it is; those too that its reading remarked."""
    yield from row.remarks
    marked = row.untrained or all_marked(row)
    if marked:
        yield "untrained_rows", f"it says {marked}" if row.untrained else f"all its answers say {marked}"
    if not row.messages:
        if not row.text.strip():
            yield "empty_answers", "the text is empty"
        return
    messages = row.messages
    answers = [(number, m) for number, m in enumerate(messages, start=1) if m.role == "assistant"]
    empty = next((number for number, m in answers if _is_blank(m)), None)
    if empty is not None:
        yield "empty_answers", f"turn {empty} is blank"
    if messages[-1].role != "assistant" and not (len(messages) == 1 and messages[0].role == "system"):
        yield "unanswered", f"it ends with {messages[-1].role}" if answers else "there is no answer at all"
    if answers and not _is_asked(messages[: answers[0][0] - 1]):
        yield "missing_user", "nobody says anything before the first answer"
    order = _order(messages)
    if order:
        yield "role_order", order
    if any(_has_edges(m) for _, m in answers):
        yield "whitespace", "an answer begins or ends with blank space"


def _is_blank(message: Message) -> bool:
    return not (message.content.strip() or message.calls or message.reasoning)


def _is_asked(before: tuple[Message, ...]) -> bool:
    return any(message.role == "user" and message.content.strip() for message in before)


def _order(messages: tuple[Message, ...]) -> str:
    """The first turn that stands where it can't; "" for none. Assistant turns may follow each other around calls."""
    for number, (before, turn) in enumerate(pairwise(messages), start=2):
        if turn.role == "system":
            return f"turn {number}: a system message in the middle"
        if turn.role == "tool" and not (before.role == "tool" or before.calls or before.role == "assistant"):
            return f"turn {number}: a tool's result that nobody called for"
        if turn.role == before.role == "user":
            return f"turn {number}: two user turns in a row"
        if turn.role == before.role == "assistant" and not before.calls:
            return f"turn {number}: two answers in a row"
        if turn.role == "assistant" and before.role == "system":
            return f"turn {number}: an answer before any question"
    return ""


def _has_edges(message: Message) -> bool:
    return bool(message.content.strip()) and message.content != message.content.strip()
