"""Paths that are typed or listed: data files, and names made absolute before a run moves elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

_PLAIN_SUFFIXES = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".txt", ".md")
DATA_SUFFIXES = (
    *_PLAIN_SUFFIXES,
    *(plain + packed for plain in _PLAIN_SUFFIXES for packed in (".gz", ".zst")),
    ".parquet",
    ".arrow",
)
MOST_ENTRIES = 5000  # a folder of a million files must not hold the keyboard up


def absolute(text: str) -> str:
    """A path that exists here as an absolute one (a run has its own working folder); anything else as it is."""
    text = text.strip()
    try:
        path = Path(text).expanduser()
        looks_local = text.startswith(("~", ".", "/")) or path.exists()
    except (OSError, ValueError, RuntimeError):  # the last: "~name" of nobody on this machine
        return text
    return str(path.absolute()) if looks_local else text


def is_there(path: str) -> bool:
    """Whether a source's path is a place on this machine."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def listing(folder: Path) -> list[tuple[str, Path, bool]]:
    """Folders, then data files of ``folder`` as (name, path, is folder), hidden ones left out.

    Raises OSError when the folder can't be read.
    """
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False):
            if entry.name.startswith("."):
                continue
            if named(entry).endswith("/"):
                folders.append((entry.name + "/", Path(entry.path), True))
            elif entry.name.lower().endswith(DATA_SUFFIXES):
                files.append((entry.name, Path(entry.path), False))
    return [*sorted(folders), *sorted(files)]


def named(entry: os.DirEntry[str]) -> str:
    """Its name, with a slash behind a folder's."""
    try:
        return entry.name + "/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name
