"""A folder to work in beside what is made there: it goes with the work, and where that was killed, with the next one.

Its mark is locked by the process that works and names what that makes beside it. A mark that nobody holds is of one
that was killed: then the folder and what it names are removed. A folder without a mark is somebody else's.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.common import locks

PREFIX, MARK = ".work-", "tunedeck-work.json"
_MOST_BYTES = 1 << 20


@contextmanager
def work_folder(parent: Path, beside: Sequence[str] = ()) -> Iterator[Path]:
    """A new folder in ``parent`` for as long as the block lasts.

    ``beside`` are names of files that the work makes in ``parent`` and that are worth nothing before it is done. Raises
    OSError.
    """
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    fd = os.open(path / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        locks.taken(fd, waits=True)  # another may just look whether somebody holds it
        os.write(fd, json.dumps({"made_by": "tunedeck", "beside": list(beside)}).encode())
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(fd)


def left_behind(parent: Path) -> list[Path]:
    """The work folders in ``parent`` whose process was killed, and what is there of the files that they name."""
    found: list[Path] = []
    for path in sorted(parent.glob(f"{PREFIX}*")):
        with _held(path) as beside:
            if beside is not None:
                found += [path, *(parent / name for name in beside if (parent / name).is_file())]
    return found


def remove_left_behind(parent: Path) -> None:
    """Remove them. What can't be removed stays: it is in nobody's way."""
    for path in parent.glob(f"{PREFIX}*"):
        with _held(path) as beside, suppress(OSError):
            if beside is None:
                continue
            for name in beside:
                (parent / name).unlink(missing_ok=True)
            for inside in path.iterdir():  # the mark last: without it nobody would know the rest
                if inside.is_dir() and not inside.is_symlink():
                    shutil.rmtree(inside)
                elif inside.name != MARK:
                    inside.unlink()
            (path / MARK).unlink()
            path.rmdir()


@contextmanager
def _held(path: Path) -> Iterator[list[str] | None]:
    """What the folder at ``path`` names, its mark held meanwhile; None where it is none of ours, or in use."""
    try:
        fd = os.open(path / MARK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        yield None
        return
    try:
        yield _named(os.pread(fd, _MOST_BYTES, 0)) if locks.taken(fd) else None
    finally:
        os.close(fd)


def _named(mark: bytes) -> list[str] | None:
    """Names of files in a mark; None for one that was not written whole."""
    try:
        names = json.loads(mark)["beside"]
    except (ValueError, KeyError, TypeError):
        return None
    return [name for name in names if isinstance(name, str) and Path(name).name == name]
