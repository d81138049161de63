"""What the data step says of a file, in plain text, cleaned: what it is, the evidence, and its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.data.text import clean, shorten
from engine.errors import TunedeckError
from tui.widgets.wrapping import wrap
from tui.wizard.describe import gibibytes

if TYPE_CHECKING:
    from engine.data.messages import Row
    from engine.data.preview import Preview


def summary(found: Preview | TunedeckError | None) -> str:
    """Format, rows and size on one line; None means that it is still being read."""
    if found is None:
        return "reading ..."
    if isinstance(found, TunedeckError):
        return f"! {found.title}"
    rows = f"{'' if found.exact else 'about '}{found.count_estimate:,} rows"
    return f"{found.detected.format}, {rows}, {gibibytes(found.size_bytes)}"


def evidence(named: bool, found: Preview | TunedeckError | None) -> str:
    """Why a file is read as it is, or why it can't be; ``named`` is false while there is no file at all."""
    if not named:
        return "JSON, JSONL, CSV, parquet or text. Questions with answers, dialogues, or documents."
    if found is None:
        return "reading ..."
    if isinstance(found, TunedeckError):
        text = "! " + " ".join(part for part in (found.title + ":", found.message, found.hint) if part)
    else:
        text = f"read as {found.detected.format}: {found.detected.evidence}"
    return clean(text, keep_newlines=False)


def first_rows(rows: Sequence[Row], width: int, height: int) -> list[str]:
    """The first rows, a blank line between them, in at most ``height`` lines; a row that is cut ends in dots."""
    lines = row_lines(rows[0], width, height)
    for row in rows[1:]:
        if len(lines) >= height - 2:
            break
        lines += ["", *row_lines(row, width, height - len(lines) - 1)]
    return lines


def row_lines(row: Row, width: int, height: int) -> list[str]:
    """A row as the model will see it: who speaks, and the words, wrapped to ``width``, at most ``height`` lines."""
    turns = [(message.role, message.content) for message in row.messages] or [("text", row.text)]
    column = max(len(clean(role, keep_newlines=False)[:10]) for role, _ in turns) + 1
    lines: list[str] = []
    for role, content in turns:
        name = clean(role, keep_newlines=False)[:10]
        words = wrap(clean(content[:4000]), max(10, width - column)) or ["(empty)"]
        lines += [f"{'' if index else name:<{column}}{part}" for index, part in enumerate(words)]
    shown = lines[:height]
    if len(lines) > height and shown:
        shown[-1] = shorten(shown[-1], width - 4).ljust(width - 4)[: width - 4] + " ..."
    return shown
