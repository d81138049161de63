"""All rows of a config in their order, read once and kept packed on disk: any of them can be looked at again."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import TunedeckError, reason_of
from engine.config.schema import RunConfig
from engine.data.files.lenient import Unreadable
from engine.data.fixes import UNREADABLE
from engine.data.reader import Reading, index_of, parts_of
from engine.data.rows.messages import Row, whole_text
from engine.data.token_view.packed_records import PackedRecords
from engine.messages.message import Message

MOST_PACKED_BYTES = 1 << 29  # of rows of about 2 GB


@dataclass(frozen=True)
class Shelved:
    """A row of the data as ``dataset.fixes`` leave it; ``row`` is None for one that can't be read.

    ``unused`` says why the training does not take it, None if it may.
    """

    file: str
    number: int
    source: str
    row: Row | None
    unused: Message | None = None


class Shelf:
    """Rows by their place from 0, as far as they were read. To be closed.

    ``firsts`` are the places of each source's first row. ``is_complete`` once there are no more; ``ended`` then says
    why not all are here, if they are not.
    """

    def __init__(self, config: RunConfig, most_packed_bytes: int = MOST_PACKED_BYTES) -> None:
        self._config, self._most = config, most_packed_bytes
        self._index = index_of(config)
        self._coming = self._all()
        self._records = PackedRecords()
        self._numbers, self._files = array("Q"), array("I")
        self._names: dict[str, int] = {}
        self.firsts: dict[str, int] = {}
        self._usable = array("Q")
        self._sides: dict[int, str] | None = None
        self.is_complete = False
        self.ended: Message | None = None

    def __len__(self) -> int:
        return len(self._numbers)

    def close(self) -> None:
        self._records.close()

    def read(self, count: int) -> None:
        """Read up to ``count`` rows more. Raises DataError for a source that can't be read at all."""
        for _ in range(0 if self.is_complete else count):
            found = next(self._coming, None)
            if found is None:
                self.is_complete = True
                return
            try:
                self._put(found)
            except OSError as error:
                self._end(Message("xray.ended-by-disk", rows=len(self), reason=reason_of(error)))
                return
            if self._records.packed_bytes > self._most:
                self._end(Message("xray.ended-by-size", rows=len(self)))
                return

    def at(self, place: int) -> Shelved:
        """The row at ``place``. Raises IndexError for one that was not read."""
        # Nobody else can write there: the file has no name.
        found = pickle.loads(self._records[place])
        assert isinstance(found, Shelved)
        return found

    def says(self, place: int, words: str) -> bool:
        """Whether the row at ``place`` contains ``words``, in whatever case."""
        wanted = words.casefold()
        if wanted not in self._records[place].decode("utf-8", "ignore").casefold():
            return False  # its text stands in the record as it is
        row = self.at(place).row
        return row is not None and wanted in whole_text(row).casefold()

    def find(self, file: str, number: int, begin: int = 0) -> int | None:
        """The place, from ``begin`` on, of the row with that number in ``file``, or in the first file if "".

        None: it was not read.
        """
        import numpy as np

        name = self.named(file)
        if name is None or begin >= len(self):
            return None
        numbers, files = np.frombuffer(self._numbers, np.uint64)[begin:], np.frombuffer(self._files, np.uint32)[begin:]
        hits = np.flatnonzero((numbers == number) & (files == self._names[name]))
        return begin + int(hits[0]) if len(hits) else None

    def named(self, file: str) -> str | None:
        """The first file that was read and is called so: by its whole path, its end, or "" for any."""
        parts = Path(file).parts
        whole = [name for name in self._names if name == file]
        ends = [name for name in self._names if not parts or Path(name).parts[-len(parts) :] == parts]
        return next(iter(whole + ends), None)

    def numbers(self, name: str) -> list[int]:
        """The row numbers that were read of a file."""
        at = self._names[name]
        return [number for number, file in zip(self._numbers, self._files, strict=True) if file == at]

    @property
    def files(self) -> list[str]:
        return list(self._names)

    def side(self, place: int) -> str:
        """train, heldout or test; "repeated" where a fix drops it for another row; "" while that is not known."""
        if not self.is_complete or self.ended:
            return ""
        if self._sides is None:
            self._sides = self._split()
        return self._sides.get(place, "")

    # Reading

    def _all(self) -> Iterator[Shelved]:
        self._reading = Reading(self._config, tolerant=True)
        for rows in self._reading.rows():
            self._index.see(rows)
            for found in rows.in_order:
                if isinstance(found, Unreadable):
                    yield self._unreadable(found, rows.name)
                else:
                    row, why = found
                    yield Shelved(row.file, row.number, rows.name, row, why)

    def _unreadable(self, fault: Unreadable, name: str) -> Shelved:
        passed_over = UNREADABLE in self._config.dataset.fixes and not fault.ends
        code = "xray.unreadable-skipped" if passed_over else "xray.unreadable-refused"
        return Shelved(fault.file, fault.row, name, None, Message(code, reason=fault.error.reason))

    def _put(self, found: Shelved) -> None:
        self._records.append(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
        if found.row is not None and not found.unused:
            self._usable.append(len(self))
        self.firsts.setdefault(found.source, len(self))
        self._numbers.append(found.number)
        self._files.append(self._names.setdefault(found.file, len(self._names)))

    def _end(self, looked_at: Message) -> None:
        self.is_complete, self.ended = True, looked_at

    # What becomes of them

    def _split(self) -> dict[int, str]:
        """The side of each row that may be used; {} where it can't be told."""
        try:
            parts = parts_of(self._reading, self._index)
        except TunedeckError:
            return {}  # said where the run is checked
        sides = {
            place: "train" if kept else "repeated"
            for place, kept in zip(self._usable, parts.is_kept.tolist(), strict=True)
        }
        sides |= {self._usable[at]: "heldout" for at in parts.heldout}
        return sides | {self._usable[at]: "test" for at in parts.test}
