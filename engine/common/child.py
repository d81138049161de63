"""Run a helper process to its end and hand over its output line by line; it never outlives its caller."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

_PATIENCE_S = 5
_SILENCE_S = 0.5


def run_child(
    command: Sequence[str], on_line: Callable[[str], None], cwd: Path | None = None,
    on_silence: Callable[[], None] = lambda: None,
) -> int:  # fmt: skip
    """Run ``command`` without a terminal, stdout and stderr as one stream, and return its exit status.

    ``on_silence`` is called twice a second while it says nothing. Whatever it or ``on_line`` raises ends the child
    first and is then passed on.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        while line := _next(lines, on_silence):
            text = line.decode("utf-8", "replace").strip()
            if text:
                on_line(text)
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _read(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Pass the lines of ``stream`` on; b"" says that it has ended."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


def _next(lines: queue.SimpleQueue[bytes], on_silence: Callable[[], None]) -> bytes:
    while True:
        try:
            return lines.get(timeout=_SILENCE_S)
        except queue.Empty:
            on_silence()
