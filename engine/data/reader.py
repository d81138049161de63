"""The one loop over the rows of a config's sources: read in their order, and shown to whoever wants to see them."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.common import file_hash
from engine.common.errors import DataError
from engine.common.workers import shared
from engine.config.fix_names import Fix
from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.batches import DROPPED, Account, Batch, Observer, Rows, Skipped, rows_of_batch
from engine.data.files.lenient import Unreadable, in_blocks, tolerant_blocks, tolerant_raw_rows
from engine.data.files.preview import look
from engine.data.files.sources import DataFile, data_files, source_names
from engine.data.fixes import SETS, UNREADABLE, not_repeated, without_repeats
from engine.data.rows.formats import Detected
from engine.data.rows.messages import RawRow, Row
from engine.data.splitting.draw import draw
from engine.data.splitting.row_index import RowIndex
from engine.data.splitting.split import content_hash, replayed

if TYPE_CHECKING:
    import numpy as np

BATCH_ROWS = 250
SKIPPED_KEPT = 100
SHARED_ROWS = 20_000
"""Rows from which helpers pay: each takes some seconds to begin."""
_BATCH_BYTES = 1 << 20  # of text in a batch: several are under way at once


class _Told(Protocol):
    @property
    def account(self) -> Account: ...


Made = TypeVar("Made", bound=_Told)


@dataclass
class Reading:
    """One pass over the rows of ``config``, and what it came upon so far, in the order of the sources.

    ``within`` are the runs whose data this is part of: none of them can be a source of it. ``max_rows`` counts used
    rows of a source in file order; none is read that could be one too many. Rows that can't be read end it with their
    DataError, but for those that ``dataset.fixes`` pass over; where it is ``tolerant``, ``fault`` is the first of them.
    ``skipped`` are the first hundred rows that were left out, ``unused`` by source the columns that nothing was read
    from; ``remarks`` count codes of findings in rows that were not all taken as they stand there.
    ``read`` counts the rows of each file that is read whole. Raises DataError at once for files that are not there.
    """

    config: RunConfig
    within: Sequence[str] = ()
    tolerant: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    detected: dict[str, Detected] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    skipped_count: int = 0
    unused: dict[str, list[str]] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    fault: DataError | None = None

    def __post_init__(self) -> None:
        sources = self.config.data
        self.names = source_names(sources)
        self.counts = dict.fromkeys(self.names, 0)
        self.files = [[] if source.is_run else data_files(source) for source in sources]
        self.most = [
            source.max_rows or next((file.source.max_rows for file in files), None)
            for source, files in zip(sources, self.files, strict=True)
        ]
        self._under_way = 0  # rows of the present source that are not accounted for, where it is bounded

    def rows(self) -> Iterator[Rows]:
        """All batches, decoded here as they are asked for."""
        return self.worked(partial(rows_of_batch, fixes=self.config.dataset.fixes))

    def observe(
        self, observers: Sequence[Observer], helpers: int = 0, on_rows: Callable[[int], object] = lambda done: None
    ) -> None:
        """Show all rows to ``observers``, with ``helpers`` processes beside this one.

        ``on_rows`` hears how many used rows were seen, and may raise to end it.
        """
        work = partial(_observed, blank=pickle.dumps(list(observers)), fixes=self.config.dataset.fixes)
        for seen in self.worked(work, helpers):
            for mine, later in zip(observers, seen.observers, strict=True):
                mine.merge(later)
            on_rows(sum(self.counts.values()))

    def worked(self, work: Callable[[Batch], Made], helpers: int = 0) -> Generator[Made, None, None]:
        """``work`` of each batch (see ``shared``), in their order, once it is accounted for. Raises DataError."""
        for made in shared(work, self._batches(), helpers):
            self._take(made.account)
            yield made
        file_hash.keep()

    def _take(self, account: Account) -> None:
        if account.refused is not None:
            raise account.refused
        for fault in account.faults:
            if fault.ends or UNREADABLE not in self.config.dataset.fixes:
                if not self.tolerant:
                    raise fault.error
                self.fault = self.fault or fault.error
        name = self.names[account.source]
        if account.detected is not None and account.read:
            self.detected.setdefault(name, account.detected)
        if account.unused:
            self.unused[name] = list(dict.fromkeys((*self.unused.get(name, ()), *account.unused)))
        self.remarks += account.remarks
        self.counts[name] += account.used
        if self.most[account.source] is not None:
            self._under_way -= account.read
        elif not self.config.data[account.source].is_run:
            self.read += account.files
        self.skipped_count += len(account.skipped)
        self.skipped += account.skipped[: SKIPPED_KEPT - len(self.skipped)]

    def _batches(self) -> Iterator[Batch | None]:
        """All rows as they are asked for; None where what comes depends on what was found in those under way."""
        for number, source in enumerate(self.config.data):
            if source.is_run:
                yield from self._in_batches(number, run_rows(source, self.names[number], self.within), [])
            for file in self.files[number]:
                if (yield from self._room(number)):
                    yield from self._of_file(number, file)

    def _of_file(self, number: int, file: DataFile) -> Iterator[Batch | None]:
        """Each file of a folder is looked at by itself, so their formats may differ."""
        name = self.names[number]
        told: list[Unreadable] = []
        try:
            if self.most[number] is None and in_blocks(file.path):
                some, detected = tolerant_blocks(file, name, told.append)
                for block in some:
                    yield Batch(number, name, block, detected)
                if told:
                    yield Batch(number, name, (), detected, told)
            else:
                raw_rows, detected = tolerant_raw_rows(file, name, told.append)
                yield from self._in_batches(number, ((row, detected) for row in raw_rows), told)
        except DataError as error:
            first = told[0].error if told and not self.tolerant else error
            yield Batch(number, name, (), None, refused=first)

    def _in_batches(
        self, number: int, rows: Iterable[tuple[RawRow | Row, Detected]], told: list[Unreadable]
    ) -> Iterator[Batch | None]:
        name, left = self.names[number], iter(rows)
        detected: Detected | None = None
        while room := (yield from self._room(number)):
            some: list[RawRow | Row] = []
            try:
                for row, known in itertools.islice(left, room):
                    some.append(row)
                    detected = known
                    if _is_long(some):
                        break
            except DataError as error:
                yield Batch(number, name, (), None, refused=error)
                return
            # Faults in the sample are told while it is read, before the rows that lie before them.
            faults = [fault for fault in told if not some or fault.row < some[-1].number]
            told[:] = told[len(faults) :]
            if some or faults:
                self._under_way += len(some) if self.most[number] is not None else 0
                yield Batch(number, name, some, detected, faults)
            if not some:
                return

    def _room(self, number: int) -> Generator[None, None, int]:
        """Rows that the next batch may have, 0 where the source is full; of those under way all may be used."""
        name, most = self.names[number], self.most[number]
        while most is not None and self._under_way and self.counts[name] + self._under_way >= most:
            yield None
        return BATCH_ROWS if most is None else min(BATCH_ROWS, most - self.counts[name] - self._under_way)


@dataclass(frozen=True)
class Loaded:
    """The rows to train on and hold out from, and how they came about."""

    rows: list[Row]
    report: Reading


def load(config: RunConfig, within: Sequence[str] = ()) -> Loaded:
    """All used rows of ``config`` at once, repaired as ``dataset.fixes`` ask: each by itself, then against each other.

    Raises DataError for the first thing that can't be read, and when no usable row is left.
    """
    reading = Reading(config, within)
    rows = [row for some in reading.rows() for row in some.used]
    kept = without_repeats(rows, config.dataset.fixes)
    if len(kept) < len(rows):
        stays = {id(row) for row in kept}
        repeats = [Skipped(row.file, row.number, DROPPED) for row in rows if id(row) not in stays]
        reading.skipped_count += len(repeats)
        reading.skipped += repeats[: SKIPPED_KEPT - len(reading.skipped)]
    if not kept:
        raise nothing_left(reading, reading.skipped_count)
    return Loaded(kept, reading)


def nothing_left(reading: Reading, count: int) -> DataError:
    """The error of a config of whose rows ``count``, all of them, are left out."""
    first = reading.skipped[0] if reading.skipped else None
    files = [source.path for source in reading.config.data[:3]]
    if first is None:
        return DataError("data.all-left-out", files=files, rows=count)
    return DataError(
        "data.all-left-out-first", files=files, rows=count, path=first.file, row=first.row, reason=first.reason
    )  # fmt: skip


def expected_rows(source: DataSource) -> int:
    """About how many rows ``source`` has, from a look at its head. Raises DataError when it can't be read at all."""
    try:
        count = look(source, limit=1).count_estimate
    except DataError:
        run_source.files(source)  # a place that is not there is no finding
        count = 0
    return min(count, source.max_rows or count)


