"""The rows of a config's sources as a stream of batches: only what is worked on is ever held."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.common.errors import DataError
from engine.config.fix_names import Fix
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.lenient import SAMPLE_ROWS, Unreadable, tolerant_raw_rows
from engine.data.files.preview import look
from engine.data.files.sources import DataFile, data_files, read_file, source_names
from engine.data.fixes import UNREADABLE, row_change
from engine.data.rows.convert import problem, to_row
from engine.data.rows.formats import Detected, detect
from engine.data.rows.messages import RawRow, Row
from engine.data.rows.unused import Unused

BATCH_ROWS = 250
SKIPPED_KEPT = 100
_BATCH_BYTES = 1 << 20  # of text in a batch: several are under way at once


@dataclass(frozen=True)
class Skipped:
    """A row that was left out, and why."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True)
class Batch:
    """Rows of source number ``source``, of one format; ``fault`` is why none can be read behind them."""

    source: int
    rows: Sequence[RawRow | Row]
    detected: Detected | None
    fault: DataError | None = None


@dataclass(frozen=True)
class Found:
    """What became of a batch: ``at`` are the places in it of its usable rows, and of those left out with the reason.

    ``fault`` ends the reading behind them. ``unused`` are columns that nothing is read from, ``remarks`` the codes of
    what was not taken as it stands in usable rows, with their counts.
    """

    source: int
    at: list[int]
    skipped: list[tuple[int, Skipped]]
    detected: Detected | None
    fault: DataError | None
    unused: Sequence[str] = ()
    remarks: Counter[str] = field(default_factory=Counter)


def usable(batch: Batch, fixes: Sequence[Fix]) -> tuple[list[Row], Found]:
    """The rows of ``batch`` that something can be learnt from, each repaired by itself as ``fixes`` ask."""
    change = row_change(fixes)
    rows: list[Row] = []
    unused = Unused(batch.detected) if batch.detected is not None else None
    found = Found(batch.source, [], [], batch.detected, batch.fault, unused.names if unused is not None else ())
    for place, read in enumerate(batch.rows):
        if unused is not None and isinstance(read, RawRow):
            unused.see(read.values)
        try:
            row = read if isinstance(read, Row) else to_row(read, _known(batch))
        except DataError as error:
            if UNREADABLE in fixes:
                continue
            return rows, replace(found, fault=error)
        changed = change(row)
        reason = "dataset.fixes leaves it out" if changed is None else problem(changed)
        if changed is None or reason:
            found.skipped.append((place, Skipped(row.file, row.number, reason)))
        else:
            rows.append(changed)
            found.at.append(place)
            found.remarks.update(code for code, _ in changed.remarks)
    return rows, found


@dataclass
class Reading:
    """One pass over the rows of ``config``: gives batches, and is told in their order what was found in them.

    ``within`` are the runs whose data this is part of: none of them can be a source of it. ``max_rows`` counts
    usable rows of a source in file order, so what was read beyond that is not taken. Raises DataError at once for
    files that are not there.
    """

    config: RunConfig
    within: Sequence[str] = ()
    counts: dict[str, int] = field(default_factory=dict)
    detected: dict[str, Detected] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    skipped_count: int = 0
    unused: dict[str, list[str]] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.names = source_names(self.config.data)
        self.counts = dict.fromkeys(self.names, 0)
        self.files = [[] if run_source.is_run(source) else data_files(source) for source in self.config.data]
        self.most = [
            source.max_rows or next((file.source.max_rows for file in files), None)
            for source, files in zip(self.config.data, self.files, strict=True)
        ]

    def batches(self) -> Iterator[Batch]:
        """All rows in the order of the sources, read as they are asked for."""
        for number, source in enumerate(self.config.data):
            yield from self._of_run(number, source) if run_source.is_run(source) else self._of_files(number)

    def take(self, found: Found) -> int:
        """How many of the usable rows of ``found`` count. Raises the fault behind them, if there is one."""
        name, most = self.names[found.source], self.most[found.source]
        if self._is_full(found.source):
            return 0
        if found.detected is not None and (found.at or found.skipped):
            self.detected.setdefault(name, found.detected)
        if found.unused:
            self.unused[name] = list(dict.fromkeys((*self.unused.get(name, ()), *found.unused)))
        self.remarks += found.remarks
        room = len(found.at) if most is None else most - self.counts[name]
        used = min(room, len(found.at))
        self.counts[name] += used
        left_out = found.skipped
        if self._is_full(found.source):
            left_out = [(place, row) for place, row in left_out if place < found.at[used - 1]]
        elif found.fault is not None:
            raise found.fault
        self.skipped_count += len(left_out)
        self.skipped += [row for _, row in left_out[: SKIPPED_KEPT - len(self.skipped)]]
        return used

    def _is_full(self, number: int) -> bool:
        most = self.most[number]
        return most is not None and self.counts[self.names[number]] >= most

    def _of_files(self, number: int) -> Iterator[Batch]:
        """A source's rows; each file of a folder is looked at by itself, so their formats may differ."""
        name = self.names[number]
        for file in self.files[number]:
            if self._is_full(number):
                return
            try:
                if UNREADABLE in self.config.dataset.fixes:
                    rows, detected = tolerant_raw_rows(file, name, _refuse_end)
                else:
                    rows, detected = _raw_rows(file, name)
            except DataError as fault:
                yield Batch(number, [], None, fault)
                return
            yield from self._in_batches(number, ((row, detected) for row in rows))

    def _of_run(self, number: int, source: DataSource) -> Iterator[Batch]:
        yield from self._in_batches(number, run_source.trained_rows(source, self.names[number], self.within))

    def _in_batches(self, number: int, rows: Iterable[tuple[RawRow | Row, Detected]]) -> Iterator[Batch]:
        left, most = iter(rows), min(BATCH_ROWS, self.most[number] or BATCH_ROWS)
        while not self._is_full(number):
            some: list[RawRow | Row] = []
            detected, fault = None, None
            try:
                for row, known in itertools.islice(left, most):
                    some.append(row)
                    detected = known
                    if _is_long(some):
                        break
            except DataError as error:
                fault = error
            if some or fault:
                yield Batch(number, some, detected, fault)
            if fault or not some:
                return


def expected_rows(source: DataSource) -> int:
    """About how many rows ``source`` has. Raises DataError when it can't be read at all."""
    try:
        count = look(source, limit=1).count_estimate
    except DataError:
        data_files(source)  # a place that is not there is no finding
        count = 0
    return min(count, source.max_rows or count)


def _raw_rows(file: DataFile, name: str) -> tuple[Iterator[RawRow], Detected]:
    """The raw rows of one file, still unread beyond the sample, and the format found in the sample.

    Raises DataError for a file without any row.
    """
    raw_rows = read_file(file.path, name)
    sample = list(itertools.islice(raw_rows, SAMPLE_ROWS))
    if not sample:
        raise DataError("The file holds no rows", str(file.path), "Check where it was written, or name another one.")
    return itertools.chain(sample, raw_rows), detect(sample, file.reading(sample))


def _is_long(rows: Sequence[RawRow | Row]) -> bool:
    first, last = rows[0], rows[-1]
    if isinstance(first, Row) or isinstance(last, Row):
        return False
    return last.end_byte - first.end_byte > _BATCH_BYTES


def _known(batch: Batch) -> Detected:
    assert batch.detected is not None
    return batch.detected


def _refuse_end(fault: Unreadable) -> None:
    """Single rows may be passed over; a file that can't be read to its end may not."""
    if fault.ends:
        raise fault.error
