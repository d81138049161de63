"""Who has a run open on a screen: a small file for each viewer in the run's directory, locked while the viewer lives.

Who may not write there can't steer the run either, and is told of nobody. A viewer that was killed holds no lock and
does not count; where the file system knows no locks, nobody counts.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import locks
from engine.common.who import who
from engine.runs.directory import RunDir

_MOST = 50
_MOST_BYTES = 4096


@dataclass(frozen=True)
class Viewer:
    """``who`` as of ``engine.common.who``, ``since`` in Unix seconds; ``steers`` false for one that only watches."""

    who: str
    host: str
    since: float
    steers: bool
    is_self: bool = False


class Presence:
    """This process among the viewers of ``run``, from ``enter`` to ``leave``."""

    def __init__(self, run: RunDir, steers: bool) -> None:
        self._folder, self._steers = run.viewers, steers
        self._file: Path | None = None
        self._fd: int | None = None
        self._lock, self._has_left = threading.Lock(), False

    def enter(self) -> None:
        """Be seen by others. In a folder that can't be written to, one is not."""
        host = socket.gethostname()
        name = f"{host}-{os.getpid()}-{time.monotonic_ns()}"
        facts = {"who": who(), "host": host, "since": time.time(), "steers": self._steers}
        part = self._folder / f".{name}"
        with self._lock, suppress(OSError):
            if self._has_left:
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            locks.taken(self._fd)
            os.write(self._fd, json.dumps(facts).encode())
            self._file = part.rename(self._folder / name)  # seen only once it is locked

    def leave(self) -> None:
        """Be seen no more. From any thread, also before ``enter``, which then does nothing."""
        with self._lock:
            file, fd = self._file, self._fd
            self._file, self._fd, self._has_left = None, None, True
        if file is not None:
            with suppress(OSError):
                file.unlink()
                self._folder.rmdir()  # the last one takes the folder along
        if fd is not None:
            os.close(fd)

    def viewers(self) -> tuple[Viewer, ...]:
        """All that live, in the order of their coming; those that were killed are cleared away."""
        if self._file is None:
            return ()
        try:
            entries = [Path(entry.path) for entry, _ in zip(os.scandir(self._folder), range(_MOST), strict=False)]
        except OSError:
            return ()
        found = [self._viewer(path) for path in entries if not path.name.startswith(".")]
        return tuple(sorted((each for each in found if each is not None), key=lambda each: (each.since, each.who)))

    def _viewer(self, path: Path) -> Viewer | None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            lives = locks.taken(fd, shared=True) is False
            record = json.loads(os.read(fd, _MOST_BYTES)) if lives else {}
            if not lives:
                path.unlink()
        except (OSError, ValueError, RecursionError):
            return None
        finally:
            os.close(fd)
        return _of(record, path == self._file)


def _of(record: Any, is_self: bool) -> Viewer | None:
    try:
        return Viewer(
            str(record["who"]), str(record["host"]), float(record["since"]), bool(record["steers"]), is_self
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None
