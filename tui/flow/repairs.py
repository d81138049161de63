"""Remedies of the doctor in the draft: applied as a person's answers, and taken back, the last first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.data.quality.catalogue import SAFE, fix_named
from engine.messages.catalogue import clauses, text
from engine.messages.message import Message
from tui.draft import changes

if TYPE_CHECKING:
    from engine.data.quality.findings import Remedy, Report
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

FIXES = "dataset.fixes"


def apply(draft: Draft, facts: Facts, remedy: Remedy) -> None:
    """Add the repair to ``dataset.fixes``, or set the fields that the remedy names."""
    settings = dict(remedy.settings)
    if remedy.fix:
        settings[FIXES] = [*fixes_of(draft), remedy.fix]
    facts.repairs.append(changes.apply(draft, remedy.what, settings))


def safe(draft: Draft, report: Report) -> list[Remedy]:
    """The remedies that can be applied without a look at each row, and are not yet."""
    offered = {remedy.fix: remedy for finding in report.findings for remedy in finding.remedies}
    wanted = SAFE.difference(fixes_of(draft))
    return [remedy for fix, remedy in offered.items() if fix in wanted]


def set_length(draft: Draft, facts: Facts, max_length: int) -> None:
    facts.repairs.append(
        changes.apply(
            draft, Message("quality-screen.max-length", tokens=max_length), {"dataset.max_length": max_length}
        )
    )


def take_back(draft: Draft, facts: Facts) -> str:
    """Undo what was applied last; what it was in words, "" where there is nothing left to undo.

    Repairs that came with the draft go one by one as well.
    """
    if facts.repairs:
        applied = facts.repairs.pop()
        changes.take_back(draft, applied)
        return text(applied.what)
    before = fixes_of(draft)
    if not before:
        return ""
    if len(before) > 1:
        draft.set(FIXES, before[:-1])
    else:
        draft.unset(FIXES)
    return text(fix_named(before[-1]))


def fixes_of(draft: Draft) -> list[str]:
    given = draft.get(FIXES)
    return [str(fix) for fix in given] if isinstance(given, list) else []


def in_force(draft: Draft, facts: Facts) -> str:
    """What the draft repairs, in a sentence; "" where nothing is."""
    named = [text(fix_named(fix)) for fix in fixes_of(draft)]
    named += [text(applied.what) for applied in facts.repairs if FIXES not in applied.settings]
    return text("quality-screen.applied", remedies=clauses(*named)) if named else ""
