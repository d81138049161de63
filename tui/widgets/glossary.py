"""Which terms of the glossary stand in a text or on a screen, each with the sentence that says what it is."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from textual.geometry import Region
from textual.screen import Screen

from engine.messages import language
from engine.messages.catalogue import part, room, text
from engine.messages.message import Message
from tui.widgets.bars import KeyButton


class Term(NamedTuple):
    """``says`` is one sentence."""

    name: str
    says: str


def terms_in(words: str) -> list[Term]:
    """The terms that occur in ``words``, each once, in the order of their first places.

    Of names such as ``train.max_grad_norm`` each part is a word.
    """
    known, pattern = _known(language.current())
    spoken = f"{words}\n{words.replace('_', ' ').replace('.', ' ')}"
    found = dict.fromkeys(known[each[0].lower()] for each in pattern.finditer(spoken))
    return [Term(text(code), part(Message(code), "says")) for code in found]


def words_on(screen: Screen[Any]) -> str:
    """What stands on ``screen`` but for its keys: the lines of each widget in one, so that a wrapped term is whole."""
    said = []
    for widget in screen.query("*"):
        if widget.children or not widget.display or not widget.region or isinstance(widget, KeyButton):
            continue
        lines = [strip.text.strip() for strip in widget.render_lines(Region(0, 0, *widget.size))]
        said += [" ".join(lines), "".join(lines)]
        said += [str(title) for title in (widget.border_title,) if title]
    return "\n".join(said)


@functools.cache
def _known(_: str) -> tuple[dict[str, str], re.Pattern[str]]:
    """The code of each word that the glossary of a language names, and what finds them: the longest first."""
    known: dict[str, str] = {}
    for code in room("glossary"):
        for word in part(Message(code), "words").split("|"):
            known.setdefault(word.strip().lower(), code)
    longest = sorted(known, key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in longest if word.isascii())
    chinese = "|".join(re.escape(word) for word in longest if not word.isascii()) or "(?!)"  # no blanks between words
    return known, re.compile(rf"(?<![A-Za-z0-9_-])(?:{latin})(?![A-Za-z0-9_-])|{chinese}", re.IGNORECASE)
