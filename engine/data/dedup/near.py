"""Rows that are nearly the same: MinHash signatures of their phrases, compared where parts of them agree."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import cache
from operator import methodcaller
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.85
"""Share of common phrases (Jaccard) from which two rows count as nearly the same."""
PERMUTATIONS = 64
# With 8 bands of 8, rows at 0.85 meet in one of them with a probability of 0.92, at 0.9 of 0.99.
_BANDS = 8
_MOST_CHARACTERS = 4000  # of a row: its phrases behind that change little
_FEWEST_WORDS = 8  # in shorter rows one other word is another row
_ROUNDS = 4  # leaders of a band's bucket that the rest are compared with
_APART = bytes(code if chr(code) in "abcdefghijklmnopqrstuvwxyz0123456789" else ord(" ") for code in range(256))
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)  # a character where words are not parted


def signature(text: str) -> np.ndarray:
    """An array (64,) of uint32; of zeros for a ``text`` too short to be compared."""
    import numpy as np

    text = text[:_MOST_CHARACTERS].lower()
    words = text.encode().translate(_APART).split() if text.isascii() else list(map(_encoded, _WORD.findall(text)))
    if len(words) < _FEWEST_WORDS:
        return np.zeros(PERMUTATIONS, np.uint32)
    codes = np.fromiter(map(zlib.crc32, words), np.uint32, len(words))
    phrases = codes[:-2] * np.uint32(0x9E3779B1) + codes[1:-1] * np.uint32(0x85EBCA77) + codes[2:]
    return _minima(phrases)


def _minima(phrases: np.ndarray) -> np.ndarray:
    """What ``MinHash.update_batch`` of the library makes of ``phrases`` (n,) of uint32, without a list on the way."""
    import numpy as np

    factors, terms = _permutations()
    mixed = (phrases ^ (phrases >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    permuted = np.multiply.outer(factors, mixed)
    permuted += terms[:, None]
    values: np.ndarray = permuted.min(axis=1)
    return values


def signatures(texts: Sequence[str]) -> np.ndarray:
    """Signatures (n, 64) of ``texts``."""
    import numpy as np

    return np.stack([signature(text) for text in texts]) if texts else np.zeros((0, PERMUTATIONS), np.uint32)


_encoded = methodcaller("encode", "utf-8", "replace")


@cache
def _permutations() -> tuple[np.ndarray, np.ndarray]:
    """Factors (64,) and terms (64,) of uint32 that all signatures share; made at the first need: it takes a second."""
    from datasketch import MinHash

    factors, terms = MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32").permutations
    return factors, terms


def near_to(signatures: np.ndarray) -> np.ndarray:
    """For each of ``signatures`` (n, 64) the index of the row it is nearly equal to (n,), its own if there is none.

    Rows that are near to a common one are one cluster; all of it but the first row point to that first row.
    """
    import numpy as np

    near = np.arange(len(signatures))
    filled = np.flatnonzero(signatures.any(axis=1))
    width = PERMUTATIONS // _BANDS
    weights = np.random.default_rng(0).integers(1, 2**63, width, dtype=np.uint64) | np.uint64(1)
    for band in range(_BANDS):
        part = signatures[filled, band * width : (band + 1) * width].astype(np.uint64)
        keys = (part * weights).sum(axis=1, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if len(order) else order
        sizes = np.diff(np.r_[starts, len(order)])
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            _join(filled[order[start : start + size]], signatures, near)
    while (near[near] != near).any():
        near = near[near]
    return near


def _join(bucket: np.ndarray, signatures: np.ndarray, near: np.ndarray) -> None:
    """Mark in ``near`` the rows of ``bucket`` (ascending) that are like an earlier one of it."""
    rest = bucket[near[bucket] == bucket]
    for _ in range(_ROUNDS):
        if len(rest) < 2:
            return
        leader, others = rest[0], rest[1:]
        alike = (signatures[others] == signatures[leader]).mean(axis=1) >= ALIKE
        near[others[alike]] = leader
        rest = others[~alike]
