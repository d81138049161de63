"""Run a helper process to its end and hand over its output line by line; it never outlives its caller."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

_PATIENCE_S = 5


def run_child(command: Sequence[str], on_line: Callable[[str], None], cwd: Path | None = None) -> int:
    """Run ``command`` without a terminal, stdout and stderr as one stream, and return its exit status.

    Whatever ``on_line`` raises ends the child first and is then passed on.
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
        for line in process.stdout:
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
        if process.stdout is not None:
            process.stdout.close()
