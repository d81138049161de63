"""Repairs of rows that a run's config asks for. They change what is read; the user's files stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from engine.data.doctor.inspection import has, whole_text
from engine.data.doctor.text_faults import without_control
from engine.data.fix_names import Fix
from engine.data.messages import Message, Row

Change = Callable[[Row], Row | None]
UNREADABLE: Fix = "drop_unreadable"
SETS: tuple[Fix, ...] = ("drop_exact_duplicates", "one_answer_per_prompt", "drop_near_duplicates")


def row_change(fixes: Sequence[Fix]) -> Change:
    """All of ``fixes`` that concern single rows as one function; None is a row to be left out."""
    wanted = [fix for fix in get_args(Fix) if fix in fixes and fix not in SETS and fix != UNREADABLE]
    changes = [_CHANGES.get(fix) or _dropping(fix) for fix in wanted]

    def change(row: Row) -> Row | None:
        result: Row | None = row
        for each in changes:
            if result is None:
                break
            result = each(result)
        return result

    return change


def without_repeats(rows: list[Row], fixes: Sequence[Fix]) -> list[Row]:
    """``rows`` after those of ``fixes`` that compare rows with each other; the very list where there are none."""
    for fix in SETS:
        if fix in fixes:
            rows = [row for row, keep in zip(rows, _kept_of(rows, fix), strict=True) if keep]
    return rows


def _kept_of(rows: Sequence[Row], fix: Fix) -> list[bool]:
    import numpy as np

    from engine.data import near, sameness

    if fix == "drop_near_duplicates":
        firsts = near.near_to(near.signatures([whole_text(row) for row in rows]))
    else:
        which = 0 if fix == "drop_exact_duplicates" else 1
        keys = np.fromiter((sameness.keys_of(row)[which] for row in rows), np.uint64, len(rows))
        firsts = sameness.first_of_each(keys)
    kept: list[bool] = (firsts == np.arange(len(rows))).tolist()
    return kept


def _dropping(fix: Fix) -> Change:
    code = fix.removeprefix("drop_")
    return lambda row: None if has(row, code) else row


def _where(code: str, change: Change) -> Change:
    """``change`` for rows with that fault only: to others such marks may belong."""
    return lambda row: change(row) if has(row, code) else row


def _of_contents(change: Callable[[str], str], only_answers: bool = False) -> Change:
    """``change`` on every text of a row."""

    def changed(message: Message) -> Message:
        if only_answers and message.role != "assistant":
            return message
        return replace(message, content=change(message.content), reasoning=change(message.reasoning))

    def on_row(row: Row) -> Row:
        return replace(row, messages=tuple(map(changed, row.messages)), text=change(row.text))

    return on_row


def _mended(text: str) -> str:
    if text.isascii():
        return text
    from ftfy import fix_encoding

    # Line by line, as a whole text is mended only where all of it was spoilt in the same way.
    return "\n".join(map(fix_encoding, text.split("\n")))


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    from html import unescape

    return unescape(text).replace("\u00a0", " ")


def _answered(row: Row) -> Row:
    """The row without the turns behind its last answer."""
    messages = row.messages
    while messages and messages[-1].role != "assistant":
        messages = messages[:-1]
    return replace(row, messages=messages) if messages else row


_CHANGES: dict[Fix, Change] = {
    "trim_whitespace": _of_contents(str.strip, only_answers=True),
    "drop_unanswered_turn": _answered,
    "fix_mojibake": _where("mojibake", _of_contents(_mended)),
    "strip_control": _where("control", _of_contents(without_control)),
    "unescape_html": _where("html", _of_contents(_unescaped)),
}
