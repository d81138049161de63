"""Ask before something that can't be undone; the answer comes back as a bool."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.widgets.whole import WholeScreen


class ConfirmScreen(WholeScreen, ModalScreen[bool]):
    """``lines`` list what will happen. The safe answer has the focus; y and n answer too."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "#no"
    BINDINGS = [  # noqa: RUF012
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("ctrl+q", "app.quit", "Quit"),
        Binding("left,up", "app.focus_previous", "Before"),
        Binding("right,down", "app.focus_next", "Next"),
    ]

    def __init__(self, title: str, text: str, lines: Sequence[str] = (), yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._title, self._text, self._lines, self._yes, self._no = title, text, lines, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title, markup=False, classes="dialog-title")
            yield Static(self._text, markup=False, classes="dialog-text")
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
