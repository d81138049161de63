"""Read a text file in pieces and say at which byte it stops being UTF-8."""

from __future__ import annotations

import codecs
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import DataError

CHUNK_BYTES = 1 << 18
_OTHER_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class Line:
    """A line with its end as it was read, its 1-based number, and the byte offset behind it."""

    text: str
    number: int
    end_byte: int


def open_file(path: Path) -> BinaryIO:
    """Open a regular, non-empty file. Raises DataError that says which of these it is not."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DataError("This is not a file", str(path), "Name a file, or a folder of files.")
        if found.st_size == 0:
            raise DataError("The file is empty", str(path), "Check where it was written, or name another one.")
        return path.open("rb")
    except FileNotFoundError:
        raise DataError(
            "No such file", str(path), "Check the path; relative ones start at the current folder."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError("The file can't be read", f"{path}: {reason}", "Check its rights and the path.") from None


def lines(path: Path) -> Iterator[Line]:
    """The file's lines. Raises DataError as ``open_file`` does, and for bytes that are not UTF-8."""
    with open_file(path) as file:
        offset = 0
        for number, raw in enumerate(file, start=1):
            text = _decode(raw, offset, path)
            offset += len(raw)
            yield Line(text.removeprefix("\ufeff") if number == 1 else text, number, offset)


def chunks(path: Path) -> Iterator[str]:
    """The file's text in pieces that grow, so that a reader which needs one whole item stays linear."""
    with open_file(path) as file:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        offset, size = 0, CHUNK_BYTES
        while True:
            raw = file.read(size)
            held = decoder.getstate()[0]
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise _not_utf8(held + raw, offset - len(held) + error.start, path) from None
            offset += len(raw)
            if text:
                yield text
            if not raw:
                return
            size = min(size * 2, CHUNK_BYTES * 64)


def _decode(raw: bytes, offset: int, path: Path) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(raw, offset + error.start, path) from None


def _not_utf8(raw: bytes, byte: int, path: Path) -> DataError:
    name = next((name for mark, name in _OTHER_MARKS.items() if byte == 0 and raw.startswith(mark)), "ITS_ENCODING")
    return DataError(
        "The file is not UTF-8 text",
        f"{path}: byte {byte:,} can't be read as UTF-8",
        f"Convert it: iconv -f {name} -t UTF-8 {path.name} > utf8-{path.name}",
    )
