"""An X-ray as lines of text, for 80 columns and without colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from engine.data.token_view.form import FATES, Xray
from engine.data.token_view.text import Detail, Signs, legend, sentences, spans
from engine.messages.catalogue import text
from engine.messages.message import Message

WIDTH = 79


def lines_of(ray: Xray, signs: Signs, detail: Detail = "text") -> Iterator[str]:
    """The row's place, its tokens between marks, the marks' meaning, and what is right and wrong with it."""
    yield from folded(text("xray.title", file=ray.file, row=ray.row, fate=Message(FATES[ray.fate])))
    yield ""
    yield from folded("".join(span.text for span in spans(ray, signs, detail)))
    yield ""
    if ray.parts:
        yield "".join(span.text for span in legend(signs))
        yield ""
    for sentence in sentences(ray.verdicts):
        yield from folded(sentence, indent=3)


def folded(words: str, width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """``words`` in lines of at most ``width`` columns of a terminal, broken behind a blank where there is one."""
    for line in words.split("\n"):
        left, begun = line, False
        while cells(left) > width:
            cut = _fitting(left, width)
            blank = left.rfind(" ", indent + 1, cut + 1)
            at = blank if blank > 0 else cut
            yield left[:at].rstrip(" ")
            left, begun = " " * indent + left[at:].lstrip(" "), True
        if left.strip() or not begun:
            yield left


def cells(text: str) -> int:
    """Columns that ``text`` takes."""
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if character == "\u200d" or unicodedata.combining(character) or "\ufe00" <= character <= "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    """Characters from the beginning of ``text`` that fit into ``width`` columns, at least one."""
    used = 0
    for at, character in enumerate(text):
        used += _cells_of(character)
        if used > width:
            return max(1, at)
    return len(text)
