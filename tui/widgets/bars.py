"""The first and the last line of every screen: what this is, and what one can do now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from tui.keys import Key
from tui.widgets.line import cut, cut_cells
from tui.widgets.pieces import chip


class TopLine(Static):
    """A title at the left and a state at the right, on one line whatever the width; the title yields.

    A click opens the command palette, which has what no bar has room for.
    """

    def __init__(self, left: str | Text = "", right: str | Text = "", id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._left, self._right = _text(left), _text(right)

    def show(self, left: str | Text | None = None, right: str | Text | None = None) -> None:
        """Change either side; nothing is redrawn when nothing changed."""
        new = (self._left if left is None else _text(left), self._right if right is None else _text(right))
        if new != (self._left, self._right):
            self._left, self._right = new
            self.refresh(Region(0, 0, self.size.width, 1))  # the rule below stays

    async def on_click(self) -> None:
        await self.app.run_action("palette")

    def render(self) -> Text:
        width = self.content_size.width
        right = self._right
        room = max(0, width - cell_len(right.plain) - 2)
        left = self._left.copy()
        cut(left, room)
        gap = max(1, width - cell_len(left.plain) - cell_len(right.plain))
        line = Text.assemble(left, " " * gap, right, no_wrap=True, end="")
        line.truncate(max(0, width))
        return line


class KeyButton(Static, can_focus=True):
    """One entry of the key bar: its key works everywhere on the screen; Tab, the arrows and Enter reach it too.

    A click leaves the focus where it is, as the key does: many act on what has it.
    """

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left", "app.focus_previous", show=False),
        Binding("down,right", "app.focus_next", show=False),
    ]

    def __init__(self, key: Key) -> None:
        super().__init__("", markup=False, classes=f"key-{key.id}")
        self.key = key
        self.words = key.text
        self.tooltip = key.tooltip

    def render(self) -> Content:
        return Content.assemble(">" if self.has_focus else " ", chip(self.key.shown, self.words))

    def get_content_width(self, container: object, viewport: object) -> int:
        return cell_len(self.key.shown) + 2 + cell_len(self.words)

    def rename(self, words: str) -> None:
        """Say what the key does now, e.g. Pause or Resume."""
        if words != self.words:
            self.words = words
            self.refresh(layout=True)

    async def key_enter(self, event: events.Key) -> None:
        event.stop()
        await self.act()

    async def on_click(self) -> None:
        await self.act()

    async def act(self) -> None:
        """As the key does: the screen's action, else the app's."""
        await self.app.run_action(self.key.id, self.screen) or await self.app.run_action(self.key.id)


class KeyRow(KeyButton):
    """A key on a line of its own, with what it does in a sentence."""

    def render(self) -> Content:
        about = cut_cells(str(self.key.tooltip), self.content_size.width - 25)
        return Content.assemble(
            "> " if self.has_focus else "  ", (f"{self.key.shown:<4}", "bold $accent"), (fit(self.words, 19), "bold"),
            (about, "$muted"),
        )  # fmt: skip

    def get_content_width(self, container: object, viewport: object) -> int:
        return 6 + 19 + cell_len(self.key.tooltip)


class KeyBar(Horizontal):
    """The keys of a screen. What ``check_action`` refuses now is greyed (None) or hidden (False)."""

    def __init__(self, keys: Iterable[Key], id: str | None = None) -> None:
        super().__init__(id=id)
        self.keys = tuple(keys)

    def compose(self) -> ComposeResult:
        for key in self.keys:
            yield KeyButton(key)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[object]) -> None:
        self._set(list(self.query(KeyButton)), screen, self.size.width or self.app.size.width)

    def _set(self, buttons: list[KeyButton], screen: Screen[object], width: int) -> None:
        """Each button's state is set once: whatever turns and turns back lays the whole screen out anew."""
        allowed = {button: screen.check_action(button.key.id, ()) for button in buttons}
        greyed = {button for button, may in allowed.items() if may is None}
        shown = _with_room([button for button, may in allowed.items() if may is not False], greyed, width)
        for button, may in allowed.items():
            if button.display is not (button in shown):
                button.display = button in shown
            if button.disabled is not (may is None):
                button.disabled = may is None

    def on_resize(self) -> None:
        self._update(self.screen)

    def rename(self, key_id: str, words: str) -> None:
        self.query_one(f".key-{key_id}", KeyButton).rename(words)
        self._update(self.screen)


def _with_room(wanted: list[KeyButton], greyed: Collection[KeyButton], width: int) -> list[KeyButton]:
    """Those with room beside each other in ``width`` cells; of what yields the ``greyed`` go first, then the last."""
    shown = list(wanted)
    used = sum(cell_len(button.key.shown + button.words) + 3 for button in shown)
    yielding = [button for button in reversed(wanted) if button.key.yields]
    for button in sorted(yielding, key=lambda each: each not in greyed):
        if used > width > 0:
            shown.remove(button)
            used -= cell_len(button.key.shown + button.words) + 3
    return shown


def _text(value: str | Text) -> Text:
    return Text(value) if isinstance(value, str) else value


def fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` cells."""
    return set_cell_size(text, max(0, width))
