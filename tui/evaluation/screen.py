"""Evaluate a run: what to ask and whom to compare with, how far it is, and the table that comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Group, RenderableType
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from engine.common.errors import TunedeckError
from engine.messages.catalogue import part, text
from engine.messages.message import Message as Said
from engine.runs import evaluations
from engine.runs.evaluations import BASE, FEW_SHOT, Evaluation
from tui import keys, messages, session, words
from tui.evaluation import job
from tui.theme import colours_of
from tui.widgets import evaluated
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.beside import JobScreen, panels
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.widgets.line import Block, Line
from tui.widgets.panel import Panel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.evaluate import RowOf
    from engine.runs.directory import RunDir

VIEWS = {"form": ("#form", "#former", "#preview"), "running": ("#running",), "result": ("#result",)}
"""What is shown of each."""
PARTS = (("verdict", "evaluate.verdict"), ("figures", "evaluate.figures"), ("worst", "evaluate.worst"),
         ("confusion", "evaluate.confusion"))  # fmt: skip


class Form(VerticalScroll, can_focus=False):
    """The arrows go from field to field, as in the wizard; it scrolls along."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]


class Kept(PickList):
    """Past either end, the arrows go on to what is above or below the list."""

    def action_move(self, by: int) -> None:
        before = self.cursor
        super().action_move(by)
        if self.cursor == before and abs(by) == 1:
            self.screen.focus_next() if by > 0 else self.screen.focus_previous()


