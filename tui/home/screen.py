"""Home: the runs there are, and how to start something new."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from engine.common.errors import TunedeckError
from engine.messages import language
from engine.messages.catalogue import text
from tui import keys, messages, session, words
from tui.home.acting import ActingScreen
from tui.home.machine_line import is_news, machine_line
from tui.home.runlist import RunList, has_ended
from tui.home.watch import watch
from tui.machine import feed_of
from tui.widgets.bars import KeyBar, KeyRow, TopLine
from tui.widgets.line import Line, cut, cut_cells
from tui.world import world_of

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from engine.runs.listing import Order
    from tui.home.filter import Filter

_MACHINE_EVERY_S = 10.0
_SENTENCES, _SHORTEST = (1, 2), 20
"""Places of result and reason: they are cut to the line, down to so many cells."""
"""The place of the reason among what is said of the chosen run, and cells in which its beginning is worth showing."""
ROWS = ("new", "demo", "family", "go_on", "adapter")
"""Keys that stand on a line of their own; the last two while the run under the cursor has an adapter."""


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

    def __init__(self) -> None:
        super().__init__()
        self._stop_watching = threading.Event()
        self._awake = threading.Event()
        self._machine: Machine | None = None
        self._order: Order = "newest"
        self._wanted = ""
        self._unfolded: set[str] = set()
        self._chosen_before = ""

    def remembered(self) -> dict[str, Any]:
        chosen = self.chosen.id if self.chosen is not None else self._chosen_before
        return {
            "order": self._order, "wanted": self._wanted, "unfolded": sorted(self._unfolded), "chosen": chosen,
        }  # fmt: skip

    def recall(self, kept: Mapping[str, Any]) -> None:
        self._order = cast("Order", session.texts(kept, "order"))  # looked at once the orders are loaded
        self._wanted, self._chosen_before = session.texts(kept, "wanted"), session.texts(kept, "chosen")
        unfolded = kept.get("unfolded")
        self._unfolded = {str(each) for each in unfolded} if isinstance(unfolded, list) else set()

    def compose(self) -> ComposeResult:
        world = world_of(self)
        yield TopLine("tunedeck")
        with Vertical(id="home"):
            yield Line(f"  {text('home.runs')}", id="count", classes="heading")
            if self._wanted:
                from tui.home.filter import Filter

                yield Filter(self._wanted)
            yield Line("", id="empty")
            yield RunList(world.clock, world.terminal.unicode)
            yield Line("", id="detail", classes="muted")
            yield Line("", id="self-test")
            yield Line(f"  {text('home.start-new')}", classes="heading start")
            for key in keys.HOME:
                if key.id in ROWS:
                    yield KeyRow(key)
        yield KeyBar(keys.in_bar(keys.HOME, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self.listing.display = False
        world = world_of(self)
        self.run_worker(
            lambda: watch(world.root, self, self._stop_watching, self._awake, world.refresh_s),
            thread=True,
            exit_on_error=False,
        )

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
        self._another_chosen()

    # The list

    @on(messages.RunsSummarised)
    def _show_runs(self, message: messages.RunsSummarised) -> None:
        from tui.notices import notices_of

        message.stop()
        first, self.is_read = not self.is_read, True
        self.lines = message.runs
        for each in (run for line in self.lines for run in getattr(line, "members", (line,))):
            notices_of(self).heard(each.id, each.name, each.state, each.reason)
        self._show_lines()
        if not first:  # all runs were read: one that is not among them is gone
            self._chosen_before = ""
        self.query_one("#home .key-family", KeyRow).display = bool(self.lines)
        self._show_rows()
        if first and self.focused is None:
            (self.listing if self.lines else self.query(KeyRow).first()).focus()
        self.refresh_bindings()

    def _show_lines(self) -> None:
        """The runs that are looked for, in the order that is asked for, and how many there are."""
        if not self.is_read:  # what is typed meanwhile counts once they are there
            return
        from engine.runs.listing import NAMES, ORDERS, matching, ordered, unfolded

        if self._order not in ORDERS:
            self._order = "newest"
        listing, runs = self.listing, self.lines
        found = unfolded(ordered(matching(runs, self._wanted), self._order), self._unfolded)
        listing.display = bool(found)
        empty = "home.nothing-found" if runs else "home.empty"
        self.query_one("#empty", Line).display = not found
        self.query_one("#empty", Line).show(f"  {text(empty)}" if not found else "")
        every = [each for line in runs for each in getattr(line, "members", (line,))]
        running = sum(not has_ended(run) for run in every)
        told = [text("home.count", runs=len(every), running=running)] if runs else []
        if self._wanted:
            told.append(text("home.matching", wanted=self._wanted, lines=len(found)))
        if self._order != "newest":
            told.append(text(NAMES[self._order]))
        count = Text(f"  {text('home.runs')}   {'   '.join(told)}", no_wrap=True, end="")
        cut(count, self.size.width)
        self.query_one("#count", Line).show(count.plain.rstrip() if not told else count.plain)
        listing.show(found, self._unfolded)
        if self._chosen_before in [line.id for line in found]:
            listing.action_move([line.id for line in found].index(self._chosen_before) - listing.chosen)
            self._chosen_before = ""

    @on(RunList.Chosen)
    def _another_chosen(self) -> None:
        from engine.runs.listing import result_of

        run = self.chosen
        line = Text("  ", no_wrap=True, end="")
        about = () if run is None else (run.model, result_of(run), run.reason, run.id)
        for at, part in enumerate(about):
            said, room = words.said(part), self.size.width - cell_len(line.plain) - 1
            if at in _SENTENCES and room >= _SHORTEST:  # the run's own screen has all of it
                said = cut_cells(said, room)
            if said and cell_len(said) <= room:
                line.append(f"{said}   ")
        self.query_one("#detail", Line).show(line)
        self._show_rows()
        self.refresh_bindings()

    def _show_rows(self) -> None:
        """The ways on from the chosen run stand there while it has an adapter."""
        has_adapter = bool(self.run and self.run.has_adapter)
        for name in ("go_on", "adapter"):
            self.query_one(f"#home .key-{name}", KeyRow).display = has_adapter

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

    def action_sort(self) -> None:
        """Show the list in the next order; the first line is chosen then."""
        from engine.runs.listing import ORDERS

        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._show_lines()
        self.listing.action_move(-len(self.lines) * 100)

    # Looking for runs

    @on(events.Key)
    async def _typed(self, event: events.Key) -> None:
        """What is typed right behind the slash was on its way here before there was a line to write it into."""
        from tui.home.filter import Filter

        if event.key == "slash" and not isinstance(self.focused, Filter) and self.check_action("filter", ()):
            event.stop()
            await self.action_filter()
        elif isinstance(self.focused, Filter) and event.is_printable and event.character:
            event.stop()
            self.focused.insert_text_at_cursor(event.character)

    async def action_filter(self) -> None:
        """Type what runs are to have in name, model, data or state."""
        from tui.home.filter import Filter

        if not self.query(Filter):
            await self.query_one("#home").mount(Filter(self._wanted), before=self.query_one("#empty"))
        self.set_focus(self.query_one(Filter))  # at once: the next letters are on their way

    def on_input_changed(self, message: Filter.Changed) -> None:
        message.stop()
        self._wanted = message.value.strip()
        self._show_lines()

    async def on_filter_left(self, message: Filter.Left) -> None:
        """Back to the list; without words all runs are shown again."""
        message.stop()
        if message.clears or not self._wanted:
            self._wanted = ""
            await self.query("Filter").remove()
            self._show_lines()
        (self.listing if self.listing.display else self.query(KeyRow).first()).focus()

    async def action_unfilter(self) -> None:
        if self._wanted:
            self._wanted = ""
            await self.query("Filter").remove()
            self._show_lines()

    # The machine, and what is no run's

    def _look_at_machine(self) -> None:
        if self._awake.is_set():
            feed_of(self).look(self, _MACHINE_EVERY_S)

    @on(messages.MachineRead)
    def _machine_read(self, message: messages.MachineRead) -> None:
        if is_news(self._machine, message.machine):
            self._machine = message.machine
            self.query_one(TopLine).show(right=machine_line(message.machine))
            from engine.machine import selftest_result  # with libraries that the first frame does not wait for

            if selftest_result.offer(message.machine):
                self.query_one("#self-test", Line).show(f"  {text('home.new-hardware')}")

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
