"""What a walk through the questions has in hand: the draft, what is known of it, and where it is asked."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import fit_words
from tui.draft import consequences, fields
from tui.draft import draft as drafts
from tui.draft.facts import Facts
from tui.draft.fit import fit_of, unknown
from tui.draft.services import Services
from tui.draft.strategy_state import is_locked
from tui.flow import outlook
from tui.flow.answers import answer, hint_of, issues_in
from tui.flow.option import Option
from tui.plain.lines import Command, Lines, Question
from tui.plain.wording import said_of

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from tui.draft.draft import Draft
    from tui.world import World

_MACHINE_S = 30.0


@dataclass
class Session:
    """One walk; ``displaces``: another draft is set aside before this one is kept in its place."""

    lines: Lines
    world: World
    services: Services
    draft: Draft
    facts: Facts = field(default_factory=Facts)
    displaces: bool = False
    _keeps: bool = True
    _kept: str = ""
    _told: str = ""

    def ask_field(
        self, dotted: str, label: str = "", about: str = "", commands: Mapping[str, str] = {},
        abouts: Mapping[str, str] = {},
    ) -> str:  # fmt: skip
        """Ask one field of the config until its value is right; returns the command that was typed instead, or "".

        ``abouts`` says something of each choice.
        """
        spec = fields.spec_of(dotted)
        title = text("plain.field", label=label or spec.label, name=dotted)
        if is_locked(self.draft, dotted):
            self.lines.say(text("plain.locked", field=title))
            return ""
        hint = hint_of(spec, self.draft)
        question = Question(
            text("plain.hinted", title=title, hint=hint) if hint else title,
            about or text("plain.sentence", words=spec.description),
            spec.description,
            [Option(fields.show(each), fields.show(each), abouts.get(fields.show(each), "")) for each in spec.choices],
            fields.show(self.draft.get(dotted), spec.separator),
            free=not spec.choices,
            commands=commands,
            empties=not spec.choices,
        )
        while True:
            typed = self.lines.ask(question)
            if isinstance(typed, Command):
                return typed.word
            answer(self.draft, dotted, typed)
            wrong = issues_in(self.draft, [dotted])
            if not wrong:
                self.save()
                return ""
            self.lines.say(said_of(wrong[0]))

    def save(self) -> None:
        """Keep the draft; where that can't be done it is said once."""
        if not self._keeps or not self.draft.is_begun:
            return
        try:
            if self.displaces:
                drafts.put_aside()
            self.displaces = False
            if (now := repr(self.draft)) != self._kept:
                drafts.save(self.draft)
            self._kept = now
        except TunedeckError as error:
            self._keeps = False
            self.lines.say(str(error))

    @property
    def is_kept(self) -> bool:
        """Whether the answers are on the disk."""
        return self._keeps and self.draft.is_begun

    def weigh(self) -> None:
        """Work out what the answers lead to."""
        self.facts.fit = fit_of(self.draft, self.facts)

    def tell_consequence(self) -> None:
        """What the run needs, as the foot of the wizard says it, unless it was just said."""
        self.weigh()
        found, fit = consequences.consequence(self.draft, self.facts), self.facts.fit
        if fit is None:
            card = self.facts.card
            words = consequences.sentence(found, card.weight_bytes if card else None) or unknown(self.draft, self.facts)
        else:
            time = outlook.time_of(self.draft, self.facts)
            told = [*((text(time.short),) if time else ()), *consequences.pieces(found)]
            words = text("plain.consequence", parts=[fit_words.needs(fit), fit_words.verdict(fit), *told])
        if words and words != self._told:
            self._told = words
            self.lines.say(words)

    def read_machine(self) -> None:
        """Read GPUs and host once."""
        readings: queue.Queue[Machine] = queue.Queue()
        watch = self.world.watch_machine(Path(self.world.root), readings.put)
        try:
            self.facts.machine = readings.get(timeout=_MACHINE_S)
        except queue.Empty:
            self.facts.machine = None
        finally:
            watch.stop()

    def learn(self) -> None:
        """What earlier runs measured here, and the card of the draft's model if it is on this machine."""
        from engine.memory.history import read_history
        from tui.flow.models import ALLOW_PICKLE, NAME_FIELD

        self.facts.history = tuple(read_history())
        name = str(self.draft.get(NAME_FIELD) or "")
        if name and self.facts.card is None:
            pickles = self.draft.get(ALLOW_PICKLE) is True
            self.facts.card = self.services.known_card(name, str(self.draft.get("model.revision")), pickles)
