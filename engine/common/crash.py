"""What is kept of an error that nobody foresaw: its traceback, without secrets, where only its owner reads it."""

from __future__ import annotations

import os
import time
import traceback

from engine.common import paths
from engine.common.redact import redact
from engine.messages.message import Message


def keep() -> Message:
    """Write the traceback of the error under way into the home; says where it is."""
    told = traceback.format_exc()
    path = paths.home() / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        paths.private_dir(path.parent)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(redact(told))
    except OSError:
        return Message("cli-runs.unwritten", last=redact("".join(told.strip().splitlines()[-1:])))
    return Message("cli-runs.details", path=path)
