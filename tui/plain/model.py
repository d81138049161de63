"""Steps 1 and 2 line by line: the task, then the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.config import toml
from engine.config.presets import Resolved
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.draft.child import Result, ask
from tui.draft.draft import task_of
from tui.draft.fit import config_so_far
from tui.draft.services import STARTER
from tui.flow import describe, kind, models, task
from tui.flow.kind import KIND
from tui.flow.models import ALLOW_PICKLE, NAME_FIELD
from tui.flow.option import Option
from tui.flow.paths import absolute
from tui.flow.steps import QUESTIONS, explained
from tui.flow.verdicts import Verdicts
from tui.plain.asking import wait_for
from tui.plain.lines import Back, Question

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.plain.session import Session


def ask_task(session: Session) -> None:
    options = [Option(each.id, each.title, task.about(each.id)) for each in task.options()]
    chosen = session.lines.ask(
        Question(text(QUESTIONS["task"]), text("wizard.task-hint"), explained("task"), options, task_of(session.draft))
    )
    assert isinstance(chosen, str)
    task.choose(session.draft, chosen)


def ask_model(session: Session) -> None:
    """The model until one is found, then whether it is base or chat; ``b`` at the second asks the first again."""
    while True:
        card = _ask_name(session)
        try:
            _ask_kind(session, card)
        except Back:
            continue
        return


def _ask_name(session: Session) -> ModelCard:
    draft, facts, lines = session.draft, session.facts, session.lines
    chosen = str(draft.get(NAME_FIELD) or "")
    try:
        cards = session.services.find_models()
    except TunedeckError:
        cards = []
    listed = models.named(cards, chosen)
    verdicts = Verdicts()
    verdicts.update(draft, facts)
    known = dict(listed)
    options = [
        Option(each.id, each.title, "  ".join(filter(None, (each.about, _verdict(verdicts, known.get(each.id))))))
        for each in models.options(listed)
    ]
    question = Question(
        text(QUESTIONS["model"]), text("plain.about-model"), explained("model"), options,
        chosen or options[0].id, free=True,
    )  # fmt: skip
    while True:
        typed = lines.ask(question)
        assert isinstance(typed, str)
        name = typed if typed in known or typed == STARTER else absolute(typed)
        card = known.get(name) or _look_up(session, name)
        if card is None:
            continue
        facts.card = card
        draft.set(NAME_FIELD, name)
        session.save()
        verdicts.update(draft, facts)
        for line in models.lines(draft, card, verdicts):
            lines.say(line)
        return card


def _verdict(verdicts: Verdicts, card: ModelCard | None) -> str:
    return verdicts.column(card) if card is not None else ""


def _look_up(session: Session, name: str) -> ModelCard | None:
    """The model's card, fetched where it is not on this machine; None where it can't be had, which is said."""
    draft, lines = session.draft, session.lines
    if not name:
        lines.say(str(models.none_chosen().message))
        return None
    while True:
        try:
            with lines.working(name) as tell:

                def progress(done: int, total: int | None, what: Message) -> None:
                    tell(describe.progress(done, total, text(what)))

                revision, pickles = str(draft.get("model.revision")), draft.get(ALLOW_PICKLE) is True
                return session.services.get_model(name, revision, pickles, progress)
        except Back:
            return None
        except TunedeckError as error:
            lines.say(clean(error.said, keep_newlines=False))
            if error.code not in models.PICKLED:
                return None
            session.ask_field(ALLOW_PICKLE, text("wizard-model.allow-pickle"))
            if draft.get(ALLOW_PICKLE) is not True:
                return None


def _ask_kind(session: Session, card: ModelCard) -> None:
    while session.ask_field(KIND, text("wizard-model.kind"), commands={"f5": text("wizard.test-model")}):
        _test(session)
    session.lines.say(kind.advice(session.draft, card))


def _test(session: Session) -> None:
    """Ask the model itself whether it is base or chat."""
    lines = session.lines
    config = config_so_far(session.draft)
    if config is None:
        return
    try:
        with lines.working(text("wizard.test-model")) as tell:
            for said in wait_for(ask(session.services.kind_command, toml.dumps(Resolved(config, {}))), tell):
                if isinstance(said, Result):
                    for paragraph in kind.told(said.values):
                        lines.say(paragraph)
                else:
                    lines.say(text("wizard-model.test-refused", reason=said.message))
    except TunedeckError as error:
        lines.say(error.said)
    except Back:
        return
