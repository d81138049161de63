"""Who sits at this process: a user and a terminal, as others at the same run are told."""

from __future__ import annotations

import os


def who() -> str:
    """``ana@pts/3``; without a terminal the user alone, and of a user without a name the number."""
    try:
        import pwd

        user = pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, ImportError):
        user = str(os.getuid())
    for stream in (0, 2, 1):
        try:
            return f"{user}@{os.ttyname(stream).removeprefix('/dev/')}"
        except OSError:
            continue
    return user
