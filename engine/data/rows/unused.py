"""Columns that nothing is read from, found row by row, as later rows may have more of them than the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from engine.common.clean_text import clean
from engine.data.rows.flags import is_mark
from engine.messages.message import Message

_MOST_SHOWN = 8
_SHOWN = 40
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def holds_something(values: Iterable[Any]) -> bool:
    return any(value not in _NOTHING for value in values)


class Detected(Protocol):
    """What was made out of the columns of a source, as ``formats.Detected`` says it."""

    @property
    def known(self) -> frozenset[str]: ...
    @property
    def unused(self) -> tuple[str, ...]: ...
    @property
    def has_marks(self) -> bool: ...
    @property
    def open_fields(self) -> dict[str, str]: ...


class Unused:
    """The ``names`` of columns that hold something and that ``detected`` reads nothing from, as they turn up."""

    def __init__(self, detected: Detected) -> None:
        self._known = set(detected.known.difference(detected.unused))
        self._detected = detected
        self.names: list[str] = []

    def see(self, values: Mapping[str, Any]) -> None:
        """Look at the columns of a row."""
        if values.keys() <= self._known:
            return
        for name, value in values.items():
            if name not in self._known and value not in _NOTHING:
                self._known.add(name)
                if name in self._detected.unused or not self._is_read_late(name):
                    self.names.append(name)

    def _is_read_late(self, name: str) -> bool:
        return (self._detected.has_marks and is_mark(name)) or name.strip().lower() in self._detected.open_fields


def told(names: Sequence[str]) -> Message:
    """``names`` of columns, the first of many; with what there is to do about one that may be a weight."""
    shown = [clean(name[:200], keep_newlines=False)[:_SHOWN] for name in names[:_MOST_SHOWN]]
    said = listed(shown, len(names) - _MOST_SHOWN)
    weight = next((name for name in shown if "weight" in name.lower() and is_mark(name)), "")
    setting = f'columns = {{weight = "{weight}"}}'
    return Message("rows.names-one-a-weight", names=said, setting=setting) if weight else said


def listed(names: Sequence[str | Message], more: int) -> Message:
    """``names``, and how many ``more`` there are where it is above 0."""
    return Message("rows.names-and-more", names=names, more=more) if more > 0 else Message("rows.names", names=names)
