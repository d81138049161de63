"""Measurements of past runs as JSON lines: appended without ever failing a run, read past any damage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.common import paths

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)


def append(file: Path, records: Iterable[DataclassInstance]) -> None:
    """Add a line for each of ``records``. A file that can't be written is no reason to fail."""
    lines = "".join(json.dumps(asdict(each)) + "\n" for each in records)
    try:
        paths.private_dir(file.parent)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(lines)
    except OSError:
        pass


def read(file: Path, kind: type[Record], makes_sense: Callable[[Record], bool]) -> list[Record]:
    """All records of ``kind``, oldest first; lines that can't be read or make no sense are passed over."""
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            record = kind(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            continue
        if makes_sense(record):
            found.append(record)
    return found
