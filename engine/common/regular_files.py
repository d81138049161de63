"""Open files that anybody may have put in the place of ours: regular ones only, never waiting, up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from engine.common.errors import Unfit, reason_of
from engine.messages.catalogue import text
from engine.messages.message import Message

_KINDS = {stat.S_IFIFO: "system.is-pipe", stat.S_IFDIR: "system.is-a-folder", stat.S_IFSOCK: "system.is-socket",
          stat.S_IFCHR: "system.is-device", stat.S_IFBLK: "system.is-device"}  # fmt: skip

_PIECE = 1 << 16


def open_regular(path: Path, most_bytes: int | None = None) -> BinaryIO:
    """``path`` for reading. Raises OSError, also for what is no regular file, or larger than ``most_bytes``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # of a socket
            raise _refused(path, Message(_KINDS[stat.S_IFSOCK])) from None
        raise
    try:
        why = _why_not(os.fstat(fd), most_bytes)
        if why:
            raise _refused(path, why)
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All of ``path``, which is small. Raises OSError as ``open_regular`` does."""
    found = b""
    with open_regular(path, most_bytes) as file:
        # Python makes room for all that is asked for before it reads, however small the file is.
        while len(found) <= most_bytes and (piece := file.read(_PIECE)):
            found += piece
    if len(found) > most_bytes:  # it grew, or is one of those whose size the system does not know
        raise _refused(path, Message("system.grew", most=most_bytes))
    return found


def open_to_append(path: Path) -> int:
    """A descriptor to add to ``path``, made with mode 0600 where it is not there. Raises OSError.

    A link is not followed: what it points to is not ours to write.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    why = _why_not(os.fstat(fd), None)
    if why:
        os.close(fd)
        raise _refused(path, why)
    return fd


def what_is_wrong(path: Path, most_bytes: int) -> Message | None:
    """Why ``path`` can't be read as a file, None if it can or is not there. Opens nothing."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Message("system.unreadable", reason=reason_of(error))
    return _why_not(found, most_bytes)


def _why_not(found: os.stat_result, most_bytes: int | None) -> Message | None:
    if not stat.S_ISREG(found.st_mode):
        return Message(_KINDS.get(stat.S_IFMT(found.st_mode), "system.is-no-file"))
    if most_bytes is not None and found.st_size > most_bytes:
        return Message("system.too-large", bytes=found.st_size, most=most_bytes)
    return None


def _refused(path: Path, why: Message) -> Unfit:
    error = Unfit(errno.EINVAL, text(why), str(path))
    error.reason = why
    return error
