"""Rows from tables: CSV and TSV with a header line, and parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from engine.data.messages import RawRow, where
from engine.data.utf8 import lines, open_file
from engine.errors import DataError

_DELIMITERS = ",;\t|"
_LONGEST_FIELD = 2**31 - 1
_BATCH_ROWS = 1024


def read_csv(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of a CSV or TSV file, its first line naming the columns; the delimiter is found from that line.

    Raises DataError for a header that can't be used and for a row with another number of fields: both
    mean that text has slipped into the wrong column.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    last_byte = 0

    def texts() -> Iterator[str]:
        nonlocal last_byte
        for line in lines(path):
            last_byte = line.end_byte
            yield line.text

    reader = csv.reader(texts(), delimiter=_delimiter(path), strict=True)
    header: list[str] = []
    begins = 1
    try:
        for fields in reader:
            if not header:
                header = _header(fields, path)
            elif fields:
                if len(fields) != len(header):
                    raise DataError(
                        "A row does not fit its header",
                        f"{where(str(path), begins)} has {len(fields)} fields, the header {len(header)}",
                        'Text with commas, quotes or line breaks must stand in "double quotes".',
                    )
                yield RawRow(dict(zip(header, fields, strict=True)), source, str(path), begins, last_byte)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            "A row is not valid CSV",
            f"{where(str(path), begins)}: {error}",
            'Text with quotes must stand in "double quotes", each quote inside doubled.',
        ) from None


def read_parquet(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of a parquet file, batch by batch. Raises DataError when it can't be read as one."""
    open_file(path).close()
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield RawRow(values, source, str(path), number)
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            "The parquet file can't be read",
            f"{path}, after {number:,} rows: {said[0][:200]}",
            "It may be cut off or not parquet at all: fetch or write it again.",
        ) from None


def parquet_rows(path: Path) -> int:
    """Number of rows from the file's own description; the caller has read from it before."""
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _delimiter(path: Path) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    first = next((line.text for line in lines(path) if line.text.strip()), "")
    return max(_DELIMITERS, key=lambda mark: (first.count(mark), -_DELIMITERS.index(mark)))


def _header(fields: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in fields]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if not any(names) or twice is not None:
        said = f"names the column '{twice}' twice" if twice else "has no column names"
        raise DataError(
            "The table's header can't be used",
            f"{path}: the first line {said}",
            "Give every column one name of its own in the first line.",
        )
    return names
