"""Step 4 line by line: the files to learn from, how they are read, and how many rows are held out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.app.examine import Examined
from engine.common.clean_text import clean, shorten
from engine.common.errors import DataError, TunedeckError, reason_of
from engine.config import toml
from engine.data.rows.formats import ColumnsUnclear
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.inspection import examine
from tui.draft.mix_sources import short
from tui.flow import data, repairs, rows_text, source_text
from tui.flow.mapping import ColumnMap, Line
from tui.flow.option import Option
from tui.flow.paths import absolute, is_there, listing
from tui.flow.sources import is_new, keep, key_of, part, reading_of, rows_by_path
from tui.flow.steps import QUESTIONS, explained
from tui.plain import strategy, verbs
from tui.plain.asking import wait_for
from tui.plain.lines import Back, Command, Question
from tui.plain.mix import ask_mix
from tui.plain.wording import said_of

if TYPE_CHECKING:
    from engine.data.files.preview import Preview
    from engine.data.quality.findings import Remedy, Report
    from engine.data.rows.messages import Row
    from tui.draft.draft import Draft
    from tui.plain.session import Session

_PREVIEW_ROWS = 5
_LONGEST_TURN = 300
_MOST_PLACES = 5
_DONE = ""
"""The answer to "another file?" that goes on."""


def ask_data(session: Session) -> None:
    """Files until there are enough, then how many rows are held out; ``b`` there asks for files again."""
    asked = _Sources(session)
    while True:
        asked.ask()
        try:
            name, label = data.held_out_field(session.draft)
            session.ask_field(name, text(label))
        except Back:
            continue
        wrong = asked.commit()
        if not wrong:
            return
        for each in wrong:
            session.lines.say(said_of(each))


class _Sources:
    """The list of files while it is being put together."""

    def __init__(self, session: Session) -> None:
        self._session, self._lines = session, session.lines
        self._items = data.asked(session.draft)
        self._found: dict[str, Preview | TunedeckError] = {}
        for item in self._items:
            self._look(item)

    def ask(self) -> None:
        """Until Enter is pressed, with all in the draft."""
        while True:
            typed = self._lines.ask(self._question())
            if isinstance(typed, Command):
                self._do(typed)
            elif typed == _DONE:
                wrong = self.commit()
                if not wrong:
                    return
                for each in wrong:
                    self._lines.say(said_of(each))
            elif typed.isdecimal() and 1 <= int(typed) <= len(self._items):
                self._read_otherwise(self._items[int(typed) - 1])
            else:
                self._add(typed)

    def commit(self) -> list[Any]:
        """Everything into the draft; what keeps one from going on."""
        draft, facts = self._session.draft, self._session.facts
        data.choose(draft, self._items, self._of)
        facts.rows = rows_by_path(self._items, {str(item["path"]): self._of(item) for item in self._items})
        self._session.save()
        return data.findings(draft, facts, self._items, self._of)

    def _question(self) -> Question:
        listed = []
        for number, item in enumerate(self._items, 1):
            role = part(item, self._session.draft.source(f"data.{number - 1}.path"))
            told = "  ".join(filter(None, (short(item["path"]), source_text.summary(self._of(item)), role)))
            listed.append(f"  {number}  {told}")
        about = text("plain.about-files" if self._items else "wizard-data.accepted")
        return Question(
            text(QUESTIONS["data"]),
            "\n".join([*listed, about]),
            explained("data"),
            free=True,
            commands=self._commands(),
            with_default=bool(self._items),
        )

    def _commands(self) -> dict[str, str]:
        found = {"f3": text("plain.list-files")}
        if self._items:
            found |= {"x": text("plain.remove-file"), "f2": text("keys.columns"), "f5": text("keys.check")}
            found["f6"] = text("plain.xray")
        if len(self._items) > 1:
            found["f8"] = text("keys.mix")
        if self._session.draft.get("strategy.adapter") and any(map(is_new, self._items)):
            found["f9"] = text("keys.compare")
        return found

    def _do(self, command: Command) -> None:
        item = self._named(command.rest.partition(" ")[0])
        if command.word == "f3":
            self._browse(Path(command.rest or ".").expanduser())
        elif command.word == "f8":
            self._ask_mix()
        elif command.word == "f9":
            self.commit()
            strategy.compare(self._session, self._session.draft)
        elif command.word == "f5":
            self.commit()
            check(self._session)
        elif item is None:
            self._lines.say(text("plain.which-file", most=len(self._items)))
        elif command.word == "x":
            self._items.remove(item)
            self.commit()
        elif command.word == "f6":
            self._xray(item, command.rest.partition(" ")[2].strip())
        else:
            self._map(item)

    def _named(self, number: str) -> dict[str, Any] | None:
        """The item of that number; the only one where none is given."""
        if not number and len(self._items) == 1:
            return self._items[0]
        return self._items[int(number) - 1] if number.isdecimal() and 1 <= int(number) <= len(self._items) else None

    # Adding and reading

    def _add(self, typed: str) -> None:
        path = absolute(typed)
        if path in [item["path"] for item in self._items]:
            self._lines.say(text("wizard-data.listed-already"))
            return
        item: dict[str, Any] = {"path": path}
        self._look(item)
        found = self._of(item)
        if isinstance(found, TunedeckError) and not is_there(path):
            self._lines.say(found.said)
            return
        self._items.append(item)
        self.commit()
        self._tell(item)
        if isinstance(found, ColumnsUnclear):
            self._map(item)

    def _look(self, item: Mapping[str, Any]) -> None:
        if key_of(item) not in self._found:
            try:
                self._found[key_of(item)] = self._session.services.preview(reading_of(item), _PREVIEW_ROWS)
            except TunedeckError as error:
                self._found[key_of(item)] = error

    def _of(self, item: Mapping[str, Any]) -> Preview | TunedeckError | None:
        return self._found.get(key_of(item))

    def _tell(self, item: Mapping[str, Any]) -> None:
        found = self._of(item)
        self._lines.say(source_text.evidence(True, found))
        if found is not None and not isinstance(found, TunedeckError) and found.rows:
            self._lines.say(text("plain.first-row"))
            for line in _row(found.rows[0]):
                self._lines.say(line)

    def _xray(self, item: Mapping[str, Any], row: str) -> None:
        """A row as the training sees it, as the command line shows it."""
        self.commit()
        at = self._items.index(dict(item))
        given = [str(item["path"]), "--model", str(self._session.draft.get("model.name_or_path"))]
        for name, value in self._session.draft.data_sources()[at].items():
            if name in ("format", "subset", "split"):
                given += ["--set", f"data.0.{name}={value}"]
            elif name in ("columns", "tags", "labels"):
                given += [f"--set=data.0.{name}.{each}={column}" for each, column in value.items()]
        verbs.carry_out(self._lines, ["data", "show", *given, *(["--row", row] if row else [])], lambda *_, **__: 0)

    def _read_otherwise(self, item: dict[str, Any]) -> None:
        """Another format for one file."""
        self._tell(item)
        spec = fields.spec_of("data.0.format")
        options = [Option(fields.show(each), fields.show(each)) for each in spec.choices]
        chosen = self._lines.ask(
            Question(
                text("wizard-data.format"),
                text("plain.sentence", words=spec.description),
                options=options,
                default=str(item.get("format", "auto")),
                free=not options,
            )
        )
        keep(item, "format", chosen, "auto")
        self._look(item)
        self.commit()
        self._tell(item)

    def _map(self, item: dict[str, Any]) -> None:
        """Which column is what, one question each."""
        try:
            columns = ColumnMap.begun(self._session.services.head(reading_of(item)), reading_of(item))
            self._ask_columns(columns)
            columns.found()
        except DataError as error:
            self._lines.say(error.said)
            return
        except Back:
            return
        defaults = {"format": "auto"}
        for name, value in columns.reading().items():
            keep(item, name, value, defaults.get(name, {}))
        self._look(item)
        self.commit()
        self._tell(item)

    def _ask_columns(self, columns: ColumnMap) -> None:
        """Line after line of the map; those that may stay empty can be left at once. ``b`` at the first raises Back."""
        at = 0
        while at < len(columns.lines()):
            line = columns.lines()[at]
            options = [Option(each, each or text("plain.no-column")) for each in columns.options(line)]
            is_rest = at > 0 and not any(map(columns.is_needed, columns.lines()[at:]))
            question = Question(
                _title(line), text("plain.needed") if columns.is_needed(line) else "", options=options,
                default=columns.value(line), free=not options, empties=not options,
                commands={"ok": text("plain.no-more")} if is_rest else {},
            )  # fmt: skip
            try:
                chosen = self._lines.ask(question)
            except Back:
                if at == 0:
                    raise
                at -= 1
                continue
            if isinstance(chosen, Command):
                return
            columns.set(line, chosen)
            at += 1

    def _browse(self, folder: Path) -> None:
        try:
            found = listing(folder)
        except OSError as error:
            self._lines.say(text("widgets.named", name=str(folder), value=reason_of(error)))
            return
        self._lines.say(str(folder.absolute()))
        for name, _, _ in found:
            self._lines.say(f"  {name}")
        if not found:
            self._lines.say(text("plain.no-files"))

    def _ask_mix(self) -> None:
        """Shares, roles and weights of the sources."""
        self.commit()
        if ask_mix(self._session):
            self._items = data.asked(self._session.draft)
            for item in self._items:
                self._look(item)


def check(session: Session) -> Examined | None:
    """Examine the rows, say what was found, and offer the remedies; None where it did not end."""
    lines, draft = session.lines, session.draft
    ended: Examined | None = None
    try:
        config = toml.dumps(draft.resolve())
        with lines.working(text("keys.check")) as tell:
            for said in wait_for(examine(session.services.inspect_command, config), tell):
                if isinstance(said, Examined):
                    ended = said
                    rows_text.keep(session.facts, said, draft.rows_key())
                    lines.say(rows_text.told(said, brief=False))
                else:
                    lines.say(text("review.check-refused", reason=said.message))
    except TunedeckError as error:
        lines.say(rows_text.trouble(error))
    except Back:
        return None
    if ended is not None and ended.report is not None:
        _mend(session, ended.report)
    return ended


def _mend(session: Session, report: Report) -> None:
    """The findings, and as long as a person wants one of their remedies that one into the draft."""
    lines, draft, facts = session.lines, session.draft, session.facts
    for finding in report.findings:
        level = text(_LEVELS[finding.severity])
        lines.say(text("plain.finding", level=level, what=finding.title, count=finding.count, of=finding.of))
        if finding.places:
            lines.say(text("plain.finding-rows", rows=[str(place.row) for place in finding.places[:_MOST_PLACES]]))
    offered = [remedy for finding in report.findings for remedy in finding.remedies]
    while offered or facts.repairs:
        options = [Option(_DONE, text("plain.no-remedy"))]
        options += [
            Option(str(number), text(each.what), text("plain.remedy-tried", tried=each.tried, left=each.left))
            for number, each in enumerate(offered)
        ]
        safe = [each for each in repairs.safe(draft, report) if each in offered]
        commands = {"m": text("plain.mend-all", count=len(safe))} if len(safe) > 1 else {}
        if facts.repairs:
            commands["u"] = text("plain.undo", what=facts.repairs[-1].what)
        about = f"{text('plain.about-remedy')} {repairs.in_force(draft, facts)}".strip()
        try:
            chosen = lines.ask(Question(text("plain.remedy"), about, options=options, commands=commands))
        except Back:
            return
        if isinstance(chosen, Command) and chosen.word == "u":
            lines.say(text("plain.undone", what=repairs.take_back(draft, facts)))
            offered = [
                each for finding in report.findings for each in finding.remedies if not _is_in_force(draft, each)
            ]
        elif isinstance(chosen, Command) or chosen != _DONE:
            for remedy in safe if isinstance(chosen, Command) else [offered[int(chosen)]]:
                offered.remove(remedy)
                repairs.apply(draft, facts, remedy)
                lines.say(text("plain.applied", what=remedy.what))
        else:
            return
        session.save()


def _is_in_force(draft: Draft, remedy: Remedy) -> bool:
    if remedy.fix:
        return remedy.fix in repairs.fixes_of(draft)
    return all(draft.get(name) == value for name, value in remedy.settings.items())


_LEVELS = {
    "fatal": "quality-screen.fatal",
    "warning": "quality-screen.warning",
    "note": "quality-screen.note",
}


def _title(line: Line) -> str:
    return text("wizard-data.format") if line.kind == "format" else text("plain.column", name=line.name)


def _row(row: Row) -> list[str]:
    """Each turn with who speaks before it, cut where it is long."""
    turns = [(message.role, message.text) for message in row.messages] or [(text("wizard-data.text-row"), row.text)]
    return [
        text("plain.detail", label=clean(role, keep_newlines=False), words=shorten(clean(words), _LONGEST_TURN))
        for role, words in turns
    ]
