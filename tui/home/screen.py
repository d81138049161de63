"""Home: the runs there are and how they stand, the machine, and what can be done."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from engine.common.errors import TunedeckError
from engine.messages import language
from engine.messages.catalogue import text
from tui import keys, messages, session
from tui.home.acting import ActingScreen
from tui.home.columns import has_ended, is_group
from tui.home.machine_line import is_news, machine_line
from tui.home.runlist import RunList
from tui.home.watch import watch
from tui.machine import feed_of
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.line import Line, cut_cells
from tui.widgets.panel import Panel
from tui.world import world_of

if TYPE_CHECKING:
    from textual.content import Content

    from engine.machine.snapshot import Machine
    from engine.runs.directory import RunDir
    from engine.runs.events import Sample
    from engine.runs.group_summary import Line as Summary
    from engine.runs.listing import Order
    from tui.flow.matters import Matter
    from tui.home.curve import Story
    from tui.keys import Key

_MACHINE_EVERY_S = 10.0
_ROWS_OF_REST, _LEAST_CURVE = 12, 6
"""Rows that all but list and curve take in a short window, and those of a curve worth showing."""
_LIST_SHARE = 0.45
"""Of a tall window the list has at most so much."""


class _Bar(KeyBar):
    """While there are no runs, it has nothing that waits for one."""

    def _shown(self, allowed: Mapping[Key, bool | None], width: int) -> list[Key]:
        shown = super()._shown(allowed, width)
        return [key for key in shown if allowed[key]] if self.screen.has_class("-empty") else shown


class HomeScreen(ActingScreen):
    """The place the app begins in."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.HOME),
        Binding("escape", "unfilter", show=False),
        *(
            Binding(key, f"move_list({by})", show=False)
            for key, by in (("pageup", -10), ("pagedown", 10), ("home", -10_000), ("end", 10_000))
        ),
    ]
    HELP = "home.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.HOME),)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (160, "-broad")]  # noqa: RUF012

    class StoryRead(Message):
        """The log of a line was read."""

        def __init__(self, about: str, story: Story) -> None:
            super().__init__()
            self.about, self.story = about, story

    def __init__(self) -> None:
        super().__init__()
        self._stop_watching = threading.Event()
        self._awake = threading.Event()
        self._machine: Machine | None = None
        self._order: Order = "newest"
        self._wanted = ""
        self._unfolded: set[str] = set()
        self._matters: list[Matter] = []
        self._left: float | None = None
        """When a person was here last, in an earlier session."""
        self._told: Content | None = None
        self._mixes: tuple[RunDir, ...] = ()
        self._attended = -1
        self._resting: Timer | None = None
        self._curve_of = ""
        self._sample: Sample | None = None
        self._has_story = False
        self._chosen_before = ""

    def remembered(self) -> dict[str, Any]:
        chosen = self.chosen.id if self.chosen is not None else self._chosen_before
        return {
            "order": self._order, "wanted": self._wanted, "unfolded": sorted(self._unfolded), "chosen": chosen,
            "left": [world_of(self).clock()],
        }  # fmt: skip

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._order = cast("Order", session.texts(kept, "order"))  # looked at once the orders are loaded
        self._wanted, self._chosen_before = session.texts(kept, "wanted"), session.texts(kept, "chosen")
        self._left = next(iter(session.numbers(kept, "left", 1)), None)
        unfolded = kept.get("unfolded")
        self._unfolded = {str(each) for each in unfolded} if isinstance(unfolded, list) else set()

    def compose(self) -> ComposeResult:
        world = world_of(self)
        yield TopLine("tunedeck")
        matters, offer = Static("", id="attention", markup=False), Line("", id="self-test", classes="look")
        empty = Line("", id="empty")
        for line in (matters, offer, empty):  # shown once there is something to say: the first layout is the last
            line.display = False
        yield matters
        yield offer
        with Container(id="home"), Panel(text("home.runs"), id="runs"):
            if self._wanted:
                from tui.widgets.filter import Filter

                yield Filter(self, self._wanted, text("home.filter-about"))
            yield empty
            yield RunList(world.clock, world.terminal.unicode)
        yield _Bar(keys.in_bar(keys.HOME, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self.listing.focus()  # now, while nothing else is drawn: a change of focus draws all of the screen again
        world = world_of(self)
        self.run_worker(
            lambda: watch(world.root, self, self._stop_watching, self._awake, world.refresh_s),
            thread=True,
            exit_on_error=False,
        )

    async def _furnish(self) -> None:
        """What stands around the list comes once it is known whether there are runs: the first frame is light."""
        home = self.query_one("#home")
        if self.lines and not self.query("#beside"):
            from tui.home.curve import Curve
            from tui.home.detail import Detail

            unicode = world_of(self).terminal.unicode
            await home.mount(
                Panel(text("home.curve"), Curve(unicode), id="course"), Container(Detail(id="detail"), id="beside")
            )
            answer = Static("", id="answer-text", markup=False)
            await self.query_one("#beside").mount(Panel(text("home.answer"), answer, id="answer"))
        if not self.lines and not self.query("#first"):
            from tui.home.first import FirstSteps

            await home.mount(FirstSteps(id="first"))
        await self.query("#machine").remove()
        place = self.query_one("#beside" if self.lines else "#first")
        panel = Panel(text("home.machine"), Static("", id="machine-text", markup=False), id="machine")
        await place.mount(panel, after="#detail" if self.lines else None)
        self.set_class(not self.lines, "-empty")
        self._show_machine()

    def on_screen_resume(self) -> None:
        self._awake.set()
        self.set_timer(0.5, self._look_at_machine)  # no frame waits for the driver

    def on_screen_suspend(self) -> None:
        self._awake.clear()
        feed_of(self).leave(self)

    def on_unmount(self) -> None:
        self._stop_watching.set()
        self._awake.set()

    def on_resize(self) -> None:
        self._mind_size()
        self.call_after_refresh(self._draw_beside)

    def _mind_size(self) -> None:
        """How many runs the list has room for where it is as high as it needs."""
        height = self.app.size.height
        self.listing.most = max(5, round(height * _LIST_SHARE) - 4) if self.has_class("-tall") else height

    @property
    def _spare_rows(self) -> int:
        """What a short window has left beside the list, the chosen run and the keys."""
        return self.app.size.height - _ROWS_OF_REST - len(self.listing.runs) - len(self.query("Filter"))

    def _draw_beside(self) -> None:
        self._show_title()
        self._tell_of_chosen()
        self._show_matters()
        self._show_machine()
        self._show_answer()

    # The list

    @on(messages.RunsSummarised)
    async def _show_runs(self, message: messages.RunsSummarised) -> None:
        from tui.notices import notices_of

        message.stop()
        first, self.is_read = not self.is_read, True
        was_empty, self.lines, self._mixes = not self.lines, message.runs, message.mixes
        for each in (run for line in self.lines for run in (line.members if is_group(line) else (line,))):
            notices_of(self).heard(each.id, each.name, each.state, each.reason, each.alarm, each.alarm_seq)
        if first or was_empty != (not self.lines):
            self._mind_size()
            self.query_one("#runs").display = bool(self.lines)
            with self.app.batch_update():
                await self._furnish()
                self._show_lines()
        else:
            self._show_lines()
        if not first:  # all runs were read: one that is not among them is gone
            self._chosen_before = ""
        self._look_for_matters()
        is_other = not self.lines if first else was_empty != (not self.lines)
        if self.focused is None or (is_other and not self.query("Filter")):
            self._focus_first()
        self.refresh_bindings()

    def _focus_first(self) -> None:
        if self.listing.display:
            self.listing.focus()
        else:
            self.query("FirstSteps KeyRow, Screen > KeyBar KeyButton").first().focus()

    def _show_lines(self) -> None:
        """The runs that are looked for, in the order that is asked for."""
        if not self.is_read:  # what is typed meanwhile counts once they are there
            return
        from engine.runs.listing import ORDERS, matching, ordered, unfolded

        if self._order not in ORDERS:
            self._order = "newest"
        listing, runs = self.listing, self.lines
        found = unfolded(ordered(matching(runs, self._wanted), self._order), self._unfolded)
        listing.display = bool(found)
        empty = self.query_one("#empty", Line)
        empty.display = bool(runs) and not found
        empty.show(text("home.nothing-found") if empty.display else "")
        listing.show(found, self._unfolded, self._order)
        if self._chosen_before in [line.id for line in found]:
            listing.choose(self._chosen_before)
            self._chosen_before = ""
        self._show_title()
        self._tell_of_chosen()

    def _show_title(self) -> None:
        """How many runs there are, and which of them are shown in which order."""
        if not self.lines:
            return
        from engine.runs.listing import NAMES

        every = [each for line in self.lines for each in getattr(line, "members", (line,))]
        running = sum(not has_ended(run) for run in every)
        told = [text("home.runs"), text("home.count", runs=len(every), running=running)]
        if self._wanted:
            told.append(text("home.matching", wanted=self._wanted, lines=len(self.listing.runs)))
        if self._order != "newest":
            told.append(text(NAMES[self._order]))
        self.query_one("#runs", Panel).rename(cut_cells("   ".join(told), self.app.size.width - 6))

    @on(RunList.Chosen)
    def _another_chosen(self) -> None:
        self._tell_of_chosen()
        self._show_matters()
        self.refresh_bindings()

    def _tell_of_chosen(self) -> None:
        """What is known of the chosen line, and its losses once the cursor rests there."""
        if not self.query("#answer-text"):  # the last that comes
            return
        from tui.home.curve import REST_S, Curve, known_of
        from tui.home.detail import Detail

        line, detail, curve = self.chosen, self.query_one(Detail), self.query_one(Curve)
        detail.tell(line, self.has_class("-short"), max(20, detail.content_size.width or self.app.size.width - 4))
        has_curve = line is not None and (self.has_class("-tall") or self._spare_rows >= _LEAST_CURVE)
        self.set_class(not has_curve, "-no-curve")
        if line is None or not has_curve:
            return
        if self._curve_of == (about := known_of(line)):
            curve.go_on(line)
            return
        self._curve_of = about
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, lambda: self._read_curve(line, about))

    @work(thread=True, group="curve", exclusive=True)
    def _read_curve(self, line: Summary, about: str) -> None:
        from tui.home.curve import read

        self.post_message(self.StoryRead(about, read(line)))

    @on(StoryRead)
    def _show_story(self, message: StoryRead) -> None:
        from tui.home.curve import Curve

        if self._curve_of == message.about:
            self.query_one(Curve).show(message.story)
            self._sample, self._has_story = message.story.sample, True
            self._show_answer()

    def _show_answer(self) -> None:
        """In a window that has room for it: else the screen would be laid out and sent anew for nothing."""
        from tui.home.curve import answer_text

        body = next(iter(self.query("#answer-text").results(Static)), None)
        if body is not None and self._has_story and self.query_one("#answer").display:
            body.update(answer_text(self._sample, max(20, body.content_size.width)))

    # What waits for a person

    def _look_for_matters(self) -> None:
        from tui.flow.matters import matters

        seen = {run.id for run in getattr(self.app, "watched", ())}
        self._matters = matters(self.lines, self._mixes, world_of(self).clock(), self._left, seen)
        self._show_matters()

    def _show_matters(self) -> None:
        """The first of them, with the key that acts where it is the chosen run's, else the one that leads there."""
        line = self.query_one("#attention", Static)
        line.display = bool(self._matters)
        if not self._matters:
            return
        from tui.home.attention import told

        shown = told(self._matters, self.run.id if self.run else "", self.app.size.width - 2)
        if shown != self._told:
            self._told = shown
            line.update(shown, layout=False)

    @on(events.Click, "#attention")
    def _attention_clicked(self) -> None:
        self.action_attend()

    def action_attend(self) -> None:
        """Choose the run that needs a person, or open the mix that does; each time the next one."""
        if not self._matters:
            return
        self._attended = (self._attended + 1) % len(self._matters)
        matter = self._matters[self._attended]
        wanted = matter.run
        if matter.mix is not None:
            self._open_mix(matter.mix)
            return
        group = next((line.id for line in self.lines if wanted in [run.id for run in getattr(line, "members", ())]), "")
        if group:
            self._unfolded.add(group)
        self._wanted = ""
        self.query("Filter").remove()
        self._show_lines()
        self.listing.focus()
        self.listing.choose(wanted)

    def _open_mix(self, made: RunDir) -> None:
        from engine.runs import mixes
        from engine.runs.directory import RunDir

        if (mix := mixes.read(made)) is not None:
            root = world_of(self).root
            parents = [RunDir(root / parent.run) for parent in mix.recipe.parents if parent.run]
            self.post_message(messages.MixAsked(parents, made))

    def action_move_list(self, by: int) -> None:
        """The list moves by pages wherever the focus is."""
        self._chosen_before = ""
        self.listing.focus()
        self.listing.action_move(by)

    def action_open(self) -> None:
        """Watch the chosen run; show the runs of the chosen group, or fold them again."""
        if self.group is not None:
            self._unfolded ^= {self.group.id}
            self._show_lines()
        elif self.run is not None:
            self.post_message(messages.RunOpened(self.run.run))

    @on(RunList.Opened)
    def _opened(self) -> None:
        self.action_open()

    def action_sort(self) -> None:
        """Show the list in the next order; the first line is chosen then."""
        from engine.runs.listing import ORDERS

        self._sort_by(ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)])

    @on(RunList.SortAsked)
    def _head_clicked(self, message: RunList.SortAsked) -> None:
        from engine.runs.listing import ORDERS

        self._sort_by(next(order for order in ORDERS if order == message.order))

    def _sort_by(self, order: Order) -> None:
        self._order = order
        self._show_lines()
        if self.listing.chosen:
            self.listing.action_move(-self.listing.chosen)

    # Looking for runs

    @on(events.Key)
    async def _typed(self, event: events.Key) -> None:
        """What is typed right behind the slash was on its way here before there was a line to write it into."""
        from tui.widgets.filter import Filter

        if event.key == "slash" and not isinstance(self.focused, Filter) and self.check_action("filter", ()):
            event.stop()
            await self.action_filter()
        elif isinstance(self.focused, Filter) and event.is_printable and event.character:
            event.stop()
            self.focused.insert_text_at_cursor(event.character)

    async def action_filter(self) -> None:
        """Type what runs are to have in name, model, data or state."""
        from tui.widgets.filter import Filter

        if not self.query(Filter):
            line = Filter(self, self._wanted, text("home.filter-about"))
            await self.query_one("#runs").mount(line, before=self.query_one("#empty"))
        self.set_focus(self.query_one(Filter))  # at once: the next letters are on their way

    def narrow(self, wanted: str) -> None:
        self._wanted = wanted
        self._show_lines()

    def move_to(self, by: int) -> None:
        listing = self.listing
        place = max(0, min(listing.chosen + by, len(listing.runs) - 1))
        listing.action_move(place - listing.chosen) if place != listing.chosen else None

    def leave_filter(self, clears: bool) -> None:
        """Back to the list; without words all runs are shown again."""
        if clears or not self._wanted:
            self._unfilter()
        self._focus_first()

    def action_unfilter(self) -> None:
        if self._wanted:
            self._unfilter()

    def _unfilter(self) -> None:
        self._wanted = ""
        self.query("Filter").remove()
        self._show_lines()

    # The machine, and what is no run's

    def _look_at_machine(self) -> None:
        if self._awake.is_set():
            feed_of(self).look(self, _MACHINE_EVERY_S)

    @on(messages.MachineRead)
    def _machine_read(self, message: messages.MachineRead) -> None:
        if is_news(self._machine, message.machine):
            self._machine = message.machine
            self._show_machine()
            from engine.machine import selftest_result  # with libraries that the first frame does not wait for

            if selftest_result.offer(message.machine):
                self.query_one("#self-test", Line).show(text("home.new-hardware"))
                self.query_one("#self-test", Line).display = True

    def _show_machine(self) -> None:
        """In its panel where there is room for one, else in few words in the first line."""
        if self._machine is None:
            return
        bodies = self.query("#machine-text").results(Static)
        body = next((each for each in bodies if each.parent and each.parent.display), None)
        self.query_one(TopLine).show(right="" if body else machine_line(self._machine))
        if body:
            from tui.home.machine_panel import machine_text

            width = body.content_size.width or 40
            body.update(machine_text(self._machine, width, world_of(self).terminal.unicode))

    def action_language(self) -> None:
        """Speak the next language from now on."""
        spoken = [*language.LANGUAGES]
        try:
            language.keep(spoken[(spoken.index(language.current()) + 1) % len(spoken)])
        except OSError as error:
            self.tell_of_system(error)
        self.post_message(messages.LanguageChosen())

    def action_themes(self) -> None:
        self.post_message(messages.ThemesAsked())

    async def action_leave(self) -> None:
        await self.app.action_quit()

    def action_new(self) -> None:
        self.post_message(messages.WizardAsked())

    @work(thread=True, group="act")
    def action_demo(self) -> None:
        try:
            prefill = world_of(self).demo()
        except TunedeckError as error:
            self.tell(str(error), "error")
        else:
            self.post_message(messages.WizardAsked(prefill))
