"""A quick look at the head of a file or folder: format, first rows, and about how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config.schema import DataSource
from engine.data import earlier
from engine.data.convert import to_row
from engine.data.formats import Detected, detect
from engine.data.messages import RawRow, Row
from engine.data.sources import read_file, source_files, source_names
from engine.data.tables import parquet_rows
from engine.errors import DataError

SAMPLE_ROWS = 50
COUNTED_BYTES = 1 << 20  # a file up to this size is read to its end: its rows are counted, its broken ones found


@dataclass(frozen=True)
class Preview:
    """The first rows and the format. ``count_estimate`` is exact where ``exact`` is set, else from the bytes read."""

    rows: tuple[Row, ...]
    detected: Detected
    size_bytes: int
    count_estimate: int
    exact: bool
    files: int = 1


def preview(
    path: str | Path, format: str = "auto", columns: Mapping[str, str] | None = None, limit: int = 5
) -> Preview:
    """Read about 50 rows of ``path`` (all, up to 1 MiB) and say what they are; any size takes milliseconds.

    Raises the same DataErrors as loading it would, as far as the head shows them.
    """
    source = DataSource.model_validate({"path": str(path), "format": format, "columns": dict(columns or {})})
    if earlier.is_run(source):
        return _of_run(source, limit)
    files = source_files(source)
    name = source_names([source])[0]
    raw_rows = read_file(files[0], name)
    sample = list(itertools.islice(raw_rows, max(limit, SAMPLE_ROWS)))
    if not sample:
        raise DataError("The file holds no rows", str(files[0]), "Check where it was written, or name another one.")
    detected = detect(sample, source)
    sizes = [file.stat().st_size for file in files]
    if len(files) == 1 and sizes[0] <= COUNTED_BYTES:
        count, exact = len(sample) + sum(1 for _ in raw_rows), True
    else:
        count, exact = _count(files, sizes, sample)
    rows = tuple(to_row(raw, detected) for raw in sample[:limit])
    return Preview(rows, detected, sum(sizes), count, exact, len(files))


def _of_run(source: DataSource, limit: int) -> Preview:
    """The looks at all sources of an earlier run as one; what it held out is still counted."""
    parts = [preview(part.path, part.format, part.columns, limit) for part in earlier.parts(source)]
    rows = tuple(itertools.chain.from_iterable(part.rows for part in parts))[:limit]
    return Preview(
        rows, parts[0].detected, sum(part.size_bytes for part in parts), sum(part.count_estimate for part in parts),
        False, sum(part.files for part in parts),
    )  # fmt: skip


def _count(files: list[Path], sizes: list[int], sample: list[RawRow]) -> tuple[int, bool]:
    """Rows in all files and whether that is exact: parquet says it, the others are taken to go on like the sample."""
    if all(file.suffix.lower() == ".parquet" for file in files):
        return sum(parquet_rows(file) for file in files), True
    bytes_a_row = max(1.0, sample[-1].end_byte / len(sample)) if sample[-1].end_byte else sizes[0] / len(sample)
    return max(len(sample), round(sum(sizes) / bytes_a_row)), False
