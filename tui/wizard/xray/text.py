"""An X-ray in this terminal's colours: the marks of its text carry the meaning, the colours repeat it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual.content import Content

from engine.data.token_view.text import Span

STYLES = {
    "trained": "bold underline $success",
    "context": "$muted",
    "cut": "strike $error",
    "padding": "dim",
    "sign": "$accent",
}


def content_of(spans: Iterable[Span], found: str = "") -> tuple[Content, int]:
    """The text to show, and the place in it where ``found`` begins in whatever case; -1 where it does not."""
    made = Content.assemble(*((span.text, _style(span)) for span in spans))
    hit = re.search(re.escape(found), made.plain, re.IGNORECASE) if found else None
    if hit is None:
        return made, -1
    return made.stylize("bold reverse $warning", *hit.span()), hit.start()


def _style(span: Span) -> str:
    style = STYLES[span.state]
    return f"{style} reverse" if span.is_special else style
