"""The run's story, newest line at the bottom, cut to the width or wrapped where there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs.state import LogLine
from tui.widgets.line import cut, wrap
from tui.widgets.wheel import Wheel

_INDENT = 10  # the time and two blanks
_WHEEL = 3  # lines a notch


class LogPane(Wheel, Widget):
    """``wrap`` shows long lines whole; otherwise each takes one line. Scrolls with ``scroll_lines`` and the wheel."""

    COMPONENT_CLASSES = {"log--time", "log--info", "log--good", "log--warning", "log--error", "log--hit"}  # noqa: RUF012
    DEFAULT_CSS = """
    LogPane {
        & > .log--time { color: $muted; }
        & > .log--info { color: $foreground; }
        & > .log--good { color: $success; }
        & > .log--warning { color: $warning; text-style: bold; }
        & > .log--error { color: $error; text-style: bold; }
        & > .log--hit { color: $focus-foreground; background: $focus-background; text-style: bold reverse; }
    }
    """

    def __init__(self, wrap: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.wrap = wrap
        self._lines: tuple[LogLine, ...] = ()
        self._is_abandoned: Callable[[LogLine], bool] = lambda line: False
        self._rows: list[Text] = []
        self._starts: list[tuple[LogLine, int]] = []
        """Each line that is laid out, with its first row."""
        self._wanted, self._hit = "", -1
        self._back = 0
        self._laid_out_for = Size(0, 0)

    def show(self, lines: Sequence[LogLine], is_abandoned: Callable[[LogLine], bool] = lambda line: False) -> None:
        """``is_abandoned`` tells lines of steps that were taken back, which say so."""
        new, self._is_abandoned = tuple(lines), is_abandoned
        if new and self._lines and len(new) == len(self._lines) and new[-1] is self._lines[-1]:
            return
        if new != self._lines:
            self._lines = new
            self._lay_out()

    def scroll_lines(self, count: int) -> None:
        """Positive goes back in time."""
        height = max(1, self.size.height)
        self._back = max(0, min(self._back + count, len(self._rows) - height))
        self.refresh()

    def roll(self, by: int) -> None:
        self.scroll_lines(-_WHEEL * by)

    def find(self, wanted: str, step: int = 0) -> tuple[int, int]:
        """Go to a line that holds ``wanted``: ``step`` such lines on, or (0) the first from the top of what is seen.

        Returns its place among them, from 1, and how many there are; (0, 0) for none. "" ends the search.
        """
        self._wanted, height = wanted.casefold(), max(1, self.size.height)
        top = max(0, len(self._rows) - height) - self._back
        lines = [(text(line.message).casefold(), row) for line, row in self._starts]
        hits = [row for words, row in lines if self._wanted and self._wanted in words]
        before, self._hit = self._hit, -1
        if hits:
            in_sight = next((at for at, row in enumerate(hits) if row >= top), len(hits) - 1)
            at = (hits.index(before) + step) % len(hits) if before in hits else in_sight
            self._hit = hits[at]
            if not top <= self._hit < top + height:
                self._back = max(0, min(len(self._rows) - height // 2 - self._hit, len(self._rows) - height))
        self.refresh()
        return (hits.index(self._hit) + 1, len(hits)) if hits else (0, 0)

    def copied(self) -> str:
        """The line that was found, else the newest in sight, with its time."""
        if self._hit >= 0:
            end = next((row for _, row in self._starts if row > self._hit), len(self._rows))
            return " ".join(row.plain.strip() for row in self._rows[self._hit : end])
        shown = [line.plain.rstrip() for y in range(self.size.height) if (line := self._row(y)).plain.strip()]
        starts = [at for at, line in enumerate(shown) if not line.startswith(" ")]
        return " ".join(each.strip() for each in shown[starts[-1] :]) if starts else ""

    @property
    def visible_lines(self) -> list[str]:
        return [self._row(y).plain for y in range(self.size.height)]

    def render_line(self, y: int) -> Strip:
        if self._laid_out_for != self.size:  # shown for the first time, or resized without being told
            self._lay_out()
        row = self._marked(y) if self._wanted else self._row(y)
        segments = list(row.render(self.app.console))
        return Strip(segments).apply_style(self.rich_style).adjust_cell_length(self.size.width, self.rich_style)

    def on_resize(self) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._laid_out_for = Size(0, 0)  # its rows have the colors of before

    def _row(self, y: int) -> Text:
        start = max(0, len(self._rows) - self.size.height) - self._back
        index = start + y
        return self._rows[index] if 0 <= index < len(self._rows) else Text(end="")

    def _marked(self, y: int) -> Text:
        """A row of a log that is searched: what is searched for stands out, ``>`` marks the line that was found."""
        row = self._row(y).copy()
        row.highlight_words([self._wanted], self._style("hit"), case_sensitive=False)
        is_hit = max(0, len(self._rows) - self.size.height) - self._back + y == self._hit
        return Text.assemble(row[: _INDENT - 2], "> ", row[_INDENT:], end="") if is_hit else row

    def _lay_out(self) -> None:
        width = self.size.width
        if width <= _INDENT:
            return
        self._laid_out_for = self.size
        shown_before = [self._row(y).plain for y in range(self.size.height)]
        # A pane that cuts its lines needs only as many as fit; wrapping ones may be scrolled back to the first.
        wanted = self._lines if self.wrap else self._lines[-max(1, self.size.height) :]
        hit = next((line for line, row in self._starts if row == self._hit), None)
        top = max(0, len(self._rows) - self.size.height) - self._back
        read = next(((line, top - row) for line, row in reversed(self._starts) if row <= top), None)
        self._rows, self._starts = [], []
        for line in wanted:
            self._starts.append((line, len(self._rows)))
            self._rows += self._rows_of(line, width)
        self._hit = next((row for line, row in self._starts if line is hit), -1)
        last = max(0, len(self._rows) - self.size.height)
        if self._back and read is not None:  # what a person scrolled back to stays, whatever comes below
            first = next((row for line, row in self._starts if line is read[0]), 0)
            self._back = last - first - read[1]
        self._back = max(0, min(self._back, last)) if self.wrap else 0
        changed = [
            Region(0, y, width, 1) for y, before in enumerate(shown_before) if self._row(y).plain != before
        ]  # fmt: skip
        if changed:
            self.refresh(*changed)

    def _rows_of(self, line: LogLine, width: int) -> list[Text]:
        told = text(line.message)
        if self._is_abandoned(line):
            told = f"({text('steering.abandoned')}) {told}"
        message = Text(told, style=self._style(line.level), end="")
        time = Text(formats.clock(line.t) + "  ", style=self._style("time"), end="")
        if not self.wrap:
            cut(message, width - _INDENT)
            return [Text.assemble(time, message, end="")]
        return [
            Text.assemble(" " * _INDENT if index else time, (piece, message.style), end="")
            for index, piece in enumerate(wrap(told, width - _INDENT))
        ]

    def _style(self, level: str) -> Style:
        return self.get_component_rich_style(f"log--{level}", partial=True)
