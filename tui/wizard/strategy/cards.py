"""The three ways to go on, filled in from the actual adapter: what happens, what it costs, what is kept, the risk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.old_adapter import OldAdapter, refusal, shape
from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from tui import fit_words, words
from tui.draft import strategy_state
from tui.draft.consequences import disk_of
from tui.draft.draft import Draft
from tui.draft.fit import fit_of
from tui.draft.relation import can_ask
from tui.words import gibibytes

if TYPE_CHECKING:
    from engine.memory.disk import RunDisk
    from engine.memory.fit import Fit
    from engine.models.relation import Advice
    from tui.draft.facts import Facts
    from tui.draft.relation import Measured

KINDS = ("continue", "merge", "fresh")
TITLES = {"continue": "continue", "merge": "merge, then LoRA", "fresh": "fresh"}
RECOMMENDED = "recommended"
NOT_MEASURED = "not measured yet"
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
    refused: str = ""


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
        ("Not so", f"Not possible here: {refused}") if refused else ("Why", _why(kind, variant, old, advice)),
        ("What", _what(kind, old)),
        ("Kept", _kept(kind, old, variant)),
        ("Costs", _costs(kind, fit, disk, facts)),
        ("Risk", _RISKS[kind]),
    ]
    note = "not possible" if refused else _note(kind, advice)
    brief = [_brief(kind, old, disk), "Not possible here." if refused else f"* {note}" if note == RECOMMENDED else ""]
    return Way(
        kind, TITLES[kind], "\n".join(filter(None, brief)), note, tuple(pair for pair in details if pair[1]), refused
    )


_RISKS = {
    "continue": "Rows unlike the old ones overwrite the old skill.",
    "merge": "Rounding to 16 bits changes the old skill a little: it is measured, and a failed proof stops there.",
    "fresh": "What was learnt before is not in the result.",
}


def _what(kind: str, old: OldAdapter | None) -> str:
    card = old.card if old else None
    if kind == "continue":
        held = f": {shape(card)}" if card else ""
        return f"Trains on with the adapter itself{held}, at a third of the learning rate."
    if kind == "merge":
        return "It becomes part of a 16-bit copy of the model, which is proven; then a new LoRA is trained on that."
    unused = ", and the old one is not used" if card else ""
    return f"A new adapter is trained on the plain model{unused}."


def _kept(kind: str, old: OldAdapter | None, draft: Draft) -> str:
    """What stays of the old; F8 mixes its rows in or takes them out, so it says which of both."""
    replay = old.replay if old else None
    mixed, taken = strategy_state.replays(draft, replay), " F8 takes them out."
    if kind == "continue" and replay is not None:
        if replay.level == "gone":
            return "! Nothing old can be mixed in, so it may forget: its old rows are not at hand (F10 says why)."
        if mixed:
            return f"10% of each pass are old rows, so that it forgets less. {text(replay.message)}{taken}"
        return "! No old rows are mixed in, so it may forget. F8 mixes a tenth in."
    held = "Model and old adapter stay as they are." if kind == "fresh" else ""
    if kind == "merge" and replay is not None:
        held = "The merged model holds the old skill; the new adapter on it can still cover it up."
    if replay is None or replay.level == "gone":
        return held
    return f"{held} Old rows are mixed in.{taken}" if mixed else f"{held} F8 mixes a tenth of its old rows in."


def _costs(kind: str, fit: Fit | None, disk: RunDisk | None, facts: Facts) -> str:
    parts = []
    if fit is not None:
        parts.append(f"{fit_words.needs(fit)}, {fit_words.verdict(fit)}")
    if disk is not None:
        merging = f", {gibibytes(disk.merging)} of it the merged model" if disk.merging else ""
        parts.append(f"disk {gibibytes(disk.run)}{merging}")
    if kind == "merge" and disk is not None:
        parts.append(f"merging and its proof about {words.about(max(10, disk.merging / MERGE_BYTES_PER_S))}")
    return "; ".join(parts)


def _why(kind: str, draft: Draft, old: OldAdapter | None, advice: Advice | None) -> str:
    if old is None or old.card is None:
        return ""
    if advice is None:
        if kind == "continue" and _same_names(draft, old):
            return f"{NOT_MEASURED}, but by their names these are rows it was trained on."
        how = "F9 compares the rows." if can_ask(draft) else "F9 compares, once there are rows (step 4)."
        return f"{NOT_MEASURED}. {_SUITS[kind]} {how}"
    if advice.strategy == kind:
        return f"{RECOMMENDED}, {advice.confidence} confidence. {text(advice.reasons[0])}"
    return f"{_SUITS[kind]} Your rows measured as {advice.verdict}: {TITLES[advice.strategy]} suits better."


_SUITS = {
    "continue": "For more rows of the same kind.",
    "merge": "For a related task.",
    "fresh": "For an unrelated task.",
}


def _note(kind: str, advice: Advice | None) -> str:
    if advice is not None:
        return RECOMMENDED if advice.strategy == kind else ""
    return {"continue": "same task", "merge": "related task", "fresh": "unrelated task"}[kind]


def _brief(kind: str, old: OldAdapter | None, disk: RunDisk | None) -> str:
    card = old.card if old else None
    if kind == "continue":
        return f"goes on training the adapter you have: {shape(card) if card else 'none'}. Builds on the old skill."
    if kind == "merge":
        more = f"\n+ {gibibytes(disk.merging)} on disk" if disk and disk.merging else ""
        return f"makes the old skill part of the model, learns the new one on top{more}"
    return "a new adapter on the plain model; ignores the old one"


def _same_names(draft: Draft, old: OldAdapter) -> bool:
    """Whether a new source is named as one of those the adapter has seen."""
    record = old.card.record if old.card else None
    seen = {data.path for data in record.data} if record else set()
    return any(item.get("path") in seen for item in draft.data_sources() if item.get("role", "new") == "new")


def _no_room(kind: str, disk: RunDisk | None, free_bytes: int) -> str:
    if kind != "merge" or disk is None or disk.run <= free_bytes:
        return ""
    return f"the disk is too small: it writes {gibibytes(disk.run)}, and {gibibytes(free_bytes)} are free."


def adapter_line(old: OldAdapter | None, found_reason: str = "") -> str:
    """What the adapter is, in a line."""
    if old is None or old.card is None:
        return found_reason
    card = old.card
    seen = ", ".join(Path(data.path).name or data.path for data in card.record.data) if card.record else ""
    learnt = f"; learnt {shorten(seen, 40)}" if seen else "; nobody recorded what it learnt"
    base = f", on {shorten(Path(card.base).name, 24)}" if card.base else ", on an unknown model"
    return f"{shape(card)}{base}{learnt}"
