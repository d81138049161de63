"""The sources of the mix, a line each, with a cursor; no more of them at once than there is room for."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from engine.messages.catalogue import text
from tui.draft.mix_board import Board
from tui.wizard.mix import draw


class MixTable(Static, can_focus=True):
    """Shows a board; ``at`` is the source under the cursor."""

    DEFAULT_CSS = "MixTable { height: auto; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.at = 0
        self._first = 0
        self._count = 0
        self._shown: tuple[object, ...] = ()

    def go(self, by: int) -> None:
        self.at = min(max(self.at + by, 0), max(0, self._count - 1))

    def show(self, board: Board, most: int) -> None:
        """``most`` sources at once; the cursor is always among them."""
        self._count = len(board.lines)
        self.go(0)
        self._first = min(max(self._first, self.at - most + 1), self.at)
        self._first = max(0, min(self._first, self._count - most))
        width = self.size.width or 78
        last = min(self._count, self._first + most)
        shown = (board, width, self.at, self._first, last)
        if shown == self._shown:
            return
        self._shown = shown
        lines = [Content.assemble((draw.header(board, width), "$muted"))]
        lines += [draw.row(board, index, width, index == self.at) for index in range(self._first, last)]
        if last - self._first < self._count:
            lines.append(Content(text("mix.shown", first=self._first + 1, last=last, count=self._count)))
        self.update(Content("\n").join(lines))