class EvaluateScreen(JobScreen):
    """Opened over home or the monitor for a run with an adapter."""

    AUTO_FOCUS = ""
    CSS_PATH = "evaluation.tcss"
    BINDINGS = keys.bindings(keys.EVALUATE)
    HELP = "evaluate.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.EVALUATE),)
    ENDED = job.Ended

    class Read(Message):
        """The evaluations that are kept, and the other runs there are."""

        def __init__(self, kept: list[Evaluation], runs: list[tuple[str, str]]) -> None:
            super().__init__()
            self.kept, self.runs = kept, runs

    class Looked(Message):
        """An evaluation with its worst rows."""

        def __init__(self, found: Evaluation, worst: list[RowOf]) -> None:
            super().__init__()
            self.found, self.worst = found, worst

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run_dir = run
        self._against = _plain()
        self._kept: list[Evaluation] = []
        self._shown: Evaluation | None = None
        self._worst: list[RowOf] = []
        self._recalled: Mapping[str, Any] = {}
        """What is still to be taken up of what was remembered."""
        self.view = "form"

    def remembered(self) -> dict[str, Any]:
        return {
            "screen": "evaluate", "run": str(self.run_dir.path), "of_file": self._field("rows").picked == 1,
            "file": self._field("file").text, "count": self._field("count").text,
            "against": list(self._against[self._field("against").picked][1]),
            "shown": self._shown.name if self._shown is not None and self.view == "result" else "",
        }  # fmt: skip

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._recalled = kept

    def compose(self) -> ComposeResult:
        yield TopLine(f"{text('evaluate.title')}  {words.run_name(self.run_dir)}")
        with Form(id="form"), Panel(text("evaluate.ask"), id="ask"):
            own, file = text("evaluate.own-rows"), text("evaluate.a-file")
            yield FormField("rows", text("evaluate.rows"), own, options=[own, file])
            yield FormField("file", text("evaluate.file"), about=text("evaluate.file-about"))
            yield FormField("against", text("evaluate.against"), options=[name for name, _ in self._against])
            yield FormField("count", text("evaluate.count"), hint=text("evaluate.count-hint"))
        with Panel(text("evaluate.kept-before"), id="former"):
            yield Kept(title_width=24, id="kept")
        yield Panel("", Block(id="previewed"), id="preview")
        with Panel(text("evaluate.running"), id="running"):
            yield Line("", id="progress")
            yield Line(text("evaluate.how-to-stop"), id="how-to-stop", classes="muted")
        with VerticalScroll(id="result"):
            yield from panels(PARTS)
        yield KeyBar(keys.in_bar(keys.EVALUATE, keys.EVERYWHERE))

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def copied(self) -> str:
        """The verdict of the evaluation that is shown, and the folder of its answers."""
        if self.view != "result" or self._shown is None:
            return super().copied()
        folder = str(evaluations.folder(self.run_dir, self._shown.name))
        return "\n".join(filter(None, (words.said(self._shown.sentence) if self._shown.sentence else "", folder)))

    def on_mount(self) -> None:
        self._fill_in(self._recalled)
        self._show_form()
        self._read()

    def _fill_in(self, kept: Mapping[str, Any]) -> None:
        """The form as it was; whom it compares with and what it showed follow once they are read."""
        of_file = kept.get("of_file") is True
        self._field("rows").choose(int(of_file))
        self._field("file").display = of_file
        self._field("file").text = session.texts(kept, "file")
        self._field("count").text = session.texts(kept, "count")

    def _field(self, name: str) -> FormField:
        return next(each for each in self.query(FormField) if each.name == name)

    @work(thread=True, group="read", exclusive=True)
    def _read(self) -> None:
        from engine.runs.directory import list_runs

        others = [each for each in list_runs(world_of(self).root) if each.id != self.run_dir.id and each.has_adapter]
        names = [(words.run_name(each), each.id) for each in others]
        self.post_message(self.Read(evaluations.all_of(self.run_dir), names))

    @on(Read)
    def _show_read(self, message: Read) -> None:
        field = self._field("against")
        recalled, self._recalled = self._recalled, {}
        against = recalled.get("against")
        chosen = tuple(against) if isinstance(against, list) else self._against[field.picked][1]
        names = [name for name, _ in message.runs]
        self._against = [
            *_plain(), *((name if names.count(name) == 1 else run, (BASE, run)) for name, run in message.runs),
        ]  # fmt: skip
        asked = [each for _, each in self._against]
        field.set_options([name for name, _ in self._against], asked.index(chosen) if chosen in asked else 0)
        self._kept = message.kept
        picks = [
            Pick(str(at), each.name, words.said(each.sentence), tail=text("evaluate.n-rows", rows=each.n))
            for at, each in enumerate(message.kept)
        ]
        self.query_one("#kept", PickList).set_picks(picks)
        self.show_view(self.view)
        self._preview()
        shown = next((each for each in message.kept if each.name == recalled.get("shown")), None)
        if shown is not None and self.view == "form":
            self._look(shown)

    @on(FormField.Changed)
    def _changed(self, message: FormField.Changed) -> None:
        if message.field.name == "rows":
            self._field("file").display = message.field.picked == 1
        message.field.show_error("")

    @on(FormField.Submitted)
    def _submitted(self) -> None:
        self.action_start()

    @on(PickList.Moved)
    def _preview(self) -> None:
        """The evaluation under the cursor, or what one tells while there is none."""
        colours, width = colours_of(self.app), self.size.width - 6
        pick = self.query_one("#kept", PickList).current
        found = self._kept[int(pick.id)] if pick is not None else None
        if found is None:
            drawn: RenderableType = evaluated.folded(part(Said("evaluate.help"), "about"), width, colours("muted"))
        else:
            drawn = Group(evaluated.verdict(found, width, colours), "", evaluated.figures(found, colours))
        self.query_one("#preview", Panel).rename(found.name if found else text("evaluate.help"))
        self.query_one("#previewed", Block).show((found, width, self.app.theme), drawn)

    @on(PickList.Chosen)
    def _kept_chosen(self, message: PickList.Chosen) -> None:
        self._look(self._kept[int(message.pick.id)])

    @work(thread=True, group="look", exclusive=True)
    def _look(self, found: Evaluation) -> None:
        from engine.app.evaluate import worst_rows

        self.post_message(self.Looked(found, worst_rows(evaluations.folder(self.run_dir, found.name), found)))

    @on(Looked)
    def _show_looked(self, message: Looked) -> None:
        self._shown, self._worst = message.found, message.worst
        self.show_view("result")
        self._draw()
        self.query_one("#result").focus()

    def on_resize(self) -> None:
        if self.is_whole:
            self._preview()
            self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            return
        found, colours, width = self._shown, colours_of(self.app), self.size.width - 6
        beside = width // 2 if self.has_class("-wide") else width
        drawn = {
            "verdict": evaluated.verdict(found, width, colours),
            "figures": evaluated.figures(found, colours),
            "worst": evaluated.worst(found, self._worst, beside, colours),
            "confusion": evaluated.confusion(found, colours),
        }
        self.draw_parts(drawn, (found, width, self.app.theme))

    def show_view(self, view: str) -> None:
        self.view = view
        for name, places in VIEWS.items():
            for place in places:
                self.query_one(place).display = name == view and (place != "#former" or bool(self._kept))
        self.name_leaving(view == "running")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "start":
            return self.view == "form"
        if action in ("judge", "again"):
            return self.view == "result"
        return True

    def action_start(self) -> None:
        if self.view != "form":
            return
        from engine.app import evaluate

        against = self._against[self._field("against").picked][1]
        file = self._field("file").text.strip() if self._field("file").display else ""
        if self._field("file").display and not file:
            self._field("file").show_error(text("evaluate.file-missing"))
            self._field("file").focus_control()
            return
        count = self._field("count").text.strip()
        if count and not count.isdecimal():
            self._field("count").show_error(text("evaluate.count-wrong"))
            self._field("count").focus_control()
            return
        try:
            asked = evaluate.request(
                self.run_dir, data=file, against=against, rows=int(count) if count else None
            )  # fmt: skip
        except TunedeckError as error:
            self.trouble(error)
            return
        self.query_one("#progress", Line).show(text("evaluate.starting"))
        self.show_view("running")
        self.begin(lambda: job.carry_out(asked, self), "evaluate")

    @on(job.Ended)
    def _ended(self, message: job.Ended) -> None:
        self._worker = None
        self._show_form()
        self._read()
        if message.found is not None:
            self._look(message.found)
        elif message.problem is not None:
            self.trouble(message.problem)
        else:
            self.notify(text("evaluate.stopped-on-screen", kept=message.kept or 0), timeout=6)

    def action_again(self) -> None:
        self._shown = None
        self._show_form()

    def _show_form(self) -> None:
        self.show_view("form")
        self._field("rows").focus_control()

    def action_judge(self) -> None:
        if self._shown is not None:
            self.post_message(messages.JudgeAsked(self.run_dir, evaluations.judged(self._shown.name)))

    def action_leave(self) -> None:
        """Back one layer: from the table to the form, from a running evaluation to its stop; from there and from the
        form away."""
        if self._worker is not None and not self.is_stopping:
            self.stop()
        elif self.view == "result":
            self.action_again()
        else:
            self.dismiss()


def _plain() -> list[tuple[str, tuple[str, ...]]]:
    """How what a run can be compared with is shown, and what is asked for."""
    return [
        (text("evaluate.with-base"), (BASE,)), (text("evaluate.with-few-shot"), (FEW_SHOT,)),
        (text("evaluate.with-both"), (BASE, FEW_SHOT)),
    ]  # fmt: skip
