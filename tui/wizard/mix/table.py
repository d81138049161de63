"""The sources of the mix, a line each, with a cursor; no more of them at once than there is room for."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.messages.catalogue import text
from tui.draft.mix_board import Board
from tui.widgets.wheel import Wheel
from tui.wizard.mix import draw


class MixTable(Wheel, Static, can_focus=True):
    """Shows a board; ``at`` is the source under the cursor. The wheel moves it, and so does a click: posts Clicked.

    A slider goes where it is pulled, wherever the mouse gets to meanwhile.
    """

    DEFAULT_CSS = "MixTable { height: auto; width: 1fr; }"

    class Clicked(Message):
        """A source was clicked, on its slider at ``share``; beside it where that is None.

        One that ``goes_on`` pulls further what was clicked before: both are one change.
        """

        def __init__(self, at: int, share: float | None, goes_on: bool = False) -> None:
            super().__init__()
            self.at, self.share, self.goes_on = at, share, goes_on

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.at = 0
        self._first = 0
        self._count = 0
        self._last = 0
        self._board: Board | None = None
        self._pulled: tuple[int, float] | None = None
        self._shown: tuple[object, ...] = ()

    def go(self, by: int) -> None:
        self.at = min(max(self.at + by, 0), max(0, self._count - 1))

    def show(self, board: Board, most: int) -> None:
        """``most`` sources at once; the cursor is always among them."""
        self._board, self._count = board, len(board.lines)
        self.go(0)
        self._first = min(max(self._first, self.at - most + 1), self.at)
        self._first = max(0, min(self._first, self._count - most))
        width = self.size.width or 78
        last = self._last = min(self._count, self._first + most)
        shown = (board, width, self.at, self._first, last)
        if shown == self._shown:
            return
        self._shown = shown
        lines = [Content.assemble((draw.header(board, width), "$muted"))]
        lines += [draw.row(board, index, width, index == self.at) for index in range(self._first, last)]
        if last - self._first < self._count:
            lines.append(Content(text("mix.shown", first=self._first + 1, last=last, count=self._count)))
        self.update(Content("\n").join(lines))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place, board = event.get_content_offset(self), self._board
        at = self._first + (place.y - 1 if place is not None else -1)  # the first line has the heads
        if board is None or place is None or not self._first <= at < self._last:
            return
        share = draw.share_at(board, self.size.width, place.x)
        self.post_message(self.Clicked(at, share))
        if share is not None:
            self._pulled = at, share
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pulled is None or self._board is None:
            return
        at, before = self._pulled
        share = draw.share_near(self._board, self.size.width, event.x - self.gutter.left)
        if share != before:
            self._pulled = at, share
            self.post_message(self.Clicked(at, share, goes_on=True))

    def on_mouse_up(self) -> None:
        self._pulled = None
        self.release_mouse()

    def roll(self, by: int) -> None:
        if 0 <= self.at + by < self._count:
            self.post_message(self.Clicked(self.at + by, None))