@dataclass(frozen=True)
class Parts:
    """What becomes of the used rows (n,) in the order they are read in: ``sources`` (n,) are indices.

    ``is_kept`` (n,) says whether no other row repeats it, ``is_trained`` (n,) whether it is trained on; ``heldout`` and
    ``test`` are the indices of those that are not, in the order of the draw.
    """

    sources: np.ndarray
    is_kept: np.ndarray
    is_trained: np.ndarray
    heldout: np.ndarray
    test: np.ndarray


def index_of(config: RunConfig) -> RowIndex:
    """An empty index with all that ``parts_of`` needs."""
    return RowIndex(config.run.drawn_by, 1 if "drop_near_duplicates" in config.dataset.fixes else 0)


def parts_of(reading: Reading, index: RowIndex) -> Parts:
    """What is held out of the rows in ``index``, all that ``reading`` gave.

    Raises DataError where none is left, ConfigError where nothing would be left to train on.
    """
    import numpy as np

    config = reading.config
    kept, fixes = np.ones(len(index), bool), config.dataset.fixes
    if any(fix in fixes for fix in SETS):
        kept = not_repeated(index.content, index.prompt, index.signatures, fixes)
    if not kept.any():
        raise nothing_left(reading, reading.skipped_count + len(kept))
    learnt = replayed(config)
    rows = np.flatnonzero(kept)
    drawn = draw(
        index.columns(rows), config.dataset, [at for at, name in enumerate(reading.names) if name in learnt]
    )  # fmt: skip
    heldout, test = (rows[np.asarray(part, np.int64)] for part in drawn)
    is_trained = kept.copy()
    is_trained[heldout] = is_trained[test] = False
    return Parts(index.sources, kept, is_trained, heldout, test)


