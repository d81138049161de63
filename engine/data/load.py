"""All rows of a config, in the order of its sources, and what was left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.config.schema import DataSource, RunConfig
from engine.data import earlier
from engine.data.convert import problem, to_row
from engine.data.fixes import UNREADABLE, row_change, without_repeats
from engine.data.formats import Detected, detect
from engine.data.lenient import SAMPLE_ROWS, Unreadable, tolerant_rows
from engine.data.messages import Row
from engine.data.sources import DataFile, data_files, read_file, source_names
from engine.errors import DataError

SKIPPED_KEPT = 100


@dataclass(frozen=True)
class Skipped:
    """A row that was left out, and why."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True)
class LoadReport:
    """What reading gave: used rows and format by source name, and the rows left out (the first 100 named)."""

    rows_per_source: dict[str, int]
    detected: dict[str, Detected]
    skipped: tuple[Skipped, ...]
    skipped_count: int


@dataclass(frozen=True)
class Loaded:
    """The rows to train on and hold out from, and how they came about."""

    rows: list[Row]
    report: LoadReport


def load(config: RunConfig, within: Sequence[str] = ()) -> Loaded:
    """Read every source of ``config``; ``max_rows`` counts usable rows of a source, in file order.

    Rows are repaired as ``dataset.fixes`` asks: each by itself as it comes, against each other at the end.
    ``within`` are the runs whose data this is part of: none of them can be a source of it.
    Raises DataError for the first thing that can't be read, and when no usable row is left.
    """
    rows: list[Row] = []
    counts: dict[str, int] = {}
    found: dict[str, Detected] = {}
    skipped: list[Skipped] = []
    skipped_count = 0
    fixes = config.dataset.fixes
    change = row_change(fixes)
    for source, name in zip(config.data, source_names(config.data), strict=True):
        before = len(rows)
        files = [] if earlier.is_run(source) else data_files(source)
        most = source.max_rows or next((file.source.max_rows for file in files), None)
        for row, detected in _rows(source, files, name, within, UNREADABLE in fixes):
            found.setdefault(name, detected)
            changed = change(row)
            reason = "dataset.fixes leaves it out" if changed is None else problem(changed)
            if changed is None or reason:
                skipped_count += 1
                if len(skipped) < SKIPPED_KEPT:
                    skipped.append(Skipped(row.file, row.number, reason))
                continue
            rows.append(changed)
            if most is not None and len(rows) - before >= most:
                break
        counts[name] = len(rows) - before
    kept = without_repeats(rows, fixes)
    skipped_count += len(rows) - len(kept)
    if len(kept) < len(rows):
        rows, counts = kept, {name: sum(row.source == name for row in kept) for name in counts}
    if not rows:
        raise _nothing_left(config, skipped, skipped_count)
    return Loaded(rows, LoadReport(counts, found, tuple(skipped), skipped_count))


def load_rows(config: RunConfig) -> list[Row]:
    """Only the rows of ``load``."""
    return load(config).rows


def detect_file(file: DataFile, name: str, sample_rows: int = SAMPLE_ROWS) -> tuple[Iterator[Row], Detected]:
    """The rows of one file, still unread beyond the sample, and the format found in the sample.

    Raises DataError for a file without any row.
    """
    raw_rows = read_file(file.path, name)
    sample = list(itertools.islice(raw_rows, sample_rows))
    if not sample:
        raise DataError("The file holds no rows", str(file.path), "Check where it was written, or name another one.")
    detected = detect(sample, file.reading(sample))
    return (to_row(raw, detected) for raw in itertools.chain(sample, raw_rows)), detected


def _rows(
    source: DataSource, files: Sequence[DataFile], name: str, within: Sequence[str], pass_over: bool
) -> Iterator[tuple[Row, Detected]]:
    """A source's rows; each file of a folder is looked at by itself, so their formats may differ.

    ``pass_over``: rows that can't be read are left out without an error.
    """
    if earlier.is_run(source):
        yield from earlier.trained_rows(source, name, within)
        return
    for file in files:
        rows, detected = tolerant_rows(file, name, _refuse_end) if pass_over else detect_file(file, name)
        for row in rows:
            yield row, detected


def _refuse_end(fault: Unreadable) -> None:
    """Single rows may be passed over; a file that can't be read to its end may not."""
    if fault.ends:
        raise fault.error


def _nothing_left(config: RunConfig, skipped: list[Skipped], count: int) -> DataError:
    first = skipped[0] if skipped else None
    files = ", ".join(source.path for source in config.data[:3])
    message = f"{files}: all {count:,} rows were left out"
    if first:
        message += f"; the first, {first.file}, row {first.row:,}: {first.reason}"
    return DataError(
        "No row can be trained on",
        message,
        "Training needs answers: check that the right columns are mapped to completion, output or text.",
    )
