"""Repairs of rows that a run's config asks for. They change what is read; the user's files stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from engine.config.fix_names import Fix
from engine.data.quality.inspection import has
from engine.data.quality.text_faults import without_control
from engine.data.rows.messages import Message, Row, whole_text

if TYPE_CHECKING:
    import numpy as np

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
    if not any(fix in fixes for fix in SETS):
        return rows
    import numpy as np

    from engine.data.dedup import exact, near

    keys = np.array([exact.keys_of(row) for row in rows], np.uint64).reshape(-1, 2)
    is_near = "drop_near_duplicates" in fixes
    signatures = near.signatures([whole_text(row) for row in rows]) if is_near else None
    kept = not_repeated(keys[:, 0], keys[:, 1], signatures, fixes)
    return [row for row, keep in zip(rows, kept.tolist(), strict=True) if keep]


def not_repeated(
    content: np.ndarray, prompt: np.ndarray, signatures: np.ndarray | None, fixes: Sequence[Fix]
) -> np.ndarray:
    """Which rows (n,) are kept by those of ``fixes`` that compare rows with each other.

    ``content`` and ``prompt`` (n,) are the rows' keys (see ``sameness``); ``signatures`` (n, 64) those of ``near``,
    needed for drop_near_duplicates.
    """
    import numpy as np

    from engine.data.dedup import exact, near

    kept = np.ones(len(content), bool)
    for fix in SETS:
        if fix not in fixes:
            continue
        left = np.flatnonzero(kept)
        if fix == "drop_near_duplicates":
            assert signatures is not None
            firsts = near.near_to(signatures if len(left) == len(kept) else signatures[left])
        else:
            firsts = exact.first_of_each((content if fix == "drop_exact_duplicates" else prompt)[left])
        kept[left] = firsts == np.arange(len(left))
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


def _system_merged(row: Row) -> Row:
    """The row with its system text in front of the first question, as Gemma's authors advise: it has no such role."""
    if len(row.messages) < 2 or [message.role for message in row.messages[:2]] != ["system", "user"]:
        return row
    system, question, *rest = row.messages
    text = "\n\n".join(filter(None, (system.content, question.content)))
    return replace(row, messages=(replace(question, content=text), *rest))


_CHANGES: dict[Fix, Change] = {
    "trim_whitespace": _of_contents(str.strip, only_answers=True),
    "drop_unanswered_turn": _answered,
    "merge_system_turn": _system_merged,
    "fix_mojibake": _where("mojibake", _of_contents(_mended)),
    "strip_control": _where("control", _of_contents(without_control)),
    "unescape_html": _where("html", _of_contents(_unescaped)),
}
