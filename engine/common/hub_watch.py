"""One time limit for everything that waits for a hub, and who is told meanwhile: a hub may accept and never answer.

Libraries time out single reads and try again, so that a hub which is silent, or sends a byte now and then, holds them
for minutes. What talks to a hub therefore runs in a child process that watches itself: it tells twice a second how it
goes, and ends itself when next to nothing has arrived for as long as the limit.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from engine.common.child import Say, record_of
from engine.common.errors import ModelError
from engine.messages.message import Message

LIMIT_VARIABLE = "TUNEDECK_HUB_TIMEOUT"
SILENT = "models.hub-silent"
"""Code of the error of a hub that does not answer."""
_LIMIT_S = 30.0
_LEAST_BYTES = 32 << 10
_LEAST_CPU_S = 1.5
"""So much must have arrived, been written or been computed within the limit for it to begin anew."""
_PULSE_S = 0.5
SPOKEN_OF_S = 3.0
_BYTES_RECEIVED = 128  # of the kernel's struct tcp_info
_Answer = TypeVar("_Answer")
Tell = Callable[[Message], None]
_silent: dict[tuple[str, str], float] = {}
_listener: ContextVar[Tell | None] = ContextVar("hub_listener", default=None)


def limit_s() -> float:
    """Seconds that a hub may be silent."""
    with suppress(ValueError):
        return min(3600.0, max(1.0, float(os.environ.get(LIMIT_VARIABLE, ""))))
    return _LIMIT_S


@contextmanager
def listening(tell: Tell) -> Iterator[None]:
    """``tell`` hears twice a second how the waiting goes; what it raises ends the waiting."""
    before = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(before)


def ask(
    module: str, arguments: Sequence[str], what: str, on_record: Callable[[dict[str, Any]], None] | None = None,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run ``module``, which ``guard``s itself, and return the last record it says, ``type`` done or error.

    ``what`` is being fetched. Every other record goes to ``on_record``, or as a message to who is ``listening``.
    Whatever these raise, and Ctrl+C, ends the child and is passed on. A hub that was silent is not asked the same again
    at once.
    """
    asked = (module, what)
    if time.monotonic() - _silent.get(asked, -3600.0) < limit_s():
        return {"type": "error", **silence(what).as_json()}
    tell = _listener.get()
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=complaints, env=os.environ | (environment or {}), start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            for line in process.stdout:
                record = record_of(line) or {}
                if record.get("type") in ("done", "error"):
                    if record.get("code") == SILENT:
                        _silent[asked] = time.monotonic()
                    return record
                if on_record is not None:
                    on_record(record)
                elif tell is not None:
                    tell(told(record, what))
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        complaints.seek(0)
        said = complaints.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
    code_of = "models.child-said" if said else "models.child-silent"
    return {"type": "ended", "message": Message(code_of, code=code, said=said[-1] if said else "")}


def told(record: dict[str, Any], what: str) -> Message:
    """A pulse as people read it; it changes every few seconds only."""
    silent, seconds = _number(record.get("silent_s")), _number(record.get("seconds"))
    if silent >= SPOKEN_OF_S:
        limit = _number(record.get("limit_s"))
        return Message("models.hub-silent-for", seconds=silent // 3 * 3, what=what, limit=limit)
    if seconds >= 10:
        return Message("models.hub-fetching-for", what=what, seconds=seconds // 10 * 10)
    return Message("models.hub-fetching", what=what)


def silence(what: str) -> ModelError:
    """The error of a hub that does not answer."""
    return ModelError(SILENT, what=what, seconds=limit_s(), variable=LIMIT_VARIABLE)


def guard(say: Say, what: str) -> None:
    """In a child: ``say`` how it goes, and end the process when the hub is silent or the parent is gone."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_watch, args=(say, what), daemon=True).start()


class Pace:
    """For a program of others that tells its bytes: ``mind`` raises ``silence`` when they grow too slowly."""

    def __init__(self, what: str) -> None:
        self.bytes = 0
        self._what, self._mark, self._since = what, 0, time.monotonic()

    def mind(self, done: int) -> None:
        """``done`` bytes are here by now, or any number up to that of before for no news."""
        self.bytes = max(self.bytes, done)
        if self.bytes - self._mark >= _LEAST_BYTES:
            self._mark, self._since = self.bytes, time.monotonic()
        elif time.monotonic() - self._since >= limit_s():
            raise silence(self._what)


def within(call: Callable[[], _Answer], what: str) -> _Answer:
    """The answer of one short question to the hub, asked in a thread; raises what it raises, or ``silence``."""
    found: list[_Answer] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s())
    if failed:
        raise failed[0]
    if not found:
        raise silence(what)
    return found[0]


def _watch(say: Say, what: str) -> None:
    counted = _Received()
    began = last = time.monotonic()
    mark, cpu_mark = 0, 0.0
    while True:
        now, arrived, cpu = time.monotonic(), counted.bytes() + _written(), time.process_time()
        if arrived - mark >= _LEAST_BYTES or cpu - cpu_mark >= _LEAST_CPU_S:
            last, mark, cpu_mark = now, arrived, cpu
        if now - last >= limit_s():
            say("error", **silence(what).as_json())
            os._exit(1)
        say("pulse", silent_s=now - last, limit_s=limit_s(), seconds=now - began)
        time.sleep(_PULSE_S)


class _Received:
    """Bytes that all TCP connections of this process received, as the kernel counts them; 0 where it does not."""

    def __init__(self) -> None:
        self.total = 0
        self._known: dict[str, int] = {}

    def bytes(self) -> int:
        for name, count in self._open().items():
            self.total += max(0, count - self._known.get(name, 0))
            self._known[name] = count
        return self.total

    def _open(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with suppress(OSError):
            for link in Path("/proc/self/fd").iterdir():
                with suppress(OSError, struct.error, AttributeError):
                    name = str(link.readlink())
                    if name.startswith("socket:"):
                        with socket.socket(fileno=os.dup(int(link.name))) as one:
                            told = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                            found[name] = struct.unpack_from("<Q", told, _BYTES_RECEIVED)[0]
        return found


def _written() -> int:
    """Bytes this process wrote so far."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/io").read_text().split("wchar:")[1].split()[0])
    return 0


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
