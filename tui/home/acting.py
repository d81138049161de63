"""What can be done with the run or group chosen on home: which keys work now, why others don't, what they do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import work
from textual.screen import Screen

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError, reason_of
from engine.messages.catalogue import text
from engine.models.chat_request import of_run
from tui import messages
from tui.home.columns import has_ended, is_group
from tui.home.runlist import RunList
from tui.home.watch import removal_of
from tui.widgets.whole import WholeScreen
from tui.world import world_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.directory import RunDir
    from engine.runs.group_summary import GroupSummary, Line
    from engine.runs.summary import RunSummary

_OF_A_RUN = (
    "open", "resume", "stop", "delete", "go_on", "adapter", "report", "mark", "evaluate", "strength", "export", "talk",
)  # fmt: skip
_OF_AN_ADAPTER = ("go_on", "adapter", "evaluate", "strength", "export", "talk")
_UNTOLD_S = 0.5
"""A wait that is longer is told of."""
_OF_RUNS = ("family", "sort", "filter")


class ActingScreen(WholeScreen, Screen[None]):
    """Home without its look: ``listing`` holds what can be chosen, ``lines`` all that there is once it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[Line, ...] = ()
        self.is_read = False

    @property
    def listing(self) -> RunList:
        return self.query_one(RunList)

    @property
    def chosen(self) -> Line | None:
        return self.listing.current if self.is_mounted else None

    @property
    def run(self) -> RunSummary | None:
        """The chosen line where it is a run."""
        line = self.chosen
        return None if line is None or is_group(line) else line

    @property
    def group(self) -> GroupSummary | None:
        """The chosen line where it is a group."""
        line = self.chosen
        return line if line is not None and is_group(line) else None

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.chosen.id,) if self.chosen is not None else ()

    def copied(self) -> str:
        """The folder of the chosen run or group."""
        if self.group is not None:
            return str(self.group.group.path)
        return str(self.run.run.path) if self.run is not None else ""

    # Which keys work

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "compare":
            return True if self.is_mounted and (self.listing.marked or self.group is not None) else None
        if action == "mix":
            return True if self.is_mounted and self.listing.marked and len(self._mixable) > 1 else None
        if action in _OF_RUNS:
            is_coming = action == "filter" and not self.is_read  # words may be typed before the list is there
            return True if self.is_mounted and (self.lines or is_coming) else None
        if action not in _OF_A_RUN:
            return True
        line = self.chosen
        if line is None:
            return None
        ended, one = has_ended(line), self.group is None
        allowed = {"open": True, "mark": True, "resume": line.resumable, "stop": not ended}
        allowed |= {"delete": ended and one, "report": one}
        allowed |= dict.fromkeys(_OF_AN_ADAPTER, self.run is not None and self.run.has_adapter)
        return True if allowed[action] else None

    def why_not(self, action: str) -> str:
        line = self.chosen
        if not self.is_read:
            return text("home.reading-runs-first") if action in (*_OF_A_RUN, *_OF_RUNS, "compare", "mix") else ""
        if action == "compare" and self.lines:
            return text("home.mark-first")
        if action == "mix" and self.lines:
            return text("mixes.mark-first")
        if line is None and self.lines:
            return text("home.nothing-found") if action in _OF_A_RUN else ""
        if line is None:
            return text("home.no-runs") if action in (*_OF_A_RUN, *_OF_RUNS, "compare", "mix") else ""
        if self.group is not None and action in _OF_A_RUN:
            codes = {"resume": "home.group-complete", "stop": "home.not-running"}
            return text(codes.get(action, "home.one-run-of-group"), run=line.name)
        if action == "resume" and line.state == "finished":
            return text("home.nothing-to-resume", run=line.name)
        if action == "resume":
            return text("home.no-checkpoint" if has_ended(line) else "home.is-running", run=line.name)
        code = {"stop": "home.not-running", "delete": "home.stop-first"}.get(action, "home.has-no-adapter")
        return text(code, run=line.name) if action in _OF_A_RUN else ""

    # Places that a run leads to

    def action_adapter(self) -> None:
        if self.run:
            self.post_message(messages.AdapterAsked(str(self.run.run.path)))

    def action_evaluate(self) -> None:
        if self.run:
            self.post_message(messages.EvaluateAsked(self.run.run))

    def action_strength(self) -> None:
        if self.run:
            self.post_message(messages.StrengthAsked(self.run.run))

    def action_export(self) -> None:
        if self.run:
            self.post_message(messages.ExportAsked(self.run.run))

    def action_talk(self) -> None:
        if self.run:
            self.post_message(messages.ChatAsked(of_run(self.run.run)))

    def action_family(self) -> None:
        self.post_message(messages.HistoryAsked(self.run.id if self.run else ""))

    def action_go_on(self) -> None:
        if self.run:
            self._go_on(self.run)

    @work(thread=True, group="act")
    def _go_on(self, run: RunSummary) -> None:
        from tui.draft.from_run import draft_from

        try:
            draft = draft_from(run.run)
        except TunedeckError as error:
            self.tell(str(error), "error")
        else:
            self.post_message(messages.WizardAsked(draft))

    def action_mark(self) -> None:
        listing = self.listing
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
            self.tell(str(error), "warning")

    @property
    def _marked(self) -> list[Line]:
        """The marked lines that are still there, in the order of their marking."""
        from engine.runs.listing import unfolded

        by_id = {line.id: line for line in unfolded(self.lines, [line.id for line in self.lines])}
        return [by_id[name] for name in self.listing.marked if name in by_id]

    def action_mix(self) -> None:
        """The adapters of the marked runs; with the chosen one's where only one is marked."""
        if len(self._mixable) > 1:
            self.post_message(messages.MixAsked([run.run for run in self._mixable]))

    @property
    def _mixable(self) -> list[RunSummary]:
        """The runs with adapters among those that are marked, or are where the cursor is."""
        wanted = [line for line in self._marked if not is_group(line) and line.has_adapter]
        run = self.run
        if len(wanted) == 1 and run is not None and run.has_adapter and run.id != wanted[0].id:
            wanted.append(run)
        return wanted

    # What is done to a run

    def action_report(self) -> None:
        if self.run:
            self._report(self.run.run)

    @work(thread=True, group="act")
    def _report(self, run: RunDir) -> None:
        from tui.run_actions import write_report

        self.tell(text("report.writing"), "information")
        try:
            self.tell(write_report(run), "information")
        except TunedeckError as error:
            self.tell(str(error), "error")

    @work
    async def action_resume(self) -> None:
        from tui.run_actions import accepts_changes

        run = self.run
        if self.group is not None:
            await self._resume_group(self.group)
        if run is None:
            return
        try:
            accepted = await accepts_changes(self.app, run.run)
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        if accepted is not None:
            self._resume(run, accepted)

    @work(thread=True, group="act")
    def _resume(self, run: RunSummary, accept_changes: bool) -> None:
        from engine.app.resume import resume

        try:
            for line in resume(run.run, accept_changes, world_of(self).spawn).told:
                self.tell(text(line), "warning")
        except TunedeckError as error:
            self.tell(str(error), "error")
        else:
            self.post_message(messages.RunOpened(run.run))

    async def _resume_group(self, line: GroupSummary) -> None:
        """Train what is missing of a group, once changes are accepted."""
        from engine.app import groups
        from tui.run_actions import accepts

        try:
            accepted = await accepts(self.app, await asyncio.to_thread(groups.changed, line.group))
        except TunedeckError as error:
            self.tell(str(error), "error")
            return
        if accepted is not None:
            spawn = world_of(self).spawn_group
            self._do(lambda: groups.resume_group(line.group, accepted, spawn), text("home.group-resumed"))

    @work
    async def action_stop(self) -> None:
        from engine.app.groups import stop_group
        from engine.runs import control
        from tui.run_actions import agrees_to_stop

        run, group = self.run, self.group
        if group is not None and await agrees_to_stop(self.app, text("home.stop-group", run=group.name), group.step):
            self._do(lambda: stop_group(group.group), text("home.stop-asked"))
        if run is not None and await agrees_to_stop(self.app, text("home.stop", run=run.name), run.step):
            self._do(lambda: control.send(run.run, "stop"), text("home.stop-asked"))

    @work(exclusive=True, group="delete")
    async def action_delete(self) -> None:
        """Ask, once all files of the run are counted; that takes a while where they are many."""
        from engine.app import deletion
        from tui.widgets.dialogs import ConfirmScreen

        run = self.run
        if run is None:
            return
        counting = asyncio.create_task(asyncio.to_thread(removal_of, run.run, world_of(self).root))
        done, _ = await asyncio.wait({counting}, timeout=_UNTOLD_S)
        if not done:
            self.tell(text("home.delete-counts", run=run.name), "information")
        try:
            lines, children = await counting
        except OSError as error:
            self.tell_of_system(error)
            return
        if not self.is_active:  # a person went elsewhere meanwhile: nobody waits for the question
            return
        about = text("home.delete-keeps")
        if children:
            about = f"{text('home.delete-parent', count=len(children), names=children)}\n{about}"
        title, delete = text("home.delete", run=run.name), text("keys.delete")
        if await self.app.push_screen_wait(ConfirmScreen(title, about, lines, delete, text("home.keep"))):
            self._do(lambda: deletion.delete(run.run), text("home.deleted"))

    @work(thread=True, group="act")
    def _do(self, act: Callable[[], object], done: str) -> None:
        try:
            act()
        except TunedeckError as error:
            self.tell(str(error), "error")
        except OSError as error:
            self.tell_of_system(error)
        else:
            self.tell(done, "information")

    def tell(self, words: str, severity: str) -> None:
        """Show a notice; safe from any thread."""
        self.notify(clean(words), severity=severity, timeout=5, markup=False)  # type: ignore[arg-type]

    def tell_of_system(self, error: OSError) -> None:
        """What the system refused, and why."""
        self.tell(text("widgets.named", name=error.filename or "-", value=reason_of(error)), "error")
