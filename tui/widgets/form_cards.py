"""Cards side by side to choose one from, with left and right; the chosen one has a heavier frame and a ``>``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tui.widgets.focus import component_style
from tui.widgets.wrapping import wrap

_GAP = 1
# Corners (top left, top right, bottom left, bottom right), horizontal, vertical: plain and under the cursor.
_FRAMES = {
    True: (("┌", "┐", "└", "┘", "─", "│"), ("┏", "┓", "┗", "┛", "━", "┃")),
    False: (("+", "+", "+", "+", "-", "|"), ("#", "#", "#", "#", "=", "#")),
}


@dataclass(frozen=True)
class Card:
    """``text`` is plain and wrapped into the card; a disabled card is dim and can't be chosen."""

    id: str
    title: str
    text: str
    enabled: bool = True


class Cards(Widget, can_focus=True):
    """Posts Moved when another card is under the cursor, Chosen on Enter."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"cards--here", "cards--frame"}
    DEFAULT_CSS = """
    Cards { height: auto; width: 1fr; }
    Cards > .cards--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    Cards > .cards--frame { color: $accent; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "move(-1)", "Previous card", show=False),
        Binding("right,down", "move(1)", "Next card", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    cursor = reactive(0, layout=True)

    class Moved(Message):
        """Another card is under the cursor."""

        def __init__(self, cards: Cards, card: Card) -> None:
            super().__init__()
            self.cards, self.card = cards, card

    class Chosen(Moved):
        """Enter was pressed on a card that can be chosen."""

    def __init__(self, cards: Sequence[Card], chosen: str = "", unicode: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cards = list(cards)
        self._unicode = unicode
        ids = [card.id for card in cards]
        self.set_reactive(Cards.cursor, ids.index(chosen) if chosen in ids else 0)

    @property
    def current(self) -> Card:
        return self._cards[self.cursor]

    def set_cards(self, cards: Sequence[Card], chosen: str = "") -> None:
        """Show other cards with the cursor on ``chosen``, or where it is."""
        self._cards = list(cards)
        ids = [card.id for card in cards]
        self.cursor = ids.index(chosen) if chosen in ids else min(self.cursor, len(cards) - 1)
        self.refresh(layout=True)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._cards) - 1))

    def action_move(self, by: int) -> None:
        before = self.cursor
        self.cursor += by
        if self.cursor != before:
            self.post_message(self.Moved(self, self.current))

    def action_choose(self) -> None:
        kind = self.Chosen if self.current.enabled else self.Moved
        self.post_message(kind(self, self.current))

    def on_click(self, event: events.Click) -> None:
        width = self._card_width(self.content_size.width)
        self.action_move(min(len(self._cards) - 1, event.x // (width + _GAP)) - self.cursor)

    def _card_width(self, width: int) -> int:
        return max(12, min(34, (width - _GAP * (len(self._cards) - 1)) // len(self._cards)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._text_height(self._card_width(width)) + 2

    def _text_height(self, width: int) -> int:
        return max(len(wrap(card.text, width - 4)) for card in self._cards)

    def render(self) -> Content:
        width = self._card_width(self.content_size.width)
        height = self._text_height(width)
        drawn = [self._draw(index, card, width, height) for index, card in enumerate(self._cards)]
        rows = [Content(" " * _GAP).join(parts) for parts in zip(*drawn, strict=True)]
        return Content("\n").join(rows)

    def _draw(self, index: int, card: Card, width: int, height: int) -> list[Content]:
        here = index == self.cursor
        left, right, low_left, low_right, line, side = _FRAMES[self._unicode][here]
        focused = here and self.has_focus
        frame: str | Style = component_style(self, "cards--frame") if focused else "bold" if here else "dim"
        words = "dim" if not card.enabled else "bold" if here else ""
        mark = ">" if focused else " "
        title = set_cell_size(f"{mark}{card.title} ", min(len(card.title) + 2, width - 3))
        named: str | Style = component_style(self, "cards--here") if focused else words
        top = Content.assemble((left + line, frame), (title, named), (line * (width - 3 - len(title)) + right, frame))
        lines = wrap(card.text, width - 4)
        body = [
            Content.assemble((f"{side} ", frame), (set_cell_size(text, width - 4), words), (f" {side}", frame))
            for text in [*lines, *[""] * (height - len(lines))]
        ]
        return [top, *body, Content.assemble((low_left + line * (width - 2) + low_right, frame))]

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
