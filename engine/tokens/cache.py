"""Tokenised rows kept by what they are made of: made once, used by every run that would make the same ones."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import locks, paths
from engine.common.errors import MachineError, reason_of
from engine.messages.message import Message
from engine.tokens.store import INDEX, TokenStore

MOST_BYTES = 20 << 30
"""Of all kept stores together; beyond that those go that were not used for longest."""
_POLL_S = 0.1
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Opened:
    """``cached`` when nothing had to be made; ``trouble`` says why the store is not kept, None when it is."""

    store: TokenStore
    cached: bool
    trouble: Message | None = None


def folder() -> Path:
    return paths.cache_dir() / "tokens"


def opened(
    key: str, make: Callable[[Path], Any], check: Callable[[], None], on_wait: Callable[[], Any],
    unchanged: Callable[[], bool] = lambda: True,
) -> Opened:  # fmt: skip
    """The store called ``key``, by ``make`` written into the folder it is given where there is none yet.

    Of two processes that want the same store one makes it; the other hears ``on_wait``, waits, and uses it too.
    ``check`` may raise to end the waiting. A store half made is never seen: its folder gets its name at the end.
    Where the cache's folder can't be written, or the data was not ``unchanged`` while it was read, the store is this
    process's own and is gone with it. Raises what ``make`` raises, and MachineError where nothing can be written.
    """
    try:
        paths.private_dir(folder())
        return _kept(key, make, check, on_wait, unchanged)
    except OSError as error:
        return _unkept(make, error)


def remove_old(most_bytes: int = MOST_BYTES) -> None:
    """Remove stores that were not used for longest until the rest is within ``most_bytes``; none that is in use.

    What interrupted runs left half made goes too.
    """
    stores = [entry for entry in folder().glob("*") if entry.is_dir()]
    found = sorted(((_last_use(store), _size_bytes(store), store) for store in stores), reverse=True)
    total = 0
    for used, size, store in found:
        total += size
        if used and total <= most_bytes:
            continue
        lock = _Lock(store.name.partition(".")[0])
        try:
            if lock.taken() and lock.works:
                _remove(store)
                total -= size
                lock.forget()
        except OSError:
            continue  # somebody else's, or a disk that refuses: it stays
        finally:
            lock.close()


def _kept(
    key: str, make: Callable[[Path], Any], check: Callable[[], None], on_wait: Callable[[], Any],
    unchanged: Callable[[], bool],
) -> Opened:  # fmt: skip
    place = folder() / key
    while True:
        lock = _Lock(key)
        if (place / INDEX).exists() and lock.taken(shared=True) and (store := _whole(place)):
            store.held = lock
            os.utime(place / INDEX)
            return Opened(store, cached=True)
        if lock.taken():
            break
        lock.close()
        on_wait()
        check()
        time.sleep(_POLL_S)
    try:
        for left in (place, *folder().glob(f"{key}.*-part")):
            _remove(left)
        part = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix="-part", dir=folder()))
        try:
            make(part)
            store = TokenStore(part)
            if not unchanged():
                _remove(part)  # what is mapped stays readable
                lock.close()
                return Opened(store, cached=False, trouble=Message("events.tokens-changed"))
            part.rename(place)
        except BaseException:
            _remove(part)
            raise
    except BaseException:
        lock.close()
        raise
    store.folder, store.held = place, lock
    lock.taken(shared=True)
    remove_old()
    return Opened(store, cached=False)


def _unkept(make: Callable[[Path], Any], reason: OSError) -> Opened:
    """A store among the temporary files, removed as soon as it is mapped."""
    trouble = Message("events.tokens-unwritable", folder=folder(), reason=reason_of(reason))
    try:
        part = Path(tempfile.mkdtemp(prefix="tunedeck-tokens-"))
        try:
            if reason.errno in _FULL and part.stat().st_dev == _nearest(folder()).stat().st_dev:
                raise reason
            make(part)
            return Opened(TokenStore(part), cached=False, trouble=trouble)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        what = Message("tokens.disk-full") if error.errno in _FULL else reason_of(error)
        raise MachineError("tokens.cache-unwritable", folder=folder(), reason=what) from error


class _Lock:
    """The lock of one store, shared by those that use it and exclusive for who makes or removes it.

    Where there are no locks each process goes on by itself: stores get their names in one step all the same.
    """

    def __init__(self, key: str) -> None:
        self.works = True
        self._path = folder() / f"{key}.lock"
        self._fd: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def taken(self, shared: bool = False) -> bool:
        """Take the lock if nobody is in the way; False too for one that was just removed."""
        assert self._fd is not None
        found = locks.taken(self._fd, shared)
        if found is False:
            return False
        self.works = self.works and found is not None
        try:
            return os.fstat(self._fd).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def forget(self) -> None:
        """Remove the lock's file; it must be held exclusively."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()


def _whole(place: Path) -> TokenStore | None:
    try:
        return TokenStore(place)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove(place: Path) -> None:
    """Remove a store whole: its name goes first, so that nobody finds half of it."""
    if not place.exists():
        return
    gone = place.with_name(f"{place.name.partition('.')[0]}.{os.getpid()}-part")
    if place != gone:
        shutil.rmtree(gone, ignore_errors=True)
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _last_use(store: Path) -> float:
    """Unix time of the last use, 0 for what is no whole store."""
    try:
        return 0.0 if "." in store.name else (store / INDEX).stat().st_mtime
    except OSError:
        return 0.0


def _size_bytes(store: Path) -> int:
    try:
        return sum(file.stat().st_size for file in store.iterdir())
    except OSError:
        return 0


def _nearest(place: Path) -> Path:
    """``place``, or the folder around it that is there."""
    return next(each for each in (place, *place.parents) if each.exists())
