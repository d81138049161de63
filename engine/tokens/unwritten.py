"""Turns that a chat template leaves out without a word: the model would be trained, and asked, without them."""

from __future__ import annotations

from collections.abc import Iterable

from engine.data.rows.messages import Row
from engine.tokens.render import Renderer, RenderError

_TOLD = ("system", "user")
"""Roles whose words are written as they are; templates may write answers and results of tools otherwise."""


def unwritten_turns(row: Row, renderer: Renderer) -> list[int]:
    """The places in ``row`` of system and user turns whose words the template does not write; [] for most rows."""
    asked = [at for at, turn in enumerate(row.messages) if turn.role in _TOLD and turn.content.strip()]
    if not asked:
        return []
    upto = row.messages if row.messages[-1].role != "assistant" else row.messages[:-1]
    try:
        written = _bare(renderer.prompt_text(upto, row.tools))
    except RenderError:
        return []  # it says so itself
    return [at for at in asked if _bare(row.messages[at].content) not in written]


def unwritten_of(rows: Iterable[Row], renderer: Renderer) -> tuple[int, tuple[str, ...]]:
    """In how many of ``rows`` a turn is not written, and the roles of such turns."""
    found = [(row, places) for row in rows if (places := unwritten_turns(row, renderer))]
    roles = dict.fromkeys(row.messages[at].role for row, places in found for at in places)
    return len(found), tuple(roles)


def _bare(text: str) -> str:
    """``text`` without blanks: templates trim turns."""
    return "".join(text.split())
