"""Columns that nothing is read from, found row by row, as later rows may have more of them than the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.data.rows.flags import is_mark
from engine.data.text import clean

_MOST_SHOWN = 8
_SHOWN = 40
_NOTHING: tuple[Any, ...] = (None, "", [], {})


class Unused:
    """The ``names`` of columns that hold something and are not among those ``used``, in the order they turned up."""

    def __init__(self, used: Iterable[str]) -> None:
        self._known = set(used)
        self.names: list[str] = []

    def see(self, values: Mapping[str, Any]) -> None:
        """Look at the columns of a row."""
        for name in values.keys() - self._known:
            if values[name] not in _NOTHING:
                self._known.add(name)
                self.names.append(name)


def told(names: Sequence[str]) -> str:
    """``names`` as a message says them, cleaned; with what there is to do about one that may be a weight."""
    shown = [clean(name[:200], keep_newlines=False)[:_SHOWN] for name in names[:_MOST_SHOWN]]
    text = ", ".join(shown) + (f" and {len(names) - _MOST_SHOWN:,} more" if len(names) > _MOST_SHOWN else "")
    weight = next((name for name in shown if "weight" in name.lower() and is_mark(name)), "")
    return f'{text} (to weigh rows: columns = {{weight = "{weight}"}})' if weight else text
