"""What the review warns of in how the run goes on from its old adapter, with remedies that one key applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.config.rules import Issue
from tui.draft import strategy_state
from tui.draft.old_adapter import refusal
from tui.draft.relation import VERDICTS, WAYS
from tui.wizard.review.remedies import Fix, Warning

if TYPE_CHECKING:
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts
    from tui.draft.old_adapter import OldAdapter


def strategy_warnings(draft: Draft, facts: Facts) -> list[Warning]:
    """Of a strategy that what was measured speaks against, and of continuing without anything old."""
    return [*_unsuitable(draft, facts), *_without_replay(draft, facts)]


def _unsuitable(draft: Draft, facts: Facts) -> Iterator[Warning]:
    found, kind = facts.measured_of(draft), str(draft.get("strategy.kind"))
    if found is None or found.advice.strategy == kind:
        return
    better = found.advice.strategy
    text = f"your rows are {VERDICTS[found.advice.verdict]}: {WAYS[better]} is recommended, not {WAYS[kind]}."
    old = _known(draft, facts)
    fix = None
    if old is not None and not refusal(old, better, draft.get("strategy.trust_base") is True):
        fix = Fix(
            "strategy.kind", f"choose {WAYS[better]}", change=lambda draft: strategy_state.choose(draft, better, old)
        )
    yield Warning(Issue("warning", "strategy.kind", text, "F9 shows the figures."), fix)


def _without_replay(draft: Draft, facts: Facts) -> Iterator[Warning]:
    if draft.get("strategy.kind") != "continue" or any(item.get("role") == "replay" for item in draft.data_sources()):
        return
    old = _known(draft, facts)
    replay = old.replay if old else None
    why = replay.text if replay and replay.level == "gone" else ""
    fix = None
    if replay is not None and replay.sources:
        fix = Fix("data", "mix 10% of them in", change=lambda draft: strategy_state.with_replay(draft, replay))
    yield Warning(Issue("warning", "data", "no old rows are mixed in, so what was learnt may fade.", why), fix)


def _known(draft: Draft, facts: Facts) -> OldAdapter | None:
    old = facts.old_adapter
    return old if old is not None and strategy_state.named(old) == draft.get("strategy.adapter") else None
