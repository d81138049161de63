"""Every value of the run to be started as a line of the list, with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.provenance import short
from tui.flow import values as of_flow
from tui.widgets.bars import fit as cells
from tui.widgets.choosers import Pick

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft


def values(draft: Draft, fit: Fit | None) -> list[Pick]:
    """One line a value, in the order of ``tui.flow.values``."""
    return [
        Pick(each.name, each.name, _tight(each.shown), tail=cells(short(each.source), 8))
        for each in of_flow.values(draft, fit)
    ]


def _tight(shown: str) -> str:
    """A value in a column of 22; of a long path the end tells more than the beginning."""
    return ".." + shown[-20:] if len(shown) > 22 and shown.startswith("/") else shown
