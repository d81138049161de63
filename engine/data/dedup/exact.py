"""When rows are the same: numbers made of what they say, blank space apart, so that no text need be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.data.rows.messages import Message, Row

if TYPE_CHECKING:
    import numpy as np

NONE = 0
"""The key of what a row does not have."""


def keys_of(row: Row) -> tuple[int, int]:
    """64 bits from all that ``row`` says, and 64 from all that stands before its last answer.

    Rows that differ in blank space only have the same keys. The second is NONE for plain text, and where nothing
    stands before an answer.
    """
    messages = row.messages
    is_answered = len(messages) > 1 and messages[-1].role == "assistant"
    asked = messages[:-1] if is_answered else messages
    hashed = hashlib.blake2b(_encoded(row.tools, asked), digest_size=8)
    prompt = (int.from_bytes(hashed.digest()) or 1) if is_answered else NONE
    hashed.update(_encoded((), messages[-1:]) if is_answered else _even(row.text).encode("utf-8", "replace"))
    return int.from_bytes(hashed.digest()) or 1, prompt


def first_of_each(keys: np.ndarray) -> np.ndarray:
    """For each of ``keys`` (n,) the index of the first that is equal to it (n,); its own where it is the first.

    Keys that are NONE equal nothing.
    """
    import numpy as np

    order = np.argsort(keys, kind="stable")
    begins = np.r_[True, keys[order][1:] != keys[order][:-1]] if len(keys) else np.zeros(0, bool)
    heads = order[np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))]
    firsts = np.empty(len(keys), np.int64)
    firsts[order] = heads
    return np.where(keys == NONE, np.arange(len(keys)), firsts)


def _encoded(tools: Sequence[str], messages: Sequence[Message]) -> bytes:
    parts = [*tools]
    for message in messages:
        parts += (message.role, _even(message.text))
    return "\x1f".join(parts).encode("utf-8", "replace")


def _even(text: str) -> str:
    """``text`` with one blank where there was blank space, as ``" ".join(text.split())`` gives it, but much faster."""
    flat = text.replace("\n", " ").replace("\t", " ")
    while "  " in flat:
        flat = flat.replace("  ", " ")
    # No other blank space counts as printable.
    return flat.strip(" ") if flat.isprintable() else " ".join(text.split())