def trained_rows(
    config: RunConfig, within: Sequence[str] = (), skipped: Collection[str] = ()
) -> Iterator[tuple[Row, Detected]]:
    """Rows that ``config`` neither holds out nor leaves out, each with its format, in the order they are read in.

    ``within`` are the runs whose data this is part of, ``skipped`` the hashes of rows that were left out on the way.
    They are read twice: what is held out is known only once all
    were seen. Raises DataError before the first row, as ``load`` does.
    """
    reading, index = Reading(config, within), index_of(config)
    reading.observe([index])
    is_trained, at = parts_of(reading, index).is_trained, 0
    for rows in Reading(config, within).rows():
        for row in rows.used:
            is_learnt = at < len(is_trained) and is_trained[at] and not _is_among(row, skipped, config)
            if is_learnt and rows.detected is not None:
                yield row, rows.detected
            at += 1


def _is_among(row: Row, skipped: Collection[str], config: RunConfig) -> bool:
    return bool(skipped) and content_hash(row, config.run.drawn_by).hex() in skipped


def run_rows(source: DataSource, name: str, within: Sequence[str] = ()) -> Iterator[tuple[Row, Detected]]:
    """The rows that the run named by ``source`` was trained on, called after source ``name``, each with its format.

    Rows that it skipped, for they spoiled a step, are not among them.

    ``within`` are the runs whose data is being read. Where files of the run are gone, its recorded sample of up to
    200 rows stands for them. Raises DataError: runs that are each other's data, or neither files nor a sample.
    """
    run, config = run_source.config_of(source, within)
    skipped = run_source.skipped_keys(run)
    rows = trained_rows(config, (*within, run.id), skipped)
    try:
        first = next(rows, None)  # what is wrong with the files is found before it
    except DataError:
        sample = run_source.read_sample(run)
        if not sample:
            raise
        rows = ((row, _recorded(row)) for row in sample if not _is_among(row, skipped, config))
        first = None
    for row, detected in rows if first is None else itertools.chain([first], rows):
        yield replace(row, source=name), detected


@dataclass(frozen=True)
class _Observed:
    account: Account
    observers: list[Observer]


def _observed(batch: Batch, blank: bytes, fixes: Sequence[Fix]) -> _Observed:
    """What empty observers (pickled as ``blank``) see in ``batch``."""
    rows = rows_of_batch(batch, fixes)
    observers: list[Observer] = pickle.loads(blank)
    for each in observers:
        each.see(rows)
    return _Observed(rows.account, observers)


def _recorded(row: Row) -> Detected:
    return Detected("messages" if row.messages else "text", {}, 1.0)


def _is_long(rows: Sequence[RawRow | Row]) -> bool:
    first, last = rows[0], rows[-1]
    if isinstance(first, Row) or isinstance(last, Row):
        return False
    return last.end_byte - first.end_byte > _BATCH_BYTES
