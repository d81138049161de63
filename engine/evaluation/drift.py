"""What is measured of an answer without knowing the right one: empty, endless, looping, in another language, canned.

A refusal is not looked for by its words: a model that answers everything alike shows in ``distinct``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.data.similarity.language import language_of

ANSWERED, ENDED, NO_LOOPS, LANGUAGE_KEPT, DISTINCT, LENGTH = (
    "answered", "ended", "no_loops", "language_kept", "distinct", "answer_tokens",
)  # fmt: skip
METRICS = (ANSWERED, ENDED, NO_LOOPS, LANGUAGE_KEPT, DISTINCT, LENGTH)
_LOOP = re.compile(r"(.{4,200}?)\1\1", re.DOTALL)
"""The same words three times in a row."""


def drift_scores(
    asked: Sequence[str], answers: Sequence[str], ended: Sequence[bool], tokens: Sequence[int]
) -> list[dict[str, float]]:
    """The scores of each answer by metric, 1 where nothing is wrong; ``answer_tokens`` is a length.

    ``asked`` tells the language that an answer should be in. Left out is what can't be told: the language of a few
    words, whether an empty answer loops.
    """
    same = Counter(answer.strip() for answer in answers)
    found = []
    for question, answer, has_ended, length in zip(asked, answers, ended, tokens, strict=True):
        said = answer.strip()
        scores = {ANSWERED: float(bool(said)), ENDED: float(has_ended), LENGTH: float(length)}
        if said:
            scores[NO_LOOPS] = float(not loops(said))
            scores[DISTINCT] = float(same[said] == 1)
            wanted, given = language_of(question), language_of(said)
            if wanted and given:
                scores[LANGUAGE_KEPT] = float(wanted == given)
        found.append(scores)
    return found


def loops(text: str) -> bool:
    """Whether ``text`` says something three times in a row."""
    return _LOOP.search(text) is not None
