"""Whether a terminal is gone: it reads as empty for ever, and who ignores SIGHUP hears of it in no other way."""

from __future__ import annotations

import select

_GONE = select.POLLHUP | select.POLLERR


def is_gone(fd: int, wait: bool = False) -> bool:
    """Whether nobody is at the other end of ``fd`` any more; ``wait`` until that is so.

    False for a file, and where the system can't tell (a terminal on macOS).
    """
    watched = select.poll()
    watched.register(fd, 0)
    return any(event & _GONE for _, event in watched.poll(None if wait else 0))
