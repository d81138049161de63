"""What waits for a person in a line of home, with the key that acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.line import cut_cells
from tui.widgets.pieces import chip, toned

if TYPE_CHECKING:
    from tui.flow.matters import Matter


def told(found: Sequence[Matter], chosen: str, width: int) -> Content:
    """The matter of the chosen run, else the first, and how many more; its key at the right."""
    here = next((matter for matter in found if matter.run and matter.run == chosen), None)
    matter = here or found[0]
    key = next(each for each in keys.HOME if each.id == (matter.key if here else "attend"))
    more = text("home.more-matters", more=len(found) - 1) if len(found) > 1 else ""
    right = Content("  ").join([*([toned(more, "muted")] if more else []), chip(key.shown, key.text)])
    line = cut_cells(matter.words if matter.is_news else f"! {matter.words}", width - right.cell_length - 2)
    said = toned(line, "good" if matter.is_news else "lost" if matter.is_lost else "look")
    return said + Content(" " * max(2, width - said.cell_length - right.cell_length)) + right
