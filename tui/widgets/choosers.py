"""To choose one of several: a list of lines, or cards side by side; ``>`` marks the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events, on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui.widgets.line import component_style, cut_cells, cut_path, wrap
from tui.widgets.pieces import STYLES, Tone

if TYPE_CHECKING:
    from tui.widgets.filter import Filter


@dataclass(frozen=True)
class Pick:
    """One line: ``id`` for the program, the rest for people, ``tail`` at the right. Disabled ones can't be chosen.

    ``tone`` is the colour of the title where it means something, ``shade`` that of ``detail``. The cursor passes over a
    ``heading``. Of a ``detail`` that ``is_path`` the end is shown where there is no room for all of it.
    """

    id: str
    title: str
    detail: str = ""
    enabled: bool = True
    tail: str = ""
    tone: Tone = ""
    shade: Tone = "muted"
    heading: bool = False
    is_path: bool = False


class PickList(Widget, can_focus=True):
    """Lines of equal columns. Posts Moved when the cursor moves and Chosen on Enter; texts are cleaned here.

    / narrows them to those that hold what is typed, unless ``filters`` is False: the screen has a filter of its own.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"picklist--here", "picklist--off"}
    DEFAULT_CSS = """
    PickList { height: auto; max-height: 8; width: 1fr; }
    PickList > .picklist--off { color: $faint; text-style: $faint-style; }
    PickList > .picklist--here { color: $foreground; background: $focus-background; text-style: $row-style; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-8)", show=False),
        Binding("pagedown", "move(8)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "move(100000)", show=False),
        Binding("enter", "choose", show=False),
    ]

    SHOWS_CURSOR: ClassVar[bool] = False
    """Whether the cursor shows without the focus too."""
    cursor = reactive(0)

    class Moved(Message):
        """The cursor rests on another line now."""

        def __init__(self, picklist: PickList, pick: Pick) -> None:
            super().__init__()
            self.picklist = picklist
            self.pick = pick

        @property
        def control(self) -> PickList:
            return self.picklist

    class Chosen(Moved):
        """Enter was pressed on a line that can be chosen."""

    class Filtering(Message):
        """Words are about to be typed: what is folded away is to be found too."""

        def __init__(self, picklist: PickList) -> None:
            super().__init__()
            self.picklist = picklist

        @property
        def control(self) -> PickList:
            return self.picklist

    def __init__(
        self,
        picks: Sequence[Pick] = (),
        chosen: str = "",
        title_width: int = 22,
        id: str | None = None,
        filters: bool = True,
    ) -> None:
        super().__init__(id=id)
        self._all = self._picks = list(picks)  # and those that hold the words of the filter
        self._can_filter = filters
        self._filter_line: Filter | None = None
        self._wanted = ""
        self.title_width = title_width
        self._top = 0
        self.chosen = chosen
        self.set_reactive(PickList.cursor, self._index_of(chosen))

    @property
    def picks(self) -> list[Pick]:
        """All of them, whatever the filter leaves out."""
        return list(self._all)

    @property
    def shown(self) -> list[Pick]:
        return list(self._picks)

    @property
    def current(self) -> Pick | None:
        """The line under the cursor."""
        return self._picks[self.cursor] if self._picks and not self._picks[self.cursor].heading else None

    def copied(self) -> str:
        """The line under the cursor, for ``WholeScreen.copied``."""
        return self.current.title.strip() if self.current else ""

    def set_picks(self, picks: Sequence[Pick], chosen: str | None = None) -> None:
        """Show other lines. The cursor stays on its line when that is still there, else goes to the chosen one."""
        before = self.current.id if self.current else ""
        self._all = list(picks)
        self._picks = self._narrowed()
        if chosen is not None:
            self.chosen = chosen
        known = [pick.id for pick in self._picks]
        self.cursor = known.index(before) if before in known else self._index_of(self.chosen)
        self.refresh(layout=True)

    def mark(self, pick_id: str) -> None:
        """Mark ``pick_id`` as chosen ("": none) and leave the cursor where it is."""
        if pick_id != self.chosen:
            self.chosen = pick_id
            self.refresh()

    def choose(self, pick_id: str) -> None:
        """Mark ``pick_id`` as chosen and put the cursor on it."""
        self.chosen = pick_id
        self.cursor = self._index_of(pick_id)
        self.refresh()

    def _index_of(self, pick_id: str) -> int:
        found = next((index for index, pick in enumerate(self._picks) if pick.id == pick_id), 0)
        return self._landing(found, 1)

    def _landing(self, index: int, way: int) -> int:
        """``index``, or the nearest line that is no heading, ``way`` (1 down, -1 up) first."""
        index = max(0, min(index, len(self._picks) - 1))
        for step in (way, -way):
            at = index
            while 0 <= at < len(self._picks) and self._picks[at].heading:
                at += step
            if 0 <= at < len(self._picks):
                return at
        return index

    def validate_cursor(self, cursor: int) -> int:
        return self._landing(cursor, 1)

    def action_move(self, by: int) -> None:
        before = self.cursor
        self.cursor = self._landing(self.cursor + by, 1 if by > 0 else -1)
        if self.cursor != before and self.current:
            self.post_message(self.Moved(self, self.current))

    def action_choose(self) -> None:
        pick = self.current
        if pick is None or not pick.enabled:
            self.app.bell() if pick is None else self.post_message(self.Moved(self, pick))
            return
        self.chosen = pick.id
        self.refresh()
        self.post_message(self.Chosen(self, pick))

    # The filter

    def _narrowed(self) -> list[Pick]:
        """The lines that hold each of the words, and the headings above them."""
        asked = self._wanted.casefold().split()
        if not asked:
            return self._all
        found: list[Pick] = []
        heading: Pick | None = None
        for pick in self._all:
            if pick.heading:
                heading = pick
            elif all(word in f"{pick.title} {pick.detail} {pick.tail}".casefold() for word in asked):
                found += [heading, pick] if heading else [pick]
                heading = None
        return found or [Pick("", text("widgets.filter-nothing"), heading=True)]

    @staticmethod
    async def filter_one_of(around: Widget) -> None:
        """Narrow the list in ``around`` that has the focus, else the first."""
        found = [each for each in around.query(PickList) if each._can_filter and each.can_focus and each.display]
        chosen = next((each for each in found if each.has_focus), found[0] if found else None)
        if chosen is not None:
            await chosen.action_filter()

    async def action_filter(self) -> None:
        """Type what lines are to hold."""
        from tui.widgets.filter import Filter

        assert isinstance(self.parent, Widget)
        if self._filter_line is None:
            self._filter_line = Filter(self, self._wanted, text("widgets.filter"))
            await self.parent.mount(self._filter_line, before=self)
            self.add_class("-filtered")
            self.post_message(self.Filtering(self))
        self.screen.set_focus(self._filter_line)  # at once: the next letters are on their way

    def narrow(self, wanted: str) -> None:
        before, self._wanted = self.current, wanted
        self._picks = self._narrowed()
        self.cursor = self._index_of(before.id if before else self.chosen)
        self.refresh(layout=True)
        if self.current is not None and (before is None or self.current.id != before.id):
            self.post_message(self.Moved(self, self.current))

    def move_to(self, by: int) -> None:
        self.action_move(by)

    def leave_filter(self, clears: bool) -> None:
        if clears or not self._wanted:
            self.unfilter()
        self.focus()

    def unfilter(self) -> bool:
        """Show all lines again; whether some were left out."""
        was_on = bool(self._wanted)
        if self._filter_line is not None:
            self._filter_line.remove()
            self._filter_line = None
            self.remove_class("-filtered")
        if was_on:
            self.narrow("")
        return was_on

    def on_hide(self) -> None:
        self.unfilter()

    @on(events.Key)
    async def _typed(self, event: events.Key) -> None:
        """What is typed right behind the slash was on its way here before there was a line to write it into."""
        line = self._filter_line
        if line is not None and self.screen.focused is line and event.is_printable and event.character:
            event.stop()
            line.insert_text_at_cursor(event.character)
        elif event.key == "slash" and self._can_filter:
            event.stop()
            await self.action_filter()
        elif event.key == "escape" and self.unfilter():
            event.stop()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one right after it chooses."""
        row = self._top + event.y
        if 0 <= row < len(self._picks) and not self._picks[row].heading:
            self.action_move(row - self.cursor)
            if event.chain == 2:
                self.action_choose()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._roll(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._roll(event, -1)

    def _roll(self, event: events.MouseEvent, by: int) -> None:
        """Past either end the wheel goes on to what the list stands in."""
        before = self.cursor
        self.action_move(by)
        if self.cursor != before:
            event.stop()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._picks))

    def render(self) -> Content:
        width, height = self.content_size.width, max(1, self.content_size.height)
        first = self.cursor
        while first and self._picks[first - 1].heading:  # what a line stands under is seen with it
            first -= 1
        self._top = max(min(self._top, first), self.cursor - height + 1, 0)
        shown = self._picks[self._top : self._top + height]
        return Content("\n").join([self._line(self._top + offset, pick, width) for offset, pick in enumerate(shown)])

    def _line(self, index: int, pick: Pick, width: int) -> Content:
        is_typed = self._filter_line is not None and self._filter_line.has_focus
        here = index == self.cursor and (self.has_focus or self.SHOWS_CURSOR or is_typed)
        marker = ">" if here else "*" if pick.id == self.chosen else " "
        title = clean(pick.title, keep_newlines=False)
        if pick.heading:
            return Content.styled(f"  {cut_cells(title, width - 2)}", "bold $muted")
        detail = clean(pick.detail, keep_newlines=False)
        column = min(self.title_width, max(1, width - 2)) if detail else max(1, width - 2)
        tail = clean(pick.tail, keep_newlines=False)
        rest = max(0, width - 3 - column - (cell_len(tail) + 1 if tail else 0))
        detail, title = (cut_path if pick.is_path else cut_cells)(detail, rest), cut_cells(title, column)
        bold = "bold" if index == self.cursor or pick.id == self.chosen else ""
        named = f"{bold} {STYLES[pick.tone]}".strip() if pick.enabled else component_style(self, "picklist--off")
        line = Content.assemble(
            (f"{marker} ", "bold $accent"),
            (set_cell_size(title, column), named),
            (" " + set_cell_size(detail, rest), STYLES[pick.shade]),
            (f" {tail}" if tail else "", "$muted"),
        )
        return line.stylize_before(component_style(self, "picklist--here")) if here else line


