"""Text into the clipboard of the terminal that a person sits at, wherever the program runs: by OSC 52."""

from __future__ import annotations

import base64
import os

MOST_BYTES = 74_994
"""Longest text that xterm takes; more is refused, never cut."""


def sequence(text: str) -> str:
    """The escape sequence that asks the terminal to keep ``text``, passed through tmux; "" where it is too long."""
    raw = text.encode("utf-8", "replace")
    if len(raw) > MOST_BYTES:
        return ""
    made = f"\x1b]52;c;{base64.b64encode(raw).decode()}\x07"
    return f"\x1bPtmux;\x1b{made}\x1b\\" if os.environ.get("TMUX") else made
