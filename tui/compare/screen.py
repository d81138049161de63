"""Runs side by side on a screen: their curves over one another, verdicts, losses, cost and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.message import Message as ScreenMessage
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui import keys, session, shell, words
from tui.theme import colours_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.chart import Chart
from tui.widgets.chart_parts import AT_STEP
from tui.widgets.chart_scale import View
from tui.widgets.line import Block, cut_cells, wrap
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.compare.compare import Compared
    from engine.app.compare.curves import Axis
    from engine.app.compare.tables import Cell, Table
    from engine.app.compare.targets import Target

_CURVES = {"loss": "compare.loss", "eval_loss": "compare.eval-loss"}
_OVER: dict[Axis, str] = {
    "steps": "compare.over-steps", "tokens": "compare.over-tokens", "time": "compare.over-time",
}  # fmt: skip
_VIEWS = ("both", "tables", "chart")
_DASHES = 4
_VERDICTS = {"better": "success", "worse": "error", "unclear": "warning"}
"""Colours of the theme, by the code of a verdict."""
_LABEL_CELLS, _FIELD_CELLS, _FEWEST_CELLS = 16, 30, 8


class CompareScreen(WholeScreen, Screen[None]):
    """``targets`` are read in a thread; Esc goes back."""

    AUTO_FOCUS = "Chart"
    BINDINGS = keys.bindings(keys.COMPARE)
    HELP = "compare.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.COMPARE), ("monitor.chart-keys", keys.CHART))
    CSS = """
    CompareScreen {
        #compare { height: 1fr; layout: vertical; }
        #compare-curves { height: 2fr; }
        #compare-result { height: 3fr; }
        #compare-tables { height: 1fr; scrollbar-size-vertical: 1; }
        #compare-text { height: auto; }
        &.-wide #compare { layout: horizontal; }
        &.-wide #compare Panel { height: 1fr; width: 1fr; }
    }
    """

    class Read(ScreenMessage):
        """The runs were read and compared, or can't be."""

        def __init__(self, found: Compared | None, tables: Sequence[Table], problem: str = "") -> None:
            super().__init__()
            self.found, self.tables, self.problem = found, tables, problem

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        self._targets = tuple(targets)
        self._found: Compared | None = None
        self._tables: Sequence[Table] = ()
        self._curve, self._axis, self._view = "loss", 0, 0
        self._log_y, self._zoom = False, View()
        """Of the chart, until it has curves."""

    def remembered(self) -> dict[str, Any]:
        chart = self.query_one(Chart)
        return {
            "screen": "compare", "sides": list(self.subjects), "curve": self._curve,
            "axis": [*_OVER][self._axis], "view": _VIEWS[self._view],
            "log_y": chart.log_y, "zoom": chart.view.kept,
        }  # fmt: skip

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._curve = session.one_of(kept, "curve", [*_CURVES]) or self._curve
        self._axis = [*_OVER].index(session.one_of(kept, "axis", [*_OVER]) or "steps")
        self._view = _VIEWS.index(session.one_of(kept, "view", _VIEWS) or "both")
        self._log_y, self._zoom = kept.get("log_y") is True, View.of_kept(session.numbers(kept, "zoom", 3))

    def compose(self) -> ComposeResult:
        yield TopLine(text("compare.title"), text("compare.reading"))
        with Container(id="compare"):
            yield Panel(text("compare.curves"), Chart("", world_of(self).terminal.unicode), id="compare-curves")
            yield Panel(
                text("compare.result"),
                VerticalScroll(Block(id="compare-text"), id="compare-tables"),
                id="compare-result",
            )
        yield KeyBar(keys.in_bar(keys.COMPARE, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self._arrange()
        self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    @work(thread=True, group="compare", exclusive=True)
    def _read(self) -> None:
        from engine.app.compare.compare import compare
        from engine.app.compare.tables import tables

        try:
            found = compare(self._targets)
        except (TunedeckError, OSError) as error:
            self.post_message(self.Read(None, (), str(error)))
        else:
            self.post_message(self.Read(found, tables(found)))

    @on(Read)
    def _show(self, message: Read) -> None:
        self._found, self._tables = message.found, message.tables
        if self._tables:  # which letter is whom stands above: the verdict comes first
            who, *rest = self._tables
            self._tables = (*rest[:-2], who, *rest[-2:])
        sides = self._found.sides if self._found else ()
        names = "   ".join(f"{side.letter} {clean(side.name, keep_newlines=False)}" for side in sides)
        self.query_one(TopLine).show(right=cut_cells(names, max(20, self.size.width - 20)))
        if message.problem:
            self.query_one(Block).show(message.problem, Text(clean(message.problem)))
        self._feed()
        chart = self.query_one(Chart)
        chart.log_y, chart.view = self._log_y, self._zoom
        chart.redraw()
        self._draw()

    def _feed(self) -> None:
        """Give the chart the chosen curve of each side over the chosen axis."""
        from engine.app.compare.curves import AXES

        if self._found is None:
            return
        chart, axis = self.query_one(Chart), AXES[self._axis]
        chart.clear_series()
        chart.in_pieces, chart.at = False, "widgets.at-tokens" if axis == "tokens" else AT_STEP
        chart.set_time(axis == "time")
        chart.chart_title = text(_OVER[axis], curve=text(_CURVES[self._curve]))
        for index, side in enumerate(self._found.sides):
            curve = side.curves.get(self._curve, {}).get(axis)
            if curve is None or not curve.x:
                continue
            label = cut_cells(clean(side.name, keep_newlines=False), _LABEL_CELLS)
            dash = (index + index // _DASHES) % _DASHES
            chart.set_series(
                side.letter, curve.x, curve.y, kind="line", label=label, tag=side.letter, dash=dash,
                note=formats.loss(curve.y[-1]),
            )  # fmt: skip
        chart.redraw()

    def _draw(self) -> None:
        if not self._tables:
            return
        width = max(40, self.query_one("#compare-tables").size.width - 3)
        drawn = _drawn(self._tables, width, colours_of(self.app))
        self.query_one(Block).show((width, id(self._tables), self.app.theme), Group(*drawn))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(each.id for each in self._targets)

    def copied(self) -> str:
        """The command that prints the same tables."""
        return shell.command("compare", *self.subjects)

    def action_curve(self) -> None:
        """Loss, or the loss of held-out rows."""
        names = [*_CURVES]
        self._curve = names[(names.index(self._curve) + 1) % len(names)]
        self._feed()

    def action_axis(self) -> None:
        """Steps, tokens, time: the next one."""
        self._axis = (self._axis + 1) % len(_OVER)
        self.query_one(Chart).action_reset()
        self._feed()

    def action_cycle(self) -> None:
        """Curves and tables, tables alone, curves alone."""
        self._view = (self._view + 1) % len(_VIEWS)
        self._arrange()
        self.call_after_refresh(self._draw)

    def _arrange(self) -> None:
        chart, tables, shown = self.query_one(Chart), self.query_one("#compare-tables"), _VIEWS[self._view]
        self.query_one("#compare-curves").display = shown != "tables"
        self.query_one("#compare-result").display = shown != "chart"
        (tables if shown == "tables" else chart).focus()

    def action_log_y(self) -> None:
        self.query_one(Chart).toggle_log_y()

    def action_scroll(self, by: int) -> None:
        self.query_one("#compare-tables", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_leave(self) -> None:
        self.workers.cancel_group(self, "compare")
        self.dismiss()


def _drawn(tables: Sequence[Table], width: int, colour: Callable[[str], str]) -> list[RenderableType]:
    """Each table under its title, and the sentences below it; verdicts in the colour of their meaning."""
    parts: list[RenderableType] = []
    for number, table in enumerate(tables):
        if number:
            parts.append(Text())
        title = Text(_said(table.title), style=f"bold {colour('accent')}")
        parts.append(Group(title, _grid(table, width, colour("muted"))) if table.rows else title)
        for sentence in table.below:
            verdict = sentence.args.get("verdict") if isinstance(sentence, Message) else None
            code = verdict.code.rpartition(".")[2] if isinstance(verdict, Message) else ""
            style = colour(_VERDICTS[code]) if code in _VERDICTS else ""
            parts += [Text(line, style=style) for line in wrap(_said(sentence), width)]
    return parts


def _grid(table: Table, width: int, muted: str) -> Grid:
    """The title over columns of equal width, of which the first may take less. What is too long goes on below."""
    columns = len(table.header) - 1
    first = max(_FEWEST_CELLS, *(cell_len(_said(row[0])) for row in table.rows))
    first = min(first, _FIELD_CELLS, max(_FEWEST_CELLS, 2 * width // 5))
    each = max(_FEWEST_CELLS, (width - first) // columns - 2)
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=first)
    for _ in range(columns):
        grid.add_column(max_width=each)
    for number, row in enumerate([table.header, *table.rows]):
        style = "" if number else muted
        label = "\n".join(wrap(_said(row[0]), first))
        grid.add_row(Text(label), *(Text(_in_cells(_said(cell), each), style) for cell in row[1:]))
    return grid


def _in_cells(value: str, cells: int) -> str:
    """``value`` in lines of so many cells; of a long path the end, which tells more."""
    is_path = "/" in value and " " not in value
    return f"..{value[-(cells - 2) :]}" if is_path and cell_len(value) > cells else "\n".join(wrap(value, cells))


def _said(cell: Cell) -> str:
    return words.said(cell)
