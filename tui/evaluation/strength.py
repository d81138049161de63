"""The strength dial: what the run's adapter does at several scales, drawn line by line, and one key that keeps one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from engine.common.columns import aligned
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from engine.metrics import words as metric_words
from tui import keys, words
from tui.evaluation import job
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.beside import JobScreen
from tui.widgets.chart import Chart
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Line, Prose
from tui.widgets.panel import Panel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.strength_curve import StrengthCurve


_PER = 100
"""Steps on the axis to the full strength."""
_ROWS_OF_REST, _LEAST_COURSE = 11, 8
"""Rows that all but the strengths take in a short window, and those of a curve worth showing."""


class Course(Chart, can_focus=False):
    """One figure over the strengths, with the bounds of its interval where it has one."""

    def __init__(self, unicode: bool, id: str) -> None:
        super().__init__("", unicode, id=id)
        self.per, self.at = _PER, "widgets.at-strength"
        self._measured: list[float] = []

    def _x_at(self, column: int) -> float:
        """The nearest strength that was measured: between them nothing is known."""
        x = super()._x_at(column)
        return min(self._measured, key=lambda each: abs(each - x), default=x)

    def show(self, figures: Sequence[tuple[float | None, ...]]) -> None:
        """``figures`` are (strength, value, low, high), None for what is not known."""
        self.clear_series()
        for name, at in (("value", 1), ("low", 2), ("high", 3), ("points", 1)):
            known = [(_PER * each[0], each[at]) for each in figures if each[0] is not None and each[at] is not None]
            x, y = [point[0] for point in known], [point[1] or 0.0 for point in known]
            if name == "value":
                self.set_series(name, x, y, label=text("strength.by-strength"))
            else:
                self.set_series(name, x, y, kind="points", tag="o" if name == "points" else "-")
        self._measured = [_PER * each[0] for each in figures if each[0] is not None]
        has_bounds = any(each[2] is not None for each in figures)
        self.rest = f"- {words.head(text('evaluate.column-interval'))}" if has_bounds else ""
        self.redraw()


class StrengthScreen(JobScreen):
    """Opened over home or the monitor. Nothing is measured before a person asks for it."""

    AUTO_FOCUS = ""
    CSS_PATH = "evaluation.tcss"
    BINDINGS = keys.bindings(keys.STRENGTH)
    HELP = "strength.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.STRENGTH),)
    ENDED = job.Ended

    class Read(Message):
        """What is kept and what was measured last; ``problem``: why this adapter has no scale."""

        def __init__(self, curve: StrengthCurve | None, kept: float, problem: TunedeckError | None = None) -> None:
            super().__init__()
            self.curve, self.kept, self.problem = curve, kept, problem

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run_dir = run
        self._curve: StrengthCurve | None = None
        self._kept = 1.0
        self._can = False

    def compose(self) -> ComposeResult:
        yield TopLine(f"{text('strength.title')}  {words.run_name(self.run_dir)}", text("home.reading"))
        yield Panel(text("strength.suggestion"), Prose("", classes="said"))
        with Panel(text("strength.scales"), id="dial"):
            yield Line("", id="dial-head", classes="muted")
            yield PickList(title_width=74, id="scales")
            yield Line("", id="progress")
        yield Prose("", classes="muted about")
        with Horizontal(id="courses"):
            for name in ("task", "general"):
                yield Panel("", Course(world_of(self).terminal.unicode, id=name), id=f"{name}-panel")
        yield KeyBar(keys.in_bar(keys.STRENGTH, keys.EVERYWHERE))

    def remembered(self) -> dict[str, Any]:
        return {"screen": "strength", "run": str(self.run_dir.path)}

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def on_mount(self) -> None:
        self.query_one(PickList).display = self.query_one(".about").display = False
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self) -> None:
        from engine.app import strength as dial
        from engine.models.adapter.strength import kept

        try:
            dial.request(self.run_dir)
        except TunedeckError as error:
            self.post_message(self.Read(None, 1.0, error))
            return
        self.post_message(self.Read(dial.curve_of(self.run_dir), kept(self.run_dir.adapter)))

    @on(Read)
    def _show(self, message: Read) -> None:
        from engine.app import strength as dial

        self._curve, self._kept, self._can = message.curve, message.kept, message.problem is None
        state = text("strength.at", scale=self._kept) if self._can else ""
        self.query_one(TopLine).show(right=state)
        if message.problem is not None:
            said = message.problem.said
        else:
            said = text(dial.verdict(message.curve)) if message.curve else text("strength.not-measured")
        self.query_one(".said", Prose).say(said)
        self._draw()
        self.refresh_bindings()

    def _draw(self) -> None:
        from engine.app import strength as dial

        curve, listing = self._curve, self.query_one(PickList)
        listing.display = curve is not None
        self.query_one("#dial-head").display = curve is not None
        self._draw_courses()
        if curve is None:
            return
        lines = aligned(dial.short_table(curve, self._kept, words.gauge_parts(world_of(self).terminal.unicode)[0]))
        self.query_one("#dial-head", Line).show(f"  {words.head(lines[0])}")
        width = max(map(cell_len, lines))
        listing.title_width = width + 1
        listing.set_picks(
            [Pick(f"{point.scale:g}", line) for point, line in zip(curve.points, lines[1:], strict=True)],
            chosen=f"{self._kept:g}",
        )
        listing.focus()

    def _draw_courses(self) -> None:
        """What the task and general text come to over the strengths, where there is room."""
        curve, courses = self._curve, self.query_one("#courses")
        rows = self.size.height - _ROWS_OF_REST - len(curve.points if curve else ())
        courses.display = curve is not None and rows >= _LEAST_COURSE
        if curve is None:
            return
        metric = curve.metric
        scale = 100.0 if metric_words.is_share(metric) or metric in metric_words.SCORES else 1.0
        task = [
            (point.scale, *(None if each is None else scale * each for each in (point.task, point.low, point.high)))
            if metric else (point.scale, point.task_loss, None, None)
            for point in curve.points
        ]  # fmt: skip
        name = text(metric_words.metric(metric)) if metric else words.head(text("strength.column-task-loss-short"))
        name = text("strength.as-share", metric=name) if metric_words.is_share(metric) else name
        self.query_one("#task-panel", Panel).rename(name)
        self.query_one("#task", Course).show(task)
        self.query_one("#general-panel", Panel).rename(words.head(text("strength.column-general-short")))
        self.query_one("#general", Course).show([(each.scale, each.general_loss, None, None) for each in curve.points])

    def on_resize(self) -> None:
        if self.is_whole:
            self.call_after_refresh(self._draw_courses)

    @property
    def _chosen(self) -> float | None:
        pick = self.query_one(PickList).current if self._curve is not None else None
        return float(pick.id) if pick else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        busy = self._worker is not None
        if action in ("measure", "losses"):
            return True if self._can and not busy else None
        if action == "keep":
            chosen = self._chosen if self.is_mounted else None
            return True if self._can and not busy and chosen and chosen != self._kept else None
        return True

    @on(PickList.Moved)
    def _moved(self) -> None:
        from engine.app import strength as dial

        chosen = self._chosen
        point = self._curve.at(chosen) if self._curve is not None and chosen is not None else None
        if self._curve is not None and point is not None and self._worker is None:
            self.query_one("#progress", Line).show(f"  {text(dial.about(self._curve, point))}")
        self.refresh_bindings()

    @on(PickList.Chosen)
    def _picked(self) -> None:
        self.action_keep()

    def action_measure(self) -> None:
        self._start(answers=True)

    def action_losses(self) -> None:
        self._start(answers=False)

    def _start(self, answers: bool) -> None:
        from engine.app import strength as dial

        if self._worker is not None or not self._can:
            return
        try:
            asked = dial.request(self.run_dir, answers=answers)
        except TunedeckError as error:
            self.trouble(error)
            return
        self.query_one("#progress", Line).show(text("evaluate.starting"))
        self.begin(lambda: job.carry_out(asked, self), "measure")
        self.name_leaving(stops=True)

    @on(job.Ended)
    def _ended(self, message: job.Ended) -> None:
        self._worker = None
        self.name_leaving(stops=False)
        self.query_one("#progress", Line).show("")
        if message.problem is not None:
            self.trouble(message.problem)
        elif message.kept is not None:
            self.notify(text("evaluate.stopped-on-screen", kept=message.kept), timeout=6)
        self._read()

    @work
    async def action_keep(self) -> None:
        from tui.widgets.dialogs import ConfirmScreen

        scale = self._chosen
        if scale is None or not self.check_action("keep", ()):
            return
        about = text("strength.keep-about" if scale != 1 else "strength.keep-full-about")
        question = ConfirmScreen(
            text("strength.keep-title", scale=scale), about, (), text("strength.key-keep"), text("app.not-now")
        )  # fmt: skip
        if await self.app.push_screen_wait(question):
            self._keep(scale)

    @work(thread=True, group="keep")
    def _keep(self, scale: float) -> None:
        from engine.app import strength as dial

        try:
            made = dial.keep(self.run_dir, scale)
        except TunedeckError as error:
            self.trouble(error)
            return
        said = text("strength.kept-at", scale=made.scale, full=made.full) if made.full else text("strength.full-again")
        self.in_screen(self._tell_kept, " ".join([said, *map(text, made.told)]))
        self._read()

    def _tell_kept(self, said: str) -> None:
        about = self.query_one(".about", Prose)
        about.display = True
        about.say(said)

    def action_leave(self) -> None:
        """Stop what is measured; with nothing to stop, or once that was told to end, away."""
        if self._worker is not None and not self.is_stopping:
            self.stop()
        else:
            self.dismiss()
