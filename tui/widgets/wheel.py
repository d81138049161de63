"""The wheel of the mouse, for what rolls by itself."""

from __future__ import annotations

from textual import events


class Wheel:
    """A mixin that stands before ``Widget``: each notch calls ``roll``, with 1 down and -1 up."""

    def roll(self, by: int) -> None:
        raise NotImplementedError

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.roll(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.roll(-1)
