"""The one writer of ``events.jsonl``: numbers, dates and appends events, and survives a full disk."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.common.errors import MachineError, reason_of
from engine.common.regular_files import open_regular, open_to_append
from engine.runs import events as ev
from engine.runs.event_lines import decode_head, encode

RESERVE_NAME = ".events.reserve"
_RESERVE_BYTES = 64 * 1024


class EventWriter:
    """Appends events to a log, numbering and dating them; safe to use from several threads.

    A full disk must not end a training: a line that can't be written is counted in ``lost`` and its number
    is used again, so that ``seq`` has no gaps. A half-written line is closed by the next write. For the last word,
    ``Failed`` or ``Finished``, space is kept aside while the log is open.
    Raises MachineError when the log can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        self.seq = last_seq(path)
        self._lock = threading.Lock()
        self._torn = _ends_torn(path)
        try:
            self._fd = open_to_append(path)
        except OSError as error:
            raise MachineError("runs.events-unwritable", path=path, reason=reason_of(error)) from error
        self._reserve = path.with_name(RESERVE_NAME)
        _take_space(self._reserve)

    def emit(self, event: ev.Event) -> None:
        """Append ``event`` with the next number and the time of now."""
        with self._lock:
            stamped = msgspec.structs.replace(event, seq=self.seq + 1, t=round(time.time(), 6))
            line = encode(stamped) + b"\n"
            if self._torn:
                line = b"\n" + line
            if self._append(line):
                return
            if isinstance(event, ev.Failed | ev.Finished):
                self._reserve.unlink(missing_ok=True)
                if self._append(b"\n" + line):
                    return
            self.lost += 1

    def _append(self, line: bytes) -> bool:
        """Write ``line``; False if the disk refused it or filled up inside it."""
        try:
            written = os.write(self._fd, line)
        except OSError:
            return False
        self._torn = written < len(line)
        if written < len(line) - 1:  # without its newline alone the line still counts
            return False
        self.seq += 1
        return True

    def close(self) -> None:
        """Close the log; events that come later are counted as lost."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)
                self._reserve.unlink(missing_ok=True)


def _take_space(path: Path) -> None:
    """Fill a small file, with bytes that no file system packs away; without it the last word may be lost."""
    with suppress(OSError):
        path.write_bytes(os.urandom(_RESERVE_BYTES))


def _ends_torn(path: Path) -> bool:
    """Whether a killed writer left the last line without its newline."""
    try:
        with open_regular(path) as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def last_seq(path: Path) -> int:
    """Number of the last whole event, of whatever type, 0 for a new log."""
    for max_bytes in (1 << 20, 1 << 40):  # the whole log only if its end is one long line
        for line in reversed(tail_lines(path, max_bytes, with_rest=True)):
            head = decode_head(line)
            if head is not None:
                return head.seq
    return 0


def tail_lines(path: Path, max_bytes: int, with_rest: bool = False) -> list[bytes]:
    """Complete lines within the last ``max_bytes`` of a log, oldest first; [] if there is none.

    ``with_rest`` adds what follows the last newline.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - max_bytes)
            file.seek(start)
            block = file.read()
    except OSError:
        return []
    lines = block.split(b"\n")
    rest = lines.pop()  # what follows the last newline is not complete yet
    if with_rest:
        lines.append(rest)
    return lines[1:] if start else lines
