"""Which language rows are written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

SHORTEST = 20
"""Characters below which a text alone says too little."""


def language_of(text: str) -> str:
    """ISO 639-1 code of the language ``text`` is most likely in; "" for one too short to tell."""
    return _identifier().classify(text)[0] if len(text.strip()) >= SHORTEST else ""


def languages(texts: Iterable[str]) -> dict[str, float]:
    """Shares (0 to 1) of the languages of ``texts``, by their number, the most frequent first.

    Texts that are too short are left out; {} when all are.
    """
    counts = Counter(code for text in texts if (code := language_of(text)))
    total = sum(counts.values())
    return {code: count / total for code, count in counts.most_common()}


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """Loaded at the first question: it takes a second."""
    import py3langid

    return py3langid
