"""Step 3 line by line: an earlier adapter, and how to build on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError, TunedeckError
from engine.messages.catalogue import sentences, text
from tui.draft import relation, strategy_state
from tui.draft.child import Unavailable
from tui.flow import strategy
from tui.flow.option import Option
from tui.flow.paths import absolute, is_there
from tui.flow.steps import QUESTIONS, explained
from tui.flow.strategy import NONE, TRUST
from tui.flow.ways import Way, adapter_line, ways
from tui.plain import verbs
from tui.plain.asking import wait_for
from tui.plain.lines import Back, Command, Question
from tui.plain.wording import said_of

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from tui.draft.draft import Draft
    from tui.plain.session import Session


def ask_strategy(session: Session) -> None:
    """The adapter, then the way; ``b`` at the second asks the first again."""
    while True:
        old = _ask_adapter(session)
        if old is None:
            strategy_state.choose(session.draft, "fresh", None)
            return
        try:
            if old.needs_trust:
                session.ask_field(TRUST, text("strategy.trust-base"))
            _ask_way(session, old)
        except Back:
            continue
        return


def _ask_adapter(session: Session) -> OldAdapter | None:
    lines, draft = session.lines, session.draft
    named = str(draft.get("model.name_or_path") or "")
    found = session.services.adapters(session.facts.card, named, Path(session.world.root))
    question = Question(
        text(QUESTIONS["strategy"]),
        sentences(strategy.found(found), text("plain.about-adapter")),
        explained("strategy"),
        strategy.options(found),
        str(draft.get("strategy.adapter") or NONE),
        free=True,
    )
    while True:
        typed = lines.ask(question)
        assert isinstance(typed, str)
        if typed == NONE:
            return None
        old = _look(session, absolute(typed) if is_there(typed) else typed)
        if old is not None:
            return old


def _look(session: Session, name: str) -> OldAdapter | None:
    """Read the adapter; None where that can't be done, which is said."""
    from engine.app.old_adapter import doubts

    lines, draft, facts = session.lines, session.draft, session.facts

    def read() -> OldAdapter:
        with lines.working(name) as tell:

            def progress(done: int, total: int) -> None:
                tell(text("plain.comparing", done=done, total=total))

            allow, base = draft.get("model.allow_pickle") is True, str(draft.get("model.name_or_path") or "")
            return session.services.look_at_adapter(name, allow, facts.card, base, progress)

    try:
        old = read()
    except Back:
        return None
    facts.old_adapter = old
    if old.error is not None:
        lines.say(old.error.said)
        return None
    lines.say(" ".join([adapter_line(old), *(f"! {text(doubt)}" for doubt in doubts(old)[:1])]))
    return old


def _ask_way(session: Session, old: OldAdapter) -> None:
    lines, draft, facts = session.lines, session.draft, session.facts
    chosen = strategy.preferred(draft, facts, old, str(draft.get("strategy.adapter") or ""))
    while True:
        measured = facts.measured_of(strategy.variant(draft, chosen, old))
        found = ways(draft, facts, old, measured, session.services.free_bytes(Path(session.world.root)))
        typed = lines.ask(
            Question(
                text("plain.way"),
                text("plain.about-way"),
                "\n".join(map(_details, found)),
                [Option(way.id, way.title, way.note, way.refused) for way in found],
                chosen,
                commands=_commands(session, old, chosen),
            )
        )
        if isinstance(typed, Command):
            _do(session, old, typed.word, chosen)
            continue
        chosen = typed
        wrong = strategy.findings(next((way for way in found if way.id == chosen), None))
        if not wrong:
            strategy_state.choose(draft, chosen, old)
            session.save()
            return
        lines.say(said_of(wrong[0]))


def _details(way: Way) -> str:
    return "\n".join([way.title, *(text("plain.detail", label=label, words=words) for label, words in way.details)])


def _commands(session: Session, old: OldAdapter, kind: str) -> dict[str, str]:
    found = {}
    if old.replay is not None and old.replay.sources:
        found["f8"] = text("plain.toggle-replay")
    if relation.can_ask(strategy.variant(session.draft, kind, old)):
        found["f9"] = text("keys.compare")
    found["f10"] = text("keys.adapter")
    return found


def _do(session: Session, old: OldAdapter, word: str, kind: str) -> None:
    if word == "f8" and old.replay is not None:
        strategy_state.choose(session.draft, kind, old)
        strategy_state.toggle_replay(session.draft, old.replay)
        mixed = strategy_state.replays(session.draft, old.replay)
        session.lines.say(text("plain.replay-on" if mixed else "plain.replay-off"))
        session.save()
    elif word == "f10" and old.card is not None:
        verbs.carry_out(session.lines, ["adapter", "inspect", str(old.card.path)], lambda *_, **__: 0)
    elif word == "f9":
        compare(session, strategy.variant(session.draft, kind, old))


def compare(session: Session, draft: Draft) -> None:
    """Measure how the new rows relate to what the adapter was trained on, and say it."""
    lines = session.lines
    try:
        config = relation.asked(draft)
        with lines.working(text("keys.compare")) as tell:
            for said in wait_for(
                relation.compare(session.services.relation_command, config, relation.key_of(draft)), tell
            ):
                if isinstance(said, Unavailable):
                    lines.say(text("strategy.not-compared", reason=said.message))
                else:
                    session.facts.measured = said
                    lines.say(relation.line(said, str(draft.get("strategy.kind"))))
    except ConfigError as error:
        lines.say(text("strategy.compare-refused", reason=str(error.issues[0]) if error.issues else error.title))
    except TunedeckError as error:
        lines.say(text("strategy.error", reason=error.reason))
    except Back:
        return
