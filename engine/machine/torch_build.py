"""Whether the installed torch was built for NVIDIA GPUs, read from its files without loading it."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path


@cache
def has_cuda() -> bool | None:
    """False for a build that computes on the CPU only; None where torch is not installed or does not say."""
    try:
        found = importlib.util.find_spec("torch")
        if found is None or found.origin is None:
            return None
        text = Path(found.origin).with_name("version.py").read_text("utf-8")
    except (ImportError, OSError, ValueError):
        return None
    named = re.search(r"^cuda\b[^=\n]*=\s*(\S+)", text, re.MULTILINE)
    return None if named is None else named[1] != "None"
