"""Step 5 line by line: a preset, the fields that matter most, or any field by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.provenance import short
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.flow import settings
from tui.flow.costs import QUANTIZATION, about_quantization
from tui.flow.option import Option
from tui.flow.settings import COMMON, WEIGHTS
from tui.flow.steps import QUESTIONS, explained
from tui.plain.lines import Back, Command, Question
from tui.plain.wording import said_of

if TYPE_CHECKING:
    from tui.plain.session import Session

_MORE = "f2"
_DONE = ""


def ask_settings(session: Session) -> None:
    """A preset, precision and seeds; F2 at the first question asks for more fields, as on the screen."""
    while True:
        try:
            _ask_depth(session)
            _ask_seeds(session)
        except _Again:
            continue
        wrong = settings.findings(session.draft)
        if not wrong:
            return
        for each in wrong:
            _ask_anew(session, each)


class _Again(Exception):
    """Begin this step anew, in its next depth or at its first question."""


def _ask_depth(session: Session) -> None:
    match session.facts.depth:
        case 0:
            _ask_preset(session)
        case 1:
            _ask_common(session)
        case _:
            _ask_any(session)


def _deeper(session: Session) -> None:
    session.facts.depth = (session.facts.depth + 1) % 3
    raise _Again


def _ask_preset(session: Session) -> None:
    draft, lines = session.draft, session.lines
    offered = settings.training_presets(draft)
    chosen = lines.ask(
        Question(
            text(QUESTIONS["settings"]),
            text("plain.about-preset"),
            explained("settings"),
            [Option(each.id, each.id, each.title) for each in offered],
            draft.preset or offered[0].id,
            commands={_MORE: text("settings.depth-common")},
        )
    )
    if isinstance(chosen, Command):
        _deeper(session)
    elif chosen != draft.preset:
        settings.choose_preset(draft, chosen)
    session.save()
    lines.say(text("settings.in-force", values=settings.in_force(draft)))
    session.weigh()
    about = about_quantization(str(draft.get(WEIGHTS)), session.facts.fit, {})
    try:
        session.ask_field(
            WEIGHTS, text("settings.precision"), about, abouts={k: text(c) for k, c in QUANTIZATION.items()}
        )
    except Back:
        raise _Again from None


def _ask_common(session: Session) -> None:
    at = 0
    while at < len(COMMON):
        commands = {_MORE: text("settings.depth-all")} if at == 0 else {}
        try:
            if session.ask_field(COMMON[at], commands=commands):
                _deeper(session)
        except Back:
            if at == 0:
                raise
            at -= 2
        at += 1


def _ask_any(session: Session) -> None:
    """Every field with its value, and one after the other that a person names."""
    draft, lines = session.draft, session.lines
    names = settings.all_fields(draft)
    for name in names:
        lines.say(text("plain.value", name=name, value=_shown(session, name), source=short(draft.source(name))))
    question = Question(
        text("plain.which-field"),
        text("plain.about-fields"),
        explained("settings"),
        free=True,
        commands={_MORE: text("settings.depth-preset")},
    )
    while True:
        typed = lines.ask(question)
        if isinstance(typed, Command):
            _deeper(session)
        elif typed == _DONE:
            return
        elif typed in names:
            _back_to(session, typed)
        elif typed.partition(" ")[0] == "default" and typed.partition(" ")[2] in names:
            name = typed.partition(" ")[2]
            draft.reset(name)
            session.save()
            lines.say(text("plain.value", name=name, value=_shown(session, name), source=short(draft.source(name))))
        elif found := [name for name in names if typed in name]:
            for name in found:
                lines.say(text("plain.value", name=name, value=_shown(session, name), source=short(draft.source(name))))
        else:
            lines.say(text("plain.no-such-field", name=str(typed)))


def _back_to(session: Session, name: str) -> None:
    """Ask one field; ``b`` leaves it as it is."""
    try:
        session.ask_field(name)
    except Back:
        return


def _ask_seeds(session: Session) -> None:
    lines = session.lines
    while True:
        try:
            typed = lines.ask(
                Question(
                    text("settings.seeds"),
                    text("review.seeds-about"),
                    text("review.seeds-about"),
                    default=str(session.draft.seeds),
                    free=True,
                )
            )
        except Back:
            raise _Again from None
        found = settings.seeds_of(str(typed))
        if found is not None:
            session.draft.seeds = found
            return
        lines.say(said_of(settings.wrong_seeds()))


def _ask_anew(session: Session, finding: Issue) -> None:
    """What is wrong, and its field once more."""
    session.lines.say(said_of(finding))
    if finding.field in settings.all_fields(session.draft):
        _back_to(session, finding.field)


def _shown(session: Session, name: str) -> str:
    return fields.show(session.draft.get(name), fields.spec_of(name).separator) or text("settings.empty")
