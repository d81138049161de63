"""Home as lines: the runs with a number each, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean
from engine.common.errors import MachineError, TunedeckError, reason_of
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.models.chat_request import of_run
from engine.runs.directory import find
from engine.runs.group_summary import GroupSummary
from tui.draft.manner import Manner
from tui.flow.option import Option
from tui.plain import verbs
from tui.plain.chat import chat
from tui.plain.judge import judge
from tui.plain.lines import Back, Command, Lines, Question
from tui.plain.monitor import follow
from tui.plain.stream import Ended, Left

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.models.chat_request import ChatRequest
    from engine.runs.directory import RunDir
    from engine.runs.group_summary import Line
    from engine.runs.summary import RunSummary
    from tui.draft.draft import Draft
    from tui.draft.services import Services
    from tui.world import World

_WORDS = {
    "n": "new", "new": "new", "d": "demo", "demo": "demo", "open": "open", "attach": "open", "r": "resume",
    "resume": "resume", "x": "stop", "stop": "stop", "g": "continue", "continue": "continue", "copy": "copy",
    "delete": "delete", "l": "list", "list": "list", "t": "talk", "chat": "talk", "j": "judge", "u": "export",
}  # fmt: skip
_KEYS = {
    "N": "keys.open", "n": "keys.new", "d": "keys.demo", "l": "plain.list", "r N": "keys.resume", "x N": "keys.stop",
    "delete N": "keys.delete", "t N": "keys.talk-run", "e N": "keys.evaluate-run", "j N": "evaluate.key-judge",
    "c N N": "keys.compare-runs", "u N": "keys.export-run", "m N": "keys.strength-run",
    "mix N N": "keys.mix-runs", "o N": "keys.report", "a N": "keys.adapter", "f N": "keys.family",
    "g N": "keys.continue", "copy N": "keys.duplicate",
}  # fmt: skip
"""What can be typed, by the codes of the screen's keys."""
_SHOWN = ("n", "d")
_SHOWN_OF_RUNS = ("N", "n", "t N", "e N", "x N")
_TARGETS = {
    "gguf": "exporting.for-gguf", "ollama": "exporting.for-ollama", "merged": "exporting.for-merged",
    "adapter": "exporting.for-adapter", "gguf-lora": "exporting.for-gguf-lora", "vllm": "exporting.for-vllm",
}  # fmt: skip
_ACTS = {"resume": "r", "export": "u", "evaluate": "e", "mix": "mix"}
"""Words for the actions of home that a matter names; to open a run its number is enough."""
_MORE = {"mix": "N"}
"""What is typed behind the run's number: a mix takes another run."""
_LISTED = 20


