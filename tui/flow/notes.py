"""What is said at a step of answers that nobody gave there: those of a path, of the demo, of a step passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.message import Message

if TYPE_CHECKING:
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

_LEFT_OUT = ("opening.left-out", "opening.left-out-more")
_OF_STEP = {
    "task": ("opening.rows", *_LEFT_OUT), "model": ("opening.base-elsewhere",), "data": _LEFT_OUT,
    "review": ("opening.from-config",),
}  # fmt: skip
"""Codes of the draft's notes that belong to each step."""
_DEMO = {
    "task": "demo.at-task", "model": "demo.at-model", "strategy": "demo.at-strategy", "data": "demo.at-data",
    "settings": "demo.at-settings", "review": "demo.at-review",
}  # fmt: skip


def notes(step: str, draft: Draft, facts: Facts) -> list[Message]:
    """In the order in which they are read."""
    told = [Message(_DEMO[step])] if draft.preset == "demo" and step in _DEMO else []
    if step == "data" and facts.skipped and not draft.get("strategy.adapter"):
        told.append(Message("wizard-data.strategy-skipped"))
    return told + [note for note in draft.notes if note.code in _OF_STEP.get(step, ())]
