"""When rows are the same: numbers made of what they say, blank space apart, so that no text need be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.data.messages import Message, Row

if TYPE_CHECKING:
    import numpy as np

NONE = 0
"""The key of what a row does not have."""


def content_key(row: Row) -> int:
    """64 bits from all that ``row`` says: the same for rows that differ in blank space only."""
    return _key(_turns(row.messages) if row.messages else ["", row.text], row.tools)


def prompt_key(row: Row) -> int:
    """64 bits from all that stands before the last answer; NONE for plain text, and where nothing does."""
    if not row.messages or row.messages[-1].role != "assistant" or len(row.messages) < 2:
        return NONE
    return _key(_turns(row.messages[:-1]), row.tools)


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


def _turns(messages: Sequence[Message]) -> list[str]:
    return [part for message in messages for part in (message.role, message.text)]


def _key(parts: Sequence[str], tools: Sequence[str]) -> int:
    text = "\x1f".join([" ".join(part.split()) for part in (*parts, *tools)])
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()) or 1
