"""The help over a screen: what it is for and its keys; beside them, or one key away, the terms that stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui import keys
from tui.keys import Key
from tui.widgets.clickable import Clickable, acts
from tui.widgets.line import Leads, Prose
from tui.widgets.pieces import chip, row
from tui.widgets.whole import WholeScreen

if TYPE_CHECKING:
    from tui.widgets.glossary import Term


class HelpScreen(WholeScreen, ModalScreen[None]):
    """``about`` teaches in two to six sentences, or in parts with leads; ``tables`` are the asking screen's keys.

    A click on a key does what it does, so that a mouse comes to what no bar has room for. Terms in the help or in
    ``words``, what stands on that screen, are explained, a sentence each: in a wide window beside the keys, else in
    their place after Tab.
    """

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = [  # noqa: RUF012
        Binding("escape,question_mark,f1,enter,q", "dismiss"),
        Binding("tab,shift+tab,left,right", "turn", priority=True),
        Binding("ctrl+q", "app.quit"),
    ]
    CSS = """
    HelpScreen {
        /* Its place is kept, so that the text is laid out once and never touches it. */
        .dialog { scrollbar-gutter: stable; padding: 1 1 1 2; }
        .dialog > * { padding-right: 1; }
        #help-terms { display: none; }
        &.-terms #help-keys { display: none; }
        &.-terms #help-terms { display: block; }
        &.-wide {
            layout: horizontal;
            .dialog { border: round $border-blurred; }
            .dialog:focus { border: round $accent; }
            #help-keys, #help-terms { display: block; }
            #help-keys { width: 60%; }
            #help-terms { width: 1fr; max-width: 60; }
        }
    }
    .-ascii HelpScreen.-wide .dialog { border: ascii $border-blurred; }
    .-ascii HelpScreen.-wide .dialog:focus { border: ascii $accent; }
    """

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

        ``help_note`` of a screen is what is to be said now, ``is_refused`` tells of an action whether it never works.
        A dialog says its keys itself, but for those of a table: what is left are the terms on it.
        """
        from tui.widgets.glossary import terms_in, words_on

        is_refused = getattr(screen, "is_refused", lambda action: False)
        everywhere = () if screen.is_modal else (("widgets.everywhere", keys.EVERYWHERE),)
        tables = [
            (title, [key for key in table if not is_refused(key.id)])
            for title, table in (*getattr(screen, "KEY_TABLES", ()), *everywhere)
        ]
        code = screen.HELP or "widgets.keys"
        about = (part(Message(code), "about"), getattr(screen, "help_note", ""))
        told, words = "\n\n".join(filter(None, about)), words_on(screen)
        if not told and not tables and not terms_in(words):
            told = text("widgets.no-terms")
        return cls(text(code), told, tables, words)

    def compose(self) -> ComposeResult:
        terms = self._terms()
        if terms and not self._about and not self._tables:
            self.add_class("-terms")
            yield from self._page_of(terms, "")
            return
        with VerticalScroll(classes="dialog", id="help-keys") as first:
            if self._about:
                kind = Prose if isinstance(self._about, str) else Leads
                yield kind(self._about, classes="dialog-text")  # type: ignore[arg-type]
            for at, (title, table) in enumerate(self._tables):
                yield Clickable(_table(title, table, at), classes="dialog-text")
        self._frame(first, self._title, "widgets.terms" if terms else "")
        if terms:
            yield from self._page_of(terms, "widgets.keys")

    def _page_of(self, terms: Sequence[Term], other: str) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help-terms") as page:
            yield Static(_glossary(terms))
        self._frame(page, text("widgets.terms"), other)

    def _frame(self, page: VerticalScroll, title: str, other: str) -> None:
        """Title and keys in the border of ``page``, ``other`` being what Tab leads to."""
        page.border_title = title
        page.auto_links = False  # its keys are clicked without looking like links
        chips = [acts(chip("Tab", text(other)), "screen.turn")] if other else []
        page.border_subtitle = row(*chips, acts(chip("Esc", text("widgets.close-help")), "screen.dismiss"))

    def _terms(self) -> list[Term]:
        from tui.widgets.glossary import terms_in

        told = self._about if isinstance(self._about, str) else "\n".join(said for _, said in self._about)
        return terms_in(f"{self._words}\n{told}")

    def action_turn(self) -> None:
        """To the terms and back: the other page in a narrow window, the other column in a wide one."""
        if (terms := self.query("#help-terms")) and self.query("#help-keys"):
            to_terms = self.focused is not terms.first()
            self.set_class(to_terms, "-terms")
            self.query_one("#help-terms" if to_terms else "#help-keys").focus()

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(result)

    def action_press(self, table: int, row: int) -> None:
        """Leave the help, and do on the screen below what the key in this row does."""
        below = self.app.screen_stack[-2]
        self.dismiss()
        if isinstance(below, WholeScreen):
            below.call_after_refresh(partial(below.press, self._tables[table][1][row].id))


def _table(title: str, table: Sequence[Key], at: int) -> RenderableType:
    """The keys of one table, the ``at``-th of the help; what a click finds in a row is the action of its key."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(min_width=8)
    rows.add_column(overflow="fold")  # Chinese has no blanks to break at
    for number, key in enumerate(table):
        pressed = Style(meta={"@click": f"screen.press({at}, {number})"})
        rows.add_row(Text(f"  {key.shown}", style="bold"), key.tooltip, style=pressed)
    return Group(Text(text(title), style="bold"), rows)


def _glossary(terms: Sequence[Term]) -> RenderableType:
    """Each term above what it is: beside it a narrow column would be left."""
    rows: list[RenderableType] = []
    for term in terms:
        rows += [Text(term.name, style="bold"), Text(f"{term.says}\n", overflow="fold")]
    return Group(*rows)
