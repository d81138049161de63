"""Ask a child process of the engine a heavy question about a config, and read its answer line by line."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.common.child import record_of
from engine.common.clean_text import clean
from engine.common.errors import DataError, TunedeckError, reason_of
from engine.messages.catalogue import text
from engine.messages.message import Message

_LONGEST_LINE_BYTES = 16 * 1024 * 1024  # examples travel whole
_TICK_S = 1.0
_LEAST_TO_JUDGE_S = 2.0


@dataclass(frozen=True)
class Progress:
    """How far the child is; ``total`` is 0 while it does not know. Seconds since its start, and those that are left."""

    done: int
    total: int
    message: str
    since_s: float = field(default=0.0, compare=False)
    left_s: float | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """What, how far, for how long, and how long still."""
        said = self.message or text("draft.at-work")
        if self.total:
            count = text("draft.count-of", done=self.done, total=self.total)
            said = text("widgets.named", name=said, value=count)
        return self.timed(said)

    def timed(self, what: str) -> str:
        """``what`` with its times behind it."""
        said = text("draft.since", what=what, since=self.since_s) if self.since_s >= 1 else what
        return text("draft.left", what=said, left=self.left_s) if self.left_s else said


class Pace:
    """Time beside progress: how long it has been, and how long it will be at the pace of what is counted now."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last = Progress(0, 0, "")
        self._first: tuple[float, int] | None = None

    def timed(self, said: Progress | None = None) -> Progress:
        """``said`` with its times, or without one what was said last."""
        now = time.monotonic()
        if said is not None:
            if said.total != self._last.total or said.done < self._last.done:
                self._first = (now, said.done) if said.total else None
            self._last = said
        left = None
        if self._first and self._last.done > self._first[1] and now - self._first[0] > _LEAST_TO_JUDGE_S:
            pace = (now - self._first[0]) / (self._last.done - self._first[1])
            left = pace * (self._last.total - self._last.done)
        return replace(self._last, since_s=now - self._began, left_s=left)


@dataclass(frozen=True)
class Unavailable:
    """The question can't be answered yet, and why; nothing is wrong."""

    message: str


@dataclass(frozen=True)
class Result:
    """The answer as it came: texts in it are not cleaned."""

    values: dict[str, Any]


async def ask(command: Sequence[str], config_text: str) -> AsyncGenerator[Progress | Result | Unavailable, None]:
    """Progress, then one Result or Unavailable. Ending the iteration early ends the child.

    Raises DataError with what the child found wrong, TunedeckError when it can't be started or gives no answer.
    """
    with tempfile.TemporaryDirectory(prefix="tunedeck-check-") as folder:
        config, complaints = Path(folder, "config.toml"), Path(folder, "stderr")
        config.write_text(config_text, "utf-8")
        with complaints.open("wb") as stderr:
            process = await start([*command, str(config)], stderr)
        try:
            answered = False
            assert process.stdout is not None
            pace = Pace()
            async with contextlib.aclosing(_lines(process.stdout)) as lines:
                async for line in lines:
                    said = _understood(line) if line else pace.timed()
                    if isinstance(said, Progress):
                        yield pace.timed(said) if line else said
                    elif said is not None:
                        answered = True
                        yield said
            code = await process.wait()
            if not answered:
                raise no_answer(code, complaints)
        finally:
            await end(process)


async def _lines(stream: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    """The lines of ``stream``, and b"" for every second without one."""
    reading = asyncio.ensure_future(stream.readline())
    try:
        while True:
            done, _ = await asyncio.wait({reading}, timeout=_TICK_S)
            if not done:
                yield b""
                continue
            line = reading.result()
            if not line:
                return
            yield line
            reading = asyncio.ensure_future(stream.readline())
    finally:
        reading.cancel()


async def start(command: Sequence[str], stderr: Any, is_asked: bool = False) -> asyncio.subprocess.Process:
    """Start the child; ``is_asked``: it reads requests on stdin. Raises TunedeckError."""
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if is_asked else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=_LONGEST_LINE_BYTES,
        )
    except OSError as error:
        raise TunedeckError("draft.no-start", program=command[0], reason=reason_of(error)) from error


async def end(process: asyncio.subprocess.Process) -> None:
    """End the child if it still runs, and wait until it has."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _understood(line: bytes) -> Progress | Result | Unavailable | None:
    """What one line of the child says; None for noise. Raises DataError for its error."""
    record = record_of(line)
    if record is None:
        return None
    kind = record["type"]
    if kind == "error":
        raise DataError.of(TunedeckError.from_json(record).reason)
    if kind == "progress":
        return Progress(_int(record.get("done")), _int(record.get("total")), _said(record))
    if kind == "unavailable":
        return Unavailable(_said(record))
    return Result(record) if kind == "result" else None


def _said(record: dict[str, Any]) -> str:
    return text(Message.from_json(record.get("message", "")))


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def no_answer(code: int, complaints: Path, error: str = "draft.no-answer") -> TunedeckError:
    """What to say of a child that ended with ``code`` and wrote ``complaints``, but no answer."""
    lines = [line for line in complaints.read_text("utf-8", "replace").splitlines() if line.strip()]
    how = Message("draft.exit-code", code=code) if code >= 0 else Message("draft.signal", signal=-code)
    last = clean(lines[-1], keep_newlines=False)[:300] if lines else Message("draft.no-words")
    return TunedeckError(error, how=how, words=last)
