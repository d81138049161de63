"""Rows from tables as text: CSV and TSV with a header line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from engine.common.errors import DataError
from engine.data.files.opened import kind_of
from engine.data.files.utf8 import LONGEST_BYTES, lines
from engine.data.rows.messages import RawRow
from engine.messages.message import Message

_DELIMITERS = ",;\t|"
_SAID = re.compile(r'"?sep=([,;\t|])"?')
_BEHIND_CR = re.compile(r"(?<=\r)(?!\n)")
"""Excel for Mac ends lines with CR alone."""


def read_csv(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of a CSV or TSV file, its first line naming the columns; the delimiter is found from that line.

    Raises DataError for a header that can't be used and for a row with another number of fields: both
    mean that text has slipped into the wrong column.
    """
    csv.field_size_limit(LONGEST_BYTES)
    last_byte = 0

    def texts() -> Iterator[str]:
        nonlocal last_byte
        for line in lines(path):
            last_byte = line.end_byte
            yield from _BEHIND_CR.split(line.text) if "\r" in line.text[:-2] else [line.text]

    reader = csv.reader(texts(), delimiter=_delimiter(path), strict=True)
    header: list[str] = []
    begins = 1
    try:
        for fields in reader:
            if not header and fields and not _names_delimiter(fields, reader.dialect.delimiter):
                header = _header(fields, path)
            elif header and fields:
                if len(fields) != len(header):
                    said = Message("data.fields-misfit", fields=len(fields), header=len(header))
                    raise DataError("data.row-misfits", path=path, row=begins, reason=said)
                yield RawRow(dict(zip(header, fields, strict=True)), source, str(path), begins, last_byte)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError("data.not-csv", path=path, row=begins, reason=str(error)) from None


def _names_delimiter(fields: list[str], delimiter: str) -> bool:
    """Whether a line is Excel's ``sep=;``, which says what parts the fields of those behind it."""
    return delimiter.join(fields) == f"sep={delimiter}"


def _delimiter(path: Path) -> str:
    if kind_of(path) == ".tsv":
        return "\t"
    first = next((line.text for line in lines(path) if line.text.strip()), "").lstrip().partition("\r")[0]
    if said := _SAID.fullmatch(first.rstrip("\r\n ")):
        return said[1]
    return max(_DELIMITERS, key=lambda mark: (first.count(mark), -_DELIMITERS.index(mark)))


def _header(fields: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in fields]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice:
        raise DataError("data.header-names-twice", path=path, column=twice[:40])
    if not any(names) or twice is not None:
        raise DataError("data.header-without-names", path=path)
    return names
