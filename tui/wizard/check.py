"""Ask the child process that tokenises a sample of the rows, and read its answer line by line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, fields
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


@dataclass(frozen=True)
class Unavailable:
    """The rows can't be looked at yet, and why; nothing is wrong with them."""

    message: str


@dataclass(frozen=True)
class Inspection:
    """The rows as the model will see them. Counts are of all rows, taken from a sample of ``sample_rows``.

    ``refused``: rows that the model's template can't express. Shares are 0 to 1.
    """

    rows: int = 0
    train_rows: int = 0
    eval_rows: int = 0
    sample_rows: int = 0
    tokens_mean: float = 0.0
    tokens_p50: int = 0
    tokens_p95: int = 0
    tokens_max: int = 0
    too_long: int = 0
    supervised_share: float = 0.0
    tokens_total: int = 0
    no_supervised: int = 0
    refused: int = 0
    examples: tuple[dict[str, str], ...] = field(default=())


async def inspect(command: Sequence[str], config_text: str) -> AsyncIterator[Progress | Inspection | Unavailable]:
    """Progress, then one Inspection or Unavailable. Ending the iteration early ends the child.

    Raises DataError with what the child found wrong, TunedeckError when it can't be started or gives no answer.
    """
    with tempfile.TemporaryDirectory(prefix="tunedeck-check-") as folder:
        config, complaints = Path(folder, "config.toml"), Path(folder, "stderr")
        config.write_text(config_text, "utf-8")
        with complaints.open("wb") as stderr:
            process = await _start([*command, str(config)], stderr)
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
                raise _no_answer(code, complaints)
        finally:
            await _end(process)


async def _start(command: list[str], stderr: Any) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=_LONGEST_LINE_BYTES,
        )
    except OSError as error:
        raise TunedeckError("The check can't be started", f"{command[0]}: {error.strerror}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _understood(line: bytes) -> Progress | Inspection | Unavailable | None:
    """What one line of the child says; None for noise. Raises DataError for its error."""
    try:
        record = json.loads(line)
        kind = record["type"]
    except (ValueError, KeyError, TypeError):
        return None
    if kind == "error":
        raise DataError(*(clean(str(record.get(part, ""))) for part in ("title", "message", "hint")))
    if kind == "progress":
        return Progress(
            _int(record.get("done")), _int(record.get("total")), clean(str(record.get("message", "")), False)
        )
    if kind == "unavailable":
        return Unavailable(clean(str(record.get("message", "")), keep_newlines=False))
    if kind == "result":
        known = {item.name for item in fields(Inspection)} - {"examples"}
        figures: dict[str, Any] = {
            name: value for name, value in record.items() if name in known and isinstance(value, int | float)
        }
        examples = tuple(
            {part: clean(str(item.get(part, ""))) for part in ("text", "trained")}
            for item in record.get("examples", [])
            if isinstance(item, dict)
        )
        return Inspection(**figures, examples=examples)
    return None


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _no_answer(code: int, complaints: Path) -> TunedeckError:
    lines = [line for line in complaints.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = clean(lines[-1], keep_newlines=False)[:300] if lines else "it said nothing"
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    return TunedeckError("The check ended without an answer", f"{how}: {last}", "Check again, or start without it.")
