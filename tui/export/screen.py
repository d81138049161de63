"""Export a run: where the model can go and what that takes, how far it is, and whether the files are as good."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.worker import Worker

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages import formats
from engine.messages.catalogue import paragraph, sentences, text
from engine.models import gguf
from tui import keys, words
from tui.export import job, result
from tui.theme import colours_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.beside import Advanced, JobScreen, panels
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Line, Prose, to_right
from tui.widgets.panel import Panel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.export import Plan, Subject
    from engine.app.hub_push import Push
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import Evaluation
    from engine.runs.exports import Export
    from engine.runs.failures import Failure

FOR = {
    "gguf": ("exporting.for-gguf", "exporting.about-gguf"),
    "ollama": ("exporting.for-ollama", "exporting.about-ollama"),
    "merged": ("exporting.for-merged", "exporting.about-merged"),
    "adapter": ("exporting.for-adapter", "exporting.about-adapter"),
    "gguf-lora": ("exporting.for-gguf-lora", "exporting.about-gguf-lora"),
    "vllm": ("exporting.for-vllm", "exporting.about-vllm"),
}
"""Of each target what it is for, in few words and in sentences; the likeliest first."""
KINDS = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k", "f32", "bf16", "f16")
_PUSH: Final = ("push", "adapter")
_BAR_CELLS = 40
_WORTH_SAYING_BYTES = 1e6


class ExportScreen(JobScreen):
    """Opened over home or the monitor for a run with an adapter."""

    AUTO_FOCUS = "#targets"
    CSS_PATH = "export.tcss"
    BINDINGS = keys.bindings(keys.EXPORT)
    HELP = "exporting.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.EXPORT),)
    ENDED = job.Ended
    VIEWS: ClassVar = {"choose": "#targets", "running": "", "result": "#result"}

    class Read(Message):
        """What can be exported, or why nothing can; what was exported so far with its proof; the push that failed."""

        def __init__(
            self, found: Subject | TunedeckError, former: list[tuple[Export, Evaluation | None]], unsent: Failure | None
        ) -> None:
            super().__init__()
            self.found, self.former, self.unsent = found, former, unsent

    class Planned(Message):
        """What each target takes, or what speaks against it."""

        def __init__(self, plans: dict[str, Plan | TunedeckError]) -> None:
            super().__init__()
            self.plans = plans

    class Pushed(Message):
        """What came of a push."""

        def __init__(self, said: str, failed: bool = False) -> None:
            super().__init__()
            self.said, self.failed = said, failed

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run_dir = run
        self._subject: Subject | None = None
        self._plans: dict[str, Plan | TunedeckError] = {}
        self._former: list[tuple[Export, Evaluation | None]] = []
        self._kinds = dict.fromkeys(("gguf", "ollama"), KINDS[0])
        self._shown: job.Ended | None = None
        self._is_proving = False
        self._pushing: Worker[None] | None = None
        self.view = "choose"

    def compose(self) -> ComposeResult:
        yield TopLine(f"{text('exporting.title')}  {words.run_name(self.run_dir)}", text("home.reading"))
        with Vertical(id="choose"):
            with Panel(text("exporting.where-to")):
                yield PickList(title_width=14, id="targets")
            yield Panel(text("exporting.what-happens"), Prose("", classes="about"))
            yield Panel(text("exporting.former"), PickList(title_width=18, id="former"), id="former-panel")
        with Panel(text("exporting.under-way"), id="running"):
            yield Line("", id="progress")
            yield Line("", id="bar")
            yield Line("", id="how-to-stop", classes="muted")
        yield Panel(text("hub.last-failed"), Prose("", classes="failed"), id="push-failed")
        with VerticalScroll(id="result"):
            yield from panels(result.PARTS)
        yield KeyBar(keys.in_bar(keys.EXPORT, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self.query_one("#push-failed").display = False
        self.show_view("choose")
        self._show_former()
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self) -> None:
        from engine.app import export

        found: Subject | TunedeckError
        try:
            found = self._subject or export.subject(str(self.run_dir.path))
        except TunedeckError as error:
            found = error
        self.post_message(self.Read(found, _former(self.run_dir), _unsent(self.run_dir)))

    @on(Read)
    def _show_read(self, message: Read) -> None:
        self._former = message.former
        self._show_former()
        self._show_unsent(message.unsent)
        self.query_one(TopLine).show(right="")
        self.query_one("#targets").display = not isinstance(message.found, TunedeckError)
        if isinstance(message.found, TunedeckError):
            self._say(message.found.said)
        else:
            self._subject = message.found
            self._plan()

    @work(thread=True, group="plan", exclusive=True)
    def _plan(self) -> None:
        plans: dict[str, Plan | TunedeckError] = {}
        for target in FOR:
            try:
                kinds = [self._kinds[target]] if target in self._kinds else []
                plans[target] = self._subject.plan(target, kinds)  # type: ignore[union-attr]
            except TunedeckError as error:
                plans[target] = error
        self.post_message(self.Planned(plans))

    @on(Planned)
    def _show_planned(self, message: Planned) -> None:
        self._plans = message.plans
        self._show_targets()

    def _show_unsent(self, unsent: Failure | None) -> None:
        """The push that failed last, until one succeeds or a person has read it."""
        self.query_one("#push-failed").display = unsent is not None
        if unsent is not None:
            self.query_one("#push-failed").query_one(Prose).say(clean(paragraph(unsent.reason)))
        self.refresh_bindings()

    def action_throw_away(self) -> None:
        from engine.runs import failures

        failures.forget(self.run_dir, *_PUSH)
        self._show_unsent(None)

    def _show_targets(self) -> None:
        figures = {
            target: (
                f"~{formats.size(plan.out_bytes)}",
                f"~{formats.rough_duration(plan.seconds + plan.proof_seconds)}",
            )
            for target, plan in self._plans.items()
            if not isinstance(plan, TunedeckError)
        }
        widths = [max((cell_len(pair[at]) for pair in figures.values()), default=0) for at in (0, 1)]
        picks = []
        for target, plan in self._plans.items():
            kind = self._kinds.get(target, "")
            title = f"{target} {kind}".strip()
            if isinstance(plan, TunedeckError):
                picks.append(Pick(target, title, plan.title, enabled=False))
            else:
                tail = "  ".join(to_right(cell, width) for cell, width in zip(figures[target], widths, strict=True))
                picks.append(Pick(target, title, text(FOR[target][0]), tail=tail))
        self.query_one("#targets", PickList).set_picks(picks)
        self._describe()

    def _show_former(self) -> None:
        picks = [
            Pick(
                str(at), " ".join([made.target, *made.kinds]), made.path,
                tail="" if made.is_there else text("exporting.gone"),
            )
            for at, (made, _) in enumerate(self._former)
        ]  # fmt: skip
        self.query_one("#former", PickList).set_picks(picks)
        self.query_one("#former-panel").display = bool(picks)

    @property
    def _target(self) -> str:
        pick = self.query_one("#targets", PickList).current if self.is_mounted else None
        return pick.id if pick else ""

    @on(PickList.Moved, "#targets")
    def _describe(self) -> None:
        plan = self._plans.get(self._target)
        self._say(self._about(plan) if plan is not None else "")

    def _say(self, said: str) -> None:
        self.query_one(".about", Prose).say(said)
        self.refresh_bindings()

    def _about(self, plan: Plan | TunedeckError) -> str:
        if isinstance(plan, TunedeckError):
            return plan.said
        kind = self._kinds.get(plan.target, KINDS[0])
        more = [text("exporting.to-folder", folder=plan.out)]
        if plan.proof_seconds:
            more.append(text("exporting.proof-takes", seconds=plan.proof_seconds))
        if plan.work_bytes > _WORTH_SAYING_BYTES:
            more.append(text("exporting.on-the-way", size=plan.work_bytes))
        if plan.licence is not None:
            more.append(text(plan.licence))
        if plan.done:
            more.append(text("exporting.files-there", files=len(plan.done)))
        bits = round(gguf.bits_a_weight(plan.base, kind), 1) if plan.target in self._kinds else 0
        said = text(FOR[plan.target][1], kind=kind, bits=bits)
        return f"{said}\n{sentences(*more)}"

    def remembered(self) -> dict[str, Any]:
        return {"screen": "export", "run": str(self.run_dir.path)}

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def copied(self) -> str:
        """Where the files are that are shown or under the cursor; else the command that makes those of the target."""
        former, made = self.query_one("#former", PickList), self._shown.made if self._shown is not None else None
        if self.view == "result" and made is not None:
            return made.path
        if former.has_focus and former.current is not None:
            return self._former[int(former.current.id)][0].path
        kind = self._kinds.get(self._target)
        chosen = ["--to", self._target, *(["--type", kind] if kind else [])]
        return f"tunedeck export {shlex.join([self.run_dir.id, *chosen])}" if self._target else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("start", "next_type", "previous_type", "switch") and self.view != "choose":
            return False
        if action == "start":
            return True if not isinstance(self._plans.get(self._target, TunedeckError("")), TunedeckError) else None
        if action in ("next_type", "previous_type"):
            return True if self._target in self._kinds else None
        if action == "throw_away":
            return self.is_mounted and self.query_one("#push-failed").display
        if action == "push":
            made = self._shown.made if self._shown is not None and self.view == "result" else None
            return made is not None and made.target == "adapter" and made.is_there and self._pushing is None
        return bool(self._former) if action == "switch" else True

    def action_next_type(self) -> None:
        self._turn(1)

    def action_previous_type(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        """Another type for the target under the cursor."""
        if self._target in self._kinds and self._subject is not None:
            at = KINDS.index(self._kinds[self._target]) + by
            self._kinds[self._target] = KINDS[at % len(KINDS)]
            self._plan()

    def action_switch(self) -> None:
        targets, former = self.query_one("#targets"), self.query_one("#former")
        (targets if former.has_focus else former).focus()

    @work
    async def action_push(self) -> None:
        """Share the adapter that is shown on the hub, once the person has said where."""
        from tui.export.push import PushScreen

        if self._shown is None or self._shown.made is None:
            return
        planned = await self.app.push_screen_wait(PushScreen(self._shown.made))
        if planned is not None:
            self.notify(text("hub.pushing", repo=planned.repo, size=planned.bytes), markup=False)
            self._pushing = self.run_worker(lambda: self._send(planned), thread=True, group="push")
            self.refresh_bindings()

    def _send(self, planned: Push) -> None:
        from engine.app.hub_push import push

        try:
            self.post_message(self.Pushed(text("hub.pushed", repo=push(planned, run=self.run_dir))))
        except TunedeckError as error:
            self.post_message(self.Pushed(error.said, failed=True))

    @on(Pushed)
    def _pushed(self, message: Pushed) -> None:
        self._pushing = None
        self._show_unsent(_unsent(self.run_dir))
        self.notify(
            clean(message.said), severity="error" if message.failed else "information", timeout=10, markup=False
        )
        self.refresh_bindings()

    @on(PickList.Chosen, "#targets")
    def _chosen(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        plan = self._plans.get(self._target)
        if self._worker is not None or plan is None or isinstance(plan, TunedeckError):
            return
        kind = self._kinds.get(plan.target)
        if kind is not None and plan.kinds != (kind,):  # its type was just turned, and is being planned
            return
        self._is_proving = False
        self.query_one("#progress", Line).show(text("exporting.starting"))
        self.query_one("#bar", Line).show("")
        self.query_one("#how-to-stop", Line).show(text("exporting.how-to-stop"))
        self.show_view("running")
        self.begin(lambda: job.carry_out(plan, self), "export")

    @on(Advanced)
    def _advanced(self, message: Advanced) -> None:
        bar = words.bar(message.share or 0.0, _BAR_CELLS, world_of(self).terminal.unicode)
        self.query_one("#bar", Line).show("" if message.share is None else f"{bar} {formats.percent(message.share)}")

    @on(job.Exported)
    def _exported(self) -> None:
        self._is_proving = True
        self.query_one("#how-to-stop", Line).show(text("exporting.how-to-stop-proof"))

    @on(job.Ended)
    def _ended(self, message: job.Ended) -> None:
        self._worker = None
        self._read()
        if message.made is not None:
            self._show_result(message)
            return
        self.show_view("choose")
        if message.problem is not None:
            self.trouble(message.problem)
        else:
            self.notify(text("exporting.stopped"), timeout=6)

    @on(PickList.Chosen, "#former")
    def _former_chosen(self, message: PickList.Chosen) -> None:
        made, proof = self._former[int(message.pick.id)]
        self._show_result(job.Ended(made, proof))

    def _show_result(self, ended: job.Ended) -> None:
        self._shown = ended
        self.show_view("result")
        self._draw()

    def on_resize(self) -> None:
        if self.is_whole:
            self._draw()

    def _draw(self) -> None:
        if self._shown is None or self._shown.made is None:
            return
        width = self.size.width - 6
        drawn = result.parts(self._shown, width, colours_of(self.app))
        self.draw_parts(drawn, (id(self._shown), width, self.app.theme))

    @work
    async def action_leave(self) -> None:
        """Back one layer: from the files to the targets, from a running export to its stop, from the targets away."""
        if self._worker is None or self.is_stopping:
            if self.view == "result":
                self.show_view("choose")
            else:
                self.dismiss()
            return
        if self._is_proving:
            await self.ask_to_stop("exporting.stop-proof-title", "exporting.stop-proof-about")
        else:
            await self.ask_to_stop("exporting.stop-title", "exporting.stop-about")


def _unsent(run: RunDir) -> Failure | None:
    """The push of ``run`` that failed, where none has succeeded since."""
    from engine.runs import failures

    return next((each for each in failures.all_of(run) if (each.work, each.name) == _PUSH), None)


def _former(run: RunDir) -> list[tuple[Export, Evaluation | None]]:
    """The exports of ``run``, the newest first; beside the newest to each target its proof."""
    from engine.app.export_proof import proof_request
    from engine.runs import evaluations, exports

    found: list[tuple[Export, Evaluation | None]] = []
    for made in reversed(exports.all_of(run)):
        is_newest = all(made.target != later.target for later, _ in found)
        asked = proof_request(made, run) if is_newest else None
        found.append((made, evaluations.read(evaluations.folder(run, asked.name)) if asked else None))
    return found
