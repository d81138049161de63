"""Home: the runs there are, and how to start something new."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError, reason_of
from engine.messages import language
from engine.messages.catalogue import text
from engine.models.chat_request import of_run
from tui import keys, messages, words
from tui.home.machine_line import is_news, machine_line
from tui.home.runlist import RunList, has_ended, is_group
from tui.home.watch import removal_lines, watch
from tui.machine import feed_of
from tui.widgets.bars import KeyBar, KeyRow, TopLine
from tui.widgets.line import Line, cut
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from engine.runs.group_summary import GroupSummary
    from engine.runs.group_summary import Line as Listed
    from engine.runs.listing import Order
    from engine.runs.summary import RunSummary
    from tui.home.filter import Filter

_MACHINE_EVERY_S = 10.0
_OF_A_RUN = (
    "open", "resume", "stop", "delete", "go_on", "adapter", "report", "mark", "evaluate", "strength", "export", "talk",
)  # fmt: skip
_OF_RUNS = ("family", "sort", "filter")
ROWS = ("new", "demo", "family", "go_on", "adapter")
"""Keys that stand on a line of their own; the last two while the run under the cursor has an adapter."""


class HomeScreen(WholeScreen, Screen[None]):
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
        self._seen = False
        self._machine: Machine | None = None
        self._lines: tuple[Listed, ...] = ()
        self._order: Order = "newest"
        self._wanted = ""
        self._unfolded: set[str] = set()

    def compose(self) -> ComposeResult:
        world = world_of(self)
        yield TopLine("tunedeck")
        with Vertical(id="home"):
            yield Line(f"  {text('home.runs')}", id="count", classes="heading")
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
        self.query_one(RunList).display = False
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

    @property
    def chosen(self) -> Listed | None:
        return self.query_one(RunList).current

    @property
    def _run(self) -> RunSummary | None:
        """The chosen line where it is a run."""
        line = self.chosen
        return None if line is None or is_group(line) else line

    @property
    def _group(self) -> GroupSummary | None:
        """The chosen line where it is a group."""
        line = self.chosen
        return line if line is not None and is_group(line) else None

    @on(messages.RunsSummarised)
    def _show_runs(self, message: messages.RunsSummarised) -> None:
        message.stop()
        self._lines, listing = message.runs, self.query_one(RunList)
        runs = self._lines
        self._show_lines()
        self.query_one("#home .key-family", KeyRow).display = bool(runs)
        self._show_rows()
        if not self._seen:
            self._seen = True
            if self.focused is None:
                (listing if runs else self.query(KeyRow).first()).focus()
        self.refresh_bindings()

    def _show_lines(self) -> None:
        """The runs that are looked for, in the order that is asked for, and how many there are."""
        from engine.runs.listing import NAMES, matching, ordered, unfolded

        listing, runs = self.query_one(RunList), self._lines
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

    @on(RunList.Chosen)
    def _another_chosen(self) -> None:
        from engine.runs.listing import result_of

        run = self.chosen
        about = () if run is None else (run.model, result_of(run), run.id, run.reason)
        line = Text(f"  {'   '.join(words.said(part) for part in about if part)}", no_wrap=True, end="")
        cut(line, self.size.width)
        self.query_one("#detail", Line).show(line)
        self._show_rows()
        self.refresh_bindings()

    def _show_rows(self) -> None:
        """The ways on from the chosen run stand there while it has an adapter."""
        has_adapter = bool(self._run and self._run.has_adapter)
        for name in ("go_on", "adapter"):
            self.query_one(f"#home .key-{name}", KeyRow).display = has_adapter

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "compare":
            marked = self.query_one(RunList).marked if self.is_mounted else {}
            return True if self.is_mounted and (marked or self._group is not None) else None
        if action == "mix":
            return True if self.is_mounted and len(self._mixable) > 1 else None
        if action in _OF_RUNS:
            return True if self.is_mounted and self._lines else None
        if action not in _OF_A_RUN:
            return True
        run = self.query_one(RunList).current if self.is_mounted else None
        if run is None:
            return None
        ended, one = has_ended(run), self._group is None
        allowed = {"open": True, "mark": True, "resume": run.resumable, "stop": not ended}
        allowed |= {"delete": ended and one, "report": one}
        with_adapter = ("go_on", "adapter", "evaluate", "strength", "export", "talk")
        allowed |= dict.fromkeys(with_adapter, self._run is not None and self._run.has_adapter)
        return True if allowed[action] else None

    def why_not(self, action: str) -> str:
        run = self.chosen
        if action == "compare" and self._lines:
            return text("home.mark-first")
        if action == "mix" and self._lines:
            return text("mixes.mark-first")
        if run is None and self._lines:
            return text("home.nothing-found") if action in _OF_A_RUN else ""
        if run is None:
            return text("home.no-runs") if action in (*_OF_A_RUN, *_OF_RUNS, "compare", "mix") else ""
        if self._group is not None and action in _OF_A_RUN:
            codes = {"resume": "home.group-complete", "stop": "home.not-running"}
            return text(codes.get(action, "home.one-run-of-group"), run=run.name)
        if action == "resume" and run.state == "finished":
            return text("home.nothing-to-resume", run=run.name)
        if action == "resume":
            return text("home.no-checkpoint" if has_ended(run) else "home.is-running", run=run.name)
        code = {"stop": "home.not-running", "delete": "home.stop-first"}.get(action, "home.has-no-adapter")
        return text(code, run=run.name) if action in _OF_A_RUN else ""

    def action_move_list(self, by: int) -> None:
        """The list moves by pages wherever the focus is."""
        self.query_one(RunList).focus()
        self.query_one(RunList).action_move(by)

    def action_language(self) -> None:
        """Speak the next language from now on."""
        spoken = [*language.LANGUAGES]
        try:
            language.keep(spoken[(spoken.index(language.current()) + 1) % len(spoken)])
        except OSError as error:
            self._tell(f"{error.filename}: {text(reason_of(error))}", "error")
        self.post_message(messages.LanguageChosen())

    async def action_leave(self) -> None:
        await self.app.action_quit()

    def action_new(self) -> None:
        self.post_message(messages.WizardAsked())

    def action_open(self) -> None:
        """Watch the chosen run; show the runs of the chosen group, or fold them again."""
        if self._group is not None:
            self._unfolded ^= {self._group.id}
            self._show_lines()
        elif self._run is not None:
            self.post_message(messages.RunOpened(self._run.run))

    def action_mark(self) -> None:
        listing = self.query_one(RunList)
        listing.mark()
        if listing.chosen + 1 < len(listing.runs):
            listing.action_move(1)
        self.refresh_bindings()

    def action_compare(self) -> None:
        """The marked runs side by side; with the chosen one where only one is marked."""
        from engine.app.compare.targets import of_group, of_run, spread_out

        wanted = self._marked
        if len(wanted) < 2 and self.chosen is not None and self.chosen.id not in [line.id for line in wanted]:
            wanted.append(self.chosen)
        found = [of_group(line.group) if is_group(line) else of_run(line.run) for line in wanted]
        try:
            self.post_message(messages.ComparisonAsked(spread_out(found)))
        except TunedeckError as error:
            self._tell(str(error), "warning")

    def action_mix(self) -> None:
        """The adapters of the marked runs; with the chosen one's where only one is marked."""
        if len(self._mixable) > 1:
            self.post_message(messages.MixAsked([run.run for run in self._mixable]))

    @property
    def _mixable(self) -> list[RunSummary]:
        """The runs with adapters among those that are marked, or are where the cursor is."""
        wanted = [line for line in self._marked if not is_group(line) and line.has_adapter]
        run = self._run
        if len(wanted) == 1 and run is not None and run.has_adapter and run.id != wanted[0].id:
            wanted.append(run)
        return wanted

    @property
    def _marked(self) -> list[Listed]:
        """The marked lines that are still there, in the order of their marking."""
        from engine.runs.listing import unfolded

        by_id = {line.id: line for line in unfolded(self._lines, [line.id for line in self._lines])}
        return [by_id[name] for name in self.query_one(RunList).marked if name in by_id]

    def action_sort(self) -> None:
        """Show the list in the next order; the first line is chosen then."""
        from engine.runs.listing import ORDERS

        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._show_lines()
        self.query_one(RunList).action_move(-len(self._lines) * 100)

    async def action_filter(self) -> None:
        """Type what runs are to have in name, model, data or state."""
        from tui.home.filter import Filter

        if not self.query(Filter):
            await self.query_one("#home").mount(Filter(self._wanted), before=self.query_one("#empty"))
        self.query_one(Filter).focus()

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
        listing = self.query_one(RunList)
        (listing if listing.display else self.query(KeyRow).first()).focus()

    async def action_unfilter(self) -> None:
        if self._wanted:
            self._wanted = ""
            await self.query("Filter").remove()
            self._show_lines()

    def action_family(self) -> None:
        from tui.home.family import FamilyScreen

        self.app.push_screen(FamilyScreen(self._run.id if self._run else ""))

    def action_go_on(self) -> None:
        if self._run:
            self._go_on(self._run)

    @work(thread=True, group="act")
    def _go_on(self, run: RunSummary) -> None:
        from tui.draft.from_run import draft_from

        try:
            draft = draft_from(run.run)
        except TunedeckError as error:
            self._tell(str(error), "error")
        else:
            self.post_message(messages.WizardAsked(draft))

    def action_adapter(self) -> None:
        if self._run:
            self.post_message(messages.AdapterAsked(str(self._run.run.path)))

    def action_evaluate(self) -> None:
        if self._run:
            self.post_message(messages.EvaluateAsked(self._run.run))

    def action_strength(self) -> None:
        if self._run:
            self.post_message(messages.StrengthAsked(self._run.run))

    def action_export(self) -> None:
        if self._run:
            self.post_message(messages.ExportAsked(self._run.run))

    def action_talk(self) -> None:
        if self._run:
            self.post_message(messages.ChatAsked(of_run(self._run.run)))

    @work(thread=True, group="act")
    def action_report(self) -> None:
        from tui.run_actions import write_report

        if self._run:
            try:
                self._tell(write_report(self._run.run), "information")
            except TunedeckError as error:
                self._tell(str(error), "error")

    @work(thread=True, group="act")
    def action_demo(self) -> None:
        try:
            prefill = world_of(self).demo()
        except TunedeckError as error:
            self._tell(str(error), "error")
        else:
            self.post_message(messages.WizardAsked(prefill))

    @work
    async def action_resume(self) -> None:
        from tui.run_actions import accepts_changes

        run = self._run
        if self._group is not None:
            await self._resume_group(self._group)
        if run is None:
            return
        try:
            accepted = await accepts_changes(self.app, run.run)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        if accepted is not None:
            self._resume(run, accepted)

    @work(thread=True, group="act")
    def _resume(self, run: RunSummary, accept_changes: bool) -> None:
        from engine.app.resume import resume

        try:
            resume(run.run, accept_changes, world_of(self).spawn)
        except TunedeckError as error:
            self._tell(str(error), "error")
        else:
            self.post_message(messages.RunOpened(run.run))

    async def _resume_group(self, line: GroupSummary) -> None:
        """Train what is missing of a group, once changes are accepted."""
        from engine.app import groups
        from tui.run_actions import accepts

        try:
            accepted = await accepts(self.app, await asyncio.to_thread(groups.changed, line.group))
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        if accepted is not None:
            spawn = world_of(self).spawn_group
            self._do(lambda: groups.resume_group(line.group, accepted, spawn), text("home.group-resumed"))

    @work
    async def action_stop(self) -> None:
        from engine.app.groups import stop_group
        from engine.runs import control
        from tui.run_actions import agrees_to_stop

        run, group = self._run, self._group
        if group is not None and await agrees_to_stop(self.app, text("home.stop-group", run=group.name), group.step):
            self._do(lambda: stop_group(group.group), text("home.stop-asked"))
        if run is not None and await agrees_to_stop(self.app, text("home.stop", run=run.name), run.step):
            self._do(lambda: control.send(run.run, "stop"), text("home.stop-asked"))

    @work
    async def action_delete(self) -> None:
        from engine.app import deletion
        from tui.widgets.dialogs import ConfirmScreen

        run = self._run
        if run is None:
            return
        removal = deletion.removal_of(run.run, world_of(self).root)
        lines, about, children = removal_lines(run.run, removal.paths), text("home.delete-keeps"), removal.children
        if children:
            about = f"{text('home.delete-parent', count=len(children), names=children)}\n{about}"
        title, delete = text("home.delete", run=run.name), text("keys.delete")
        if await self.app.push_screen_wait(ConfirmScreen(title, about, lines, delete, text("home.keep"))):
            self._do(lambda: deletion.delete(run.run), text("home.deleted"))

    @work(thread=True, group="act")
    def _do(self, act: object, done: str) -> None:
        try:
            act()  # type: ignore[operator]
        except TunedeckError as error:
            self._tell(str(error), "error")
        except OSError as error:
            self._tell(f"{error.filename}: {text(reason_of(error))}", "error")  # the system's own words
        else:
            self._tell(done, "information")

    def _tell(self, words: str, severity: str) -> None:
        self.notify(clean(words), severity=severity, timeout=5, markup=False)  # type: ignore[arg-type]
