"""The chart widget: curves over steps that can be zoomed, moved and read out by keyboard, cheap over a slow line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.chart_canvas import Row
from tui.widgets.chart_parts import AT_STEP, Curve, Level, Look, Plot
from tui.widgets.chart_plot import draw, extent
from tui.widgets.chart_scale import LEAST_IN_VIEW, View

_STYLES = ("axis", "title", "legend", "raw", "line-0", "line-1", "line-2", "line-3", "points", "cursor", "checkpoint",
           "overlay", "event", "lost", "level-0", "level-1")  # fmt: skip
_LEAST_DRAG = 2  # cells: less is a click whose hand shook
_LONGEST_SILENCE_S = 300.0  # what is measured every few seconds was not running in a longer gap


class Chart(Widget, can_focus=True):
    """Give it curves with ``set_series``, then call ``redraw``: only cells that changed are sent.

    Curves may be shared arrays that grow; ``length`` says how much of them counts now. Over time, ``in_pieces`` says
    that curves are of what is measured every few seconds: gaps stay and the y axis begins at zero, as it does with
    ``from_zero``. ``at`` is the code of what the crosshair says of its x.
    """

    COMPONENT_CLASSES = {f"chart--{name}" for name in _STYLES}  # noqa: RUF012
    BINDINGS = keys.bindings(keys.CHART)
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        & > .chart--axis { color: $muted; }
        & > .chart--title { text-style: bold; }
        & > .chart--legend { color: $foreground; }
        & > .chart--raw { color: $chart-raw; text-style: $chart-raw-style; }
        & > .chart--overlay { color: $faint; text-style: $chart-raw-style; }
        & > .chart--line-0 { color: $chart-0; text-style: bold; }
        & > .chart--line-1 { color: $chart-1; text-style: bold; }
        & > .chart--line-2 { color: $chart-2; text-style: bold; }
        & > .chart--line-3 { color: $chart-3; text-style: bold; }
        & > .chart--points { color: $success; text-style: bold; }
        & > .chart--cursor { color: $accent; }
        & > .chart--checkpoint { color: $success; }
        & > .chart--event { color: $warning; text-style: bold; }
        & > .chart--lost { color: $error; text-style: bold; }
        & > .chart--level-0 { color: $warning; }
        & > .chart--level-1 { color: $error; }
    }
    """

    def __init__(self, title: str = "", unicode: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chart_title = title
        self.unicode = unicode
        self.log_y = False
        self.view = View()
        self.cursor: float | None = None
        self.limit: float | None = None
        self.of_time = False
        self.in_pieces = True
        self.from_zero = False
        self.at = AT_STEP
        self.per = 1.0
        """What x is divided by where it is read: an axis has whole steps."""
        self.rest = ""
        self.waiting: tuple[str, ...] = ()
        """Paragraphs that stand in the plot's place until there is a curve."""
        self._levels: tuple[Level, ...] = ()
        self._curves: dict[str, Curve] = {}
        self._marks: dict[str, tuple[float, ...]] = {}
        self._plot: Plot | None = None
        self._drawn_for = Size(0, 0)
        self._strips: dict[int, tuple[Row, Strip]] = {}
        self._dragged_from: float | None = None

    def set_series(
        self,
        name: str,
        x: Sequence[float],
        y: Sequence[float],
        length: int | None = None,
        kind: str = "line",
        label: str = "",
        tag: str = "",
        note: str = "",
        dash: int | None = None,
    ) -> None:
        """Set or replace a curve. ``kind``: raw (dim band), line (bright), points (one mark each), overlay (dim).

        ``tag``, one character at its newest point, tells curves apart where colours can't, and so does a ``dash``.
        ``note`` is said of it in the legend.
        """
        known = self._curves.get(name)
        count = len(x) if length is None else length
        if known is not None and known.kind == kind:
            known.x, known.y, known.length, known.label, known.tag = x, y, count, label, tag
            known.note, known.dash = note, dash
        else:
            self._curves[name] = Curve(name, x, y, count, kind, label, tag, note, dash)

    def drop_series(self, name: str) -> None:
        """Show a curve no more."""
        self._curves.pop(name, None)

    def clear_series(self) -> None:
        self._curves.clear()
        self._marks.clear()
        self._levels, self.rest = (), ""

    def set_time(self, of_time: bool) -> None:
        """Whether x is seconds, with gaps where nothing was measured, or steps. A zoom does not outlive the change."""
        if of_time != self.of_time:
            self.of_time, self.view, self.cursor = of_time, View(), None

    def set_levels(self, levels: Sequence[Level]) -> None:
        """Constant lines that the curves are measured against."""
        self._levels = tuple(levels)

    def set_marks(self, kind: str, steps: Sequence[float]) -> None:
        """Marks on the x axis, of a kind of MARKS."""
        self._marks[kind] = tuple(steps)

    def redraw(self) -> None:
        """Draw again and refresh the cells that differ from what is shown."""
        if not self.size.width or not self.size.height:
            return
        old, new = self._plot, self._draw()
        self._plot = new
        if old is None or len(old.rows) != len(new.rows) or len(old.rows[-1][0]) != len(new.rows[-1][0]):
            self.refresh()
            return
        changed = [
            span for y, (before, after) in enumerate(zip(old.rows, new.rows, strict=True))
            if (span := _difference(y, before, after))
        ]  # fmt: skip
        if changed:
            self.refresh(*changed)

    @property
    def lines(self) -> list[str]:
        """What the chart shows, as text."""
        return [text for text, _ in (self._plot or self._draw()).rows]

    def render_line(self, y: int) -> Strip:
        if self._plot is None or self._drawn_for != self.size:
            self._plot = self._draw()
        if y >= len(self._plot.rows):
            return Strip.blank(self.size.width, self.rich_style)
        row = self._plot.rows[y]
        cached = self._strips.get(y)
        if cached is None or cached[0] != row:
            cached = self._strips[y] = (row, self._strip(row))
        return cached[1]

    def on_resize(self) -> None:
        self._forget_drawing()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    # The mouse: a click reads out, a drag shows what it went over, the wheel zooms where it is.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and event.y and extent(self._curves)[1]:  # the first row has the names
            self.capture_mouse()
            self._dragged_from = self.cursor = self._x_at(event.x)
            self.redraw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        begun, self._dragged_from = self._dragged_from, None
        self.release_mouse()
        plot = self._plot
        if begun is None or plot is None:
            return
        start, end = sorted((begun, self._x_at(event.x)))
        first, last = extent(self._curves)
        if end - start > _LEAST_DRAG * (plot.end - plot.start) / plot.columns and last - first > LEAST_IN_VIEW:
            end = max(end, start + LEAST_IN_VIEW)
            self.view, self.cursor = View(start, end, follow=end >= last), None
            self.redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 0.5)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 2.0)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        first, last = extent(self._curves)
        if last:
            event.stop()
            self.view = self.view.zoom(factor, self._x_at(event.x), first, last, self.limit)
            self.redraw()

    def _x_at(self, column: int) -> float:
        """The step, or the second, that lies at a column of the widget."""
        plot = self._plot or self._draw()
        share = (column - plot.left) / max(1, plot.columns - 1)
        first, last = extent(self._curves)
        return float(round(min(last, max(first, plot.start + share * (plot.end - plot.start)))))

    def toggle_log_y(self) -> None:
        self.log_y = not self.log_y
        self.redraw()

    def action_zoom_in(self) -> None:
        self._zoom(0.5)

    def action_zoom_out(self) -> None:
        self._zoom(2.0)

    def action_left(self) -> None:
        self._move(-1)

    def action_right(self) -> None:
        self._move(1)

    def action_reset(self) -> None:
        self.view, self.cursor = View(), None
        self.redraw()

    def action_follow(self) -> None:
        if self.view.start is not None:
            self.view = View(self.view.start, self.view.end, follow=True)
        self.cursor = None
        self.redraw()

    def action_crosshair(self) -> None:
        last = extent(self._curves)[1]
        if self.cursor is not None or not any(curve.length for curve in self._curves.values()):
            self.cursor = None
        else:
            plot = self._plot or self._draw()
            self.cursor = min(last, plot.end)
        self.redraw()

    def _zoom(self, factor: float) -> None:
        first, last = extent(self._curves)
        around = self.cursor if self.cursor is not None else last
        if self.cursor is None and not self.view.follow:
            around = (self.view.start or 0.0) / 2 + self.view.end / 2
        self.view = self.view.zoom(factor, around, first, last, self.limit)
        self.redraw()

    def _move(self, direction: int) -> None:
        first, last = extent(self._curves)
        if self.cursor is None:
            self.view = self.view.pan(direction * 0.25, first, last, self.limit)
        else:
            self._move_cursor(direction)
            plot = self._plot
            if plot is not None and self.view.start is not None and not plot.start <= self.cursor <= plot.end:
                self.view = self.view.pan(direction * 0.5, first, last, self.limit)
        self.redraw()

    def _move_cursor(self, direction: int) -> None:
        """To the next step that has a point, at least one column away."""
        plot = self._plot or self._draw()
        first, last = extent(self._curves)
        wide = max(1.0, (plot.end - plot.start) / max(1, plot.columns))
        self.cursor = min(last, max(first, round((self.cursor or 0.0) + direction * wide)))

    def _draw(self) -> Plot:
        self._drawn_for = self.size
        measured = self.of_time and self.in_pieces
        look = Look(
            width=self.size.width, height=self.size.height, title=self.chart_title, view=self.view, log=self.log_y,
            cursor=self.cursor, unicode=self.unicode, focused=self.has_focus, limit=self.limit,
            left=self._plot.left - 1 if self._plot else 5, levels=self._levels, of_time=self.of_time,
            rest=self.rest, from_zero=measured or self.from_zero,
            join_up_to=_LONGEST_SILENCE_S if measured else math.inf, at=self.at, per=self.per,
            waiting=self.waiting,
            reach=(self._plot.end - self._plot.start) / max(1, self._plot.columns) if self._plot else 1.0,
            empty=text("widgets.not-measured" if measured else "widgets.no-steps"),
        )  # fmt: skip
        return draw(self._curves, self._marks, look)

    def _forget_drawing(self) -> None:
        self._plot = None
        self._strips.clear()
        self.refresh()

    def _strip(self, row: Row) -> Strip:
        text, names = row
        segments: list[Segment] = []
        begin = 0
        for index in range(1, len(text) + 1):
            # A blank looks the same in every style: taking its neighbour's saves 35 bytes on the line.
            if index == len(text) or (names[index] != names[begin] and text[index] != " "):
                segments.append(Segment(text[begin:index], self._style(names[begin])))
                begin = index
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}") if name else self.rich_style


def _difference(y: int, before: Row, after: Row) -> Region | None:
    """The cells of line ``y`` that are not the same, as one region."""
    if before == after:
        return None
    cells = cell_len(before[0])
    if not len(before[0]) == len(after[0]) == cells == cell_len(after[0]):  # wide letters: characters are not cells
        return Region(0, y, cells, 1)
    pairs = list(zip(zip(*before, strict=True), zip(*after, strict=True), strict=True))
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
    if first is None:
        return None
    last = next(i for i in range(len(pairs) - 1, -1, -1) if pairs[i][0] != pairs[i][1])
    return Region(first, y, last - first + 1, 1)
