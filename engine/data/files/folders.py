"""Find the data files of a folder or a pattern: links are followed, but no folder is entered twice."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from engine.common.errors import DataError
from engine.data.files.opened import kind_of

MOST_FILES = 100_000
# What lies beside data in a dataset's folder without being data.
_NOT_ROWS = re.compile(
    r"readme|licen[cs]e|dataset_infos?\.|dataset_dict\.|state\.json|cache-[0-9a-f]+|indices-[0-9a-f]+|\.", re.IGNORECASE
)
_WILDCARD = re.compile(r"[*?\[]")


def walk(folder: Path) -> Iterator[Path]:
    """Files below ``folder`` that may hold rows, in order of their names; hidden ones and leaflets left out.

    Raises DataError when there are far too many for a dataset.
    """
    seen: set[tuple[int, int]] = set()
    count = 0
    for parent, folders, files in os.walk(folder, followlinks=True):
        if not _is_new(Path(parent), seen):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        count += len(files) + len(folders)
        if count > MOST_FILES:
            raise DataError("data.folder-too-large", path=folder, most=MOST_FILES)
        yield from (Path(parent) / name for name in sorted(files) if not _NOT_ROWS.match(name))


def is_pattern(path: str) -> bool:
    return bool(_WILDCARD.search(path))


def matching(pattern: str, kinds: Collection[str]) -> list[Path]:
    """Files of ``kinds`` (suffixes) that ``pattern`` names: ``*`` and ``?`` within a name, ``**`` for any folders.

    A folder that it names gives the files below it. Raises DataError when there are none.
    """
    anchored = str(Path(pattern).expanduser().absolute())
    base, _, rest = anchored.partition("**")
    named: list[Path] = []
    if rest:
        expression = re.compile(_expression(anchored))
        start = Path(base) if base.endswith("/") else Path(base).parent
        named = [path for path in walk(start) if expression.fullmatch(str(path))] if start.is_dir() else []
    else:
        named = [Path(path) for path in sorted(glob.glob(anchored))]  # noqa: PTH207 (the pattern may be absolute)
    found = [path for name in named for path in (walk(name) if name.is_dir() else [name])]
    files = [path for path in dict.fromkeys(found) if kind_of(path) in kinds]
    if not files:
        readable = " ".join(kinds)
        if found:
            raise DataError("data.pattern-without-data", path=pattern, files=len(found), kinds=readable)
        raise DataError("data.pattern-without-file", path=pattern, kinds=readable)
    return files


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return False
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _expression(pattern: str) -> str:
    """``pattern`` as a regular expression."""
    parts = re.split(r"(\*\*/?|\*|\?|\[[^]]+\])", pattern)
    translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        translated.get(part) or (part.replace("[!", "[^") if index % 2 else re.escape(part))
        for index, part in enumerate(parts)
    )
