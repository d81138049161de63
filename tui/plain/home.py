"""Home as lines: the runs with a number each, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError, reason_of
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui.plain.lines import Back, Command, Lines, Question
from tui.plain.monitor import follow
from tui.plain.stream import Ended, Left

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs.group_summary import GroupSummary, Line
    from engine.runs.summary import RunSummary
    from tui.draft.draft import Draft
    from tui.draft.services import Services
    from tui.world import World

_WORDS = {
    "n": "new", "new": "new", "d": "demo", "demo": "demo", "open": "open", "o": "open", "r": "resume",
    "resume": "resume", "x": "stop", "stop": "stop", "g": "continue", "continue": "continue", "delete": "delete",
    "l": "list", "list": "list",
}  # fmt: skip
_SHOWN = {
    "n": "keys.new", "N": "keys.open", "r N": "keys.resume", "x N": "keys.stop", "g N": "keys.continue",
    "delete N": "keys.delete", "d": "keys.demo", "l": "plain.list",
}  # fmt: skip
_LISTED = 20


class Home:
    """Asks what to do until the person leaves."""

    def __init__(self, lines: Lines, world: World, services: Services | None = None) -> None:
        self._lines, self._world, self._services = lines, world, services
        self._runs: list[Line] = []
        self._acts: dict[str, Callable[[Line], None]] = {
            "open": self._open, "resume": self._resume, "stop": self._stop, "continue": self._continue,
            "delete": self._delete,
        }  # fmt: skip

    def ask(self, is_listed: bool = False) -> None:
        """Returns when the person leaves. ``is_listed``: the runs were just told."""
        if not is_listed:
            self._list()
        while True:
            commands = {word: text(code) for word, code in _SHOWN.items()}
            question = Question(
                text("plain.home"), text("plain.more-verbs"), part(Message("home.help"), "about"),
                commands=dict.fromkeys(_WORDS, ""), shown=commands, with_default=False, free=True,
            )  # fmt: skip
            try:
                typed = self._lines.ask(question)
                self._do(typed if isinstance(typed, Command) else Command("open", typed))
            except Back:
                continue
            except Left:
                return

    def _do(self, command: Command) -> None:
        act = _WORDS.get(command.word, "")
        if act == "new":
            self.new_run()
        elif act == "demo":
            self.new_run(self._world.demo())
        elif act == "list":
            self._list(most=len(self._runs))
        else:
            line = self._named(command.rest)
            if line is None:
                self._lines.say(text("plain.which-run", most=len(self._runs)) if self._runs else text("home.no-runs"))
                return
            try:
                self._acts[act](line)
            except TunedeckError as error:
                self._lines.say(str(error))
            except OSError as error:
                self._lines.say(text("widgets.named", name=error.filename or "-", value=reason_of(error)))

    def new_run(self, prefill: Resolved | Draft | None = None) -> None:
        """The questions, and the run that comes of them followed."""
        from tui.plain.wizard import new_run

        try:
            run = new_run(self._lines, self._world, prefill, self._services)
        except Ended:
            raise
        except (Left, Back):
            self._list()
            return
        follow(self._lines, run)
        self._list()

    # The list

    def _list(self, most: int = _LISTED) -> None:
        """Read the runs anew and print the newest."""
        from engine.runs.directory import list_runs
        from engine.runs.group_summary import fold
        from engine.runs.summary import summarise

        self._runs = list(fold([summarise(run) for run in list_runs(self._world.root)]))
        self._lines.say()
        if not self._runs:
            self._lines.say(text("plain.no-runs"))
            return
        running = sum(run.state in ("running", "starting", "paused", "stopping") for run in self._runs)
        self._lines.say(text("home.count", runs=len(self._runs), running=running))
        for number, run in enumerate(self._runs[:most], 1):
            self._lines.say(f"  {number}  {_told(run)}")
        if len(self._runs) > most:
            self._lines.say(text("plain.more-runs", runs=len(self._runs) - most))

    def _named(self, given: str) -> Line | None:
        """The run of that number, id or name; the only one where nothing is given."""
        if not given:
            return self._runs[0] if len(self._runs) == 1 else None
        if given.isdecimal():
            return self._runs[int(given) - 1] if 1 <= int(given) <= len(self._runs) else None
        return next((run for run in self._runs if given in (run.id, run.name)), None)

    # What is done with one

    def _open(self, line: Line) -> None:
        follow(self._lines, _members(line)[0].run)

    def _resume(self, line: Line) -> None:
        from engine.app import groups, resume

        group = _group(line)
        if group is not None:
            changed = groups.changed(group.group)
            if self._agrees_to(changed):
                groups.resume_group(group.group, bool(changed), self._world.spawn_group)
                self._lines.say(text("home.group-resumed"))
            return
        run = _members(line)[0].run
        if run.is_alive():
            from engine.runs import control

            control.send(run, "resume")
        else:
            changed = resume.changes(run)
            if not self._agrees_to(changed):
                return
            resume.resume(run, bool(changed), self._world.spawn)
        follow(self._lines, run)

    def _agrees_to(self, changed: list[Message]) -> bool:
        """Whether a person takes what a run was made from as it is now; asked only where something is another."""
        if not changed:
            return True
        for each in changed:
            self._lines.say(text(each))
        return self._lines.is_yes(text("app.inputs-changed"), text("app.inputs-changed-about"))

    def _stop(self, line: Line) -> None:
        from engine.app.groups import stop_group
        from engine.runs import control

        group = _group(line)
        title = text("home.stop-group" if group is not None else "home.stop", run=line.name)
        if not self._lines.is_yes(title, text("app.stop-saves" if line.step else "app.nothing-to-save")):
            return
        if group is not None:
            stop_group(group.group)
        else:
            control.send(_members(line)[0].run, "stop")
        self._lines.say(text("home.stop-asked"))

    def _continue(self, line: Line) -> None:
        from tui.draft.from_run import draft_from

        self.new_run(draft_from(_members(line)[0].run))

    def _delete(self, line: Line) -> None:
        from engine.app import deletion

        if _group(line) is not None:
            self._lines.say(text("home.one-run-of-group", run=line.name))
            return
        run = _members(line)[0].run
        removal = deletion.removal_of(run, self._world.root)
        for path in removal.paths:
            self._lines.say(f"  {path}")
        about = text("home.delete-keeps")
        if removal.children:
            parent = text("home.delete-parent", count=len(removal.children), names=removal.children)
            about = f"{parent}\n{about}"
        if self._lines.is_yes(text("home.delete", run=line.name), about):
            deletion.delete(run)
            self._lines.say(text("home.deleted"))
            self._list()


def _group(line: Line) -> GroupSummary | None:
    from engine.runs.group_summary import GroupSummary

    return line if isinstance(line, GroupSummary) else None


def _members(line: Line) -> tuple[RunSummary, ...]:
    """The run, or of a group its runs with the one that runs or began last at the head."""
    from engine.runs.group_summary import GroupSummary

    if not isinstance(line, GroupSummary):
        return (line,)
    return tuple(sorted(line.members, key=lambda each: (not each.run.is_alive(), -each.last_t)))


def _told(line: Line) -> str:
    """A run in a line: name, state, steps, loss, the metric that decides."""
    from engine.runs import story
    from engine.runs.listing import result_of

    steps = f"{line.step:,}/{line.total_steps:,}" if line.total_steps else f"{line.step:,}"
    parts: list[Message | str] = [story.state(line.state), Message("plain.steps", steps=steps)]
    if line.loss is not None:
        parts.append(Message("plain.loss", loss=line.loss))
    result = result_of(line)
    parts += [each for each in (result, line.reason) if each is not None]
    return text("plain.run", name=clean(line.name, keep_newlines=False), parts=parts)
