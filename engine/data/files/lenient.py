"""Rows of files with faults: what can't be read is told and passed over; lines come in blocks for any process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path

from engine.common.errors import DataError
from engine.data.files.jsonrows import holds_lines, line_values
from engine.data.files.opened import kind_of, open_file
from engine.data.files.sources import DataFile, read_file
from engine.data.files.utf8 import LONGEST_BYTES, decoded, lines, too_long
from engine.data.rows.formats import Detected, detect
from engine.data.rows.messages import RawRow
from engine.messages.message import Message

SAMPLE_ROWS = 100
"""Rows of a file by which its format is found."""
BLOCK_BYTES = 1 << 18
_KINDS = (".json", ".jsonl", ".ndjson")
_SPACE = b" \t\n\r"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Unreadable:
    """A row that can't be read, and why. ``ends`` is set where the file can't be read behind it either."""

    file: str
    row: int
    error: DataError
    ends: bool = False


Tell = Callable[[Unreadable], object]


@dataclass(frozen=True)
class Block:
    """Lines of ``path`` as they are there, UTF-8; the first has the number ``number`` and begins at byte ``offset``."""

    path: Path
    data: bytes
    number: int
    offset: int


def tolerant_raw_rows(file: DataFile, name: str, tell: Tell) -> tuple[Iterator[RawRow], Detected]:
    """The raw rows of ``file`` and the format found in its first 100; ``tell`` hears of those that can't be read.

    Behind a broken line of JSON reading goes on; in other files it ends at a fault. Raises DataError for a file
    without any row that can be read, and for columns that are not known.
    """
    raw_rows = _passing_over(file.path, name, tell)
    sample = list(islice(raw_rows, SAMPLE_ROWS))
    return chain(sample, raw_rows), _format_of(file, name, sample)


def tolerant_blocks(file: DataFile, name: str, tell: Tell) -> tuple[Iterator[Block], Detected]:
    """The same of a file for which ``in_blocks`` holds, in blocks; their faults are told where they are decoded."""
    coming, taken = blocks(file.path, tell), []
    sample: list[RawRow] = []
    while len(sample) < SAMPLE_ROWS and (block := next(coming, None)):
        taken.append(block)
        sample += rows_of(block, name, lambda fault: None)
    return chain(taken, coming), _format_of(file, name, sample[:SAMPLE_ROWS])


def _format_of(file: DataFile, name: str, sample: list[RawRow]) -> Detected:
    if not sample:
        next(read_file(file.path, name), None)  # raises the reason, if there is one
        raise DataError("data.no-rows", path=file.path)
    return detect(sample, file.reading(sample))


def in_blocks(path: Path) -> bool:
    """Whether ``path`` can be read in blocks: each of its lines is a row."""
    try:
        return kind_of(path) in _KINDS and holds_lines(path)
    except DataError:
        return False


def blocks(path: Path, tell: Tell) -> Iterator[Block]:
    """The lines of ``path`` in blocks of about 256 KiB; ``tell`` hears of the line behind which nothing can be read."""
    number, offset = 1, 0
    try:
        with open_file(path) as file:
            while True:
                data, fault = _whole_lines(file, path, number)
                try:
                    decoded(data, offset, path)
                except DataError as error:
                    data, fault = _before_fault(data), error
                if data:
                    is_marked = number == 1 and data.startswith(_MARK)
                    yield Block(path, data[3:] if is_marked else data, number, offset + 3 * is_marked)
                number, offset = number + data.count(b"\n"), offset + len(data)
                if fault is not None:
                    raise fault
                if not data:
                    return
    except DataError as error:
        tell(Unreadable(str(path), number, error, ends=True))


def rows_of(block: Block, source: str, tell: Tell) -> Iterator[RawRow]:
    """The rows of ``block``; ``tell`` hears of lines that are none."""
    file, end = str(block.path), block.offset
    for number, line in enumerate(block.data.split(b"\n"), start=block.number):
        end += len(line) + 1
        text = line.strip(_SPACE)
        if text:
            try:
                values = line_values(text, line, block.path, number)
            except DataError as error:
                tell(Unreadable(file, number, error))
                continue
            yield RawRow(values, source, file, number, end)


def _passing_over(path: Path, name: str, tell: Tell) -> Iterator[RawRow]:
    if not in_blocks(path):
        last = 0
        try:
            for raw in read_file(path, name):
                last = raw.number
                yield raw
            return
        except DataError as error:
            if last or not _is_lines_with_a_broken_first(path):
                tell(Unreadable(str(path), last + 1, error, ends=True))
                return
    for block in blocks(path, tell):
        yield from rows_of(block, name, tell)


def _is_lines_with_a_broken_first(path: Path) -> bool:
    """Whether by its first two filled lines each line of a .json file is a row, though the first can't be read."""
    if kind_of(path) != ".json":
        return False
    try:
        heads = list(islice((text for line in lines(path) if (text := line.text.strip())), 2))
    except DataError:
        return False
    return len(heads) == 2 and all(head.startswith("{") and head.endswith("}") for head in heads)


def _whole_lines(file: BufferedReader, path: Path, number: int) -> tuple[bytes, DataError | None]:
    """The next lines, b"" at the end; and what went wrong behind them."""
    data = b""
    try:
        data = file.read1(BLOCK_BYTES)
        if data and not data.endswith(b"\n"):
            rest = file.readline(LONGEST_BYTES + 1)
            if len(rest) > LONGEST_BYTES:
                last = number + data.count(b"\n")
                raise too_long(path, Message("data.line", line=last))
            data += rest
    except DataError as error:
        return data[: data.rfind(b"\n") + 1], error
    return data, None


def _before_fault(data: bytes) -> bytes:
    """The lines of ``data`` before the first that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return data[: data.rfind(b"\n", 0, error.start) + 1]
    return data
