"""All rows of a config, in the order of its sources, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.data.fixes import without_repeats
from engine.data.rows.formats import Detected
from engine.data.rows.messages import Row
from engine.data.stream import Reading, Skipped, usable


@dataclass(frozen=True)
class LoadReport:
    """What reading gave: used rows and format by source name, and the rows left out (the first 100 named).

    ``unused`` are the columns, by source name, that nothing was read from; ``remarks`` count codes of findings in rows
    that were not all taken as they stand there.
    """

    rows_per_source: dict[str, int]
    detected: dict[str, Detected]
    skipped: tuple[Skipped, ...]
    skipped_count: int
    unused: dict[str, list[str]] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)


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
    reading, fixes = Reading(config, within), config.dataset.fixes
    rows: list[Row] = []
    for batch in reading.batches():
        some, found = usable(batch, fixes)
        rows += some[: reading.take(found)]
    kept = without_repeats(rows, fixes)
    counts, skipped_count = reading.counts, reading.skipped_count + len(rows) - len(kept)
    if len(kept) < len(rows):
        rows, counts = kept, {name: sum(row.source == name for row in kept) for name in counts}
    if not rows:
        raise nothing_left(config, reading.skipped, skipped_count)
    return Loaded(
        rows,
        LoadReport(counts, reading.detected, tuple(reading.skipped), skipped_count, reading.unused, reading.remarks),
    )


def load_rows(config: RunConfig) -> list[Row]:
    """Only the rows of ``load``."""
    return load(config).rows


def nothing_left(config: RunConfig, skipped: Sequence[Skipped], count: int) -> DataError:
    first = skipped[0] if skipped else None
    files = ", ".join(source.path for source in config.data[:3])
    message = f"{files}: all {count:,} rows were left out"
    if first:
        message += f"; the first, {first.file}, row {first.row:,}: {first.reason}"
    return DataError(
        "No row can be trained on",
        message,
        "Training needs answers: check that the right columns are mapped to completion, output or text, and that no "
        "mark such as train or loss leaves all of them out.",
    )
