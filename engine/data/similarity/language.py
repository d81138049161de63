"""Which language rows are written in, where they say enough to tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

SHORTEST_BYTES = 20
"""UTF-8 bytes below which a text alone says too little."""
SURE = 0.9
"""Probability from which a language is named; names and a few words of any language stay below it."""
_TOGETHER = 20
_ENOUGH = 0.2
"""Share of the texts that must tell their language before anything is said of all of them."""
# Told apart by words that any text may hold; for a trainer they are one.
_SAME = {"pcm": "en", "wuu": "zh", "yue": "zh", "nn": "no", "nb": "no", "bs": "hr", "gl": "es", "an": "es"}


def language_of(text: str) -> str:
    """ISO 639-1 code of the language that ``text`` is surely in; "" for one that does not tell.

    Languages that are one for a trainer count together. The probability is the identifier's, calibrated for the length.
    """
    if len(text.strip().encode()) < SHORTEST_BYTES:
        return ""
    likely: Counter[str] = Counter()
    for code, probability in _identifier().rank(text):
        likely[_SAME.get(code, code)] += probability
    (code, probability), *_ = likely.most_common(1)
    return code if probability >= SURE else ""


def languages(texts: Iterable[str]) -> dict[str, float]:
    """Shares (0 to 1) of the languages of ``texts``, by their number, the most frequent first.

    Texts that do not tell are asked a few together, and left out where that tells nothing; {} when too few do.
    """
    all_texts = list(texts)
    told = [(language_of(text), text) for text in all_texts]
    counts = Counter(code for code, _ in told if code)
    unsure = [text for code, text in told if not code]
    for start in range(0, len(unsure), _TOGETHER):
        part = unsure[start : start + _TOGETHER]
        if code := language_of("\n".join(dict.fromkeys(part))):
            counts[code] += len(part)
    total = sum(counts.values())
    return {code: count / total for code, count in counts.most_common()} if total > _ENOUGH * len(all_texts) else {}


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """Loaded at the first question: it takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
