"""What is said of a file of rows, cleaned: what it is, the evidence, and how its rows relate to old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.data.rows.formats import ColumnsUnclear
from engine.messages.catalogue import text
from tui.draft.draft import Draft
from tui.draft.relation import line

if TYPE_CHECKING:
    from engine.data.files.preview import Preview
    from tui.draft.facts import Facts

SURE = 0.75
"""Confidence from which a format is not asked about: names that are usual, or at least known."""


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
