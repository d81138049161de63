"""Rows of files with faults: what can't be read is told and passed over, instead of ending the reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from engine.common.errors import DataError
from engine.data.files.jsonrows import holds_lines, line_values
from engine.data.files.opened import kind_of
from engine.data.files.sources import DataFile, read_file
from engine.data.files.utf8 import lines
from engine.data.rows.convert import to_row
from engine.data.rows.formats import Detected, detect
from engine.data.rows.messages import RawRow, Row

SAMPLE_ROWS = 100
"""Rows of a file by which its format is found."""
_LINES = (".json", ".jsonl", ".ndjson")
_SPACE = " \t\n\r"


@dataclass(frozen=True)
class Unreadable:
    """A row that can't be read, and why. ``ends`` is set where the file can't be read behind it either."""

    file: str
    row: int
    error: DataError
    ends: bool = False


Tell = Callable[[Unreadable], object]


def tolerant_rows(file: DataFile, name: str, tell: Tell) -> tuple[Iterator[Row], Detected]:
    """The rows of ``file`` and the format found in its first 100; ``tell`` hears of those passed over.

    Raises as ``tolerant_raw_rows`` does.
    """
    raw_rows, detected = tolerant_raw_rows(file, name, tell)

    def rows() -> Iterator[Row]:
        for raw in raw_rows:
            row = row_or_tell(raw, detected, tell)
            if row is not None:
                yield row

    return rows(), detected


def row_or_tell(raw: RawRow, detected: Detected, tell: Tell) -> Row | None:
    """The row that ``raw`` is; None for one that can't be read, once ``tell`` has heard why."""
    try:
        return to_row(raw, detected)
    except DataError as error:
        tell(Unreadable(raw.file, raw.number, error))
        return None


def tolerant_raw_rows(file: DataFile, name: str, tell: Tell) -> tuple[Iterator[RawRow], Detected]:
    """The raw rows of ``file`` and the format found in its first 100; ``tell`` hears of those that can't be read.

    Raises DataError for a file without any row that can be read, and for columns that are not known.
    """
    raw_rows = _passing_over(file.path, name, tell)
    sample = list(islice(raw_rows, SAMPLE_ROWS))
    if not sample:
        next(read_file(file.path, name), None)  # raises the reason, if there is one
        raise DataError("The file holds no rows", str(file.path), "Check where it was written, or name another one.")
    return chain(sample, raw_rows), detect(sample, file.reading(sample))


def _passing_over(path: Path, name: str, tell: Tell) -> Iterator[RawRow]:
    """The raw rows of ``path``. Behind a broken line of JSON reading goes on; in other files it ends at a fault."""
    last = 0
    try:
        for raw in read_file(path, name):
            last = raw.number
            yield raw
        return
    except DataError as error:
        if kind_of(path) not in _LINES or not _is_json_lines(path, last):
            tell(Unreadable(str(path), last + 1, error, ends=True))
            return
    yield from _lines_behind(path, name, last, tell)


def _lines_behind(path: Path, name: str, last: int, tell: Tell) -> Iterator[RawRow]:
    at = last
    try:
        for line in lines(path):
            text = line.text.strip(_SPACE)
            if line.number <= last or not text:
                continue
            at = line.number
            try:
                values = line_values(text, line.text, path, at)
            except DataError as error:
                tell(Unreadable(str(path), at, error))
                continue
            yield RawRow(values, name, str(path), at, line.end_byte)
    except DataError as error:
        tell(Unreadable(str(path), at + 1, error, ends=True))


def _is_json_lines(path: Path, rows_read: int) -> bool:
    """Whether a line of the file is a row of its own, judged by its first two filled lines."""
    try:
        heads = list(islice((line.text.strip(_SPACE) for line in lines(path) if line.text.strip(_SPACE)), 2))
    except DataError:
        return False
    if not heads or not all(head.startswith("{") or kind_of(path) != ".json" for head in heads):
        return False
    if heads[0].startswith("[") or (kind_of(path) != ".json" and not holds_lines(path)):
        return False
    return kind_of(path) != ".json" or all(head.endswith("}") for head in heads)
