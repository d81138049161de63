"""Read a text file in pieces and say at which byte it stops being UTF-8."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from engine.common.errors import DataError
from engine.common.shell import written_anew
from engine.data.files.opened import BUFFER_BYTES, open_file
from engine.messages.message import Message

CHUNK_BYTES = BUFFER_BYTES
LONGEST_BYTES = 512 * 2**20
"""Of a line, or of one item of a JSON list: what is longer is no row, and would take the memory of the machine."""
_ENCODINGS = {
    "gb18030": "GB18030", "cp1252": "WINDOWS-1252", "big5": "BIG5", "cp932": "CP932", "euc_jp": "EUC-JP",
    "cp949": "CP949", **{f"cp125{number}": f"WINDOWS-125{number}" for number in (1, 0, 3, 4, 5, 6, 7, 8)},
    "koi8_r": "KOI8-R", "iso8859_2": "ISO-8859-2", "iso8859_5": "ISO-8859-5", "tis_620": "TIS-620",
    "mac_roman": "MACINTOSH", "cp866": "CP866", "cp850": "CP850",
}  # fmt: skip
"""Those that data files come in, by Python's name and iconv's; of equally likely ones the first."""
_WORD = re.compile(r"\S*[^\x00-\x7f]\S*")
_NOT_OF_WORDS = ("Cc", "Cn", "Co", "Sm", "Sk", "So")
_LOOKED_AT = 400
"""Words with letters beyond ASCII, of those at the beginning."""


@dataclass(frozen=True)
class Line:
    """A line with its end as it was read, its 1-based number, and the byte offset behind it in the file's text."""

    text: str
    number: int
    end_byte: int


def lines(path: Path) -> Iterator[Line]:
    """The file's lines. Raises DataError as ``open_file`` does, for bytes that are not UTF-8 and for endless lines."""
    with open_file(path) as file:
        yield from lines_in(file, path)


def lines_in(file: BufferedReader[Any], path: Path) -> Iterator[Line]:
    """The lines of ``path``, which is open as ``file``."""
    offset, number = 0, 0
    while raw := file.readline(LONGEST_BYTES + 1):
        number += 1
        if len(raw) > LONGEST_BYTES:
            raise too_long(path, Message("data.line", line=number))
        text = decoded(raw, offset, path)
        offset += len(raw)
        yield Line(text.removeprefix("\ufeff") if number == 1 else text, number, offset)


def beginning(file: BufferedReader[Any], path: Path) -> str:
    """The first text of ``path``, which is open as ``file`` and stays at its beginning. Raises DataError."""
    raw = file.peek(CHUNK_BYTES)
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(raw)
    except UnicodeDecodeError as error:
        raise _not_utf8(raw, error.start, path) from None


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


def too_long(path: Path, place: Message) -> DataError:
    return DataError("data.row-too-long", path=path, place=place, most=LONGEST_BYTES)


def decoded(raw: bytes, offset: int, path: Path) -> str:
    """``raw``, which begins ``offset`` bytes into the text of ``path``. Raises DataError where it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(raw, offset + error.start, path) from None


def _not_utf8(raw: bytes, byte: int, path: Path) -> DataError:
    likely = _likely(raw[:CHUNK_BYTES])
    command = written_anew(f"iconv -f {likely} -t UTF-8", path, "utf8-")
    said = Message("data.byte-not-utf8", byte=byte, encoding=likely)
    return DataError("data.not-utf8", path=path, reason=said, command=command)


def _likely(raw: bytes) -> str:
    """The encoding that ``raw`` is probably in, as iconv calls it; Western where nothing speaks for another."""
    from charset_normalizer import from_bytes

    # The end of a piece may be half a character.
    whole = raw if len(raw) < CHUNK_BYTES else raw[: max(map(raw.rfind, b' \n",')) + 1] or raw
    order = list(_ENCODINGS)
    found = min(
        from_bytes(whole, cp_isolation=order),
        key=lambda match: (_faults(str(match)), match.chaos, -match.coherence, order.index(match.encoding)),
        default=None,
    )  # fmt: skip
    western = whole.decode("cp1252", "replace")
    return "WINDOWS-1252" if found is None or str(found) == western else _ENCODINGS[found.encoding]


def _faults(text: str) -> int:
    """How often letters follow one another in ``text`` as they do in no word of any language."""
    faults = 0
    for found in islice(_WORD.finditer(text), _LOOKED_AT):
        word = found[0]
        for one, other in pairwise(word):
            if one.isascii() and other.isascii():
                continue
            if one.isalpha() and other.isalpha():
                faults += (one.islower() and other.isupper()) or _script(one) != _script(other)
        for before, mark, behind in zip(word, word[1:], word[2:], strict=False):
            is_inside = _is_cased(before) and _is_cased(behind)
            faults += is_inside and not mark.isascii() and unicodedata.category(mark) in ("No", "Po", "Sc")
        faults += sum(unicodedata.category(each) in _NOT_OF_WORDS for each in word)
    return faults


def _is_cased(letter: str) -> bool:
    return letter.islower() or letter.isupper()


def _script(letter: str) -> str:
    """The first word of its name tells the script; Japanese writes in three of them at once."""
    name = unicodedata.name(letter, "").partition(" ")[0]
    return "CJK" if name in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "FULLWIDTH", "HALFWIDTH") else name
