"""What stands in the columns beside a text: its label, more to learn from, or only what is known about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.data.rows.flags import are_marks
from engine.data.rows.json_text import JsonNumber
from engine.data.rows.labels import looks_classified

# Words of names. A column is about a text, and not to be learnt, when one of them says so.
_ABOUT = frozenset(
    ("id", "ids", "idx", "index", "uuid", "guid", "key", "hash", "sha", "sha1", "sha256", "md5", "digest", "url",
     "urls", "uri", "link", "href", "source", "sources", "src", "origin", "provenance", "site", "host", "hostname",
     "domain", "file", "filename", "path", "folder", "repo", "ext", "page", "title", "heading", "author", "authors",
     "creator", "user", "username", "publisher", "license", "licence", "lang", "language", "languages", "locale",
     "script", "date", "datetime", "time", "timestamp", "year", "month", "day", "created", "updated", "modified",
     "added", "crawl", "dump", "warc", "split", "subset", "version", "length", "len", "count", "counts", "num",
     "number", "n", "size", "bytes", "tokens", "words", "chars", "characters", "lines", "perplexity", "ppl", "prob",
     "probability", "quality", "score", "scores", "fraction", "ratio", "rank", "meta", "metadata", "info",
     "attributes", "tags", "keywords", "doi", "isbn", "mime", "encoding", "offset", "position", "start", "end",
     "segment", "line", "row", "unnamed", "level", "embedding", "embeddings", "vector", "simhash", "minhash", "cluster")
)  # fmt: skip
_LABELS = frozenset(
    ("label", "labels", "class", "classes", "category", "categories", "intent", "intents", "sentiment", "emotion",
     "emotions", "star", "stars", "rating", "ratings", "target", "polarity", "stance", "toxic", "toxicity", "spam",
     "verdict", "gold", "y", "is")
)  # fmt: skip
_CODES = frozenset(("id", "idx", "index", "num", "number", "code"))
"""Behind the name of a label: the number that stands for it."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_FEW_WORDS, _FEW_CHARACTERS = 3, 60
_LEAST_REPEATED = 4  # values from which one can tell that they repeat


def label_beside(text: str, found: Mapping[str, list[Any]]) -> str:
    """The one column of ``found`` that is called like a label of ``text`` and holds labels; "" for none, or several."""
    labels = [
        name for name, values in found.items()
        if name != text and _names_label(name) and looks_classified(found[text], values) and not _is_constant(values)
    ]  # fmt: skip
    return labels[0] if len(labels) == 1 else ""


def more_beside(text: str, found: Mapping[str, list[Any]]) -> list[str]:
    """The columns of ``found`` beside ``text`` that may have to be learnt too, or be its labels."""
    return [name for name, values in found.items() if name != text and _may_be_learnt(name, values)]


def _may_be_learnt(name: str, values: Sequence[Any]) -> bool:
    said = [value for value in values if value not in ("", [], {})]
    if not said or are_marks(name, said):
        return False
    if _names_label(name):
        return True
    if _ABOUT.intersection(_words(name)):
        return False
    if any(isinstance(value, (list, dict)) for value in said):
        return True
    if any(isinstance(value, str) and _is_prose(value) for value in said):
        return True
    # What is neither words nor a label is a measure or a name: every row has another one.
    kinds = {str(value) for value in said}
    return len(said) >= _LEAST_REPEATED and len(kinds) <= len(said) // 2 and len(kinds) > 1


def _is_constant(values: Sequence[Any]) -> bool:
    return len(values) >= _LEAST_REPEATED and len({str(value) for value in values}) == 1


def _is_prose(value: str) -> bool:
    if isinstance(value, JsonNumber):
        return False
    return len(value.split()) >= _FEW_WORDS or len(value) > _FEW_CHARACTERS


def _names_label(name: str) -> bool:
    words = _words(name)
    if len(words) == 2 and words[0] in _LABELS and words[1] in _CODES:
        return True
    return bool(words) and (words[-1] in _LABELS or words[0] in _LABELS) and not _ABOUT.intersection(words[-1:])


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]
