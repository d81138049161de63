"""A button of one line that shows its focus in its text: ``[ Next ]`` becomes ``[>Next<]``."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui.widgets.focus import component_style


class FormButton(Widget, can_focus=True):
    """Pressed by Enter, Space or a click. A button that can't be used now is dim and skipped by Tab."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"button--here"}
    DEFAULT_CSS = """
    FormButton { width: auto; height: 1; margin: 0 2 0 0; }
    FormButton > .button--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Press", show=False),
        Binding("up,left", "app.focus_previous", "Before", show=False),
        Binding("down,right", "app.focus_next", "Next", show=False),
    ]

    class Pressed(Message):
        """The button was pressed."""

        def __init__(self, button: FormButton) -> None:
            super().__init__()
            self.button = button

        @property
        def control(self) -> FormButton:
            return self.button

    def __init__(self, label: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.label = label

    def set_label(self, label: str) -> None:
        if label != self.label:
            self.label = label
            self.refresh(layout=True)

    def action_press(self) -> None:
        if not self.disabled:
            self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return len(self.label) + 4

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render(self) -> Content:
        if self.has_focus:
            return Content.styled(f"[>{self.label}<]", component_style(self, "button--here"))
        return Content.assemble((f"[ {self.label} ]", "dim" if self.disabled else "bold"))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
