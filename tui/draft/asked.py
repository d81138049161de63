"""A child process that is asked on stdin and answers line by line, until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from tui.draft.child import end, no_answer, start


class AskedChild:
    """One child. Requests may be made at once: they wait until it is ready.

    A config is put behind ``command`` as the path of a file. ``ended`` is the code of an error for an end of its own.
    """

    def __init__(self, command: Sequence[str], config_text: str | None, ended: str) -> None:
        self._command, self._config_text, self._ended = command, config_text, ended
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: list[bytes] = []
        self._closing: asyncio.Future[None] | None = None

    def ask(self, **request: Any) -> None:
        self.send(json.dumps(request).encode() + b"\n")

    def send(self, line: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            self._waiting.append(line)
        elif not self._process.stdin.is_closing():
            self._process.stdin.write(line)

    async def answers(self) -> AsyncGenerator[dict[str, Any], None]:
        """Its lines as they come, not cleaned; noise is passed over. Ending the iteration ends the child.

        Raises TunedeckError when it can't be started, or ends by itself.
        """
        with tempfile.TemporaryDirectory(prefix="tunedeck-asked-") as folder:
            config, complaints = Path(folder, "config.toml"), Path(folder, "stderr")
            command = [*self._command]
            if self._config_text is not None:
                config.write_text(self._config_text, "utf-8")
                command.append(str(config))
            with complaints.open("wb") as stderr:
                process = await start(command, stderr, is_asked=True)
            try:
                self._process = process
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.writelines(self._waiting)
                said_why = False
                async for line in process.stdout:
                    record = _understood(line)
                    if record:
                        said_why = record["type"] in ("error", "unavailable")
                        yield record
                code = await process.wait()
                if not said_why:
                    raise no_answer(code, complaints, self._ended)
            finally:
                self._closing = asyncio.ensure_future(_close(process))
                await asyncio.shield(self._closing)

    async def closed(self) -> None:
        """Wait until a child that is being ended is gone, with its pipes."""
        if self._closing is not None:
            await self._closing


async def _close(process: asyncio.subprocess.Process) -> None:
    """End the child, and wait until its pipes are closed too."""
    if process.stdin is not None:
        process.stdin.close()
    await end(process)
    if process.stdout is not None:
        with contextlib.suppress(ValueError):  # a line that was longer than any may be
            while await process.stdout.read(1 << 20):
                pass


def _understood(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("type"), str) else {}
