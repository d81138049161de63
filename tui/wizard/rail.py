"""The map of the wizard's steps, always in sight: what was chosen in each, which one this is; a click goes there."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.widgets.line import cut_cells

INDENT = 4
"""Cells before what was chosen."""
ROOMY = 18
"""Lines from which a blank one stands between the steps."""


class Rail(Widget):
    """``> 3 Strategy``, and below it what was chosen; a tick stands before what is answered. Posts Asked on a click."""

    DEFAULT_CSS = "Rail { width: 18; height: 1fr; padding: 0 1 0 1; }"

    class Asked(Message):
        """The step at ``index`` was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, titles: Sequence[str], tick: str) -> None:
        super().__init__(id="rail")
        self._titles, self._tick = list(titles), tick
        self._at, self._done = -1, 0
        self._values: tuple[str, ...] = ()
        self._skipped: int | None = None

    def show(self, at: int, done: int, values: Sequence[str], skipped: int | None = None) -> None:
        """``at``: the step on screen, -1 for none; steps before ``done`` are answered, with what ``values`` say.

        ``skipped`` was passed over.
        """
        new = (at, done, tuple(values), skipped)
        if new != (self._at, self._done, self._values, self._skipped):
            self._at, self._done, self._values, self._skipped = new
            self.refresh()

    @property
    def _pitch(self) -> int:
        """Lines from one step to the next."""
        return 3 if self.content_size.height >= ROOMY - 1 else 2

    def render(self) -> Content:
        lines: list[Content] = []
        for index, title in enumerate(self._titles):
            lines += [self._head(index, title), self._value(index), Content("")][: self._pitch]
        return Content("\n").join(lines)

    def _head(self, index: int, title: str) -> Content:
        here, is_done = index == self._at, index < self._done
        is_passed = index == self._skipped and is_done
        mark = (">", "bold $accent") if here else ("-" if is_passed else self._tick if is_done else "", "$success")
        style = "bold $accent" if here else "dim strike" if is_passed else "" if is_done else "$muted"
        return Content.assemble((f"{mark[0]:<{len(self._tick)}} ", mark[1]), (f"{index + 1} {title}", style))

    def _value(self, index: int) -> Content:
        """What was chosen there, below the title."""
        indent = " " * INDENT
        value = self._values[index] if index < len(self._values) else ""
        return Content.styled(indent + cut_cells(value, self.content_size.width - len(indent)), "$muted")

    def on_click(self, event: events.Click) -> None:
        index, line = divmod(event.y - self.gutter.top, self._pitch)
        if index < len(self._titles) and line < 2:
            self.post_message(self.Asked(index))
