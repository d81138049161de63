"""How alike two sets of rows are as texts: shared phrases, shape of the answers, language. No model is asked."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.data.rows.messages import Row
from engine.data.similarity.language import languages

Shape = Literal["JSON", "number", "word", "line", "several lines", "plain text"]
GRAM_WORDS = 3
_WORD = re.compile(r"\w+|[^\w\s]")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts that don't part words


@dataclass(frozen=True)
class Portrait:
    """What a set of rows looks like. ``shape`` is that of most answers, ``fields`` the keys of JSON answers, or the
    marks that part short ones (as in 2020-01-31).

    ``turns`` is the median number of messages.
    """

    rows: int
    kind: Literal["messages", "text"]
    turns: int
    shape: Shape
    fields: frozenset[str]
    languages: dict[str, float]

    @property
    def language(self) -> str:
        """The language of most rows, "" if it can't be told."""
        return next(iter(self.languages), "")


@dataclass(frozen=True)
class Likeness:
    """Two sets of rows side by side. Overlaps are shares (0 to 1) of the new rows' phrases that old rows have too."""

    old: Portrait
    new: Portrait
    prompt_overlap: float
    answer_overlap: float

    @property
    def same_language(self) -> bool:
        return not self.old.language or not self.new.language or self.old.language == self.new.language

    @property
    def same_format(self) -> bool:
        """Whether answers have the same shape, and the same keys or marks in it."""
        return (self.old.kind, self.old.shape, self.old.fields) == (self.new.kind, self.new.shape, self.new.fields)


def compare(old: Sequence[Row], new: Sequence[Row]) -> Likeness:
    """Compare two samples of rows, neither of them empty."""
    return Likeness(
        portray(old),
        portray(new),
        _overlap(map(prompt_of, old), map(prompt_of, new)),
        _overlap(map(answer_of, old), map(answer_of, new)),
    )


def portray(rows: Sequence[Row]) -> Portrait:
    answers = [answer_of(row) for row in rows]
    shapes = Counter(_shape(row, answer) for row, answer in zip(rows, answers, strict=True))
    fields = Counter(key for answer in answers for key in _keys(answer))
    kinds = Counter(row.kind for row in rows)
    return Portrait(
        rows=len(rows),
        kind=kinds.most_common(1)[0][0],
        turns=round(statistics.median(len(row.messages) for row in rows)),
        shape=shapes.most_common(1)[0][0],
        # What most rows have belongs to the format; the rest are accidents of single rows.
        fields=frozenset(key for key, count in fields.items() if count > len(rows) / 2),
        languages=languages(f"{prompt_of(row)}\n{answer_of(row)}" for row in rows),
    )


def prompt_of(row: Row) -> str:
    """All that is not an answer; "" for plain text."""
    return "\n".join(message.text for message in row.messages if message.role != "assistant")


def answer_of(row: Row) -> str:
    """What is learnt: the assistant's turns, or the whole text."""
    return row.text or "\n".join(message.text for message in row.messages if message.role == "assistant")


def phrases(text: str) -> set[tuple[str, ...]]:
    """Runs of three words, or of three characters in scripts without spaces; shorter texts are one phrase."""
    text = text.lower()
    words = list(text) if len(_NO_SPACES.findall(text)) > len(text) / 4 else _WORD.findall(text)
    return {tuple(words[i : i + GRAM_WORDS]) for i in range(max(1, len(words) - GRAM_WORDS + 1))} if words else set()


def _overlap(old: Iterable[str], new: Iterable[str]) -> float:
    known = set().union(*map(phrases, old))
    shares = [len(found & known) / len(found) for text in new if (found := phrases(text))]
    return statistics.fmean(shares) if shares else 0.0


def _shape(row: Row, answer: str) -> Shape:
    if row.kind == "text":
        return "plain text"
    answer = answer.strip()
    if _parsed(answer) is not None:
        return "JSON"
    if re.fullmatch(r"[-+]?[\d.,:/-]+%?", answer):
        return "number"
    if "\n" in answer:
        return "several lines"
    return "line" if re.search(r"\s", answer) else "word"


def _keys(answer: str) -> set[str]:
    """The keys of a JSON answer, or the marks between the words of one line."""
    answer = answer.strip()
    value = _parsed(answer)
    if value is not None:
        return {str(key) for key in value} if isinstance(value, dict) else set()
    return set() if "\n" in answer or answer.endswith(".") else set(re.findall(r"[^\w\s]", answer))


def _parsed(text: str) -> object | None:
    """The object or list that ``text`` is in JSON, None for anything else."""
    if not text.startswith(("{", "[")):
        return None
    try:
        value: object = json.loads(text)
        return value
    except ValueError:
        return None
