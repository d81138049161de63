"""Parts of a row that are prose: marks that are faults in prose are what code and markup are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FENCED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_INLINE = re.compile(r"`[^`\n]{1,200}`")
# Lines that only a program has; two of them make the text one.
_CODE_LINE = re.compile(
    r"^[ \t]*(?:(?:from [\w.]+ )?import \w|def \w+\(|class \w+[(:{]|#include|return\b|public |private |const |let |var "
    r"|function\b|if ?\(|for ?\(|while ?\(|\}|</?\w[^>]*>[ \t]*$|<!DOCTYPE|SELECT\b|\w[\w.]* ?= ?[\w\"'\[{(]"
    r"|[^\n]{0,200}[;{][ \t]*$)",
    re.MULTILINE,
)
_MARKUP = re.compile(
    r"html|css|xml|svg|markup|markdown|\btags?\b|web ?page|web ?site|javascript|jsx|react|vue|angular|jinja|handlebars"
    r"|mustache|django|php|template|\bcode\b|script|网页|网站|标签|代码|模板|程序",
    re.IGNORECASE,
)


def holds_any(text: str, marks: Iterable[str]) -> bool:
    """Whether one of ``marks`` occurs in ``text``; a plain loop, as every row is asked many times."""
    for mark in marks:  # noqa: SIM110
        if mark in text:
            return True
    return False


def prose_of(text: str) -> str:
    """``text`` without its code: blocks and words between backticks, and all of it where it looks like a program."""
    if "`" in text or "~~~" in text:
        text = _INLINE.sub(" ", _FENCED.sub("\n", text))
    return "" if looks_like_code(text) else text


def looks_like_code(text: str) -> bool:
    """Whether two lines or more, and a third of all, are lines of a program."""
    found = sum(1 for _ in _CODE_LINE.finditer(text))
    return found >= 2 and found * 3 >= text.count("\n") + 1


def speaks_of_markup(text: str) -> bool:
    """Whether ``text`` is about markup, templates or code, so that their marks are what is meant."""
    return _MARKUP.search(text) is not None
