"""All rows of a config in their order, read once and kept packed on disk: any of them can be looked at again."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import ConfigError
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.lenient import Unreadable, tolerant_rows
from engine.data.files.sources import DataFile, data_files, source_names
from engine.data.fixes import SETS, UNREADABLE, row_change, without_repeats
from engine.data.quality.inspection import whole_text
from engine.data.rows.convert import problem
from engine.data.rows.messages import Row
from engine.data.splitting.split import SplitKey, key_of, replayed, split_keys
from engine.data.token_view.packed_records import PackedRecords

MOST_PACKED_BYTES = 1 << 29  # of rows of about 2 GB
_COMPARED_ROWS = 20_000


@dataclass(frozen=True)
class Shelved:
    """A row of the data as ``dataset.fixes`` leave it; ``row`` is None for one that can't be read.

    ``unused`` says why the training does not take it, "" if it may.
    """

    file: str
    number: int
    source: str
    row: Row | None
    unused: str = ""


class Shelf:
    """Rows by their place from 0, as far as they were read. To be closed.

    ``firsts`` are the places of each source's first row. ``is_complete`` once there are no more; ``ended`` then says
    in words why not all are here, if they are not.
    """

    def __init__(self, config: RunConfig, most_packed_bytes: int = MOST_PACKED_BYTES) -> None:
        self._config, self._most = config, most_packed_bytes
        self._coming = self._all()
        self._records = PackedRecords()
        self._numbers, self._files = array("Q"), array("I")
        self._names: dict[str, int] = {}
        self.firsts: dict[str, int] = {}
        self._keys: list[SplitKey] = []
        self._usable = array("Q")
        self._sides: dict[int, str] | None = None
        self.is_complete = False
        self.ended = ""

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
                self._end(f"the first {len(self):,} rows; no more can be kept on disk: {error.strerror}")
                return
            if self._records.packed_bytes > self._most:
                self._end(f"the first {len(self):,} rows, as more would take too much disk")
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
        change = row_change(self._config.dataset.fixes)
        for source, name in zip(self._config.data, source_names(self._config.data), strict=True):
            files = [] if run_source.is_run(source) else data_files(source)
            most = source.max_rows or next((file.source.max_rows for file in files), None)
            used = 0
            for found in self._of(source, files, name):
                if isinstance(found, Shelved):
                    yield found
                    continue
                changed = change(found)
                why = "dataset.fixes leaves it out" if changed is None else problem(changed)
                yield Shelved(found.file, found.number, name, changed or found, why)
                used += not why
                if most is not None and used >= most:
                    break

    def _of(self, source: DataSource, files: Sequence[DataFile], name: str) -> Iterator[Row | Shelved]:
        if run_source.is_run(source):
            yield from (row for row, _ in run_source.trained_rows(source, name))
            return
        for file in files:
            faults: list[Unreadable] = []
            rows, _ = tolerant_rows(file, name, faults.append)
            for row in rows:
                # Faults in the sample are told while it is read, before the rows that lie before them.
                while faults and faults[0].row < row.number:
                    yield self._unreadable(faults.pop(0), name)
                yield row
            yield from (self._unreadable(fault, name) for fault in faults)

    def _unreadable(self, fault: Unreadable, name: str) -> Shelved:
        passed_over = UNREADABLE in self._config.dataset.fixes and not fault.ends
        then = "dataset.fixes passes over it" if passed_over else "the training refuses a file with such a row"
        why = f"it can't be read, so {then}. {fault.error.title}: {fault.error.message}"
        return Shelved(fault.file, fault.row, name, None, why)

    def _put(self, found: Shelved) -> None:
        self._records.append(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
        if found.row is not None and not found.unused:
            self._keys.append(key_of(found.row, self._config.run.seed))
            self._usable.append(len(self))
        self.firsts.setdefault(found.source, len(self))
        self._numbers.append(found.number)
        self._files.append(self._names.setdefault(found.file, len(self._names)))

    def _end(self, looked_at: str) -> None:
        self.is_complete, self.ended = True, looked_at

    # What becomes of them

    def _split(self) -> dict[int, str]:
        """The side of each row that may be used; {} where it can't be told."""
        usable, keys, sides = list(self._usable), self._keys, {}
        fixes = [fix for fix in self._config.dataset.fixes if fix in SETS]
        if fixes:
            if len(usable) > _COMPARED_ROWS:
                return {}
            rows = [self.at(place).row for place in usable]
            kept = {id(row) for row in without_repeats([row for row in rows if row], fixes)}
            sides = {place: "repeated" for place, row in zip(usable, rows, strict=True) if id(row) not in kept}
            known = [at for at, row in enumerate(rows) if id(row) in kept]
            usable, keys = [usable[at] for at in known], [keys[at] for at in known]
        try:
            parts = split_keys(keys, self._config.dataset, replayed(self._config))
        except ConfigError:
            return sides  # said where the run is checked
        for name, which in (("train", parts.train), ("heldout", parts.heldout), ("test", parts.test)):
            sides |= {usable[at]: name for at in which}
        return sides
