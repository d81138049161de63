"""Keep the secrets of the environment out of what is printed or kept."""

from __future__ import annotations

import os
import re

_SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 6


def redact(text: str) -> str:
    """``text`` without the values of environment variables whose names say that they are secrets."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and _SECRET_NAMES.search(name):
            text = text.replace(value, f"<{name}>")
    return text
