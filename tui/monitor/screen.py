"""The monitor: one run's curves, samples, log and result, and the keys that steer it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.console import Group
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.worker import get_current_worker

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.runs.directory import RunDir
from engine.runs.state import RunState
from engine.runs.story import spike as describe_spike
from engine.runs.viewers import Presence, Viewer
from tui import keys, messages, shell
from tui.machine import feed_of
from tui.monitor import attached, memory, postmortem, result, story, verdict
from tui.monitor.acting import ActingMonitor
from tui.monitor.curves import MEMORY, CurveFeed
from tui.monitor.follow import follow
from tui.monitor.now import meaning
from tui.monitor.recall import Recalled, remembered
from tui.monitor.spike import panel
from tui.notices import notices_of
from tui.theme import colours_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.chart import Chart
from tui.widgets.line import Block, Line, cut
from tui.widgets.log import LogPane
from tui.world import world_of

VIEWS = ("curves", "result", "log")
NEXT_VIEW = {"curves": "keys.cycle", "result": "monitor.log-view", "log": "monitor.curves"}
"""What the key that turns the views is called on each of them."""
_MACHINE_EVERY_S = 5.0
DEMO = "demo"
"""The name of the run that explains each of its phases."""
_MACHINE_LINES = {"-short": 2, "-tall": 4}


class MonitorScreen(ActingMonitor):
    """Watches ``run``. Leaving it never touches the training. One that ``only_watches`` can't steer it either."""

    CSS_PATH = "monitor.tcss"
    AUTO_FOCUS = "Chart"
    BINDINGS = keys.bindings(keys.MONITOR)
    HELP = "monitor.help"
    KEY_TABLES: ClassVar = (("monitor.this-run-keys", keys.MONITOR), ("monitor.chart-keys", keys.CHART))

    def __init__(self, run: RunDir, only_watches: bool = False) -> None:
        super().__init__(run, only_watches)
        self.viewers: tuple[Viewer, ...] = ()
        self._presence = Presence(run, not only_watches)
        self.view = "curves"
        self.feed = CurveFeed()
        self._told_end = False
        self._outcome: verdict.Outcome | None = None
        self._outcome_of: object = None
        self._stop_following = threading.Event()
        self._recalled = Recalled({}, run)

    def remembered(self) -> dict[str, Any]:
        return remembered(self.run_dir, self.view, self._told_end, self.feed, self.query_one(Chart))

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._recalled = Recalled(kept, self.run_dir)
        self.view, self._told_end = self._recalled.view(VIEWS), self._recalled.had_ended

    def compose(self) -> ComposeResult:
        world = world_of(self)
        yield TopLine(self.run_dir.id, text("monitor.reading-log"))
        yield Line(id="gauges")
        yield Line(id="progress")
        yield Line(id="meaning")
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
        self.run_name = str(self.run_dir.read_run_json().get("name") or self.run_dir.id)
        self.query_one("#trouble").display = False
        self.query_one("#spike").display = False
        self.query_one("#meaning").display = False
        self._show_view(self.view)
        self.run_worker(self._follow, thread=True, group="follow", exit_on_error=False)
        self.run_worker(self._look_around, thread=True, group="viewers", exit_on_error=False)
        self.set_interval(1.0, self._tick)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_state)

    def on_unmount(self) -> None:
        self._stop_following.set()
        self._presence.leave()
        feed_of(self).leave(self)

    def _follow(self) -> None:
        follow(self.run_dir, self, self._stop_following, world_of(self).refresh_s)

    def _look_around(self) -> None:
        tell = lambda found: self.post_message(messages.ViewersChanged(found))  # noqa: E731
        attached.look(self._presence, self._stop_following, tell)

    @on(messages.ViewersChanged)
    def _viewers_changed(self, message: messages.ViewersChanged) -> None:
        message.stop()
        before, self.viewers = self.viewers, message.viewers
        for told in attached.newcomers(before, self.viewers):
            self.tell(told, "information")
        self.query_one(TopLine).show(right=self._standing())

    @property
    def help_note(self) -> str:
        refused = text("viewers.refused") if self.only_watches else ""
        return " ".join(filter(None, (refused, attached.who(self.viewers))))

    @on(messages.RunAdvanced)
    def _advance(self, message: messages.RunAdvanced) -> None:
        message.stop()
        self.state = state = message.state
        self._recalled.take_up(self.feed, self.query_one(Chart), state)
        if self.resumed_at is not None and (state.last_seq > self.resumed_at or state.state == "crashed"):
            self.resumed_at = None
        if state.ended and not self.resumable:
            self.resumable = _way_on(self.run_dir, state)
        self.steering.heard(state)
        newest = state.spikes[-1] if state.spikes else None
        notices_of(self).heard(
            self.run_dir.id, self.run_name, state.state, state.reason, describe_spike(newest) if newest else None,
            newest.seq if newest else 0,
        )  # fmt: skip
        self._look_into_ending()
        known = (state.state, state.ended, tuple((each.name, each.seq) for each in state.evaluations))
        if known != self._outcome_of and (state.ended or state.evaluations):
            self._outcome_of = known
            self._read_outcome()
        self.show_state()
        if state.ended and not self._told_end:
            self._told_end = True
            if (result.headline(state) or state.evaluations) and not self.has_class("-wide"):
                self._show_view("result")
        elif not state.ended:
            self._told_end, self.resumable = False, ""

    @work(thread=True, group="outcome", exclusive=True)
    def _read_outcome(self) -> None:
        worker, found = get_current_worker(), verdict.read(self.run_dir)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._outcome_read, found)

    def _outcome_read(self, found: verdict.Outcome | None) -> None:
        if found != self._outcome:
            self._outcome = found
            self.show_state()

    def on_screen_resume(self) -> None:
        """What was evaluated on another screen is shown."""
        if self.state.ended:
            self._read_outcome()

    def _look_into_ending(self) -> None:
        """Once memory has ended the run: ask why, and again when the machine's GPUs are known."""
        if self.resumed_at is None and self.ending.wants(self.state):
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
        self.show_state()

    @on(messages.MachineRead)
    def _machine_read(self, message: messages.MachineRead) -> None:
        known, self.ending.machine = self.ending.machine is not None, message.machine
        if not known:
            self._look_into_ending()

    def show_state(self) -> None:
        state, width = self.state, self.size.width - 2
        muted = self._style("muted")
        self.query_one(TopLine).show(story.subject(self.run_name, state), self._standing())
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
        """The theme's colour called so."""
        return colours_of(self.app)(name)

    def _standing(self) -> Text:
        line = story.standing(self.state, text("monitor.resuming") if self.resumed_at is not None else "")
        colour = {"good": "success", "look": "warning", "lost": "error"}.get(
            story.STATE_STYLES.get(self.state.state, ""), "foreground"
        )
        line.stylize(self._style(colour))
        about = (text("viewers.watching") if self.only_watches else "", attached.count(self.viewers))
        for words in filter(None, about):
            line.append(f"   {words}")
        return line

    def _show_progress(self) -> None:
        state, world = self.state, world_of(self)
        phase_since = state.phase.t if state.phase else state.started_t
        first = result.headline(state, self.size.width - 2) if state.ended else self.steering.note(state)
        room = self.size.width - 2 - (cell_len(first) + 3 if first and not state.ended else 0)
        line = story.progress(state, world.clock(), room, world.terminal.unicode, phase_since, self.resumable)
        if first:  # of an ended run the figures alone, where there is no room for both: the rest stands above
            both = Text.assemble((first, "bold"), f"   {line.plain}", no_wrap=True, end="")
            fits = not state.ended or cell_len(both.plain) <= self.size.width - 2
            line = both if fits else Text(first, "bold", no_wrap=True, end="")
        cut(line, self.size.width - 2)
        self.query_one("#progress", Line).show(line)
        explains = self.run_name.startswith(DEMO) and state.step is not None
        said = meaning(state) if explains else ""
        self.query_one("#meaning").display = bool(said)
        self.query_one("#meaning", Line).show(Text(said))

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
        found = None if self.resumed_at is not None else story.trouble(self.state, self.resumable)
        why = self.ending.found if found else None
        block.display = found is not None and not (why and self.view == "result")
        self.set_class(why is not None, "-post-mortem")
        is_judged = self.state.ended and self._outcome is not None
        if is_judged is not self.has_class("-judged"):
            self.set_class(is_judged, "-judged")
            self.call_after_refresh(self.show_state)  # what is beside it has another width now
        if why is not None:
            roomy = self.has_class("-tall")
            block.show((why, self.resumable, roomy), postmortem.panel(why, bool(self.resumable), roomy))
        elif found:
            title, message, way_on = found
            parts = [Text(title, style="bold"), Text(message), Text(way_on)]
            block.show(found, Text("\n").join(part for part in parts if part.plain))

    def _show_spike(self) -> None:
        """Beside the curves, without taking the focus: what is typed goes where it went."""
        spike, block = self.spike, self.query_one("#spike", Block)
        block.display = spike is not None and spike.seq != self.closed_spike and self.view != "log"
        self.set_class(block.display and self.query_one("#trouble").display, "-two-panels")
        if spike is not None and block.display:
            width, rows = self.size.width - 4, 5 if self.has_class("-tall") else 2
            block.show((spike.seq, width, rows), panel(spike, width, rows))

    def _show_result(self, muted: str) -> None:
        state, why = self.state, self.ending.found
        key = (
            state.state, len(state.samples), len(state.evals), state.samples[-1:] and state.samples[-1].seq,
            len(state.tests), tuple(state.memory_measured), why, self.resumable, self.view,
            self._outcome and self._outcome.summary,
        )  # fmt: skip
        made = state.finished.adapter if state.finished else None
        adapter = clean(str(self.run_dir.path / made), keep_newlines=False) if made else ""
        shown = result.result(state, self._style, adapter, self._outcome)
        if why is not None and self.view == "result":
            shown = Group(postmortem.whole(why, bool(self.resumable), muted), Text(), shown)
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
            self.show_state()
            self.query_one("#right").scroll_home(animate=False)
        if view == "curves":
            self.query_one(Chart).focus()
        self.call_after_refresh(self._show_logs)

    def _show_logs(self) -> None:
        for pane in self.query(LogPane):
            pane.show(self.state.log, self.state.is_abandoned)

    def show_curves(self) -> None:
        self._show_view("curves")

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def copied(self) -> str:
        """The newest line of the log, the newest answer, or the command that watches or resumes the run."""
        if self.view == "log" and self.state.log:
            return self.query_one("#log", LogPane).copied()
        if self.view == "result" and self.state.samples:
            return self.state.samples[-1].answer
        return shell.command("resume" if self.resumable else "open", self.run_dir.id)

    def show_log(self) -> None:
        if self.view != "log":
            self._show_view("log")

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


def _way_on(run: RunDir, state: RunState) -> str:
    """The checkpoint that an ended run resumes from; one that stopped before its first starts from the beginning."""
    if state.state in ("finished", "damaged"):
        return ""
    found = run.complete_checkpoints()
    if found:
        return found[-1].name
    return text("monitor.the-beginning") if state.state == "stopped" and run.begins_anew else ""
