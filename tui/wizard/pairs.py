"""Labels and what they say, in two columns: the second wraps below itself, in any language."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from engine.common.clean_text import clean
from tui.widgets.bars import fit
from tui.widgets.line import wrap

INDENT = 2
LEAST_CELLS = 20


def pairs(rows: Iterable[tuple[str, str]], label_width: int, width: int) -> list[Content]:
    """Lines of ``width`` cells; labels are quiet, one that begins with "!" says that something is worth a look."""
    lines: list[Content] = []
    for label, said in rows:
        room = max(LEAST_CELLS, width - label_width - INDENT)
        first, *rest = wrap(clean(said, keep_newlines=False), room)
        style = "$warning" if said.startswith("!") else ""
        lines.append(Content.assemble((f"{'':{INDENT}}{fit(label, label_width)}", "$muted"), (first, style)))
        lines += [Content.styled(" " * (label_width + INDENT) + line, style) for line in rest]
    return lines
