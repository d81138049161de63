"""Step 3, strategy: the adapters to go on from, the way that is proposed first, and why a way is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.draft import strategy_state
from tui.flow.option import Option

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from engine.models.adapter.match import Candidate
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts
    from tui.flow.ways import Way

NONE = ""
"""What stands for no adapter."""
TRUST = "strategy.trust_base"


def options(candidates: Sequence[Candidate]) -> list[Option]:
    """None, then the adapters of earlier runs, those that fit first."""
    none = Option(NONE, text("strategy.no-adapter"), text("strategy.no-adapter-about"))
    return [none, *map(_option, candidates)]


def found(candidates: Sequence[Candidate]) -> str:
    """How many there are, and how many of them are for this model."""
    if not candidates:
        return text("strategy.no-adapters")
    fitting = sum(each.level != "refused" for each in candidates)
    return text("strategy.found", adapters=len(candidates), fitting=fitting)


def variant(draft: Draft, kind: str, old: OldAdapter | None) -> Draft:
    """A copy of the draft in which ``kind`` and the adapter are chosen."""
    copy = type(draft)(dict(draft.values), dict(draft.sources), draft.task, draft.preset)
    strategy_state.choose(copy, kind, old)
    return copy


def preferred(draft: Draft, facts: Facts, old: OldAdapter, wanted: str) -> str:
    """The way proposed for the adapter that is named: what was chosen before, what was measured, else continue."""
    before = str(draft.get("strategy.adapter") or "")
    if before and before in (strategy_state.named(old), wanted):
        return str(draft.get("strategy.kind"))
    found = facts.measured_of(variant(draft, "continue", old))
    return found.advice.strategy if found else "continue"


def findings(way: Way | None) -> list[Issue]:
    """Why the chosen way is not possible here."""
    if way is None or not way.refused:
        return []
    what = Message("strategy.refused-error", way=way.title, reason=way.refused)
    return [Issue("error", "strategy.kind", what)]


def _option(candidate: Candidate) -> Option:
    card = candidate.card
    what = text("strategy.listed", rank=card.settings.r, size=card.size_bytes) if card else ""
    if candidate.level == "ok":
        return Option(candidate.name, candidate.title, what)
    why = text(candidate.reason) if candidate.reason else what
    refused = candidate.reason if candidate.level == "refused" else None
    return Option(candidate.name, candidate.title, why, refused or None)
