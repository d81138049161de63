"""Open a data file as a stream of UTF-8 text, whether it is packed (.gz, .zst) or in UTF-16 or UTF-32."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.common.errors import DataError, reason_of
from engine.common.file_hash import HashedFile
from engine.messages.message import Message

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PACKINGS = (".gz", ".zst")
BUFFER_BYTES = 1 << 18
_MEASURED_BYTES = 1 << 22
_HEAD_BYTES = 4096
_MARKS = {  # that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be",
}  # fmt: skip
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le", (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le", (True, False, True, False): "utf-16-be",
}  # fmt: skip
"""Which of the first four bytes are zero where the text begins with plain letters."""


@dataclass(frozen=True)
class Opened:
    """``stream`` gives UTF-8 bytes; ``consumed()`` says how many of the file's own ``size_bytes`` it took for them."""

    stream: io.BufferedReader[Any]
    consumed: Callable[[], int]
    size_bytes: int


def kind_of(path: Path) -> str:
    """The suffix that tells what the file holds, in lower case: that before .gz or .zst; "" for none."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() if suffix in PACKINGS else suffix


def check_name(path: str) -> str:
    """``path``, if it is text: a config could not hold another one. Raises DataError."""
    if path.isascii() or path == path.encode("utf-8", "replace").decode("utf-8"):
        return path
    raise DataError("data.name-not-text", path=path)


def check_file(path: Path) -> int:
    """Bytes of a regular, non-empty file. Raises DataError that says which of these it is not."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError("data.no-file", path=path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise DataError("data.not-a-file", path=path)
    if found.st_size == 0:
        raise DataError("data.empty", path=path)
    return found.st_size


def open_file(path: Path) -> io.BufferedReader[Any]:
    """The text of ``path`` as UTF-8 bytes (those that are in none of the Unicode encodings come as they are).

    Of a file that grows meanwhile, what was there at first is read, up to the end of the line. Raises DataError.
    """
    return open_measured(path).stream


def open_measured(path: Path) -> Opened:
    """As ``open_file``, with a measure of how far into the file itself reading has come."""
    size = check_file(path)
    try:
        file = HashedFile(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    packing = path.suffix.lower()
    if packing not in PACKINGS:
        head = os.pread(file.fileno(), _HEAD_BYTES, 0)
        source: _Pulled = _Plain(path, file, size, not _wide(head))
    else:
        source = _Pulled(path, file, _unpacking(file, packing))
    stream = io.BufferedReader(source, BUFFER_BYTES)
    encoding = _wide(stream.peek(_HEAD_BYTES)[:_HEAD_BYTES])
    if encoding:
        stream = io.BufferedReader(_Pulled(path, stream, _transcoding(path, stream, encoding)), BUFFER_BYTES)
    return Opened(stream, file.tell, size)


def text_bytes(path: Path) -> int:
    """About how many bytes of UTF-8 ``path`` holds: its size, for a packed file or UTF-16 by what its head gives."""
    opened = open_measured(path)
    with opened.stream as stream:
        if path.suffix.lower() not in PACKINGS and isinstance(getattr(stream, "raw", None), _Plain):
            return opened.size_bytes
        # Unpacking reads ahead: so much of the file must be taken that this does not count.
        given = 0
        while given < _MEASURED_BYTES * 16 and (given < _MEASURED_BYTES or opened.consumed() < _MEASURED_BYTES // 4):
            piece = len(stream.read(_MEASURED_BYTES))
            given += piece
            if not piece:
                return max(1, given)
        consumed = max(1, opened.consumed())
    return max(1, round(given * max(1.0, opened.size_bytes / consumed)))


class _Pulled(io.RawIOBase):
    """Bytes from ``pull(size)``, with the faults of packed data said in words. Owns ``beneath``."""

    def __init__(self, path: Path, beneath: io.IOBase | BinaryIO, pull: Callable[[int], bytes]) -> None:
        self._path, self._beneath, self._pull = path, beneath, pull
        self._lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._pull(len(view))
        except (OSError, EOFError, zlib.error, ValueError) as error:
            said = " ".join(str(error).split())[:160] or type(error).__name__
            place = Message("data.after-line", line=self._lines)
            raise DataError("data.damaged", path=self._path, place=place, reason=said.rstrip(".")) from None
        view[: len(data)] = data
        self._lines += data.count(b"\n")
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._beneath.close()
        super().close()


class _Plain(_Pulled):
    """A file as it was when it was opened; a line that had begun by then is read to its end."""

    def __init__(self, path: Path, file: io.FileIO, size: int, finish_line: bool) -> None:
        super().__init__(path, file, self._take)
        self._file, self._left = file, size
        self._finish_line, self._last = finish_line, b""

    def _take(self, size: int) -> bytes:
        if self._left > 0:
            data = self._file.read(min(size, self._left)) or b""
            self._left -= len(data)
            self._last = data[-1:]
            return data
        if not self._finish_line or self._last in (b"\n", b""):
            return b""
        data = self._file.read(min(size, 4096)) or b""
        data = data[: data.find(b"\n") + 1 or len(data)]
        self._last = data[-1:]
        return data


def _unpacking(file: io.FileIO, packing: str) -> Callable[[int], bytes]:
    if packing == ".gz":
        return gzip.GzipFile(fileobj=file, mode="rb").read1
    import pyarrow as arrow

    stream = arrow.CompressedInputStream(arrow.PythonFile(file, mode="r"), "zstd")

    def pull(size: int) -> bytes:
        return bytes(stream.read(size))

    return pull


def _transcoding(path: Path, stream: BinaryIO, encoding: str) -> Callable[[int], bytes]:
    """UTF-8 from ``encoding``; the mark at its beginning is left out."""
    name = encoding[:6].upper()
    decoder = codecs.getincrementaldecoder(encoding)()
    state = {"byte": 0, "begun": False, "ended": False}

    def pull(size: int) -> bytes:
        # Two bytes of it make at most three.
        wanted = max(1, size // 3) * 2 - 2 or 2
        while not state["ended"]:
            raw = stream.read(wanted)
            state["ended"] = not raw
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                said = Message("data.byte-not-wide", byte=state["byte"] + error.start, encoding=name)
                raise DataError("data.not-wide", encoding=name, path=path, reason=said) from None
            state["byte"] += len(raw)
            if text and not state["begun"]:
                text, state["begun"] = text.removeprefix("\ufeff"), True
            if text:
                return text.encode("utf-8", "replace")
        return b""

    return pull


def _wide(head: bytes) -> str:
    """The kind of UTF-16 or UTF-32 that ``head`` begins, by its mark, or else by its letters; "" for none."""
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")
    if marked or len(head) < 4:
        return marked
    if plain := _ZEROS.get(tuple(byte == 0 for byte in head[:4]), ""):
        return plain
    if 0 not in head or _is_text(head, "utf-8", controls=True):
        return ""
    return next((name for name in _MARKS.values() if _is_text(head, name)), "")


def _is_text(head: bytes, encoding: str, controls: bool = False) -> bool:
    """Whether ``head``, which may end within a letter, holds nothing but letters as ``encoding``."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return controls or all(letter in "\t\r\n" or unicodedata.category(letter)[0] != "C" for letter in text)


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError("data.unreadable", path=path, reason=reason_of(error))
