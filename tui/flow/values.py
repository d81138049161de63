"""Every value of the run to be started, where it comes from, and a sentence on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.common.errors import ConfigError
from engine.config.provenance import YOU, auto
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.draft import fields
from tui.draft.draft import flatten
from tui.flow.costs import chosen_by_auto, shown
from tui.flow.settings import SEEDS

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft

_ORDER = {"source.auto": 0, "source.you": 1, "source.detected": 2, "source.default": 4}
_OTHERS = 3


@dataclass(frozen=True)
class Value:
    """One field of the config, what it is in words, and where that comes from."""

    name: str
    shown: str
    source: Message


def values(draft: Draft, fit: Fit | None) -> list[Value]:
    """First what auto became here, then what was answered, last the defaults; of a wrong draft only the answers."""
    try:
        config = draft.resolve().config.model_dump()
    except ConfigError:
        return [Value(name, fields.show(value), draft.source(name)) for name, value in draft.values.items()]
    chosen = fit.resolution.settings if fit else {}
    found = [
        Value(name, shown(chosen[name]), auto("")) if name in chosen else Value(name, _shown(value), draft.source(name))
        for name, value in flatten(config)
    ]
    found.sort(key=lambda each: _ORDER.get(each.source.code, _OTHERS))
    return [Value(SEEDS, str(draft.seeds), YOU), *found] if draft.seeds > 1 else found


def about(dotted: str, fit: Fit | None) -> str:
    """Why auto became what it is, else what the field is."""
    if dotted == SEEDS:
        return text("review.seeds-about")
    chosen = chosen_by_auto(dotted, fit)
    if chosen:
        return chosen
    try:
        return text("review.value-about", about=fields.spec_of(dotted).description)
    except KeyError:
        return ""


def _shown(value: Any) -> str:
    return fields.show(value) or text("settings.empty")
