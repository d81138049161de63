"""Changes that make a run fit, applied to the draft and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config.provenance import DEFAULT, YOU
from engine.messages.message import Message
from tui.draft.draft import Draft


@dataclass(frozen=True)
class Applied:
    """A change that was made: what it set, and what stood there before with its source (None: the default)."""

    what: Message
    settings: dict[str, object]
    before: dict[str, tuple[Any, Message] | None]


def apply(draft: Draft, what: Message, settings: Mapping[str, object]) -> Applied:
    """Answer the fields of ``settings`` (dotted names) as a person would; what is returned takes it back."""
    before = {
        dotted: (draft.values[dotted], draft.sources.get(dotted, DEFAULT)) if dotted in draft.values else None
        for dotted in settings
    }
    for dotted, value in settings.items():
        draft.values[dotted], draft.sources[dotted] = value, YOU
    return Applied(what, dict(settings), before)


def take_back(draft: Draft, applied: Applied) -> None:
    """Put back what stood there, except in fields that were answered anew since."""
    for dotted, was in applied.before.items():
        if draft.get(dotted) != applied.settings[dotted]:
            continue
        if was is None:
            draft.unset(dotted)
        else:
            draft.values[dotted], draft.sources[dotted] = was
