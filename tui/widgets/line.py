"""A fixed piece of text that is redrawn only when it changed, without laying out the screen again."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text
from textual.widgets import Static

from tui.widgets.wrapping import DOTS, cut_cells


class Line(Static):
    """One or more lines at a fixed place; ``show`` sends nothing when the text is the same."""

    def __init__(self, text: str | Text = "", id: str | None = None, classes: str | None = None) -> None:
        super().__init__(text, id=id, classes=classes, markup=False)
        self._shown: str | Text = text

    @property
    def text(self) -> str:
        """What is shown, without styles."""
        return self._shown if isinstance(self._shown, str) else self._shown.plain

    def show(self, text: str | Text) -> None:
        if text != self._shown or (
            isinstance(text, Text) and isinstance(self._shown, Text) and text.spans != self._shown.spans
        ):
            self._shown = text
            self.update(text, layout=False)


def cut(text: Text, width: int) -> None:
    """Shorten ``text`` to ``width`` cells, three dots for what is gone: the one-cell ellipsis is not ASCII."""
    if cell_len(text.plain) > width:
        text.right_crop(len(text.plain) - len(cut_cells(text.plain, width).removesuffix(DOTS)))
        text.append(DOTS if width >= len(DOTS) else "")


class Block(Static):
    """Any renderable whose height may change; laid out again only when ``show`` brings something new."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._key: object = None

    def show(self, key: object, renderable: RenderableType) -> None:
        """``key`` says what the content depends on."""
        if key != self._key:
            self._key = key
            self.update(renderable)
