"""Special tokens that a row's own words spell out: a tokenizer makes real ones of them, whoever wrote them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from engine.data.rows.messages import Row, whole_text


class WrittenSpecials:
    """Looks for the special tokens of one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        names = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content}
        # Longest first: of names that begin alike the tokenizer takes the longer one.
        ordered = sorted(names, key=lambda name: (-len(name), name))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def within(self, row: Row) -> Counter[str]:
        """How often each is written in ``row``, its tools included."""
        if self._pattern is None:
            return Counter()
        return Counter(self._pattern.findall("\n".join((whole_text(row), *row.tools))))


def told(found: Counter[str]) -> str:
    """The most frequent three: ``<|im_end|> (2x), </s>``."""
    return ", ".join(f"{name} ({count:,}x)" if count > 1 else name for name, count in found.most_common(3))
