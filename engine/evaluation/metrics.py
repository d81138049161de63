"""How good answers are, as plain functions of text."""

from __future__ import annotations

from collections.abc import Sequence


def exact_match(answers: Sequence[str], references: Sequence[str]) -> float:
    """Share of answers equal to their reference but for white space at both ends, 0 to 1; 0.0 for none."""
    if not answers:
        return 0.0
    hits = sum(answer.strip() == reference.strip() for answer, reference in zip(answers, references, strict=True))
    return hits / len(answers)


METRICS = {"exact_match": exact_match}
