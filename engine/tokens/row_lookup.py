"""The few rows that a run needs as they were read: found again in their files, and kept beside their tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import overload

import msgspec

from engine.common.files import write_atomic
from engine.config.schema import RunConfig
from engine.data.reader import Reading
from engine.data.rows.messages import Row
from engine.tokens.store import TokenStore

_decoder = msgspec.json.Decoder(list[tuple[int, Row]])


class Head(Sequence[Row]):
    """Of ``count`` rows the first ones, which are all that is ever asked for."""

    def __init__(self, rows: Sequence[Row], count: int) -> None:
        self._rows, self._count = list(rows), count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self._rows[index]


def picked(store: TokenStore, wanted: Sequence[int], config: RunConfig, check: Callable[[], None]) -> dict[int, Row]:
    """The rows of ``store`` with the indices ``wanted``, by index; those are missing that are gone from their files.

    Files are read again, but only once for the same rows of a kept store. ``check`` may raise to end it.
    """
    if not wanted:
        return {}
    reading = Reading(config)
    said = json.dumps([list(map(int, wanted)), reading.names, store.facts.files])
    place = store.folder / f"rows-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:16]}.json"
    try:
        return dict(_decoder.decode(place.read_bytes()))
    except (OSError, msgspec.MsgspecError):
        pass
    found = _read_again(store, wanted, reading, check)
    try:
        write_atomic(place, msgspec.json.encode(list(found.items())).decode("utf-8"))
    except (OSError, UnicodeError):
        pass  # half a surrogate in a row, or a store that is not kept: they are read again the next time
    return found


def _read_again(
    store: TokenStore, wanted: Sequence[int], reading: Reading, check: Callable[[], None]
) -> dict[int, Row]:
    places = {}
    for index in wanted:
        row = store.rows[index]
        places[int(row["source"]), store.facts.files[row["file"]], int(row["number"])] = int(index)
    found: dict[int, Row] = {}
    for rows in reading.rows():
        check()
        for row in rows.used:
            at = places.get((rows.source, row.file, row.number))
            if at is not None:
                found[at] = row
        if len(found) == len(places):
            break
    return {index: found[index] for index in places.values() if index in found}
