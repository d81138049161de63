"""Whether a column holds the labels of a classification, and what is to be said of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.common.clean_text import shorten
from engine.data.rows.unused import listed
from engine.messages.message import Message

LONGEST_LABEL = 60
"""Characters; what is longer is an answer, not a label."""
MOST_LABELS = 50
_ROWS_A_LABEL = 10  # answers are labels where each is there so often on average
_FEW = 10
_SHOWN = 6
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Said:
    """What the labels are, and how sure one can be of them."""

    what: Message
    confidence: float


def looks_classified(texts: Sequence[Any], labels: Sequence[Any]) -> bool:
    """Whether ``labels`` are short values that repeat, beside texts that are text."""
    if not labels or any(isinstance(text, (list, dict)) for text in texts):
        return False
    if not all(isinstance(label, (str, int, float)) for label in labels):
        return False
    kinds = {str(label) for label in labels}
    if any(len(kind) > LONGEST_LABEL or "\n" in kind for kind in kinds):
        return False
    return len(kinds) <= max(_FEW, len(labels) // 2)


def could_be_label(answer: str) -> bool:
    """Whether ``answer`` alone could be a label: it is short, and on one line."""
    return 0 < len(answer) <= LONGEST_LABEL and "\n" not in answer


def are_labels(kinds: int, rows: int) -> bool:
    """Whether ``kinds`` different short answers of ``rows`` rows are labels, rather than answers that happen to be."""
    return 1 < kinds <= MOST_LABELS and rows >= _ROWS_A_LABEL * kinds


def said_of_labels(labels: Sequence[Any], names: Mapping[str, str]) -> Said:
    """What ``labels`` are called (by ``names`` where it has them); numbers without names are only half understood."""
    kinds = sorted({_text(label) for label in labels} - {""})
    shown = listed([shorten(names.get(kind, kind), 20) for kind in kinds[:_SHOWN]], len(kinds) - _SHOWN)
    if kinds and not names and all(map(_NUMBER.fullmatch, kinds)):
        setting = f'labels = {{"{kinds[0]}" = "..."}}'
        return Said(Message("rows.labels-are-numbers", labels=shown, setting=setting), 0.6)
    return Said(Message("rows.labels-are", labels=shown), 1.0)


def _text(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
