"""To search a log: a line to type into at the foot of the screen, and the keys that go from match to match."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui.widgets.form import Entry
from tui.widgets.log import LogPane
from tui.widgets.whole import WholeScreen


class FindLine(Entry):
    """Enter keeps the words and leaves the line, Esc forgets them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,tab", "leave(False)", show=False),
        Binding("escape", "leave(True)", show=False),
    ]
    DEFAULT_CSS = """
    FindLine { height: 1; border: none; padding: 0 1; }
    FindLine:focus { border: none; }
    """

    class Left(Message):
        """The words are whole, or are to be forgotten."""

        def __init__(self, forgets: bool) -> None:
            super().__init__()
            self.forgets = forgets

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted, placeholder=text("widgets.find"), compact=True, select_on_focus=False)
        self.set_reactive(Input.cursor_blink, False)

    def action_leave(self, forgets: bool) -> None:
        self.post_message(self.Left(forgets))


class LogSearch(WholeScreen):
    """A screen with a LogPane that wraps: / searches it, n and N go on, Esc first ends the search."""

    wanted = ""

    def show_log(self) -> None:
        """Bring the log into sight."""

    @property
    def _log(self) -> LogPane:
        return next(pane for pane in self.query(LogPane) if pane.wrap)

    @on(events.Key)
    async def _typed(self, event: events.Key) -> None:
        """What is typed right behind the slash was on its way here before there was a line to write it into."""
        focused = self.focused
        if event.key == "slash" and not isinstance(focused, FindLine):
            event.stop()
            await self.action_search()
        elif event.key == "escape" and self.end_search():
            event.stop()
        elif isinstance(focused, FindLine) and event.is_printable and event.character:
            event.stop()
            focused.insert_text_at_cursor(event.character)

    async def action_search(self) -> None:
        """Type what a line of the log is to hold."""
        if not self.query(FindLine):
            await self.mount(FindLine(self.wanted), before=self.query_one("Screen > KeyBar"))
        self.show_log()
        self.set_focus(self.query_one(FindLine))  # type: ignore[attr-defined]

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self.wanted = message.value.strip()
        self._log.find(self.wanted)

    @on(FindLine.Left)
    async def _left(self, message: FindLine.Left) -> None:
        message.stop()
        await self.query(FindLine).remove()
        if message.forgets:
            self.end_search()
        elif self.wanted:
            self._go(0)

    def end_search(self) -> bool:
        """Forget what was searched for; whether there was something."""
        was_on, self.wanted = bool(self.wanted), ""
        if was_on:
            self._log.find("")
        return was_on

    def action_next_hit(self) -> None:
        self._go(1)

    def action_previous_hit(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        self.show_log()
        at, count = self._log.find(self.wanted, step)
        said = text("widgets.place", at=at, all=count) if count else text("widgets.no-match", wanted=clean(self.wanted))
        self.notify(said, timeout=3, markup=False)
