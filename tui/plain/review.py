"""Step 6 line by line: the values, the check of the rows, warnings with remedies, time and disk, the start."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.common.errors import ConfigError, TunedeckError
from engine.config import toml
from engine.config.provenance import DEFAULT, short
from engine.messages.catalogue import text
from tui.draft import draft as drafts
from tui.draft import findings
from tui.draft.child import Unavailable, ask
from tui.draft.mix_sources import inspection_of, report_of
from tui.flow import outlook, review
from tui.flow.start import launch
from tui.flow.steps import QUESTIONS, explained
from tui.flow.values import values
from tui.plain import data
from tui.plain.asking import wait_for
from tui.plain.lines import Back, Command, Question
from tui.plain.memory import make_fit

if TYPE_CHECKING:
    from engine.app.findings import Finding
    from engine.runs.directory import RunDir
    from tui.plain.session import Session


class Review:
    """Shows the run and asks until it is started."""

    def __init__(self, session: Session) -> None:
        self._session, self._lines = session, session.lines
        self._refused: TunedeckError | None = None
        self._found: list[Finding] = []

    def ask(self) -> RunDir:
        """The run that was started. Raises Back and Left."""
        self._look()
        self._tell()
        while True:
            typed = self._lines.ask(self._question())
            assert isinstance(typed, Command)
            started = self._do(typed)
            if started is not None:
                return started

    def _question(self) -> Question:
        found = {"s": text("wizard.start")}
        if self._session.draft.seeds > 1:
            found = {"s": text("wizard.start-group", runs=self._session.draft.seeds)}
        found |= {
            str(number): review.remedy_words(each.remedy)
            for number, each in enumerate(review.shown(self._found), 1)
            if each.remedy
        }
        found |= {"v": text("plain.all-values"), "f5": text("keys.check"), "f6": text("keys.save-file")}
        fit = self._session.facts.fit
        if fit is not None and fit.verdict.level != "fits":
            found["f7"] = text("keys.make-fit")
        found["f8"] = text("keys.measure")
        return Question(
            text(QUESTIONS["review"]),
            text("plain.about-start"),
            explained("review"),
            commands=found,
            with_default=False,
        )

    def _do(self, command: Command) -> RunDir | None:
        match command.word:
            case "s":
                return self._start()
            case "v":
                self._tell_values(with_defaults=True)
            case "f5":
                self._check()
                self._tell_warnings()
            case "f6":
                self._save_file()
            case "f7":
                make_fit(self._session)
                self._look()
                self._tell()
            case "f8":
                self._measure()
            case number:
                done = review.apply(
                    self._session.draft, self._session.facts, review.shown(self._found)[int(number) - 1]
                )
                self._lines.say(done)
                self._session.save()
                self._look()
                self._tell()
        return None

    # What there is to say

    def _look(self) -> None:
        """The machine, the rows and the files, each unless it is known of these very answers."""
        from engine.app.check import files_of

        session = self._session
        session.read_machine()
        session.weigh()
        if report_of(session.draft, session.facts) is None or inspection_of(session.draft, session.facts) is None:
            self._check()
        if session.facts.files_of(session.draft) is None:
            try:
                session.facts.files = files_of(session.draft.resolve())
                session.facts.filed = session.draft.values_key()
            except ConfigError:
                return  # the draft's own errors are shown

    def _check(self) -> None:
        if not self._session.draft.issues():
            examined = data.check(self._session)
            self._refused = examined.refused if examined is not None else None

    def _tell(self) -> None:
        self._tell_values()
        self._tell_outlook()
        self._tell_warnings()

    def _tell_values(self, with_defaults: bool = False) -> None:
        self._lines.say()
        for each in values(self._session.draft, self._session.facts.fit):
            if with_defaults or each.source != DEFAULT:
                self._lines.say(text("plain.value", name=each.name, value=each.shown, source=short(each.source)))

    def _tell_outlook(self) -> None:
        session = self._session
        session.tell_consequence()
        free = session.services.free_bytes(Path(session.world.root))
        for label, said in outlook.rows(session.draft, session.facts, free, True):
            self._lines.say(f"{label}  {said}")

    def _tell_warnings(self) -> None:
        self._found = findings.findings_of(self._session.draft, self._session.facts, self._refused)
        for number, finding in enumerate(review.shown(self._found), 1):
            self._lines.say(review.warning(number, finding))

    # What can be done

    def _save_file(self) -> None:
        draft = self._session.draft
        name = review.file_name(draft)
        try:
            typed = self._lines.ask(Question(text("review.save-as"), default=name, free=True))
            path = review.save_as(draft, str(typed))
        except TunedeckError as error:
            self._lines.say(error.said)
        except Back:
            return
        else:
            command = f"tunedeck run {shlex.quote(clean(str(path), keep_newlines=False))}"
            self._lines.say(text("review.saved", command=command))

    def _measure(self) -> None:
        """The pace by three real steps."""
        session, lines = self._session, self._lines
        try:
            config = toml.dumps(session.draft.resolve())
            with lines.working(text("keys.measure")) as tell:
                for said in wait_for(ask(session.services.probe_command, config), tell):
                    if isinstance(said, Unavailable):
                        lines.say(text("review.not-measured", reason=said.message))
        except TunedeckError as error:
            lines.say(error.said)
        except Back:
            return
        session.learn()
        self._tell_outlook()

    def _start(self) -> RunDir | None:
        """The run; None where something speaks against it, or a person thought better of it."""
        session, lines = self._session, self._lines
        wrong = next((each for each in self._found if each.level == "error"), None)
        if wrong is not None:
            lines.say(text("review.not-started", reason=findings.said(wrong)))
            return None
        fit = session.facts.fit
        if fit is not None and review.is_risk(fit) and not lines.is_yes(text("review.risk-title"), review.risk(fit)):
            lines.say(text("review.not-risked"))
            return None
        lines.say(text("wizard.starting"))
        known = findings.known_of(session.draft, session.facts)
        try:
            draft = session.draft
            run = launch(
                draft.resolve(), draft.seeds, session.facts.machine, known, session.world, draft.duplicated_from
            )
        except TunedeckError as error:
            lines.say(text("review.not-started", reason=error.said))
            return None
        if session.is_kept:
            drafts.discard()
        return run
