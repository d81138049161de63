"""Marks on turns and rows that say whether they are to be trained, in the spellings of other trainers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# A name is a mark when all its words are these, one of them from the first set: train, is_trainable, lossMask, no_loss.
_ABOUT = frozenset(
    ("loss", "train", "training", "trainable", "trained", "supervise", "supervised", "learn",
     "learnable", "grad", "gradient", "backprop", "weight")
)  # fmt: skip
_BESIDE = frozenset(
    ("is", "do", "to", "on", "in", "for", "from", "use", "with", "has", "this", "that", "it", "include", "included",
     "compute", "calculate", "apply", "requires", "should", "mask", "scale", "factor", "coef", "coefficient",
     "flag", "detail", "details", "turn", "message", "row", "sample", "example")
)  # fmt: skip
_DENIES = frozenset(("no", "not", "dont", "skip", "ignore", "ignored", "exclude", "excluded", "without", "masked"))
# Of a turn these say it alone; a column by one of these names may be about anything.
_OF_TURNS = frozenset(
    ("include", "included", "keep", "skip", "ignore", "ignored", "exclude", "excluded", "masked", "mask")
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W_a-zA-Z]+")
_YES, _NO = ("true", "yes", "on", "1", "1.0"), ("false", "no", "off", "0", "0.0")


@dataclass(frozen=True)
class Mark:
    """What a mark says. ``trains`` is None where its value is neither yes nor no; ``text`` is it as it stands there."""

    trains: bool | None
    text: str


def is_mark(name: str) -> bool:
    """Whether something called ``name`` may say if a turn or a row is trained."""
    return bool(_meaning(name))


def mark_of(name: str, value: Any) -> Mark | None:
    """The mark ``name``; None for one without a value, and for what is no mark."""
    if value is None or not is_mark(name):
        return None
    return _mark(name, value, _meaning(name))


def mark_of_turn(name: str, value: Any) -> Mark | None:
    """The same of a turn, where yes or no under "skip" or "masked" can mean nothing else."""
    words = set(_split(name))
    if value is None or is_mark(name) or not words & _OF_TURNS or not words <= _OF_TURNS | _BESIDE:
        return mark_of(name, value)
    if _truth(value) is None:
        return None
    return _mark(name, value, 0 if words & {"mask"} else -1 if words & _DENIES else 1)


def _mark(name: str, value: Any, meaning: int) -> Mark:
    said = _truth(value) if meaning else None
    shown = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value}"
    return Mark(None if said is None else said is (meaning > 0), f"{name} = {shown[:40]}")


def are_marks(name: str, values: list[Any]) -> bool:
    """Whether the column ``name`` marks rows: every one of ``values`` (none of them null) is yes or no."""
    return is_mark(name) and bool(values) and all(_truth(value) is not None for value in values)


@lru_cache(1024)  # the keys of a strange file may all differ
def _meaning(name: str) -> int:
    """1 for a name whose yes means "train", -1 for one whose yes means "don't", 0 for any other name."""
    words = _split(name)
    if not _ABOUT.intersection(words) or not all(word in _ABOUT | _BESIDE | _DENIES for word in words):
        return 0
    return -1 if _DENIES.intersection(words) or words[0] == "mask" else 1


def _split(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name.replace("don't", "dont"))]


def says_yes_or_no(value: Any) -> bool:
    """Whether ``value`` is yes or no, in any of the ways in which files write that."""
    return _truth(value) is not None


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO else None
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    return None
