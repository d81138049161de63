"""The strength dial: what the run's adapter does at several scales, drawn line by line, and one key that keeps one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from engine.common.columns import aligned
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys, words
from tui.evaluation import job
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.beside import JobScreen
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Line, Prose
from tui.widgets.panel import Panel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.strength_curve import StrengthCurve


class StrengthScreen(JobScreen):
    """Opened over home or the monitor. Nothing is measured before a person asks for it."""

    AUTO_FOCUS = ""
    CSS_PATH = "evaluation.tcss"
    BINDINGS = keys.bindings(keys.STRENGTH)
    HELP = "strength.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.STRENGTH),)

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
        yield KeyBar(keys.in_bar(keys.STRENGTH, keys.EVERYWHERE))

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def on_mount(self) -> None:
        self.query_one(PickList).display = False
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
        if curve is None:
            return
        lines = aligned(dial.short_table(curve, self._kept, words.gauge_parts(world_of(self).terminal.unicode)[0]))
        self.query_one("#dial-head", Line).show(f"  {lines[0]}")
        width = max(map(cell_len, lines))
        listing.title_width = width + 1
        listing.set_picks(
            [Pick(f"{point.scale:g}", line) for point, line in zip(curve.points, lines[1:], strict=True)],
            chosen=f"{self._kept:g}",
        )
        listing.focus()

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
        self.app.call_from_thread(self._tell_kept, " ".join([said, *map(text, made.told)]))
        self._read()

    def _tell_kept(self, said: str) -> None:
        self.query_one(".about", Prose).say(said)

    def action_leave(self) -> None:
        if self._worker is not None:
            self.stop()
        else:
            self.dismiss()
