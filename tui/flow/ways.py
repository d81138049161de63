"""The three ways to go on, filled in from the actual adapter: what happens, what it costs, what is kept, the risk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.old_adapter import OldAdapter, refusal, shape
from engine.common.clean_text import shorten
from engine.messages.catalogue import clauses, text
from engine.messages.message import Message
from tui import fit_words, words
from tui.draft import strategy_state
from tui.draft.consequences import disk_of
from tui.draft.draft import Draft
from tui.draft.fit import fit_of
from tui.draft.relation import CONFIDENCE, WAYS, can_ask

if TYPE_CHECKING:
    from engine.memory.disk import RunDisk
    from engine.memory.fit import Fit
    from engine.models.relation import Advice
    from tui.draft.facts import Facts
    from tui.draft.relation import Measured

KINDS = ("continue", "merge", "fresh")
MERGE_BYTES_PER_S = 60e6
"""Of 16-bit weights merged, written, and proven on a CPU: rough, as the disk decides it."""


@dataclass(frozen=True)
class Way:
    """``brief`` fits a card of sixteen columns, ``note`` the end of a line; ``details`` are label and sentence."""

    id: str
    title: str
    brief: str
    note: str
    details: tuple[tuple[str, str], ...]
    refused: Message | None = None


def ways(draft: Draft, facts: Facts, old: OldAdapter | None, measured: Measured | None, free_bytes: int) -> list[Way]:
    """All three, for ``old`` on the model in ``facts``; None of ``old`` leaves fresh alone."""
    return [_way(kind, draft, facts, old, measured, free_bytes) for kind in KINDS]


def _way(
    kind: str, draft: Draft, facts: Facts, old: OldAdapter | None, measured: Measured | None, free_bytes: int
) -> Way:
    variant = Draft(dict(draft.values), dict(draft.sources), draft.task, draft.preset)
    strategy_state.choose(variant, kind, old)
    fit = fit_of(variant, facts)
    disk = disk_of(fit, facts)
    refused = refusal(old, kind, draft.get("strategy.trust_base") is True) or _no_room(kind, disk, free_bytes)
    advice = measured.advice if measured else None
    details = [
        ("strategy.label-refused", text("strategy.refused", reason=refused))
        if refused
        else ("strategy.label-why", _why(kind, variant, old, advice)),
        ("strategy.label-what", _what(kind, old)),
        ("strategy.label-kept", _kept(kind, old, variant)),
        ("strategy.label-costs", _costs(kind, fit, disk)),
        ("strategy.label-risk", text(_RISKS[kind])),
    ]
    recommended = advice is not None and advice.strategy == kind
    if refused:
        note, mark = text("strategy.impossible"), text("strategy.impossible-here")
    elif recommended:
        note = mark = text("strategy.is-recommended")
    else:
        note, mark = "" if advice else text(_NOTES[kind]), ""
    return Way(
        kind, text(WAYS[kind]), "\n".join(filter(None, [_brief(kind, old, disk), mark])), note,
        tuple((text(label), said) for label, said in details if said), refused,
    )  # fmt: skip


_RISKS = {"continue": "strategy.risk-continue", "merge": "strategy.risk-merge", "fresh": "strategy.risk-fresh"}
_NOTES = {"continue": "strategy.note-continue", "merge": "strategy.note-merge", "fresh": "strategy.note-fresh"}


def _what(kind: str, old: OldAdapter | None) -> str:
    card = old.card if old else None
    if kind == "continue":
        return text("strategy.what-continue-shape", shape=shape(card)) if card else text("strategy.what-continue")
    if kind == "merge":
        return text("strategy.what-merge")
    return text("strategy.what-fresh-unused" if card else "strategy.what-fresh")


def _kept(kind: str, old: OldAdapter | None, draft: Draft) -> str:
    """What stays of the old; F8 mixes its rows in or takes them out, so it says which of both."""
    replay = old.replay if old else None
    mixed = strategy_state.replays(draft, replay)
    if kind == "continue" and replay is not None:
        if replay.level == "gone":
            return text("strategy.kept-gone")
        return text("strategy.kept-mixed", rows=replay.message) if mixed else text("strategy.kept-none")
    held = text("strategy.kept-fresh") if kind == "fresh" else ""
    if kind == "merge" and replay is not None:
        held = text("strategy.kept-merge")
    if replay is None or replay.level == "gone":
        return held
    return text("strategy.kept-and-mixed" if mixed else "strategy.kept-and-offer", kept=held)


def _costs(kind: str, fit: Fit | None, disk: RunDisk | None) -> str:
    parts = []
    if fit is not None:
        parts.append(text("strategy.needs", needs=fit_words.needs(fit), verdict=fit_words.verdict(fit)))
    if disk is not None:
        merged = {"merged": disk.merging} if disk.merging else {}
        parts.append(text("strategy.disk-merged" if merged else "strategy.disk", bytes=disk.run, **merged))
    if kind == "merge" and disk is not None:
        parts.append(text("strategy.merging", seconds=max(10, disk.merging / MERGE_BYTES_PER_S)))
    return clauses(*parts)


def _why(kind: str, draft: Draft, old: OldAdapter | None, advice: Advice | None) -> str:
    if old is None or old.card is None:
        return ""
    if advice is None:
        if kind == "continue" and _same_names(draft, old):
            return text("strategy.not-measured-names")
        code = "strategy.not-measured" if can_ask(draft) else "strategy.not-measured-no-rows"
        return text(code, suits=text(_SUITS[kind]))
    if advice.strategy == kind:
        confidence = text(CONFIDENCE[advice.confidence])
        return text("strategy.why-recommended", confidence=confidence, reason=advice.reasons[0])
    verdict, way = text(_LEVELS[advice.verdict]), text(WAYS[advice.strategy])
    return text("strategy.why-other", suits=text(_SUITS[kind]), verdict=verdict, way=way)


_SUITS = {"continue": "strategy.suits-continue", "merge": "strategy.suits-merge", "fresh": "strategy.suits-fresh"}
_LEVELS = {
    "same": "strategy.level-same", "related": "strategy.level-related", "unrelated": "strategy.level-unrelated",
}  # fmt: skip


def _brief(kind: str, old: OldAdapter | None, disk: RunDisk | None) -> str:
    card = old.card if old else None
    if kind == "continue":
        return text("strategy.brief-continue", shape=shape(card) if card else text("strategy.no-shape"))
    if kind == "merge" and disk and disk.merging:
        return text("strategy.brief-merge-disk", merged=disk.merging)
    return text("strategy.brief-merge" if kind == "merge" else "strategy.brief-fresh")


def _same_names(draft: Draft, old: OldAdapter) -> bool:
    """Whether a new source is named as one of those the adapter has seen."""
    record = old.card.record if old.card else None
    seen = {data.path for data in record.data} if record else set()
    return any(item.get("path") in seen for item in draft.data_sources() if item.get("role", "new") == "new")


def _no_room(kind: str, disk: RunDisk | None, free_bytes: int) -> Message | None:
    if kind != "merge" or disk is None or disk.run <= free_bytes:
        return None
    return Message("strategy.no-room", bytes=disk.run, free=free_bytes)


def adapter_line(old: OldAdapter | None) -> str:
    """What the adapter is, in a line."""
    if old is None or old.card is None:
        return ""
    card = old.card
    seen = words.commas(Path(data.path).name or data.path for data in card.record.data) if card.record else ""
    base = shorten(Path(card.base).name, 24) if card.base else text("strategy.unknown-base")
    if seen:
        return text("strategy.adapter", shape=shape(card), base=base, data=shorten(seen, 40))
    return text("strategy.adapter-unknown-data", shape=shape(card), base=base)
