"""Small files that others may read at any moment, replaced as a whole and read past any damage; hashes of any file."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any, TypeVar

from engine.common.regular_files import read_regular

T = TypeVar("T")

MOST_JSON_BYTES = 64 << 20
"""Larger files were not written by a run."""


def read_json(path: Path, most_bytes: int = MOST_JSON_BYTES) -> dict[str, Any]:
    """The object in a file, {} where there is none that can be read."""
    try:
        value = json.loads(read_regular(path, most_bytes))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_struct(path: Path, kind: type[T]) -> T | None:
    """The msgspec struct of ``kind`` in a file, None where there is none that can be read."""
    import msgspec

    try:
        return msgspec.json.decode(read_regular(path, MOST_JSON_BYTES), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_atomic(path: Path, text: str) -> None:
    """Replace ``path`` in one go, so that a reader sees the old or the new text, never half. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # a link that somebody put there is not followed
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
