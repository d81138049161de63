"""The monitor: follows one run and shows it in panes, with the numbers of now above and its keys below."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.worker import get_current_worker

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.runs.directory import RunDir
from engine.runs.state import RunState
from engine.runs.story import alarm as describe_alarm
from engine.runs.viewers import Presence, Viewer
from tui import keys, messages
from tui.machine import feed_of
from tui.monitor import attached, figures, postmortem, result, spike, story, verdict
from tui.monitor.arranging import ArrangedMonitor
from tui.monitor.follow import follow
from tui.monitor.layout import PANES
from tui.monitor.now import meaning
from tui.monitor.panes import CurvePane, Pane, PaneStrip, all_panes
from tui.monitor.recall import Recalled, remembered
from tui.monitor.trouble import FixAsked, TroublePanel
from tui.notices import notices_of
from tui.theme import colours_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.evaluated import mix_of, mix_result
from tui.widgets.line import Block, Line, cut
from tui.widgets.panel import Panel
from tui.world import world_of

_MACHINE_EVERY_S = 5.0
DEMO = "demo"
"""The name of the run that explains each of its phases."""


class MonitorScreen(ArrangedMonitor):
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
        self._told_end = False
        self._before_trouble: tuple[tuple[str, ...] | None, ...] = ()
        """The panes that gave way to those of memory, until the run goes on."""
        self._outcome: verdict.Outcome | None = None
        self._outcome_of: object = None
        self._stop_following = threading.Event()
        self._recalled = Recalled({}, run)

    def remembered(self) -> dict[str, Any]:
        loss = self.query_one("#pane-loss", CurvePane)
        return remembered(self.run_dir, self.panes, self._told_end, loss, self.earlier)

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._recalled = Recalled(kept, self.run_dir)
        self._told_end = self._recalled.had_ended
        self.panes.choose(self._recalled.panes)

    def compose(self) -> ComposeResult:
        loss, rate, memory, sources, samples, log = all_panes(world_of(self).terminal.unicode)
        yield TopLine(self.run_dir.id, text("monitor.reading-log"))
        yield Line(id="figures")
        yield Line(id="progress")
        yield Line(id="meaning")
        yield TroublePanel()
        yield Panel("", Block(id="spike-facts"), id="spike")
        yield PaneStrip()
        with Container(id="panes"):
            with Container(id="charts"):
                yield Vertical(loss, rate, id="upper")
                yield Vertical(memory, sources, id="lower")
            yield Vertical(samples, log, id="texts")
        yield KeyBar(keys.in_bar(keys.MONITOR, keys.EVERYWHERE), id="keys")

    def on_mount(self) -> None:
        self.run_name = self.run_dir.name
        self.query_one("#trouble").display = False
        self.query_one("#spike").display = False
        self.query_one("#meaning").display = False
        self.arrange_panes()
        self.run_worker(self._follow, thread=True, group="follow", exit_on_error=False)
        self.run_worker(self._look_around, thread=True, group="viewers", exit_on_error=False)
        self.set_interval(1.0, self._tick)
        if self._recalled.earlier:
            self.lay_below(self._recalled.earlier)

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.arrange_panes()
        self.call_after_refresh(self.show_state)

    def on_unmount(self) -> None:
        self._stop_following.set()
        self._presence.leave()
        feed_of(self).leave(self)

    # What comes in

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
        self._recalled.take_up(self.query_one("#pane-loss", CurvePane), state)
        if self.resumed_at is not None and (state.last_seq > self.resumed_at or state.state == "crashed"):
            self.resumed_at = None
        if state.ended and not self.resumable:
            self.resumable = _way_on(self.run_dir, state)
        self.steering.heard(state)
        newest = next(iter(state.alarms), None)
        told, seq = (describe_alarm(newest), newest.seq) if newest is not None else (None, 0)
        notices_of(self).heard(self.run_dir.id, self.run_name, state.state, state.reason, told, seq)
        self._look_into_ending()
        known = (state.state, state.ended, tuple((each.name, each.seq) for each in state.evaluations))
        if known != self._outcome_of and (state.ended or state.evaluations):
            self._outcome_of = known
            self._read_outcome()
        if state.ended and not self._told_end:
            self._told_end = True
            if self.has_result and self.room.columns == 1:
                self.panes.chosen = None  # the result is what one sees when the training ends
        elif not state.ended:
            self._told_end, self.resumable = False, ""
            if self._before_trouble:
                [self.panes.chosen], self._before_trouble = self._before_trouble, ()
        self.arrange_panes()
        self.show_state()

    @work(thread=True, group="outcome", exclusive=True)
    def _read_outcome(self) -> None:
        worker, found = get_current_worker(), verdict.read(self.run_dir)
        if not worker.is_cancelled:
            self.in_screen(self._outcome_read, found)

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
        if first and found is not None and self.room.columns < 3:
            self._before_trouble = (self.panes.chosen,)
            self.panes.choose(("memory",) if self.room.columns == 1 else ("memory", "samples", "log"))
            self.arrange_panes()
        self.show_state()

    @on(messages.MachineRead)
    def _machine_read(self, message: messages.MachineRead) -> None:
        known, self.ending.machine = self.ending.machine is not None, message.machine
        if not known:
            self._look_into_ending()

    @on(FixAsked)
    def _fix_asked(self, message: FixAsked) -> None:
        message.stop()
        if self.check_action("remedy", (message.number,)):
            self.action_remedy(message.number)
        elif self.only_watches:
            self.tell(text("viewers.refused"), "information")

    # Drawing

    def show_state(self) -> None:
        state = self.state
        self.query_one(TopLine).show(story.subject(self.run_name, state), self._standing())
        self._show_figures()
        self._show_progress()
        self._show_trouble()
        self._show_spike()
        loss = self.query_one("#pane-loss", CurvePane).chart
        loss.waiting = story.awaited(state, world_of(self).clock())
        self._show_result()
        for pane in self.query(Pane):
            if pane.display:
                pane.show(state)
        self.query_one("#keys", KeyBar).rename("pause", text("keys.resume" if self.is_held else "keys.pause"))
        self.refresh_bindings()

    @property
    def is_held(self) -> bool:
        """Whether the run is paused, or was asked to be: the same key resumes it then."""
        return self.state.state == "paused" or self.steering.pauses

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

    def _show_figures(self) -> None:
        width, muted = self.size.width - 2, self._style("muted")
        tone, roomy, steers = self._style("panel"), self.has_class("-tall"), not self.only_watches
        line = (
            figures.tiles(self.state, width, muted, tone, steers)
            if roomy
            else figures.strip(self.state, width, muted, steers)
        )
        self.query_one("#figures", Line).show(line)
        self.query_one("#figures").display = self.mix is None  # it has none

    def _show_progress(self) -> None:
        state, world = self.state, world_of(self)
        phase_since = state.phase.t if state.phase else state.started_t
        first = result.headline(state, self.size.width - 2) if state.ended else self.steering.note(state)
        room = self.size.width - 2 - (cell_len(first) + 3 if first and not state.ended else 0)
        line = story.progress(
            state, world.clock(), room, world.terminal.unicode, phase_since, self.resumable, not self.only_watches
        )
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

    def _show_trouble(self) -> None:
        steers = not self.only_watches
        found = None if self.resumed_at is not None else story.trouble(self.state, self.resumable, steers)
        why = self.ending.found if found else None
        if why is not None and self.shown == ("samples",):
            found = None  # the result says the same, with reasons
        roomy = self.has_class("-tall")
        self.query_one(TroublePanel).show(found, why, bool(self.resumable), roomy, steers)
        self.set_class(found is not None and why is not None, "-post-mortem")

    def _show_spike(self) -> None:
        """Beside the curves, without taking the focus: what is typed goes where it went."""
        found, panel = self.spike, self.query_one("#spike", Panel)
        has_curves = any(name in PANES[:4] for name in self.shown)
        panel.display = found is not None and found.seq != self.closed_spike and has_curves
        self.set_class(panel.display and self.query_one("#trouble").display, "-two-panels")
        if found is not None and panel.display:
            width, rows = self.size.width - 4, 5 if self.has_class("-tall") else 2
            panel.rename(spike.title(found))
            shown = spike.panel(found, width, rows, not self.only_watches)
            self.query_one("#spike-facts", Block).show((found.seq, width, rows), shown)

    def _show_result(self) -> None:
        if "samples" not in self.shown:
            return
        state, why, alone = self.state, self.ending.found, self.shown == ("samples",)
        key = (
            state.state, len(state.samples), len(state.evals), state.samples[-1:] and state.samples[-1].seq,
            len(state.tests), tuple(state.memory_measured), why, self.resumable, alone,
            self._outcome and self._outcome.summary,
        )  # fmt: skip
        made = state.finished.adapter if state.finished else None
        adapter = clean(str(self.run_dir.path / made), keep_newlines=False) if made else ""
        shown: RenderableType = result.result(
            state, self._style, adapter, self._outcome, world_of(self).terminal.unicode, not self.only_watches
        )
        if why is not None and alone:
            shown = Group(postmortem.whole(why, bool(self.resumable), self._style("muted")), Text(), shown)
        block = self.query_one("#result", Block)
        if self.mix is not None:
            width = block.content_size.width or self.size.width - 6
            told = mix_result(self.run_dir, self.mix, width, self._style)
            block.show((key, width), Group(mix_of(self.mix, width), Text(), told))
            return
        block.show(key, shown)

    def _tick(self) -> None:
        """Seconds of a phase that can't be counted go on while the log is silent."""
        if not self.state.ended and self.app.screen is self:
            self._show_progress()
            if self.state.step is None:
                chart = self.query_one("#pane-loss", CurvePane).chart
                chart.waiting = story.awaited(self.state, world_of(self).clock())
                chart.redraw()


def _way_on(run: RunDir, state: RunState) -> str:
    """The checkpoint that an ended run resumes from; one that stopped before its first starts from the beginning."""
    if state.state in ("finished", "damaged"):
        return ""
    found = run.complete_checkpoints()
    if found:
        return found[-1].name
    return text("monitor.the-beginning") if state.state == "stopped" and run.begins_anew else ""
