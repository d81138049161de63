"""What the keys of the monitor do to its run: which work now, why others don't, and what each asks first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import work
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import part, sentences, text
from engine.models.chat_request import of_run
from engine.runs import events as ev
from engine.runs.control import Command
from engine.runs.directory import RunDir
from engine.runs.rollback import Request
from engine.runs.state import RunState
from tui import messages
from tui.monitor.postmortem import Ending
from tui.monitor.spike import HALF, consequences
from tui.monitor.steer import Steering
from tui.widgets.find import LogSearch
from tui.world import world_of

if TYPE_CHECKING:
    from engine.memory.out_of_memory import Remedy
    from tui.draft.draft import Draft

_STEERING = ("pause", "save", "sample", "stop", "more_replay", "stop_at_best")
ACTS = (*_STEERING, "skip_rows", "lower_rate", "roll_back", "resume", "evaluate", "strength", "export", "report",
        "go_on", "duplicate")  # fmt: skip
"""What changes the run or its folder: not for those who only watch."""
_LIVE = ("starting", "running", "paused")


class ActingMonitor(LogSearch, Screen[None]):
    """The monitor without its look: ``state`` is the newest, ``resumable`` what an ended run resumes from.

    ``resumed_at`` is the number of the last event before the run was asked to go on, None once it answered.
    """

    def __init__(self, run: RunDir, only_watches: bool = False) -> None:
        super().__init__()
        self.run_dir = run
        self.only_watches = only_watches
        self.state = RunState()
        self.steering = Steering(run, self.tell)
        self.ending = Ending(run)
        self.run_name = run.id
        self.resumable = ""
        self.resumed_at: int | None = None
        self.closed_spike = 0

    def show_state(self) -> None:
        """Draw what changed."""

    def show_curves(self) -> None:
        """Show the curves: the run goes on."""

    @property
    def spike(self) -> ev.Spike | None:
        """The newest that nothing was done about; of a run that came to its end none matters any more."""
        found = self.state.spikes[-1] if self.state.spikes and self.state.state != "finished" else None
        return found if self.resumed_at is None else None

    def is_refused(self, action: str) -> bool:
        """Whether ``action`` is not for those who only watch, as long as this screen lives."""
        return self.only_watches and action.partition("(")[0] in ACTS

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        live = self.state.state in _LIVE
        if self.is_refused(action):
            return False
        if action in ("next_hit", "previous_hit"):
            return True if self.wanted else None
        if action in _STEERING:
            if not self._is_under_way:
                return False
            return True if live else None
        if action == "remedy":
            number = parameters[0] if parameters else 0
            may = self.resumed_at is None and not self.only_watches
            return may and isinstance(number, int) and self.ending.remedy(number) is not None
        if action in ("evaluate", "strength", "export", "go_on"):
            return True if self.state.ended and self.run_dir.has_adapter else None
        if action == "talk":
            return True if self.run_dir.has_adapter else None
        if action in ("spike", "skip_rows"):
            return self.spike is not None
        if action == "lower_rate":
            return True if live else None
        if action == "roll_back":
            return (live or (self.state.ended and self.state.state in ("stopped", "failed", "crashed"))) and (
                self.resumed_at is None
            )
        if action == "resume":
            return self.state.ended and bool(self.resumable) and self.resumed_at is None
        return True

    @property
    def _is_under_way(self) -> bool:
        return not self.state.ended and self.state.state != "created"

    def why_not(self, action: str) -> str:
        run, runs = self.run_name, self._is_under_way or self.resumed_at is not None
        if self.is_refused(action):
            return text("viewers.refused")
        if action in _STEERING:
            return "" if runs else text("home.not-running", run=run)
        if action in ("evaluate", "strength", "export", "talk", "go_on") and not self.run_dir.has_adapter:
            return text("home.has-no-adapter", run=run)
        if action in ("evaluate", "strength", "export", "go_on", "resume") and runs:
            return text("home.is-running", run=run)
        if action == "resume":
            is_whole = self.state.state == "finished"
            return text("monitor.is-finished" if is_whole else "home.no-checkpoint", run=run)
        return ""

    def action_pause(self) -> None:
        self._send("resume" if self.state.state == "paused" or self.steering.pauses else "pause")

    def action_save(self) -> None:
        self._send("save")

    def action_sample(self) -> None:
        self._send("sample")

    @work
    async def action_stop(self) -> None:
        from tui.run_actions import agrees_to_stop

        if await agrees_to_stop(self.app, text("monitor.stop"), self.state.done_steps):
            self._send("stop")

    def action_more_replay(self) -> None:
        self._send("set", {"replay": "more"})

    @work
    async def action_stop_at_best(self) -> None:
        from tui.run_actions import agrees_to_stop

        if await agrees_to_stop(self.app, text("forgetting.stop-at-best"), self.state.done_steps):
            self._send("stop", {"at": "best"})

    def action_spike(self) -> None:
        """Close the panel, or show it again."""
        if (spike := self.spike) is not None:
            self.closed_spike = 0 if self.closed_spike == spike.seq else spike.seq
            self.show_state()

    @work
    async def action_lower_rate(self) -> None:
        from tui.widgets.dialogs import ConfirmScreen

        question = ConfirmScreen(text("steering.ask-lower"), text("steering.lowers", factor=HALF))
        if await self.app.push_screen_wait(question):
            self._send("set", {"rate": HALF})

    def action_skip_rows(self) -> None:
        self._ask_back(Request(skip_rows=True))

    def action_roll_back(self) -> None:
        self._ask_back(Request())

    @work
    async def _ask_back(self, request: Request) -> None:
        """Say what going back would do, and do it where a person agrees."""
        from engine.app import children, rollback
        from tui.run_actions import accepts_changes
        from tui.widgets.dialogs import ConfirmScreen

        try:
            planned = await asyncio.to_thread(rollback.look, self.run_dir, request)
            told = await asyncio.to_thread(children.told, self.run_dir)
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        code = "steering.ask-skip" if request.skip_rows else "steering.ask-back"
        question = ConfirmScreen(text(code, step=planned.step), "\n".join(consequences(planned, told)))
        if not await self.app.push_screen_wait(question):
            return
        settled = Request(planned.step, request.rate, request.skip_rows)
        if not self.state.ended:
            self._send("rollback", settled.values)
            return
        try:
            accepted = await accepts_changes(self.app, self.run_dir)
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        if accepted is not None:
            self.resumed_at = self.state.last_seq
            self.show_curves()
            self._go_back(settled, accepted)

    @work(thread=True, group="send")
    def _go_back(self, request: Request, accept_changes: bool) -> None:
        from engine.app import rollback

        try:
            done = rollback.carry_out(self.run_dir, request, accept_changes, world_of(self).spawn)
            self.tell(text("steering.done", what=list(done.lines)), "information")
        except TunedeckError as error:
            self.resumed_at = None
            self.tell(str(error), "error")
            self.in_screen(self.show_state)

    @work
    async def action_remedy(self, number: int) -> None:
        from tui.widgets.dialogs import ConfirmScreen

        remedy = self.ending.remedy(number)
        if remedy is None:
            return
        lines = [sentences(text(line)) for line in self.ending.way(remedy).lines]
        about = sentences(text(remedy.what), part(remedy.what, "why"))
        title, start, not_now = text("monitor.apply"), text("monitor.start"), text("app.not-now")
        if not await self.app.push_screen_wait(ConfirmScreen(title, about, lines, start, not_now)):
            return
        if self.ending.found is not None:
            self._apply(remedy)
        else:  # another person, or a shell, resumed it while this one read
            self.tell(text("home.is-running", run=self.run_name), "warning")

    @work(thread=True, group="send")
    def _apply(self, remedy: Remedy) -> None:
        try:
            target = self.ending.apply(remedy, world_of(self).spawn)
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        self.in_screen(self._applied, target)

    def _applied(self, target: RunDir) -> None:
        if target != self.run_dir:
            self.post_message(messages.RunOpened(target))
            return
        self.resumed_at = self.state.last_seq
        self.show_state()
        self.tell(text("monitor.restarts"), "information")

    @work
    async def action_resume(self) -> None:
        from tui.run_actions import accepts_changes

        try:
            accepted = await accepts_changes(self.app, self.run_dir)
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        if accepted is None:
            return
        self.resumed_at = self.state.last_seq
        self.show_curves()
        self.show_state()
        self._launch(accepted)

    @work(thread=True, group="send")
    def _launch(self, accept_changes: bool) -> None:
        from engine.app.resume import resume

        try:
            for line in resume(self.run_dir, accept_changes, world_of(self).spawn).told:
                self.tell(text(line), "warning")
            self.tell(text("monitor.resuming-from", checkpoint=self.resumable), "information")
        except TunedeckError as error:
            self.resumed_at = None
            self.tell(str(error), "error")
            self.in_screen(self.show_state)

    @work(thread=True, group="report", exclusive=True)
    def action_report(self) -> None:
        from tui.run_actions import write_report

        self.tell(text("report.writing"), "information")
        try:
            self.tell(write_report(self.run_dir), "information")
        except TunedeckError as error:
            self.tell(str(error), "error")

    def action_evaluate(self) -> None:
        self.post_message(messages.EvaluateAsked(self.run_dir))

    def action_strength(self) -> None:
        self.post_message(messages.StrengthAsked(self.run_dir))

    def action_export(self) -> None:
        self.post_message(messages.ExportAsked(self.run_dir))

    @work(thread=True, group="wizard", exclusive=True)
    def action_go_on(self) -> None:
        """A new run that trains the adapter further."""
        from tui.draft.from_run import draft_from

        self._open_wizard(lambda: draft_from(self.run_dir))

    @work(thread=True, group="wizard", exclusive=True)
    def action_duplicate(self) -> None:
        """A new run with the answers of this one, to be changed."""
        from tui.draft.from_run import copy_of

        self._open_wizard(lambda: copy_of(self.run_dir))

    def _open_wizard(self, prefill: Callable[[], Draft]) -> None:
        try:
            self.post_message(messages.WizardAsked(prefill()))
        except TunedeckError as error:
            self.tell(str(error), "error")

    def action_talk(self) -> None:
        self.post_message(messages.ChatAsked(of_run(self.run_dir)))

    def action_leave(self) -> None:
        running = self.state.state in (*_LIVE, "stopping")
        self.post_message(messages.MonitorLeft(self.run_dir, running))

    @work(thread=True, group="send")
    def _send(self, command: Command, values: dict[str, Any] | None = None) -> None:
        self.steering.send(command, values)
        self.call_after_refresh(self.show_state)

    def tell(self, words: str, severity: str) -> None:
        """Show a short notice; safe from any thread."""
        self.notify(clean(words), severity=severity, timeout=4, markup=False)  # type: ignore[arg-type]
