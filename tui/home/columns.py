"""The table of runs: which columns a width has room for, their heads, and what stands in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from tui import words
from tui.widgets.bars import fit
from tui.widgets.line import cut_cells

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from engine.metrics.result import Verdict
    from engine.runs.group_summary import GroupSummary, Line

STATE_TONES = {"running": "good", "finished": "good", "starting": "good", "paused": "look", "stopping": "look",
               "stopped": "look", "failed": "lost", "crashed": "lost", "damaged": "lost"}  # fmt: skip
VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    "better": ("▲", "+", "good"), "worse": ("▼", "-", "lost"), "unclear": ("≈", "~", "look"),
}  # fmt: skip
"""The sign of a verdict with Unicode and in ASCII, and its tone."""
LEAD, GAP = 4, 2
"""Cells of cursor, mark and dot before the name, and between two columns."""
HEADS = {
    "name": "home.column-name", "state": "home.column-state", "progress": "home.column-progress",
    "loss": "home.column-loss", "result": "home.column-result", "gpu": "home.column-gpu", "model": "home.column-model",
    "age": "home.column-age",
}  # fmt: skip
_FEWEST_OF_A_NAME = 12
_FEWEST_OF_A_REASON = 16


@dataclass(frozen=True)
class Column:
    """``name`` is that of its head; a click there asks for the order of the same name, where there is one."""

    name: str
    cells: int
    is_right: bool = False

    @property
    def order(self) -> str:
        """The order that sorts by this column, "" for none."""
        return {"result": "metric", "age": "newest"}.get(self.name, self.name if self.name in _ORDERED else "")

    @property
    def head(self) -> str:
        return text(HEADS[self.name])


_ORDERED = ("name", "state", "loss")


def columns(width: int, steps: int) -> tuple[Column, ...]:
    """What ``width`` cells have room for, where numbers of steps take up to ``steps`` cells; the name has the rest."""
    narrow, wide, broad = width < 73, width >= 100, width >= 128
    bar = 0 if narrow else 6 if not wide else 10
    found = [Column("state", 8), Column("progress", bar + bool(bar) + max(7, steps), is_right=not bar)]
    found.append(Column("loss", 6, is_right=True))
    if not narrow:
        found.append(Column("result", 8 if not wide else 25))
    if broad:
        found += [Column("gpu", 5), Column("model", 18)]
    found.append(Column("age", 11, is_right=True))
    name = width - LEAD - sum(GAP + column.cells for column in found)
    return (Column("name", max(_FEWEST_OF_A_NAME, name)), *found)


def steps_of(run: Line) -> str:
    """``212/900``, or how many where the end is not known."""
    return f"{run.step:,}/{run.total_steps:,}" if run.total_steps else text("app.steps", steps=run.step)


class Cells:
    """Draws a run's cells; ``style`` gives the style of a tone."""

    def __init__(self, style: Callable[[str], Style], clock: Callable[[], float], unicode: bool) -> None:
        self._style, self._clock, self._unicode = style, clock, unicode

    def row(self, run: Line, shown: Sequence[Column], title: str, lead: str, chosen: bool) -> Text:
        """The whole line: ``lead`` (cursor and mark), the dot of its state, then the columns."""
        tone = self._style(STATE_TONES.get(run.state, "muted"))
        line = Text(end="", no_wrap=True)
        line.append(lead[:1], style=self._style("cursor"))
        line.append(lead[1:])
        line.append(f"{self._dot(run)} ", style=tone)
        for place, column in enumerate(shown):
            line.append(" " * GAP if place else "")
            line.append_text(self._fitted(self._cell(run, column, title, chosen), column))
        return line

    def head(self, shown: Sequence[Column], order: str) -> Text:
        """The names of the columns; that of the order is marked."""
        line = Text(" " * LEAD, end="", no_wrap=True)
        sign = "▾" if self._unicode else "v"
        for place, column in enumerate(shown):
            line.append(" " * GAP if place else "")
            is_order = column.order == order
            head = cut_cells(column.head, column.cells - 2 * is_order) + (f" {sign}" if is_order else "")
            style = self._style("sorted" if is_order else "muted")
            line.append_text(self._fitted(Text(head, style=style), column))
        return line

    def _fitted(self, cell: Text, column: Column) -> Text:
        cell.end, cell.no_wrap = "", True
        cell.truncate(column.cells)
        blank = Text(" " * max(0, column.cells - cell_len(cell.plain)), end="")
        return blank.append_text(cell) if column.is_right else cell.append_text(blank)

    def _cell(self, run: Line, column: Column, title: str, chosen: bool) -> Text:
        if column.name == "name":
            return Text(fit(cut_cells(title, column.cells), column.cells), style="bold" if chosen else "")
        if column.name == "state":
            return self._state(run)
        if column.name == "progress":
            return self._progress(run, column.cells)
        if column.name == "loss":
            return Text(formats.loss(run.loss))
        if column.name == "result":
            return self._result(run, column.cells)
        if column.name == "model":
            return Text(cut_cells(words.said(PurePath(run.model).name), column.cells), style=self._style("muted"))
        if column.name == "gpu":
            return Text(_gpus(run), style=self._style("muted"))
        return self._age(run)

    def _dot(self, run: Line) -> str:
        """Full while something goes on."""
        filled, hollow = ("●", "○") if self._unicode else ("o", ".")
        return hollow if has_ended(run) else filled

    def _state(self, run: Line) -> Text:
        from engine.runs import story  # the first frame has no runs, and needs no decoder of their logs

        return Text(words.said(story.state(run.state)), style=self._style(STATE_TONES.get(run.state, "muted")))

    def _progress(self, run: Line, cells: int) -> Text:
        told = steps_of(run)
        bar = cells - cell_len(told) - 1
        if bar < 4 or not run.total_steps:
            return Text(told.rjust(cells))
        width = 10 if cells >= 18 else 6
        full = round(min(1.0, run.step / run.total_steps) * width)
        on, off = words.gauge_parts(self._unicode)
        line = Text.assemble((on * full, self._style(STATE_TONES.get(run.state, "muted"))))
        line.append(off * (width - full), style=self._style("rest"))
        return line.append(told.rjust(cells - width))

    def _result(self, run: Line, cells: int) -> Text:
        """The metric that decides with the sign of its verdict, before there is one the course of the loss."""
        from engine.metrics import words as metric_words

        if run.state in ("failed", "crashed", "damaged") and run.reason and cells >= _FEWEST_OF_A_REASON:
            return Text(cut_cells(words.said(run.reason), cells), style=self._style("lost"))
        if run.score is None or not has_ended(run):
            losses = () if is_group(run) else run.losses
            drawn = words.sparkline(losses, min(cells, 20), self._unicode)
            return Text(drawn, style=self._style("muted"))
        told = Text(metric_words.value(run.score.metric, run.score.value))
        if run.score.verdict is not None:
            unicode, ascii_sign, tone = VERDICTS[run.score.verdict]
            told.append(f" {unicode if self._unicode else ascii_sign}", style=self._style(tone))
        more = f" {words.said(metric_words.metric(run.score.metric))}"
        if is_group(run) and run.spread is not None:
            low, high = (metric_words.value(run.spread.metric, each) for each in (run.spread.low, run.spread.high))
            more = f" {low}{'–' if self._unicode else '-'}{high}"
        told.append(more if cell_len(told.plain + more) <= cells else "", style=self._style("muted"))
        return told

    def _age(self, run: Line) -> Text:
        if has_ended(run):
            return Text(formats.when(run.last_t, self._clock()), style=self._style("muted"))
        eta_s = None if is_group(run) else run.eta_s
        return Text(text("home.eta", left=eta_s) if eta_s is not None else "")


def title_of(run: Line, unfolded: frozenset[str], unicode: bool) -> str:
    """A run's name, a group's with how many it has, the seed alone of a run below its open group."""
    name = clean(run.name, keep_newlines=False)
    if is_group(run):
        is_open = run.id in unfolded
        sign = ("▾" if is_open else "▸") if unicode else ("-" if is_open else "+")
        return f"{sign} {name} x{len(run.members)}"
    if run.group in unfolded:
        return f"  {name if run.seed is None else text('home.seed', seed=str(run.seed))}"
    return name


def _gpus(run: Line) -> str:
    each = [one.gpus for one in (run.members if is_group(run) else (run,)) if one.gpus]
    return ",".join(map(str, each[-1])) if each else ""


def is_group(line: Line) -> TypeIs[GroupSummary]:
    """Whether ``line`` is a group's; told by what it has, as the class lies behind decoders of logs."""
    return hasattr(line, "members")


def has_ended(run: Line) -> bool:
    """Whether nothing of ``run`` goes on now."""
    return run.state in ("created", "finished", "stopped", "failed", "crashed", "damaged")
