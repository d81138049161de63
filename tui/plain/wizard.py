"""The questions of a new fine-tuning line by line: the same steps over the same draft as on the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common import paths
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui.draft import draft as drafts
from tui.draft.draft import Draft, task_of
from tui.draft.services import Services
from tui.flow import welcome
from tui.flow.notes import notes
from tui.flow.steps import QUESTIONS, STEPS, explained, is_skipped, place, step_title
from tui.plain.data import ask_data
from tui.plain.lines import Back, Lines, Question
from tui.plain.memory import make_fit, tell_memory
from tui.plain.model import ask_model, ask_task
from tui.plain.review import Review
from tui.plain.session import Session
from tui.plain.settings import ask_settings
from tui.plain.strategy import ask_strategy
from tui.plain.stream import Ended, Left
from tui.plain.wording import said

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs.directory import RunDir
    from tui.world import World

_ASKS: dict[str, Callable[[Session], None]] = {
    "task": ask_task, "model": ask_model, "strategy": ask_strategy, "data": ask_data, "settings": ask_settings,
}  # fmt: skip


def new_run(
    lines: Lines, world: World, prefill: Resolved | Draft | None = None, services: Services | None = None
) -> RunDir:
    """The run that was started, or of a group the first. Raises Left, and Back before the first step; a draft stays.

    ``prefill`` is a finished config, or a draft that is opened at its own step; one kept already is set aside then.
    """
    kept = drafts.newest()
    begun = prefill if isinstance(prefill, Draft) else Draft.from_resolved(prefill) if prefill else None
    if begun is not None:
        begun.task = task_of(begun)
        displaces = kept is not None and kept.values != begun.values
        session = Session(lines, world, services or Services(), begun, displaces=displaces)
    else:
        session = Session(lines, world, services or Services(), _welcome(lines, kept) if kept else Draft())
    session.save()
    session.read_machine()
    session.learn()
    lines.say(text("plain.keys"))
    lines.everywhere = {
        "f4": (part(Message("keys.breakdown"), "help"), lambda: tell_memory(session)),
        "f7": (part(Message("keys.make-fit"), "help"), lambda: make_fit(session)),
    }
    try:
        return _walk(session)
    except (Left, KeyboardInterrupt) as left:
        session.save()
        lines.say()
        if session.is_kept:
            lines.say(text("plain.draft-kept", path=paths.draft_file()))
        raise left if isinstance(left, Ended) else Left() from None
    finally:
        lines.everywhere = {}


def _welcome(lines: Lines, kept: Draft) -> Draft:
    """The kept draft, an earlier one, or an empty one."""
    lines.say()
    for line in welcome.contents(kept):
        lines.say(line)
    found = welcome.unfinished(kept)
    question = Question(
        text(QUESTIONS["welcome"]), why=explained("welcome"), options=welcome.options(found), default=welcome.KEPT
    )
    chosen = lines.ask(question)
    return welcome.take(str(chosen), kept)


def _walk(session: Session) -> RunDir:
    """From the draft's step to the start; one step back for every ``b`` at a step's first question."""
    at, is_forward = place(session.draft.step), False
    while True:
        name, last = STEPS[at], at == len(STEPS) - 1
        if is_forward and is_skipped(name, session.draft, session.services.has_adapters(Path(session.world.root))):
            session.lines.say(text("plain.strategy-skipped"))
            at += 1
            continue
        session.draft.step = name
        session.save()
        session.lines.say()
        session.lines.say(text("plain.step", at=at + 1, all=len(STEPS), title=step_title(name)))
        for note in notes(name, session.draft, session.facts):
            session.lines.say(said(note))
        try:
            if last:
                return Review(session).ask()
            _ASKS[name](session)
        except Back:
            if at == 0:
                raise
            at, is_forward = at - 1, False
            continue
        session.save()
        session.tell_consequence()
        at, is_forward = at + 1, True