_GAP = 1
# Corners (top left, top right, bottom left, bottom right), horizontal, vertical: plain and under the cursor.
_FRAMES = {
    True: (("╭", "╮", "╰", "╯", "─", "│"), ("┏", "┓", "┗", "┛", "━", "┃")),
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

    COMPONENT_CLASSES: ClassVar[set[str]] = {"cards--here", "cards--frame", "cards--off"}
    DEFAULT_CSS = """
    Cards { height: auto; width: 1fr; }
    Cards > .cards--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    Cards > .cards--off { color: $faint; text-style: $faint-style; }
    Cards > .cards--frame { color: $accent; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "move(-1)", show=False),
        Binding("right,down", "move(1)", show=False),
        Binding("enter", "choose", show=False),
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
        if event.chain == 2:
            self.action_choose()

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
        frame: str | Style = component_style(self, "cards--frame") if focused else "bold" if here else "$border-blurred"
        words: str | Style = "" if here else "$muted"
        if not card.enabled:
            words = component_style(self, "cards--off")
        mark = ">" if focused else " "
        lead = left + line if cell_len(card.title) + 2 <= width - 3 else left  # a long title has the corner's room
        title = set_cell_size(f"{mark}{card.title} ", min(cell_len(card.title) + 2, width - cell_len(lead) - 1))
        named: str | Style = f"bold {words}" if isinstance(words, str) else words
        named = component_style(self, "cards--here") if focused else named
        top = Content.assemble(
            (lead, frame), (title, named), (line * (width - 1 - cell_len(lead + title)) + right, frame)
        )
        lines = wrap(card.text, width - 4)
        body = [
            Content.assemble((f"{side} ", frame), (set_cell_size(text, width - 4), words), (f" {side}", frame))
            for text in [*lines, *[""] * (height - len(lines))]
        ]
        return [top, *body, Content.assemble((low_left + line * (width - 2) + low_right, frame))]
