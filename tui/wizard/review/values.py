"""Every value of the run to be started, where it comes from, and a sentence on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config.provenance import YOU, auto, short
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import flatten
from tui.widgets.bars import fit as cells
from tui.widgets.choosers import Pick
from tui.wizard.settings.costs import chosen_by_auto, shown
from tui.wizard.settings.step import SEEDS

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft

_ORDER = {"source.auto": 0, "source.you": 1, "source.detected": 2, "source.default": 4}
_OTHERS = 3


def values(draft: Draft, fit: Fit | None) -> list[Pick]:
    """One line a value: first what auto became here, then what was answered, last the defaults."""
    try:
        config = draft.resolve().config.model_dump()
    except ConfigError:
        return [Pick(name, name, fields.show(value)) for name, value in draft.values.items()]
    chosen = fit.resolution.settings if fit else {}
    found = [
        (name, shown(chosen[name]), auto("")) if name in chosen else (name, _tight(value), draft.source(name))
        for name, value in flatten(config)
    ]
    found.sort(key=lambda entry: _ORDER.get(entry[2].code, _OTHERS))
    picks = [Pick(name, name, value, tail=cells(short(source), 8)) for name, value, source in found]
    of_seeds = Pick(SEEDS, SEEDS, str(draft.seeds), tail=cells(short(YOU), 8))
    return [of_seeds, *picks] if draft.seeds > 1 else picks


def about(dotted: str, fit: Fit | None) -> str:
    """Why auto became what it is, else what the field is."""
    if dotted == SEEDS:
        return text("review.seeds-about")
    chosen = chosen_by_auto(dotted, fit)
    if chosen:
        return chosen
    try:
        return f"{fields.spec_of(dotted).description}."
    except KeyError:
        return ""


def _tight(value: object) -> str:
    """A value in a column of 22; of a long path the end tells more than the beginning."""
    shown = fields.show(value) or text("settings.empty")
    return ".." + shown[-20:] if len(shown) > 22 and shown.startswith("/") else shown
