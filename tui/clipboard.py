"""Text into the clipboard of the terminal that a person sits at, by OSC 52, and into a file where that can't arrive."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App

from engine.common import paths
from engine.common.clean_text import clean
from engine.common.errors import reason_of
from engine.common.files import write_atomic
from engine.messages.catalogue import text

MOST_BYTES = 74_994
"""Longest text that xterm takes; more is refused, never cut."""
FILE = "clipboard.txt"


def sequence(words: str) -> str:
    """The escape sequence that asks the terminal to keep ``words``, passed through tmux; "" where it is too long."""
    raw = words.encode("utf-8", "replace")
    if len(raw) > MOST_BYTES:
        return ""
    made = f"\x1b]52;c;{base64.b64encode(raw).decode()}\x07"
    return f"\x1bPtmux;\x1b{made}\x1b\\" if os.environ.get("TMUX") else made


def copy(app: App[Any], words: str, send: Callable[[str], None]) -> None:
    """``send`` to the terminal ``words``, cleaned, and write them to a file; says both, as no terminal answers."""
    words = clean(words)
    if not words:
        app.notify(text("clipboard.nothing"), timeout=4)
        return
    sent = sequence(words)
    send(sent)
    try:
        path = _keep(words)
    except OSError as error:
        code = "clipboard.only-sent" if sent else "clipboard.neither"
        app.notify(text(code, reason=reason_of(error)), severity="warning", markup=False)
    else:
        app.notify(text("clipboard.sent" if sent else "clipboard.only-kept", path=short(path)), timeout=6, markup=False)


def _keep(words: str) -> Path:
    path = paths.private_dir(paths.home()) / FILE
    write_atomic(path, words + "\n")
    return path


def short(path: Path) -> str:
    """``path`` as a person types it: below their own folder from ``~`` on."""
    try:
        return clean(f"~/{path.relative_to(Path.home())}", keep_newlines=False)
    except (ValueError, RuntimeError):
        return clean(str(path), keep_newlines=False)
