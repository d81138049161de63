"""Shown instead of everything while the terminal is too small to be of use."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.widgets.whole import WholeScreen

LEAST_COLUMNS, LEAST_ROWS = 60, 18


def too_small(size: Size) -> bool:
    return size.width < LEAST_COLUMNS or size.height < LEAST_ROWS


class _Notice(Widget):
    DEFAULT_CSS = "_Notice { width: 100%; height: 100%; padding: 1 2; }"

    def render(self) -> Text:
        size = self.app.size
        return Text(
            f"This window is {size.width}x{size.height}.\n"
            f"tunedeck needs {LEAST_COLUMNS}x{LEAST_ROWS}, and likes 80x24.\n\n"
            "Make it larger and go on where you were.\n"
            "Nothing is lost; a training goes on.\n\n"
            "ctrl+q  Quit"
        )


class TooSmallScreen(WholeScreen, ModalScreen[None]):
    """Put up and taken away by the app as the window changes."""

    BINDINGS = [Binding("ctrl+q", "app.quit", "Quit")]  # noqa: RUF012
    DEFAULT_CSS = "TooSmallScreen { background: $background; align: left top; }"

    def compose(self) -> ComposeResult:
        yield _Notice()

    def on_resize(self) -> None:
        self.query_one(_Notice).refresh()
