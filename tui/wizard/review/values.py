"""Every value of the run to be started in groups by where it comes from; what nobody chose is folded away."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from engine.config.provenance import short
from engine.messages.catalogue import text
from tui.flow import values as of_flow
from tui.flow.values import Value
from tui.widgets.bars import fit as cells
from tui.widgets.choosers import Pick

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft

MORE = "more"
"""The line that unfolds the rest, and folds it again."""
_GROUPS = ("review.group-you", "review.group-auto", "review.group-detected", "review.group-preset",
           "review.group-default")  # fmt: skip
_OF_SOURCE = {"source.auto": 1, "source.detected": 2, "source.preset": 3, "source.default": 4}
_FOLDED = 3
"""The first group that is folded."""


def values(draft: Draft, fit: Fit | None, unfolded: bool = False) -> list[Pick]:
    """One line a value, each group below its heading; presets and defaults only when ``unfolded``."""
    found = sorted(of_flow.values(draft, fit), key=_group)
    picks: list[Pick] = []
    for group, members in groupby(found, key=_group):
        if group < _FOLDED or unfolded:
            picks.append(Pick(_GROUPS[group], text(_GROUPS[group]), heading=True))
            picks += [_pick(each, group) for each in members]
    rest = sum(_group(each) >= _FOLDED for each in found)
    code = "review.fewer-values" if unfolded else "review.more-values"
    return [*picks, Pick(MORE, text(code, values=rest))] if rest else picks


def _group(value: Value) -> int:
    return _OF_SOURCE.get(value.source.code, 0)


def _pick(value: Value, group: int) -> Pick:
    source = cells(short(value.source), 8)
    return Pick(
        value.name, value.name, value.shown, tail=source, shade="muted" if group == 4 else "",
        is_path=value.shown.startswith("/"),
    )  # fmt: skip
