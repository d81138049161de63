"""The table of runs and groups, one line each; only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.home.columns import GAP, LEAD, Cells, Column, columns, steps_of, title_of
from tui.widgets.wheel import Wheel

if TYPE_CHECKING:
    from engine.runs.group_summary import Line

_TONES = ("good", "look", "lost", "muted", "rest", "cursor", "sorted")
_HEAD = 1
"""Lines above the runs: the heads of the columns."""


class RunList(Wheel, Widget, can_focus=True):
    """Shows ``runs``; up, down, wheel and click choose one. The chosen run stays chosen when others come or go.

    Runs of the groups in ``unfolded`` stand below their group; ``marked`` are ids that a person marked. ``most`` is
    how many lines it grows to where its height is its own.
    """

    COMPONENT_CLASSES = {f"runs--{name}" for name in (*_TONES, "chosen")}  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding(key, f"move({by})", show=False)
        for key, by in (("up", -1), ("down", 1), ("pageup", -10), ("pagedown", 10), ("home", -10_000), ("end", 10_000))
    ]
    DEFAULT_CSS = """
    RunList {
        & > .runs--good { color: $success; }
        & > .runs--look { color: $warning; }
        & > .runs--lost { color: $error; }
        & > .runs--muted { color: $muted; }
        & > .runs--rest { color: $border-blurred; }
        & > .runs--cursor { color: $accent; text-style: bold; }
        & > .runs--sorted { color: $foreground; text-style: bold; }
        & > .runs--chosen { background: $focus-background; text-style: $row-style; }
    }
    """

    class Chosen(Message):
        """Another run was chosen."""

    class Opened(Message):
        """The chosen run was clicked twice."""

    class SortAsked(Message):
        """The head of a column was clicked: that of ``order``."""

        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(self, clock: Callable[[], float], unicode: bool) -> None:
        super().__init__()
        self._unicode = unicode
        self._cells = Cells(self._style, clock, unicode)
        self.runs: tuple[Line, ...] = ()
        self.unfolded: frozenset[str] = frozenset()
        self.marked: dict[str, None] = {}  # in the order of their marking
        self.order = "newest"
        self.chosen = 0
        self.most = 10
        self._top = 0
        self._rows: list[Text] = []
        self._drawn_for = Size(0, 0)

    @property
    def current(self) -> Line | None:
        return self.runs[self.chosen] if self.runs else None

    def mark(self) -> None:
        """Mark the chosen line, or take its mark away."""
        if self.current is not None and self.marked.pop(self.current.id, self) is self:
            self.marked[self.current.id] = None
        self._lay_out()

    def show(self, runs: Sequence[Line], unfolded: Collection[str] = (), order: str = "newest") -> None:
        """Take new summaries, which are in this order; the same run stays chosen."""
        before, count = self.current, len(self.runs)
        self.runs, self.unfolded, self.order = tuple(runs), frozenset(unfolded), order
        ids = [run.id for run in runs]
        if before is not None and before.id in ids:
            self.chosen = ids.index(before.id)
        self.chosen = max(0, min(self.chosen, len(runs) - 1))
        if len(ids) != count:
            self.refresh(layout=True)
        if before is None or self.current is None or before.id != self.current.id or before.state != self.current.state:
            self.post_message(self.Chosen())
        self._lay_out()

    def choose(self, run_id: str) -> None:
        """Put the cursor on this line, if it is there."""
        place = next((place for place, run in enumerate(self.runs) if run.id == run_id), self.chosen)
        if place != self.chosen:
            self.action_move(place - self.chosen)

    def action_move(self, by: int) -> None:
        target = max(0, min(self.chosen + by, len(self.runs) - 1))
        if target != self.chosen:
            self.chosen = target
            self.post_message(self.Chosen())
            self._lay_out()
        elif abs(by) == 1 and self.runs:
            # Past either end, the arrows go on to what is above or below the list.
            self.screen.focus_next() if by > 0 else self.screen.focus_previous()

    def on_click(self, event: events.Click) -> None:
        """A click chooses, a second one right after it opens; on a head it sorts."""
        if event.y < _HEAD:
            self._sort_at(event.x)
            return
        row = self._top + event.y - _HEAD
        if row < len(self.runs):
            if row != self.chosen:
                self.action_move(row - self.chosen)
            if event.chain == 2:
                self.post_message(self.Opened())

    def _sort_at(self, x: int) -> None:
        ends = LEAD
        for column in self._columns:
            ends += column.cells + GAP
            if x < ends:
                if column.order:
                    self.post_message(self.SortAsked(column.order))
                return

    def roll(self, by: int) -> None:
        if 0 <= self.chosen + by < len(self.runs):
            self.action_move(by)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._lay_out()

    @property
    def visible_lines(self) -> list[str]:
        """The runs on the screen, as text; the heads are not among them."""
        return [row.plain for row in self._rows[_HEAD:]]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return _HEAD + max(1, min(len(self.runs), self.most))

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != self.size:
            self._lay_out()
        if y >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        strip = Strip(list(self._rows[y].render(self.app.console)))
        return strip.apply_style(self.rich_style).adjust_cell_length(self.size.width, self.rich_style)

    @property
    def _columns(self) -> tuple[Column, ...]:
        return columns(self.size.width, max((cell_len(steps_of(run)) for run in self.runs), default=0))

    def _lay_out(self) -> None:
        self._drawn_for = self.size
        height, width = self.size.height - _HEAD, self.size.width
        if height < 1 or not width:
            return
        self._top = max(0, min(self._top, self.chosen, len(self.runs) - height))
        self._top = max(self._top, self.chosen - height + 1)
        shown = self._columns
        rows = [self._cells.head(shown, self.order)]
        rows += [self._row(i, shown, width) for i in range(self._top, min(len(self.runs), self._top + height))]
        old, self._rows = self._rows, rows
        if len(old) != len(rows):
            self.refresh()
            return
        pairs = enumerate(zip(old, rows, strict=True))
        changed = [Region(0, y, width, 1) for y, (a, b) in pairs if a != b or a.spans != b.spans]
        if changed:
            self.refresh(*changed)

    def _row(self, index: int, shown: Sequence[Column], width: int) -> Text:
        run, chosen = self.runs[index], index == self.chosen
        lead = (">" if chosen else " ") + ("*" if run.id in self.marked else " ")
        line = self._cells.row(run, shown, title_of(run, self.unfolded, self._unicode), lead, chosen)
        line.truncate(width)
        if chosen and self.has_focus:
            style = self._style("chosen")
            line.append(" " * (width - cell_len(line.plain)))
            if style.reverse:  # of 16 colours each would be turned into a slab of its own
                return Text.assemble((line.plain, style), end="", no_wrap=True)
            line.stylize_before(style)
        return line

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"runs--{name}", partial=True)
