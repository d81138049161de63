"""What was said, drawn line by line: while an answer grows only the lines that changed are sent to the terminal."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui.flow.dialogue import Answer, Dialogue, Exchange, side_by_side
from tui.widgets.line import cut_cells, wrap
from tui.widgets.wheel import Wheel

_GAP = 3
_Line = list[tuple[str, str]]
"""Pieces of a line with the names of their styles."""


class Transcript(Wheel, Widget, can_focus=True):
    """Shows ``dialogue``; follows its end, some lines at a time, unless a person scrolled away from it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "talk--asked", "talk--said", "talk--name", "talk--note", "talk--rule",
    }  # fmt: skip
    DEFAULT_CSS = """
    Transcript {
        & > .talk--asked { text-style: bold; color: $accent; }
        & > .talk--said { color: $foreground; }
        & > .talk--name { color: $muted; }
        & > .talk--note { color: $warning; }
        & > .talk--rule { color: $border-blurred; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_by(-1)", show=False),
        Binding("down", "scroll_by(1)", show=False),
    ]

    def __init__(self, dialogue: Dialogue, unicode: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.dialogue, self._rule = dialogue, "│" if unicode else "|"
        self.note = ""
        """What stands where nothing has been said yet."""
        self._lines: list[_Line] = []
        self._starts: list[int] = []
        self._width = 0
        self._top: int | None = None
        """The first line shown, None while the end is followed."""
        self._drawn: list[_Line] = []

    @property
    def text(self) -> str:
        """All lines, without styles."""
        return "\n".join("".join(piece for piece, _ in line).rstrip() for line in self._lines)

    def show(self, begin: int = 0) -> int:
        """Lay out exchanges from ``begin`` on; returns how many lines of the window changed."""
        width = max(20, self.size.width - 2)
        if width != self._width:
            begin, self._width = 0, width
        begin = min(begin, len(self._starts))
        first = self._starts[begin] if begin < len(self._starts) else len(self._lines) if self._starts else 0
        del self._starts[begin:], self._lines[first:]
        for exchange in self.dialogue.exchanges[begin:]:
            self._starts.append(len(self._lines))
            self._lines += self._of(exchange, width)
        if not self.dialogue.exchanges:
            self._lines = [[(line, "note")] for line in wrap(self.note, width)] if self.note else []
        return self._draw()

    def follow(self) -> None:
        """Show the end, and go on with it."""
        self._top = None
        self._draw()

    def scroll_by(self, lines: int) -> None:
        """Positive goes towards the end; what reaches it follows it again."""
        last = max(0, len(self._lines) - self.size.height)
        top = max(0, (min(self._first, last) if self._top is None else self._top) + lines)
        self._top = None if top >= last else top
        self._draw()

    def action_scroll_by(self, lines: int) -> None:
        self.scroll_by(lines)

    def roll(self, by: int) -> None:
        self.scroll_by(3 * by)

    @property
    def _first(self) -> int:
        """The first line shown. At the end it moves by a quarter of the window: each move sends all of it."""
        if self._top is not None:
            return self._top
        height = max(1, self.size.height)
        step = max(1, height // 4)
        return max(0, -(-(len(self._lines) - height) // step) * step)

    def _draw(self) -> int:
        """Send what changed."""
        top, height = self._first, self.size.height
        now = [self._lines[at] if at < len(self._lines) else [] for at in range(top, top + height)]
        before = self._drawn + [[]] * (height - len(self._drawn))
        rows = [row for row, line in enumerate(now) if line != before[row]]
        self._drawn = now
        if rows:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in rows))
        return len(rows)

    def on_resize(self) -> None:
        self.show()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        line = self._drawn[y] if y < len(self._drawn) else []
        segments = [Segment(piece, self._style(name)) for piece, name in line]
        strip = Strip([Segment(" "), *segments]).apply_style(self.rich_style)
        return strip.adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"talk--{name}", partial=True)

    def _of(self, exchange: Exchange, width: int) -> list[_Line]:
        mark = text("chat.goes-on-from") if exchange.plain else text("chat.you")
        lines: list[_Line] = [[(mark, "name")]]
        lines += [[(line, "asked")] for line in wrap(clean(exchange.prompt), width)]
        voices = [(name, exchange.answers[voice]) for voice, name in self.dialogue.voices if voice in exchange.answers]
        if len(voices) == 1:
            lines += self._answer(*voices[0], width)
        elif voices:
            each = (width - _GAP * (len(voices) - 1)) // len(voices)
            for row in side_by_side([self._plain(name, answer, each) for name, answer in voices]):
                lines.append(self._beside(row, each))
        return [*lines, []]

    def _answer(self, name: str, answer: Answer, width: int) -> list[_Line]:
        styled = [line.partition("\0") for line in self._plain(name, answer, width)]
        return [[(words, style)] for style, _, words in styled]

    def _plain(self, name: str, answer: Answer, width: int) -> list[str]:
        """Lines, each behind the name of its style."""
        lines = [f"name\0{cut_cells(clean(name, keep_newlines=False), width)}"]
        lines += [f"said\0{line}" for line in wrap(clean(answer.text).rstrip("\n"), width)]
        lines += [f"note\0{line}" for line in wrap(answer.note, width) if answer.note]
        return lines

    def _beside(self, row: list[str], width: int) -> _Line:
        line: _Line = []
        for at, piece in enumerate(row):
            style, _, words = piece.partition("\0")
            if at:
                line.append((f" {self._rule} ", "rule"))
            line.append((set_cell_size(words, width), style or "said"))
        return line
