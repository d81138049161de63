"""What lies over a screen: a question before something that can't be undone, the help, and a window too small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui import keys
from tui.keys import Key
from tui.widgets.line import Leads, Prose
from tui.widgets.whole import LEAST_COLUMNS, LEAST_ROWS, WholeScreen

if TYPE_CHECKING:
    from tui.widgets.glossary import Term


class ConfirmScreen(WholeScreen, ModalScreen[bool]):
    """``lines`` list what will happen, ``yes`` and ``no`` name the answers. The safe one has the focus."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS = [  # noqa: RUF012
        Binding("y", "answer(True)"),
        Binding("n,escape", "answer(False)"),
        Binding("ctrl+q", "app.quit"),
        Binding("left,up", "app.focus_previous"),
        Binding("right,down", "app.focus_next"),
    ]

    def __init__(self, title: str, about: str, lines: Sequence[str] = (), yes: str = "", no: str = "") -> None:
        super().__init__()
        self._title, self._about, self._lines = title, about, lines
        self._yes, self._no = yes or text("widgets.yes"), no or text("widgets.no")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title, markup=False, classes="dialog-title")
            yield Prose(self._about, classes="dialog-text")
            if self._lines:
                with VerticalScroll(classes="dialog-list", can_focus=len(self._lines) > 8):
                    yield Static("\n".join(self._lines), markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"n  {self._no}", id="no")
                yield Button(f"y  {self._yes}", id="yes")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class HelpScreen(WholeScreen, ModalScreen[None]):
    """``about`` teaches in two to six sentences, or in parts with leads; ``tables`` are the asking screen's keys.

    Terms in it or in ``words``, what stands on that screen, are explained below, a sentence each.
    """

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = [  # noqa: RUF012
        Binding("escape,question_mark,f1,enter,q", "dismiss"),
        Binding("ctrl+q", "app.quit"),
    ]

    def __init__(
        self,
        title: str,
        about: str | Sequence[tuple[str, str]],
        tables: Sequence[tuple[str, Sequence[Key]]],
        words: str = "",
    ) -> None:
        super().__init__()
        self._title, self._about, self._tables, self._words = title, about, tables, words

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpScreen:
        """The help of ``screen``, from the code in its HELP (title, and text as ``.about``) and its KEY_TABLES.

        ``help_note`` of a screen is what is to be said now.
        """
        from tui.widgets.glossary import words_on

        tables = (*getattr(screen, "KEY_TABLES", ()), ("widgets.everywhere", keys.EVERYWHERE))
        code = getattr(screen, "HELP", "widgets.keys")
        about = (part(Message(code), "about"), getattr(screen, "help_note", ""))
        return cls(text(code), "\n\n".join(filter(None, about)), tables, words_on(screen))

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(self._title, markup=False, classes="dialog-title")
            if self._about:
                kind = Prose if isinstance(self._about, str) else Leads
                yield kind(self._about, classes="dialog-text")  # type: ignore[arg-type]
            for title, table in self._tables:
                yield Static(_table(title, table), classes="dialog-text")
            if terms := self._terms():
                yield Static(_glossary(terms), classes="dialog-text", id="terms")
            yield Static(text("widgets.close-help"), classes="muted")

    def _terms(self) -> list[Term]:
        from tui.widgets.glossary import terms_in

        told = self._about if isinstance(self._about, str) else "\n".join(said for _, said in self._about)
        return terms_in(f"{self._words}\n{told}")

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(result)


def _table(title: str, table: Sequence[Key]) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(min_width=6)
    rows.add_column(overflow="fold")  # Chinese has no blanks to break at
    for key in table:
        rows.add_row(Text(f"  {key.shown}", style="bold"), key.tooltip)
    return Group(Text(text(title), style="bold"), rows)


def _glossary(terms: Sequence[Term]) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(max_width=22)
    rows.add_column(overflow="fold")
    for term in terms:
        rows.add_row(Text(f"  {term.name}", style="bold"), term.says)
    return Group(Text(text("widgets.terms"), style="bold"), rows)


class _Notice(Widget):
    DEFAULT_CSS = "_Notice { width: 100%; height: 100%; padding: 1 2; }"

    def render(self) -> Text:
        size = self.app.size
        least = f"{LEAST_COLUMNS}x{LEAST_ROWS}"
        return Text(text("widgets.too-small", size=f"{size.width}x{size.height}", least=least))


class TooSmallScreen(WholeScreen, ModalScreen[None]):
    """Put up and taken away by the app as the window changes."""

    DEFAULT_CLASSES = "too-small"
    BINDINGS = [Binding("ctrl+q", "app.quit")]  # noqa: RUF012
    DEFAULT_CSS = "TooSmallScreen { background: $background; align: left top; }"

    def compose(self) -> ComposeResult:
        yield _Notice()

    def on_resize(self) -> None:
        self.query_one(_Notice).refresh()