class Home:
    """Asks what to do until the person leaves."""

    def __init__(self, lines: Lines, world: World, services: Services | None = None) -> None:
        self._lines, self._world, self._services = lines, world, services
        self._runs: list[Line] = []
        self._acts: dict[str, Callable[[Line], None]] = {
            "open": self._open, "resume": self._resume, "stop": self._stop, "continue": self._continue,
            "copy": self._copy, "delete": self._delete, "talk": self._talk, "judge": self._judge,
            "export": self._export,
        }  # fmt: skip

    def ask(self, is_listed: bool = False) -> None:
        """Returns when the person leaves. ``is_listed``: the runs were just told."""
        if not is_listed:
            self._list()
        while True:
            try:
                typed = self._lines.ask(self._question())
            except Back:
                continue
            except Left:
                return
            try:
                self._do(typed if isinstance(typed, Command) else Command("open", typed))
            except Ended:
                return
            except (Back, Left):
                continue

    def open_place(
        self, route: str, run: str = "", prefill: Resolved | Draft | None = None, judged: tuple[str, str] | None = None,
        talk: tuple[ChatRequest, str, dict[str, Any]] | None = None, **_: Any,
    ) -> int:  # fmt: skip
        """What the screen has a place for, as lines; raises MachineError where there are none."""
        if route == "attach":
            follow(self._lines, find(run or "last"))
        elif route == "chat" and talk is not None:
            request, system, how = talk
            chat(self._lines, request, Manner(system=system, **how))
        elif route == "judge" and judged is not None:
            judge(self._lines, find(run), *judged)
        elif route in ("demo", "wizard", "open"):
            self.new_run(prefill)
        else:
            raise MachineError("plain.needs-screen", place=route)
        return 0

    def _question(self) -> Question:
        shown = {word: text(_KEYS[word]) for word in (_SHOWN_OF_RUNS if self._runs else _SHOWN)}
        explained = [f"  {word}  {part(Message(code), 'help') or text(code)}" for word, code in _KEYS.items()]
        words = [*_WORDS, *verbs.VERBS, *verbs.OF_RUNS, *verbs.OTHERS]
        return Question(
            text("plain.home"), text("plain.number-opens") if self._runs else "",
            "\n".join([part(Message("home.help"), "about"), *explained, text("plain.all-verbs")]),
            default="l", commands=dict.fromkeys(words, ""), shown=shown | {"?": text("plain.all-commands")}, free=True,
        )  # fmt: skip

    def _do(self, command: Command) -> None:
        act = _WORDS.get(command.word, "")
        if not act and verbs.is_verb(command.word):
            self._carry_out(command)
        elif act == "new":
            self.new_run()
        elif act == "demo":
            self.new_run(self._world.demo())
        elif act == "list" or command.rest == "l":
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

    def _carry_out(self, command: Command) -> None:
        """A command of the command line, with runs by their number."""
        try:
            found = verbs.arguments(command.word, command.rest, self._path_of)
        except ValueError:
            self._lines.say(text("plain.quotation"))
            return
        verbs.carry_out(self._lines, found, self.open_place)

    def _path_of(self, given: str) -> str | None:
        line = self._named(given)
        return line.id if isinstance(line, GroupSummary) else str(line.run.path) if line is not None else None

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
        follow(self._lines, run, is_home=True)
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
            self._lines.say(f"  {number}  {_told(run)}", hanging=3)
        if len(self._runs) > most:
            self._lines.say(text("plain.more-runs", runs=len(self._runs) - most))
        self._tell_matters()

    def _tell_matters(self) -> None:
        """What waits for a person, with the command that acts."""
        import time

        from tui.flow.matters import matters, waiting_mixes

        numbers = {line.id: str(number) for number, line in enumerate(self._runs, 1)}
        numbers |= {member.id: number for number, member in self._members().items()}
        for each in matters(self._runs, waiting_mixes(), time.time()):
            if each.mix is not None:
                typed = ["mix", *(" ".join(("mix", each.mix.id, end)) for end in ("--keep", "--discard"))]
            else:
                typed = [" ".join(filter(None, [_ACTS.get(each.key, ""), numbers[each.run], _MORE.get(each.key, "")]))]
            self._lines.say(text("plain.matter", words=each.words, commands=typed), hanging=2)

    def _members(self) -> dict[str, RunSummary]:
        """Runs of groups by their number."""
        return {
            f"{number}.{at}": member
            for number, run in enumerate(self._runs, 1)
            if isinstance(run, GroupSummary)
            for at, member in enumerate(run.members, 1)
        }

    def _named(self, given: str) -> Line | None:
        """The run of that number, id or name; the only one where nothing is given."""
        if not given:
            return self._runs[0] if len(self._runs) == 1 else None
        if given.isdecimal():
            return self._runs[int(given) - 1] if 1 <= int(given) <= len(self._runs) else None
        members = self._members()
        return members.get(given) or next(
            (run for run in [*self._runs, *members.values()] if given in (run.id, run.name)), None
        )

    # What is done with one

    def _open(self, line: Line) -> None:
        """Follow a run; of a group list its runs, and follow the one that trains."""
        if not isinstance(line, GroupSummary):
            follow(self._lines, line.run, is_home=True)
            return
        number = self._runs.index(line) + 1
        for at, member in enumerate(line.members, 1):
            self._lines.say(f"  {number}.{at}  {_told(member)}", hanging=5)
        trains = next((member for member in line.members if member.run.is_alive()), None)
        if trains is not None:
            follow(self._lines, trains.run, is_home=True)

    def _one(self, line: Line) -> RunDir:
        """The run. Raises Back for a group, which is said."""
        if isinstance(line, GroupSummary):
            self._lines.say(text("plain.one-run-of-group", run=line.name, number=self._runs.index(line) + 1))
            raise Back
        return line.run

    def _talk(self, line: Line) -> None:
        chat(self._lines, of_run(self._one(line)), Manner())

    def _judge(self, line: Line) -> None:
        judge(self._lines, self._one(line))

    def _export(self, line: Line) -> None:
        from engine.app.export import WITH_KINDS

        run = self._one(line)
        target = self._lines.ask(
            Question(
                text("plain.export-to"),
                options=[Option(name, name, text(code)) for name, code in _TARGETS.items()],
                default="gguf",
            )
        )
        command = ["export", str(run.path), "--to", str(target)]
        if target in WITH_KINDS:
            command += ["--type", self._type()]
        verbs.carry_out(self._lines, command, self.open_place)

    def _type(self) -> str:
        """Of a GGUF file; the quantized ones come first."""
        from engine.app.export import DEFAULT_KINDS
        from engine.models import gguf

        kinds = sorted(gguf.BITS, key=lambda kind: (kind in gguf.PLAIN, -gguf.BITS[kind]))
        options = [Option(kind, kind, text("plain.type-bits", bits=gguf.BITS[kind])) for kind in kinds]
        question = Question(
            text("plain.export-type"), text("plain.about-type"), options=options, default=DEFAULT_KINDS[0]
        )  # fmt: skip
        return str(self._lines.ask(question))

    def _copy(self, line: Line) -> None:
        """New answers that begin as those of a run."""
        from engine.config import toml

        self.new_run(toml.load(self._one(line).config))

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
        follow(self._lines, run, is_home=True)

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

        self.new_run(draft_from(self._one(line)))

    def _delete(self, line: Line) -> None:
        from engine.app import deletion

        run = self._one(line)
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
    return line if isinstance(line, GroupSummary) else None


def _members(line: Line) -> tuple[RunSummary, ...]:
    """The run, or of a group its runs with the one that runs or began last at the head."""
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
