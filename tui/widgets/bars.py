"""The first and the last line of every screen: what this is, and what one can do now."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from tui.keys import Key
from tui.widgets.line import cut, cut_cells
from tui.widgets.pieces import chip

_FIRST_KEY = re.compile(r"\w+")
"""Of a label: "Left" of "Left/Right"."""


class TopLine(Static):
    """A title at the left and a state at the right, on one line whatever the width; the title yields.

    A click opens the command palette, which has what no bar has room for.
    """

    def __init__(self, left: str | Text = "", right: str | Text = "") -> None:
        super().__init__("", markup=False)
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

    def __init__(self, key: Key, words: str | None = None) -> None:
        super().__init__("", markup=False, classes=f"key-{key.id}")
        self.key = key
        self.words = words or key.text
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

    def check_message_enabled(self, message: Message) -> bool:
        """A greyed one is clicked too: it says why it can't be used now."""
        return isinstance(message, events.Click) or super().check_message_enabled(message)

    async def on_click(self, event: events.Click) -> None:
        first = _FIRST_KEY.match(self.key.shown)
        is_first = first is not None and 1 <= event.x < 1 + cell_len(first.group())  # behind the marker of the focus
        await self.act(self.key.twin if is_first and self.key.twin else self.key.id)

    async def act(self, action: str = "") -> None:
        """As the key does: the screen's action, else the app's; or say why that can't be done now."""
        action, screen = action or self.key.id, self.screen
        if await self.app.run_action(action, screen) or await self.app.run_action(action):
            return
        if refuse := getattr(screen, "refuse", None):
            refuse(action)


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
    """The keys of a screen. What ``check_action`` refuses now is greyed (None) or left out (False).

    A key that yields gets its button once there is room for it: most never need one, and each costs the first frame.
    """

    def __init__(self, keys: Iterable[Key], id: str | None = None) -> None:
        super().__init__(id=id)
        self.keys = tuple(keys)
        self.renamed: dict[str, str] = {}
        """What keys do now, e.g. Pause or Resume, where it isn't what their tables say."""
        self._is_asked = False

    def compose(self) -> ComposeResult:
        for key in self.keys:
            if not key.yields:
                yield KeyButton(key)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._ask, immediate=True)
        self._update(self.screen)

    def _ask(self, screen: Screen[object]) -> None:
        """Ask about the keys once, however often that is wanted while a message is handled."""
        if not self._is_asked:
            self._is_asked = True
            self.call_next(self._update, screen)

    def _update(self, screen: Screen[object]) -> None:
        self._is_asked = False
        allowed = {key: screen.check_action(key.id, ()) for key in self.keys}
        self._show(self._shown(allowed, self.size.width or self.app.size.width), allowed)

    def _shown(self, allowed: Mapping[Key, bool | None], width: int) -> list[Key]:
        """Those with room beside each other in ``width`` cells; of what yields the greyed go first, then the last."""
        shown = [key for key, may in allowed.items() if may is not False]
        cells = {key: cell_len(key.shown + self.renamed.get(key.id, key.text)) + 3 for key in shown}
        yielding = [key for key in reversed(shown) if key.yields]
        for key in sorted(yielding, key=lambda each: allowed[each] is not None):
            if sum(cells[each] for each in shown) > width > 0:
                shown.remove(key)
        return shown

    def _show(self, shown: Collection[Key], allowed: Mapping[Key, bool | None]) -> None:
        """Each button's state is set once: whatever turns and turns back lays the whole screen out anew."""
        buttons = {button.key: button for button in self.query(KeyButton)}
        following: KeyButton | None = None
        for key in reversed(self.keys):
            button = buttons.get(key)
            if button is None and key in shown:
                button = KeyButton(key, self.renamed.get(key.id))
                self.mount(button, before=following)
            if button is None:
                continue
            if button.display is not (key in shown):
                button.display = key in shown
            if button.disabled is not (allowed[key] is None):
                button.disabled = allowed[key] is None
            following = button

    def on_resize(self) -> None:
        self._update(self.screen)

    def rename(self, key_id: str, words: str) -> None:
        if self.renamed.get(key_id) != words:
            self.renamed[key_id] = words
            for button in self.query(f".key-{key_id}").results(KeyButton):
                button.rename(words)
            self._update(self.screen)


def _text(value: str | Text) -> Text:
    return Text(value) if isinstance(value, str) else value


def fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` cells."""
    return set_cell_size(text, max(0, width))
