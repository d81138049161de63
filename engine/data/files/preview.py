"""A quick look at the head of a file or folder: format, first rows, and about how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import DataError
from engine.config.schema import DataSource
from engine.data import run_source
from engine.data.files.columnar import row_count
from engine.data.files.opened import PACKINGS, check_name, text_bytes
from engine.data.files.sources import DataFile, data_files, read_file, source_names
from engine.data.rows.convert import to_row
from engine.data.rows.formats import Detected, detect
from engine.data.rows.messages import RawRow, Row

SAMPLE_ROWS = 50
COUNTED_BYTES = 1 << 20  # a file up to this size is read to its end: its rows are counted, its broken ones found
MOST_BYTES = 1 << 24  # of rows that are long, fewer are looked at
_COLUMNS = (".parquet", ".arrow")


@dataclass(frozen=True)
class Preview:
    """The first rows and the format. ``count_estimate`` is exact where ``exact`` is set, else from the bytes read."""

    rows: tuple[Row, ...]
    detected: Detected
    size_bytes: int
    count_estimate: int
    exact: bool
    files: int = 1


@dataclass(frozen=True)
class Head:
    """The first rows of ``file`` as it holds them, whatever their columns are; ``files`` are all of the source."""

    file: DataFile
    rows: tuple[RawRow, ...]
    files: int = 1

    @property
    def columns(self) -> dict[str, object]:
        """Every column of these rows, with the first value that says something."""
        found: dict[str, object] = {}
        for raw in self.rows:
            for name, value in raw.values.items():
                if found.get(name) in (None, "", [], {}):
                    found[name] = value
        return found

    def read_as(self, source: DataSource) -> Detected:
        """The format of these rows, were they those of ``source``. Raises DataError."""
        return detect(self.rows, DataFile(self.file.path, source, self.file.entry).reading(self.rows))


def head(source: DataSource, fetch: bool = True) -> Head:
    """About the first 50 rows of a source that is no run, also where no format is found in them. Raises DataError."""
    described = data_files(source, fetch)
    rows = _head(read_file(described[0].path, source_names([source])[0]), SAMPLE_ROWS)
    if not rows:
        raise _no_rows(described[0].path)
    return Head(described[0], tuple(rows), len(described))


def preview(
    path: str | Path, format: str = "auto", columns: Mapping[str, str] | None = None, limit: int = 5, **more: Any
) -> Preview:
    """As ``look``, from the fields of a source, as the wizard has them."""
    given = {"path": check_name(str(path)), "format": format, "columns": dict(columns or {}), **more}
    return look(DataSource.model_validate(given), limit)


def look(source: DataSource, limit: int = 5, fetch: bool = True) -> Preview:
    """Read about 50 rows of ``source`` (all, up to 1 MiB) and say what they are; any size takes milliseconds.

    Only a dataset of the hub that is not here yet takes longer; without ``fetch`` it is an error. Raises the same
    DataErrors as loading the source would, as far as the head shows them.
    """
    if source.is_run:
        return _of_run(source, limit, fetch)
    described = data_files(source, fetch)
    files = [file.path for file in described]
    raw_rows = read_file(files[0], source_names([source])[0])
    sample = _head(raw_rows, max(limit, SAMPLE_ROWS))
    if not sample:
        raise _no_rows(files[0])
    detected = detect(sample, described[0].reading(sample))
    sizes = [file.stat().st_size for file in files]
    if len(files) == 1 and sizes[0] <= COUNTED_BYTES and files[0].suffix.lower() not in PACKINGS:
        count, exact = len(sample) + sum(1 for _ in raw_rows), True
    else:
        count, exact = _count(files, sizes, sample)
    rows = tuple(to_row(raw, detected) for raw in sample[:limit])
    return Preview(rows, detected, sum(sizes), count, exact, len(files))


def _no_rows(path: Path) -> DataError:
    return DataError("data.no-rows", path=path)


def _head(raw_rows: Iterator[RawRow], most_rows: int) -> list[RawRow]:
    sample: list[RawRow] = []
    for raw in raw_rows:
        sample.append(raw)
        if len(sample) >= most_rows or raw.end_byte > MOST_BYTES:
            break
    return sample


def _of_run(source: DataSource, limit: int, fetch: bool) -> Preview:
    """The looks at all sources of an earlier run as one; what it held out is still counted.

    Where files of the run are gone, its recorded sample stands for them, as it does in training.
    """
    try:
        parts = [look(part, limit, fetch) for part in run_source.parts(source)]
    except DataError:
        sample = run_source.read_sample(run_source.run_of(source))
        if not sample:
            raise
        detected = Detected("messages" if sample[0].messages else "text", {}, 1.0)
        size_bytes = (run_source.run_of(source).path / run_source.SAMPLE_NAME).stat().st_size
        return Preview(tuple(sample[:limit]), detected, size_bytes, len(sample), True)
    rows = tuple(itertools.chain.from_iterable(part.rows for part in parts))[:limit]
    return Preview(
        rows, parts[0].detected, sum(part.size_bytes for part in parts), sum(part.count_estimate for part in parts),
        False, sum(part.files for part in parts),
    )  # fmt: skip


def _count(files: list[Path], sizes: list[int], sample: list[RawRow]) -> tuple[int, bool]:
    """Rows in all files and whether that is exact: tables say it, the others are taken to go on like the sample."""
    if all(file.suffix.lower() in _COLUMNS for file in files):
        return sum(row_count(file) for file in files), True
    if not sample[-1].end_byte:
        return max(len(sample), round(sum(sizes) / sizes[0] * len(sample))), False
    bytes_a_row = max(1.0, sample[-1].end_byte / len(sample))
    # The others are packed as the first one is.
    text_a_byte = text_bytes(files[0]) / sizes[0]
    return max(len(sample), round(sum(sizes) * text_a_byte / bytes_a_row)), False
