"""One line of options to go through with left and right: ``none  [nf4]  int8``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tui.widgets.focus import component_style


class Choice(Widget, can_focus=True):
    """The options in a row, the chosen one in brackets; where they don't fit, ``< nf4 >  2 of 4``."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--here"}
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    Choice > .choice--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous option", show=False),
        Binding("right", "step(1)", "Next option", show=False),
        Binding("space", "turn", "Next option", show=False),
        Binding("enter", "submit", "Submit", show=False),
    ]

    index = reactive(0)

    class Changed(Message):
        """Another option is chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            return self.choice

    class Submitted(Changed):
        """Enter was pressed: the form is done."""

    def __init__(self, options: Sequence[str], value: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = list(options)
        self.value = value

    @property
    def value(self) -> str:
        """The chosen option."""
        return self.options[self.index] if self.options else ""

    @value.setter
    def value(self, value: str) -> None:
        self.set_reactive(Choice.index, self.options.index(value) if value in self.options else 0)
        self.refresh()

    def validate_index(self, index: int) -> int:
        return max(0, min(index, len(self.options) - 1))

    def _change(self, index: int) -> None:
        before = self.index
        self.index = index
        if self.index != before:
            self.post_message(self.Changed(self))

    def action_step(self, by: int) -> None:
        self._change(self.index + by)

    def action_turn(self) -> None:
        self._change((self.index + 1) % max(1, len(self.options)))

    def action_submit(self) -> None:
        self.post_message(self.Submitted(self))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render(self) -> Content:
        style: str | Style = component_style(self, "choice--here") if self.has_focus else "bold"
        parts: list[tuple[str, str | Style]] = [
            (f"[{name}]", style) if i == self.index else (f" {name} ", "") for i, name in enumerate(self.options)
        ]
        line = Content.assemble(*parts)
        if line.cell_length <= self.content_size.width:
            return line
        place = f"  {self.index + 1} of {len(self.options)}"
        return Content.assemble((f"< {self.value} >", style), (place, "dim"))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
