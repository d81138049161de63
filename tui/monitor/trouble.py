"""The panel of a run that failed: what happened, the likely cause, and the ways on as rows and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from engine.messages.catalogue import text
from tui.keys import Key
from tui.monitor import postmortem
from tui.monitor.panes import KeyLine
from tui.widgets.line import Block, Line, wrap
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from engine.app.post_mortem import PostMortem

WAYS = (
    Key("resume", "r", "monitor.retry"),
    Key("duplicate", "D", "monitor.edit-and-retry"),
    Key("details", "6", "monitor.details"),
)
"""The ways on that every failure has; the table of keys says the rest of them."""


class FixAsked(Message):
    """A person wants the remedy of this number, from 1."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Fix(Static, can_focus=True):
    """One remedy: Up and Down go from one to the next, Enter or a click applies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("enter", "ask", show=False),
    ]

    def __init__(self, number: int, words: str, steers: bool) -> None:
        super().__init__("", markup=False)
        self.number, self.words = number, words
        self.can_focus = steers

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(wrap(self.words, max(1, width - 2)))

    def render(self) -> Content:
        lines = wrap(self.words, max(1, self.content_size.width - 2))
        mark = "> " if self.has_focus else "- "
        rest = "".join(f"\n  {line}" for line in lines[1:])
        return Content.assemble((mark, "bold $accent"), (lines[0] + rest, "bold" if self.has_focus else ""))

    def action_ask(self) -> None:
        self.post_message(FixAsked(self.number))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_ask()


class TroublePanel(Panel):
    """Shown once a run has failed; of one that memory ended with remedies, the first of which gets the focus."""

    def __init__(self) -> None:
        self._facts, self._foot = Block(id="facts"), Line(id="fix-help")
        super().__init__("", self._facts, self._foot, KeyLine(WAYS, id="ways"), id="trouble")
        self._shown: object = None

    def show(self, found: tuple[str, str, str] | None, why: PostMortem | None, resumable: bool, roomy: bool,
             steers: bool) -> None:  # fmt: skip
        """Title, message and way on of the end, and why memory ended it where that is known; None hides the panel.

        Who does not ``steer`` reads what would help, and is offered nothing.
        """
        key = (found, why, resumable, roomy)
        if key == self._shown:
            return
        self._shown = key
        self.display = found is not None
        self.query(Fix).remove()
        if found is None:
            return
        if why is None:
            title, message, way_on = found
            self.rename(title)
            self._facts.show(key, Text("\n".join(part for part in (message, way_on) if part)))
            self._foot.display = False
            return
        self.rename(text(why.title))
        self._facts.show(key, postmortem.facts(why, roomy))
        fixes = [
            Fix(number, postmortem.fix(remedy, resumable), steers) for number, remedy in enumerate(why.remedies, 1)
        ]  # fmt: skip
        told = "monitor.apply-remedy" if steers else "monitor.remedies-watched"
        self._foot.display = True
        self._foot.show(text(told if fixes else "monitor.no-remedy"))
        if fixes:
            self.mount(*fixes, after=self._facts)
            if steers:
                self.call_after_refresh(fixes[0].focus)
