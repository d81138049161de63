"""Which of the six panes are shown: as many as the window has room for, and those that a person chose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PANES = ("loss", "rate", "memory", "sources", "samples", "log")
"""In the order of their keys, 1 to 6. The samples give way to the result once the run has ended."""
_CHARTS = PANES[:4]
_TWO_COLUMNS, _THREE_COLUMNS, _TALL = 110, 170, 34  # cells, cells, rows


@dataclass(frozen=True)
class Room:
    """So many charts and panes of text fit one above the other and beside each other, in so many ``columns``."""

    charts: int
    texts: int
    columns: int


def room_of(width: int, height: int) -> Room:
    """The room of a window."""
    tall = height >= _TALL
    if width >= _THREE_COLUMNS:
        return Room(4, 2, 3)
    if width >= _TWO_COLUMNS:
        return Room(4 if tall else 2, 2, 2)
    return Room(2, 2, 1) if tall else Room(1, 1, 1)


class Panes:
    """``chosen`` are the names a person asked for, the newest last; None while nobody did."""

    def __init__(self) -> None:
        self.chosen: tuple[str, ...] | None = None

    def choose(self, names: Iterable[str]) -> None:
        """Take up what was chosen earlier; names that are none of a pane are passed over."""
        known = tuple(dict.fromkeys(name for name in names if name in PANES))
        self.chosen = known or None

    def shown(self, room: Room, ended: bool, sources: int) -> tuple[str, ...]:
        """Names of the panes to show, in the order of their keys; of a kind that are too many the newest."""
        wanted = self.chosen or _usual(room, ended, sources)
        kept = (*_newest(wanted, room.charts, charts=True), *_newest(wanted, room.texts, charts=False))
        return tuple(name for name in PANES if name in kept)

    def toggle(self, name: str, shown: Sequence[str], room: Room) -> None:
        """Open ``name``, in the place of the oldest of its kind where there is no room; close it when it is ``shown``.

        The last one that is shown stays.
        """
        order = [each for each in (self.chosen or shown) if each in shown]
        if name not in order:
            order.append(name)
        elif len(order) > 1:
            order.remove(name)
        charts, texts = _newest(order, room.charts, charts=True), _newest(order, room.texts, charts=False)
        self.chosen = tuple(each for each in order if each in charts or each in texts)


def _usual(room: Room, ended: bool, sources: int) -> tuple[str, ...]:
    if room.columns == 3:
        return tuple(name for name in PANES if name != "sources" or sources > 1)
    if room.columns == 2:
        return ("loss", "samples", "log") if room.charts < 4 else ("loss", "memory", "samples", "log")
    if ended:
        return ("samples",)
    return ("loss", "samples", "log") if room.charts > 1 else ("loss", "log")


def _newest(names: Sequence[str], count: int, *, charts: bool) -> list[str]:
    return [name for name in names if (name in _CHARTS) is charts][-count:]
