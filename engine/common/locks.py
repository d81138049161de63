"""Locks on open files that the system drops with their holder, on file systems that have none too.

The library filelock has no lock that is shared, none on a folder, and no answer to "is it held": the runs need all
three, so the one call to flock is here.
"""

from __future__ import annotations

import fcntl


def taken(fd: int, shared: bool = False, waits: bool = False) -> bool | None:
    """Lock the open file ``fd`` for its holder alone, or with all that share it; closing it lets go.

    False where another holder is in the way; None where the file system knows no locks. ``waits`` for it to be free.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(fd, kind if waits else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
