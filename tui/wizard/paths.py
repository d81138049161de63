"""Paths that are typed: completed from the file system, and made absolute before a run moves elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from textual.suggester import Suggester

from engine.common.clean_text import clean

_PLAIN_SUFFIXES = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".txt", ".md")
DATA_SUFFIXES = (
    *_PLAIN_SUFFIXES,
    *(plain + packed for plain in _PLAIN_SUFFIXES for packed in (".gz", ".zst")),
    ".parquet",
    ".arrow",
)
_MOST_ENTRIES = 5000  # a folder of a million files must not hold the keyboard up


class PathSuggester(Suggester):
    """Suggests the first entry that begins with what is typed; the right arrow takes it.

    ``tell`` gets the entry's name ("" for none): a long path leaves no room to show it in the field itself.
    """

    def __init__(self, tell: Callable[[str], None], folders_only: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._tell = tell
        self._folders_only = folders_only

    async def get_suggestion(self, value: str) -> str | None:
        found = None
        if value.strip() and not value.endswith("~"):
            found = await asyncio.to_thread(complete, value, self._folders_only)
        self._tell(os.path.split(found.rstrip("/"))[1] if found and found != value else "")
        return found


def complete(typed: str, folders_only: bool = False) -> str | None:
    """``typed`` with the rest of the first matching name, a slash behind folders; None when nothing matches."""
    folder, beginning = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111 (keeps "~" as typed)
            names = [_named(entry) for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)]
    except OSError:
        return None
    fits = sorted(
        name
        for name in names
        if name.startswith(beginning)
        and (beginning or not name.startswith("."))
        and (name.endswith("/") or not (folders_only or not name.rstrip("/").lower().endswith(DATA_SUFFIXES)))
        and clean(name, keep_newlines=False) == name
    )
    return os.path.join(folder, fits[0]) if fits else None  # noqa: PTH118


def _named(entry: os.DirEntry[str]) -> str:
    try:
        return entry.name + "/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name


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
        for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False):
            if entry.name.startswith("."):
                continue
            if _named(entry).endswith("/"):
                folders.append((entry.name + "/", Path(entry.path), True))
            elif entry.name.lower().endswith(DATA_SUFFIXES):
                files.append((entry.name, Path(entry.path), False))
    return [*sorted(folders), *sorted(files)]
