"""The list of runs and groups, one line each; only lines that changed are drawn again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

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

_STATE_STYLE = {"running": "good", "finished": "good", "starting": "good", "paused": "look", "stopping": "look",
                "stopped": "look", "failed": "lost", "crashed": "lost", "damaged": "lost"}  # fmt: skip
_VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    "better": ("▲", "+", "good"), "worse": ("▼", "-", "lost"), "unclear": ("≈", "~", "look"),
}  # fmt: skip
"""The sign of a verdict with Unicode and in ASCII, and its style."""
_FEWEST_LINES = 3
_FIGURES = 20
"""Cells of loss and curve, or of a group's figures, in a narrow window."""
_WIDEST_METRIC = 17


class RunList(Widget, can_focus=True):
    """Shows ``runs``; up and down choose one. The chosen run stays chosen when others come or go.

    Runs of the groups in ``unfolded`` stand below their group; ``marked`` are ids that a person marked.
    """

    COMPONENT_CLASSES = {"runs--good", "runs--look", "runs--lost", "runs--muted", "runs--chosen"}  # noqa: RUF012
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
        & > .runs--chosen { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    }
    """

    class Chosen(Message):
        """Another run was chosen."""

    def __init__(self, clock: Callable[[], float], unicode: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock, self._unicode = clock, unicode
        self.runs: tuple[Line, ...] = ()
        self.unfolded: frozenset[str] = frozenset()
        self.marked: dict[str, None] = {}  # in the order of their marking
        self.chosen = 0
        self._top = 0
        self._rows: list[Text] = []

    @property
    def current(self) -> Line | None:
        return self.runs[self.chosen] if self.runs else None

    def mark(self) -> None:
        """Mark the chosen line, or take its mark away."""
        if self.current is not None and self.marked.pop(self.current.id, self) is self:
            self.marked[self.current.id] = None
        self._lay_out()

    def show(self, runs: Sequence[Line], unfolded: Collection[str] = ()) -> None:
        """Take new summaries; the same run stays chosen."""
        before, count = self.current, len(self.runs)
        self.runs, self.unfolded = tuple(runs), frozenset(unfolded)
        ids = [run.id for run in runs]
        if before is not None and before.id in ids:
            self.chosen = ids.index(before.id)
        self.chosen = max(0, min(self.chosen, len(runs) - 1))
        if len(ids) != count:
            self.refresh(layout=True)
        if before is None or self.current is None or before.id != self.current.id or before.state != self.current.state:
            self.post_message(self.Chosen())
        self._lay_out()

    def action_move(self, by: int) -> None:
        target = max(0, min(self.chosen + by, len(self.runs) - 1))
        if target != self.chosen:
            self.chosen = target
            self.post_message(self.Chosen())
            self._lay_out()
        elif abs(by) == 1 and self.runs:
            # Past either end, the arrows go on to what is above or below the list.
            self.screen.focus_next() if by > 0 else self.screen.focus_previous()

    def on_resize(self) -> None:
        self._lay_out()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._lay_out()

    @property
    def visible_lines(self) -> list[str]:
        return [row.plain for row in self._rows]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are runs, while what stands beside it, a line each, has room too."""
        beside = [each for each in self.siblings if each.display]
        room = container.height - sum(1 + each.styles.margin.height for each in beside)
        return max(1, min(len(self.runs), max(_FEWEST_LINES, room)))

    def render_line(self, y: int) -> Strip:
        if y >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        strip = Strip(list(self._rows[y].render(self.app.console)))
        return strip.apply_style(self.rich_style).adjust_cell_length(self.size.width, self.rich_style)

    def _lay_out(self) -> None:
        height, width = self.size.height, self.size.width
        if not height or not width:
            return
        self._top = max(0, min(self._top, self.chosen, len(self.runs) - height))
        self._top = max(self._top, self.chosen - height + 1)
        rows = [self._row(i, width) for i in range(self._top, min(len(self.runs), self._top + height))]
        old, self._rows = self._rows, rows
        if len(old) != len(rows):
            self.refresh()
            return
        pairs = enumerate(zip(old, rows, strict=True))
        changed = [Region(0, y, width, 1) for y, (a, b) in pairs if a != b or a.spans != b.spans]
        if changed:
            self.refresh(*changed)

    def _row(self, index: int, width: int) -> Text:
        from engine.runs import story  # the first frame has no runs, and needs no decoder of their logs

        run = self.runs[index]
        chosen = index == self.chosen
        mark = (">" if chosen else " ") + ("*" if run.id in self.marked else " ")
        name_width = 20 if width < 100 else 34
        name = fit(cut_cells(self._title(run), name_width), name_width)
        line = Text.assemble(mark, (name, "bold" if chosen else ""), "  ", end="", no_wrap=True)
        line.append(fit(words.said(story.state(run.state)), 9), style=self._style(_STATE_STYLE.get(run.state, "muted")))
        steps = f"{run.step:,}/{run.total_steps:,}" if run.total_steps else text("app.steps", steps=run.step)
        line.append(f" {' ' * (12 - cell_len(steps))}{steps}  ")
        rest = width - cell_len(line.plain)
        if run.state in ("failed", "crashed", "damaged") and run.reason:
            tail = text("home.resume-hint") if run.resumable else ""
            line.append(cut_cells(words.said(run.reason), rest - cell_len(tail) - 3), style=self._style("lost"))
        else:
            self._append_figures(line, run, width)
            tail = self._tail(run)
        gap = width - 1 - cell_len(line.plain) - cell_len(tail)
        line.append(" " * max(1, gap) + tail)
        line.truncate(width)
        if chosen and self.has_focus:
            line = Text.assemble((fit(line.plain, width), self._style("chosen")), end="", no_wrap=True)
        return line

    def _title(self, run: Line) -> str:
        name = clean(run.name, keep_newlines=False)
        if is_group(run):
            is_open = run.id in self.unfolded
            sign = ("▾" if is_open else "▸") if self._unicode else ("-" if is_open else "+")
            return f"{sign} {name} x{len(run.members)}"
        if run.group in self.unfolded:
            return f"  {name if run.seed is None else text('home.seed', seed=str(run.seed))}"
        return name

    def _append_figures(self, line: Text, run: Line, width: int) -> None:
        """Loss, then its curve, or once there is one the metric that decides with the sign of its verdict."""
        from engine.metrics import words as metric_words

        wide = max(0, min(_WIDEST_METRIC, width - 93)) if width >= 100 else 0
        spread = run.spread if is_group(run) else None
        if spread is not None:
            low, high = (metric_words.value(spread.metric, each) for each in (spread.low, spread.high))
            mean = metric_words.value(spread.metric, spread.mean)
            told = Text(f"{mean} {low}{'–' if self._unicode else '-'}{high}")
            if cell_len(told.plain) + 2 > _FIGURES + wide:  # the line below the list tells the range too
                told = Text(mean)
            self._append_sign(told, spread.verdict)
            self._fill(line, told, _FIGURES + wide)
            return
        line.append(f"{text('app.loss')} {formats.loss(run.loss):>6} ")
        spark = 8 + wide
        if run.score is not None and has_ended(run):
            told = Text(metric_words.value(run.score.metric, run.score.value))
            self._append_sign(told, run.score.verdict)
            metric = f" {words.said(metric_words.metric(run.score.metric))}"
            told.append(metric if cell_len(told.plain + metric) <= spark else "")
            self._fill(line, told, spark)
        else:
            losses = () if is_group(run) else run.losses
            line.append(fit(words.sparkline(losses, spark, self._unicode), spark), style=self._style("muted"))

    def _append_sign(self, told: Text, verdict: Verdict | None) -> None:
        if verdict is not None:
            unicode, ascii_sign, style = _VERDICTS[verdict]
            told.append(f" {unicode if self._unicode else ascii_sign}", style=self._style(style))

    def _fill(self, line: Text, told: Text, cells: int) -> None:
        line.append_text(told)  # figures are never cut, even where they push what follows
        line.append(" " * max(0, cells - cell_len(told.plain)))

    def _tail(self, run: Line) -> str:
        if has_ended(run):
            return formats.when(run.last_t, self._clock())
        eta_s = None if is_group(run) else run.eta_s
        return text("home.eta", left=eta_s) if eta_s is not None else ""

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"runs--{name}", partial=name != "chosen")


def is_group(line: Line) -> TypeIs[GroupSummary]:
    """Whether ``line`` is a group's; told by what it has, as the class lies behind decoders of logs."""
    return hasattr(line, "members")


def has_ended(run: Line) -> bool:
    """Whether nothing of ``run`` goes on now."""
    return run.state in ("created", "finished", "stopped", "failed", "crashed", "damaged")
