"""What lies over a screen: a question before something that can't be undone, and a window too small."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.form import FormButton
from tui.widgets.line import Prose
from tui.widgets.whole import LEAST_COLUMNS, LEAST_ROWS, WholeScreen


class ConfirmScreen(WholeScreen, ModalScreen[bool]):
    """``lines`` list what will happen, ``yes`` and ``no`` name the answers. The safe one has the focus."""

    AUTO_FOCUS = "#no"
    BINDINGS = [  # noqa: RUF012
        Binding("y", "answer(True)"),
        Binding("n,escape", "answer(False)"),
        *keys.over_dialog("help", "quit"),
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
                yield FormButton(f"n  {self._no}", id="no")
                yield FormButton(f"y  {self._yes}", id="yes")

    @on(FormButton.Pressed)
    def _pressed(self, event: FormButton.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


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
    CSS = "TooSmallScreen, TooSmallScreen:ansi { background: $background; align: left top; }"

    def compose(self) -> ComposeResult:
        yield _Notice()

    def on_screen_resume(self) -> None:
        """What came over it meanwhile was answered in a window that is large enough again."""
        size = self.app.size
        if size.width >= LEAST_COLUMNS and size.height >= LEAST_ROWS:
            self.dismiss()

    def on_resize(self) -> None:
        self.query_one(_Notice).refresh()
