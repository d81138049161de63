"""The first rows of a file on the screen, wrapped and cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import set_cell_size

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui.widgets.line import wrap

if TYPE_CHECKING:
    from engine.data.rows.messages import Row


def first_rows(rows: Sequence[Row], width: int, height: int) -> list[str]:
    """The first rows, a blank line between them, in at most ``height`` lines; a row that is cut ends in dots."""
    lines = row_lines(rows[0], width, height)
    for row in rows[1:]:
        if len(lines) >= height - 2:
            break
        lines += ["", *row_lines(row, width, height - len(lines) - 1)]
    return lines


def row_lines(row: Row, width: int, height: int) -> list[str]:
    """A row as the model will see it, wrapped to ``width``, in about ``height`` lines.

    Who speaks stands before the words. Of a row that is too long each turn keeps its share of the lines, so that
    a long question does not hide the answer.
    """
    turns = [(message.role, message.text) for message in row.messages] or [(text("wizard-data.text-row"), row.text)]
    names = [clean(role, keep_newlines=False)[:10] for role, _ in turns]
    column = max(len(name) for name in names) + 1
    room = max(10, width - column)
    wrapped = [wrap(clean(content[:4000]), room) for _, content in turns]
    share = height if sum(map(len, wrapped)) <= height else max(1, height // len(turns))
    lines: list[str] = []
    for name, words in zip(names, wrapped, strict=True):
        kept = words[:share]
        if len(words) > share:
            kept[-1] = f"{set_cell_size(kept[-1], room - 4).rstrip()} ..."
        lines += [f"{'' if index else name:<{column}}{part}" for index, part in enumerate(kept)]
    return lines[:height]
