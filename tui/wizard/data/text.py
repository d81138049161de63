"""What the data step says of a file, in plain text, cleaned: what it is, the evidence, and its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import set_cell_size

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.data.rows.formats import ColumnsUnclear
from engine.messages.catalogue import text
from tui.draft.draft import Draft
from tui.draft.relation import line
from tui.widgets.line import wrap

SURE = 0.75
"""Confidence from which a format is not asked about: names that are usual, or at least known."""

if TYPE_CHECKING:
    from engine.data.files.preview import Preview
    from engine.data.rows.messages import Row
    from tui.draft.facts import Facts


def summary(found: Preview | TunedeckError | None) -> str:
    """Format, rows and size on one line; None means that it is still being read."""
    if found is None:
        return text("wizard-data.reading")
    if isinstance(found, TunedeckError):
        return text("wizard-data.not-readable", title=found.title)
    code = "wizard-data.summary" if found.exact else "wizard-data.summary-about"
    return text(code, format=found.detected.format, rows=found.count_estimate, size=found.size_bytes)


def evidence(named: bool, found: Preview | TunedeckError | None) -> str:
    """Why a file is read as it is, or why it can't be; ``named`` is false while there is no file at all."""
    if not named:
        return text("wizard-data.accepted")
    if found is None:
        return text("wizard-data.reading")
    if isinstance(found, ColumnsUnclear):
        return clean(text("wizard-data.map-columns", reason=found.reason), keep_newlines=False)
    if isinstance(found, TunedeckError):
        return clean(text("wizard-data.error", reason=found.reason), keep_newlines=False)
    seen = found.detected
    if seen.is_given:
        return text("wizard-data.read-as-set", format=seen.format, evidence=seen.evidence)
    code = "wizard-data.read-as-unsure" if is_unclear(found) else "wizard-data.read-as"
    return text(code, format=seen.format, confidence=seen.confidence, evidence=seen.evidence)


def is_unclear(found: Preview | TunedeckError) -> bool:
    """Whether a person has to say which column is what, or had better look at it."""
    if isinstance(found, TunedeckError):
        return isinstance(found, ColumnsUnclear)
    return found.detected.confidence < SURE


def first_rows(rows: Sequence[Row], width: int, height: int) -> list[str]:
    """The first rows, a blank line between them, in at most ``height`` lines; a row that is cut ends in dots."""
    lines = row_lines(rows[0], width, height)
    for row in rows[1:]:
        if len(lines) >= height - 2:
            break
        lines += ["", *row_lines(row, width, height - len(lines) - 1)]
    return lines


def row_lines(row: Row, width: int, height: int) -> list[str]:
    """A row as the model will see it, wrapped to ``width``, in about ``height`` lines.

    Who speaks stands before the words. Of a row that is too long each turn keeps its share of the lines, so that
    a long question does not hide the answer.
    """
    turns = [(message.role, message.text) for message in row.messages] or [(text("wizard-data.text-row"), row.text)]
    names = [clean(role, keep_newlines=False)[:10] for role, _ in turns]
    column = max(len(name) for name in names) + 1
    room = max(10, width - column)
    wrapped = [wrap(clean(content[:4000]), room) for _, content in turns]
    share = height if sum(map(len, wrapped)) <= height else max(1, height // len(turns))
    lines: list[str] = []
    for name, words in zip(names, wrapped, strict=True):
        kept = words[:share]
        if len(words) > share:
            kept[-1] = f"{set_cell_size(kept[-1], room - 4).rstrip()} ..."
        lines += [f"{'' if index else name:<{column}}{part}" for index, part in enumerate(kept)]
    return lines[:height]


def relation(draft: Draft, facts: Facts) -> str:
    """How these rows relate to what an old adapter has learnt, as far as it is known; "" where there is none."""
    kind = str(draft.get("strategy.kind"))
    if not draft.get("strategy.adapter"):
        return ""
    found = facts.measured_of(draft)
    if found is not None:
        return line(found, kind)
    replayed = any(item.get("role") == "replay" for item in draft.data_sources())
    missing = f"{text('wizard-data.no-replay')} " if kind == "continue" and not replayed else ""
    return missing + text("wizard-data.compare")
