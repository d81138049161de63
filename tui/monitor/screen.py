"""The monitor: one run's curves, samples, log and result, and the keys that steer it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.console import Group
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.worker import get_current_worker

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import part, sentences, text
from engine.models.chat_request import of_run
from engine.runs import events as ev
from engine.runs.control import Command
from engine.runs.directory import RunDir
from engine.runs.rollback import Request
from engine.runs.state import RunState
from engine.runs.story import spike as describe_spike
from tui import keys, messages
from tui.machine import feed_of
from tui.monitor import memory, postmortem, result, story, verdict
from tui.monitor.curves import MEMORY, CurveFeed
from tui.monitor.follow import follow
from tui.monitor.postmortem import Ending
from tui.monitor.spike import HALF, consequences, panel
from tui.monitor.steer import Steering
from tui.notices import notices_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.chart import Chart
from tui.widgets.line import Block, Line, cut
from tui.widgets.log import LogPane
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.memory.out_of_memory import Remedy

VIEWS = ("curves", "result", "log")
NEXT_VIEW = {"curves": "keys.cycle", "result": "monitor.log-view", "log": "monitor.curves"}
"""What the key that turns the views is called on each of them."""
_STEERING = ("pause", "save", "sample", "stop", "more_replay", "stop_at_best")
_LIVE = ("starting", "running", "paused")
_MACHINE_EVERY_S = 5.0
_MACHINE_LINES = {"-short": 2, "-tall": 4}


class MonitorScreen(WholeScreen, Screen[None]):
    """Watches ``run``. Leaving it never touches the training."""

    CSS_PATH = "monitor.tcss"
    AUTO_FOCUS = "Chart"
    BINDINGS = keys.bindings(keys.MONITOR)
    HELP = "monitor.help"
    KEY_TABLES: ClassVar = (("monitor.this-run-keys", keys.MONITOR), ("monitor.chart-keys", keys.CHART))

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run_dir = run
        self.state = RunState()
        self.view = "curves"
        self.feed = CurveFeed()
        self.steering = Steering(run, self._tell)
        self.ending = Ending(run)
        self._run_name = run.id
        self._resumable = ""
        self._resumed_at: int | None = None
        self._told_end = False
        self._closed_spike = 0
        self._outcome: verdict.Outcome | None = None
        self._outcome_of: object = None
        self._stop_following = threading.Event()

    def compose(self) -> ComposeResult:
        world = world_of(self)
        yield TopLine(self.run_dir.id, text("monitor.reading-log"))
        yield Line(id="gauges")
        yield Line(id="progress")
        yield Block(id="trouble")
        yield Block(id="spike")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Chart(unicode=world.terminal.unicode)
                yield Line(id="machine")
                yield LogPane(id="story")
            with VerticalScroll(id="right", can_focus=False):
                yield Block(id="result")
            yield LogPane(wrap=True, id="log")
        yield KeyBar(keys.in_bar(keys.MONITOR, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self._run_name = str(self.run_dir.read_run_json().get("name") or self.run_dir.id)
        self.query_one("#trouble").display = False
        self.query_one("#spike").display = False
        self._show_view("curves")
        self.run_worker(self._follow, thread=True, group="follow", exit_on_error=False)
        self.set_interval(1.0, self._tick)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_state)

    def on_unmount(self) -> None:
        self._stop_following.set()
        feed_of(self).leave(self)

    def _follow(self) -> None:
        follow(self.run_dir, self, self._stop_following, world_of(self).refresh_s)

    @on(messages.RunAdvanced)
    def _advance(self, message: messages.RunAdvanced) -> None:
        message.stop()
        self.state = state = message.state
        if self._resumed_at is not None and (state.last_seq > self._resumed_at or state.state == "crashed"):
            self._resumed_at = None
        if state.ended and not self._resumable:
            self._resumable = _way_on(self.run_dir, state)
        self.steering.heard(state)
        newest = state.spikes[-1] if state.spikes else None
        notices_of(self).heard(
            self.run_dir.id, self._run_name, state.state, state.reason, describe_spike(newest) if newest else None,
            newest.seq if newest else 0,
        )  # fmt: skip
        self._look_into_ending()
        known = (state.state, state.ended, tuple((each.name, each.seq) for each in state.evaluations))
        if known != self._outcome_of and (state.ended or state.evaluations):
            self._outcome_of = known
            self._read_outcome()
        self._show_state()
        if state.ended and not self._told_end:
            self._told_end = True
            if (result.headline(state) or state.evaluations) and not self.has_class("-wide"):
                self._show_view("result")
        elif not state.ended:
            self._told_end, self._resumable = False, ""

    @work(thread=True, group="outcome", exclusive=True)
    def _read_outcome(self) -> None:
        worker, found = get_current_worker(), verdict.read(self.run_dir)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._outcome_read, found)

    def _outcome_read(self, found: verdict.Outcome | None) -> None:
        if found != self._outcome:
            self._outcome = found
            self._show_state()

    def on_screen_resume(self) -> None:
        """What was evaluated on another screen is shown."""
        if self.state.ended:
            self._read_outcome()

    def _look_into_ending(self) -> None:
        """Once memory has ended the run: ask why, and again when the machine's GPUs are known."""
        if self._resumed_at is None and self.ending.wants(self.state):
            feed_of(self).look(self, _MACHINE_EVERY_S)
            self._examine(self.state)

    @work(thread=True, group="examine", exclusive=True)
    def _examine(self, state: RunState) -> None:
        worker, found = get_current_worker(), self.ending.examine(state)
        if not worker.is_cancelled:  # a later look knows more
            self.post_message(messages.PostMortemFound(found))

    @on(messages.PostMortemFound)
    def _post_mortem_found(self, message: messages.PostMortemFound) -> None:
        message.stop()
        found = message.found if message.found and (message.found.remedies or message.found.is_explained) else None
        first, self.ending.found = self.ending.found is None, found
        if first and found is not None and MEMORY in self.feed.quantities(self.state):
            self.feed.quantity = MEMORY
            self.feed.feed(self.query_one(Chart), self.state, anew=True)
        self._show_state()

    @on(messages.MachineRead)
    def _machine_read(self, message: messages.MachineRead) -> None:
        known, self.ending.machine = self.ending.machine is not None, message.machine
        if not known:
            self._look_into_ending()

    def _show_state(self) -> None:
        state, width = self.state, self.size.width - 2
        muted = "" if world_of(self).terminal.sixteen else self.app.theme_variables["muted"]
        self.query_one(TopLine).show(story.subject(self._run_name, state), self._standing())
        self.query_one("#gauges", Line).show(story.gauges(state, width, muted))
        self._show_progress()
        self._show_trouble()
        self._show_spike()
        self._show_machine()
        self.query_one(Chart).waiting = story.awaited(state, world_of(self).clock())
        self.feed.feed(self.query_one(Chart), state)
        for pane in self.query(LogPane):
            if pane.display:
                pane.show(state.log, state.is_abandoned)
        self._show_result(muted)
        holds = state.state == "paused" or self.steering.pauses
        self.query_one(KeyBar).rename("pause", text("keys.resume" if holds else "keys.pause"))
        self.refresh_bindings()

    def _style(self, name: str) -> str:
        """The theme's colour called so; "" where there are sixteen, which are the terminal's own."""
        return "" if world_of(self).terminal.sixteen else self.app.theme_variables[name]

    def _standing(self) -> Text:
        line = story.standing(self.state, text("monitor.resuming") if self._resumed_at is not None else "")
        colour = {"good": "success", "look": "warning", "lost": "error"}.get(
            story.STATE_STYLES.get(self.state.state, ""), "foreground"
        )
        if not world_of(self).terminal.sixteen:
            line.stylize(self.app.theme_variables[colour])
        return line

    def _show_progress(self) -> None:
        state, world = self.state, world_of(self)
        phase_since = state.phase.t if state.phase else state.started_t
        first = result.headline(state, self.size.width - 2) if state.ended else self.steering.note(state)
        room = self.size.width - 2 - (cell_len(first) + 3 if first and not state.ended else 0)
        line = story.progress(state, world.clock(), room, world.terminal.unicode, phase_since, self._resumable)
        if first:  # of an ended run the figures alone, where there is no room for both: the rest stands above
            both = Text.assemble((first, "bold"), f"   {line.plain}", no_wrap=True, end="")
            fits = not state.ended or cell_len(both.plain) <= self.size.width - 2
            line = both if fits else Text(first, "bold", no_wrap=True, end="")
        cut(line, self.size.width - 2)
        self.query_one("#progress", Line).show(line)

    def _show_machine(self) -> None:
        place = self.query_one("#machine", Line)
        unicode, width = world_of(self).terminal.unicode, place.content_size.width or self.size.width - 3
        most = next((count for name, count in _MACHINE_LINES.items() if self.has_class(name)), 2)
        lines = memory.machine_lines(self.state, width, unicode, most)
        if place.styles.height is None or place.styles.height.value != len(lines):
            place.styles.height = len(lines)
        place.show(Text("\n").join(lines))

    def _show_trouble(self) -> None:
        block = self.query_one("#trouble", Block)
        found = None if self._resumed_at is not None else story.trouble(self.state, self._resumable)
        why = self.ending.found if found else None
        block.display = found is not None and not (why and self.view == "result")
        self.set_class(why is not None, "-post-mortem")
        is_judged = self.state.ended and self._outcome is not None
        if is_judged is not self.has_class("-judged"):
            self.set_class(is_judged, "-judged")
            self.call_after_refresh(self._show_state)  # what is beside it has another width now
        if why is not None:
            roomy = self.has_class("-tall")
            block.show((why, self._resumable, roomy), postmortem.panel(why, bool(self._resumable), roomy))
        elif found:
            title, message, way_on = found
            parts = [Text(title, style="bold"), Text(message), Text(way_on)]
            block.show(found, Text("\n").join(part for part in parts if part.plain))

    @property
    def _spike(self) -> ev.Spike | None:
        """The newest that nothing was done about; of a run that came to its end none matters any more."""
        found = self.state.spikes[-1] if self.state.spikes and self.state.state != "finished" else None
        return found if self._resumed_at is None else None

    def _show_spike(self) -> None:
        """Beside the curves, without taking the focus: what is typed goes where it went."""
        spike, block = self._spike, self.query_one("#spike", Block)
        block.display = spike is not None and spike.seq != self._closed_spike and self.view != "log"
        self.set_class(block.display and self.query_one("#trouble").display, "-two-panels")
        if spike is not None and block.display:
            width, rows = self.size.width - 4, 5 if self.has_class("-tall") else 2
            block.show((spike.seq, width, rows), panel(spike, width, rows))

    def _show_result(self, muted: str) -> None:
        state, why = self.state, self.ending.found
        key = (
            state.state, len(state.samples), len(state.evals), state.samples[-1:] and state.samples[-1].seq,
            len(state.tests), tuple(state.memory_measured), why, self._resumable, self.view,
            self._outcome and self._outcome.summary,
        )  # fmt: skip
        made = state.finished.adapter if state.finished else None
        adapter = clean(str(self.run_dir.path / made), keep_newlines=False) if made else ""
        shown = result.result(state, self._style, adapter, self._outcome)
        if why is not None and self.view == "result":
            shown = Group(postmortem.whole(why, bool(self._resumable), muted), Text(), shown)
        self.query_one("#result", Block).show(key, shown)

    def _tick(self) -> None:
        """Seconds of a phase that can't be counted go on while the log is silent."""
        if not self.state.ended and self.app.screen is self:
            self._show_progress()
            if self.state.step is None:
                self.query_one(Chart).waiting = story.awaited(self.state, world_of(self).clock())
                self.query_one(Chart).redraw()

    def _show_view(self, view: str) -> None:
        self.view = view
        for name in VIEWS:
            self.set_class(name == view, f"-view-{name}")
        self.query_one(KeyBar).rename("cycle", text(NEXT_VIEW[view]))
        if self.is_mounted:
            self._show_state()
            self.query_one("#right").scroll_home(animate=False)
        if view == "curves":
            self.query_one(Chart).focus()
        self.call_after_refresh(self._show_logs)

    def _show_logs(self) -> None:
        for pane in self.query(LogPane):
            pane.show(self.state.log, self.state.is_abandoned)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        live = self.state.state in _LIVE
        if action in _STEERING:
            if not self._is_under_way:
                return False
            return True if live else None
        if action == "remedy":
            number = parameters[0] if parameters else 0
            return isinstance(number, int) and self._resumed_at is None and self.ending.remedy(number) is not None
        if action in ("evaluate", "strength", "export"):
            return True if self.state.ended and self.run_dir.has_adapter else None
        if action == "talk":
            return True if self.run_dir.has_adapter else None
        if action in ("spike", "skip_rows"):
            return self._spike is not None
        if action == "lower_rate":
            return True if live else None
        if action == "roll_back":
            return (live or (self.state.ended and self.state.state in ("stopped", "failed", "crashed"))) and (
                self._resumed_at is None
            )
        if action == "resume":
            return self.state.ended and bool(self._resumable) and self._resumed_at is None
        return True

    @property
    def _is_under_way(self) -> bool:
        return not self.state.ended and self.state.state != "created"

    def why_not(self, action: str) -> str:
        run, runs = self._run_name, self._is_under_way or self._resumed_at is not None
        if action in _STEERING:
            return "" if runs else text("home.not-running", run=run)
        if action in ("evaluate", "strength", "export") and not self.run_dir.has_adapter:
            return text("home.has-no-adapter", run=run)
        if action in ("evaluate", "strength", "export", "resume") and runs:
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
        if (spike := self._spike) is not None:
            self._closed_spike = 0 if self._closed_spike == spike.seq else spike.seq
            self._show_spike()

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
        from engine.app import rollback
        from tui.run_actions import accepts_changes
        from tui.widgets.dialogs import ConfirmScreen

        try:
            planned = await asyncio.to_thread(rollback.look, self.run_dir, request)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        code = "steering.ask-skip" if request.skip_rows else "steering.ask-back"
        question = ConfirmScreen(text(code, step=planned.step), "\n".join(consequences(planned)))
        if not await self.app.push_screen_wait(question):
            return
        settled = Request(planned.step, request.rate, request.skip_rows)
        if not self.state.ended:
            self._send("rollback", settled.values)
            return
        try:
            accepted = await accepts_changes(self.app, self.run_dir)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        if accepted is not None:
            self._resumed_at = self.state.last_seq
            self._show_view("curves")
            self._go_back(settled, accepted)

    @work(thread=True, group="send")
    def _go_back(self, request: Request, accept_changes: bool) -> None:
        from engine.app import rollback

        try:
            done = rollback.carry_out(self.run_dir, request, accept_changes, world_of(self).spawn)
            self._tell(text("steering.done", what=list(done.lines)), "information")
        except TunedeckError as error:
            self._resumed_at = None
            self._tell(str(error), "error")
            self.app.call_from_thread(self._show_state)

    @work
    async def action_remedy(self, number: int) -> None:
        from tui.widgets.dialogs import ConfirmScreen

        remedy = self.ending.remedy(number)
        if remedy is None:
            return
        lines = [sentences(text(line)) for line in self.ending.way(remedy).lines]
        about = sentences(text(remedy.what), part(remedy.what, "why"))
        title, start, not_now = text("monitor.apply", number=number), text("monitor.start"), text("app.not-now")
        if await self.app.push_screen_wait(ConfirmScreen(title, about, lines, start, not_now)):
            self._apply(remedy)

    @work(thread=True, group="send")
    def _apply(self, remedy: Remedy) -> None:
        try:
            target = self.ending.apply(remedy, world_of(self).spawn)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        self.app.call_from_thread(self._applied, target)

    def _applied(self, target: RunDir) -> None:
        if target != self.run_dir:
            self.post_message(messages.RunOpened(target))
            return
        self._resumed_at = self.state.last_seq
        self._show_state()
        self._tell(text("monitor.restarts"), "information")

    @work
    async def action_resume(self) -> None:
        from tui.run_actions import accepts_changes

        try:
            accepted = await accepts_changes(self.app, self.run_dir)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        if accepted is None:
            return
        self._resumed_at = self.state.last_seq
        self._show_view("curves")
        self._show_state()
        self._launch(accepted)

    @work(thread=True, group="send")
    def _launch(self, accept_changes: bool) -> None:
        from engine.app.resume import resume

        try:
            resume(self.run_dir, accept_changes, world_of(self).spawn)
            self._tell(text("monitor.resuming-from", checkpoint=self._resumable), "information")
        except TunedeckError as error:
            self._resumed_at = None
            self._tell(str(error), "error")
            self.app.call_from_thread(self._show_state)

    @work(thread=True, group="report", exclusive=True)
    def action_report(self) -> None:
        from tui.run_actions import write_report

        try:
            self._tell(write_report(self.run_dir), "information")
        except TunedeckError as error:
            self._tell(str(error), "error")

    def action_evaluate(self) -> None:
        self.post_message(messages.EvaluateAsked(self.run_dir))

    def action_strength(self) -> None:
        self.post_message(messages.StrengthAsked(self.run_dir))

    def action_export(self) -> None:
        self.post_message(messages.ExportAsked(self.run_dir))

    def action_talk(self) -> None:
        self.post_message(messages.ChatAsked(of_run(self.run_dir)))

    def action_cycle(self) -> None:
        self._show_view(VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])

    def action_curve(self) -> None:
        self.feed.turn(self.state)
        if self.view != "curves":
            self._show_view("curves")
        self.feed.feed(self.query_one(Chart), self.state, anew=True)

    def action_log_y(self) -> None:
        self.query_one(Chart).toggle_log_y()

    def action_scroll(self, lines: int) -> None:
        """Move through what is too long for its pane."""
        if self.view == "log":
            self.query_one("#log", LogPane).scroll_lines(-lines)
        else:
            self.query_one("#right").scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        running = self.state.state in (*_LIVE, "stopping")
        self.post_message(messages.MonitorLeft(self.run_dir, running))

    @work(thread=True, group="send")
    def _send(self, command: Command, values: dict[str, Any] | None = None) -> None:
        self.steering.send(command, values)
        self.call_after_refresh(self._show_state)

    def _tell(self, words: str, severity: str) -> None:
        """Show a short notice; safe from any thread."""
        self.notify(clean(words), severity=severity, timeout=4, markup=False)  # type: ignore[arg-type]


def _way_on(run: RunDir, state: RunState) -> str:
    """The checkpoint that an ended run resumes from; one that stopped before its first starts from the beginning."""
    if state.state in ("finished", "damaged"):
        return ""
    found = run.complete_checkpoints()
    if found:
        return found[-1].name
    return text("monitor.the-beginning") if state.state == "stopped" and run.begins_anew else ""
