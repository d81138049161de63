"""SHA-256 of files, remembered by size and times: what was read to its end once need not be read for its hash again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common import paths
from engine.common.files import read_json, write_atomic

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST_ENTRIES = 4000
_PIECE_BYTES = 1 << 20
_SETTLED_NS = 20_000_000  # a file may change again within the same tick of its clock, and look as it did
_fresh: dict[str, list[Any]] = {}


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda done: None) -> str:
    """The hash of ``path`` in hex, from memory where its size and times are those of then.

    ``on_bytes`` gets the bytes read so far where it has to be read, and may raise. Raises OSError.
    """
    known = _known(path)
    if known:
        return known
    done = 0
    with HashedFile(path) as file:
        while piece := file.read(_PIECE_BYTES):
            done += len(piece)
            on_bytes(done)
        return file.hexdigest


def keep() -> None:
    """Leave what was learnt for other processes; where that can't be written, they read again."""
    if not _fresh:
        return
    place = _place()
    with suppress(OSError):
        paths.private_dir(place.parent)
        kept = {name: entry for name, entry in read_json(place).items() if name not in _fresh} | _fresh
        write_atomic(place, json.dumps(dict(list(kept.items())[-_MOST_ENTRIES:])))
        _fresh.clear()


class HashedFile(io.FileIO):
    """A file open for reading, whose hash is remembered once it was read from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path, self._state = path, _state(os.fstat(self.fileno()))
        self._hash, self._left, self._opened_ns = hashlib.sha256(), self._state[0], time.time_ns()

    @property
    def hexdigest(self) -> str:
        """Of what was read so far."""
        return self._hash.hexdigest()

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self._see(data)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = super().readinto(buffer) or 0
        self._see(memoryview(buffer).cast("B")[:count])
        return count

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._left = -1  # what follows is not all of it in order
        return super().seek(offset, whence)

    def _see(self, data: bytes | memoryview) -> None:
        if self._left <= 0:
            return
        self._hash.update(data)
        self._left -= len(data)
        settled = self._opened_ns - self._state[2] > _SETTLED_NS
        if not self._left and settled and _state(os.fstat(self.fileno())) == self._state:
            _fresh[str(self._path.resolve())] = [*self._state, self.hexdigest]


def _known(path: Path) -> str:
    state, name = _state(path.stat()), str(path.resolve())
    place = _place()
    with suppress(OSError):
        entry = _fresh.get(name) or _kept(place, place.stat().st_mtime_ns).get(name)
        if isinstance(entry, list) and len(entry) == len(state) + 1 and entry[:-1] == state:
            return str(entry[-1])
    return ""


@lru_cache(1)
def _kept(place: Path, mtime_ns: int) -> dict[str, Any]:
    return read_json(place)


def _place() -> Path:
    return paths.cache_dir() / "file-hashes"  # no name of data: the folder may lie in one of data


def _state(found: os.stat_result) -> list[int]:
    """What changes with a file: even one that is given its old time back has another time of change."""
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
