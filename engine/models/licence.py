"""The licence of a base model, and what it says against sharing what was made of it, as far as its name tells."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from engine.common.regular_files import read_regular
from engine.messages.message import Message
from engine.models.starter import STARTERS

_LICENCE = re.compile(r"^licen[cs]e:\s*[\"']?([\w.+-]+)", re.MULTILINE)
_MOST_BYTES = 1 << 20
_NO_DERIVATIVES = re.compile(r"(^|[-_.])nd([-_.]|$)")
_NON_COMMERCIAL = re.compile(r"(^|[-_.])nc([-_.]|$)|non-?commercial|research")
_OWN_TERMS = re.compile(
    r"^(other|unknown|llama|gemma|openrail|bigscience|deepseek|qwen|mistral-|apple|nvidia|tii|falcon)"
)


def licence_of(name: str, folder: Path | None) -> str:
    """By the starter's list, or the head of the README in the model's ``folder``; "" where neither tells."""
    known = STARTERS.get(Path(name).name.lower())
    if known is not None:
        return known.licence
    with suppress(OSError):
        readme = read_regular(folder / "README.md", _MOST_BYTES).decode("utf-8", "replace") if folder else ""
        found = _LICENCE.search(readme.split("\n---", 1)[0]) if readme.startswith("---") else None
        return found[1] if found else ""
    return ""


def restriction(licence: str) -> Message | None:
    """What a person must know before the result is shared or used; None for one that allows it, or is not known."""
    name = licence.lower()
    if _NO_DERIVATIVES.search(name):
        return Message("exporting.licence-no-derivatives", licence=licence)
    if _NON_COMMERCIAL.search(name):
        return Message("exporting.licence-non-commercial", licence=licence)
    if _OWN_TERMS.search(name):
        return Message("exporting.licence-own-terms", licence=licence)
    return None
