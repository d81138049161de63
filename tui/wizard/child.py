"""Ask a child process of the engine a heavy question about a config, and read its answer line by line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.text import clean
from engine.errors import DataError, TunedeckError

_LONGEST_LINE_BYTES = 16 * 1024 * 1024  # examples travel whole


@dataclass(frozen=True)
class Progress:
    """How far the child is; ``total`` is 0 while it does not know."""

    done: int
    total: int
    message: str

    @property
    def text(self) -> str:
        count = f"{self.done:,} of {self.total:,}" if self.total else ""
        return " ".join(part for part in (self.message, count) if part) or "at work ..."


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
            async for line in process.stdout:
                said = _understood(line)
                if said is not None:
                    answered = answered or not isinstance(said, Progress)
                    yield said
            code = await process.wait()
            if not answered:
                raise no_answer(code, complaints)
        finally:
            await end(process)


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
        raise TunedeckError("The check can't be started", f"{command[0]}: {error.strerror}") from error


async def end(process: asyncio.subprocess.Process) -> None:
    """End the child if it still runs, and wait until it has."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _understood(line: bytes) -> Progress | Result | Unavailable | None:
    """What one line of the child says; None for noise. Raises DataError for its error."""
    try:
        record = json.loads(line)
        kind = record["type"]
    except (ValueError, KeyError, TypeError):
        return None
    if kind == "error":
        raise DataError(*(clean(str(record.get(part, ""))) for part in ("title", "message", "hint")))
    if kind == "progress":
        message = clean(str(record.get("message", "")), keep_newlines=False)
        return Progress(_int(record.get("done")), _int(record.get("total")), message)
    if kind == "unavailable":
        return Unavailable(clean(str(record.get("message", "")), keep_newlines=False))
    return Result(record) if kind == "result" else None


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def no_answer(code: int, complaints: Path, hint: str = "Check again, or start without it.") -> TunedeckError:
    """What to say of a child that ended with ``code`` and wrote ``complaints``, but no answer."""
    lines = [line for line in complaints.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = clean(lines[-1], keep_newlines=False)[:300] if lines else "it said nothing"
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    return TunedeckError("The check ended without an answer", f"{how}: {last}", hint)
