"""Rows of a JSONL file in blocks of whole lines, so that another process can be given them before they are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from engine.common.errors import DataError
from engine.data.files.jsonrows import holds_lines, line_values
from engine.data.files.lenient import Tell, Unreadable
from engine.data.files.opened import kind_of, open_file
from engine.data.files.utf8 import LONGEST_BYTES, decoded, too_long
from engine.data.rows.messages import RawRow

BLOCK_BYTES = 1 << 18
_KINDS = (".json", ".jsonl", ".ndjson")
_SPACE = b" \t\n\r"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Lines of ``path`` as they are there, UTF-8; the first has the number ``number``."""

    path: Path
    data: bytes
    number: int


def in_blocks(path: Path) -> bool:
    """Whether ``path`` can be read so: each of its lines is a row."""
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
                    yield Block(path, data.removeprefix(_MARK) if number == 1 else data, number)
                number, offset = number + data.count(b"\n"), offset + len(data)
                if fault is not None:
                    raise fault
                if not data:
                    return
    except DataError as error:
        tell(Unreadable(str(path), number, error, ends=True))


def rows_of(block: Block, source: str, tell: Tell) -> Iterator[RawRow]:
    """The rows of ``block``; ``tell`` hears of lines that are none."""
    file = str(block.path)
    for number, line in enumerate(block.data.split(b"\n"), start=block.number):
        text = line.strip(_SPACE)
        if text:
            try:
                values = line_values(text, line, block.path, number)
            except DataError as error:
                tell(Unreadable(file, number, error))
                continue
            yield RawRow(values, source, file, number)


def _whole_lines(file: BufferedReader, path: Path, number: int) -> tuple[bytes, DataError | None]:
    """The next lines, b"" at the end; and what went wrong behind them."""
    data = b""
    try:
        data = file.read1(BLOCK_BYTES)
        if data and not data.endswith(b"\n"):
            rest = file.readline(LONGEST_BYTES + 1)
            if len(rest) > LONGEST_BYTES:
                last = number + data.count(b"\n")
                raise too_long(path, f"line {last:,}")
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
