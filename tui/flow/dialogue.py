"""A dialogue as data: what was asked, what each voice said, and what the model is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.models.chat_request import Turn


@dataclass
class Answer:
    """What one voice said: ``text`` so far; once it is ``whole``, ``ended`` says how, ``note`` what is to be said."""

    text: str = ""
    whole: bool = False
    tokens: int = 0
    seconds: float = 0.0
    note: str = ""


@dataclass
class Exchange:
    """A prompt and the answers by voice. ``plain``: the prompt's text was continued."""

    prompt: str
    answers: dict[str, Answer] = field(default_factory=dict)
    plain: bool = False


@dataclass
class Dialogue:
    """``voices`` are (voice, name) of all there are, the first one's answers stand at the left; ``asked`` answer."""

    voices: list[tuple[str, str]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    exchanges: list[Exchange] = field(default_factory=list)
    system: str = ""

    @property
    def last(self) -> Exchange | None:
        return self.exchanges[-1] if self.exchanges else None

    def turns(self, voice: str, upto: int | None = None) -> list[Turn]:
        """What ``voice`` has to answer: its own answers so far, and the prompt of exchange ``upto`` (the last)."""
        upto = len(self.exchanges) - 1 if upto is None else upto
        asked = self.exchanges[upto]
        if asked.plain:
            return [Turn("user", asked.prompt)]
        turns = [Turn("system", self.system)] if self.system.strip() else []
        for exchange in self.exchanges[:upto]:
            said = exchange.answers.get(voice)
            if exchange.plain or said is None or not said.text.strip():
                continue
            turns += [Turn("user", exchange.prompt), Turn("assistant", said.text)]
        return [*turns, Turn("user", asked.prompt)]

    def row(self, voice: str, answer: str) -> list[Turn]:
        """The dialogue of ``voice`` as a row to train on, its last answer replaced by ``answer``."""
        return [*self.turns(voice), Turn("assistant", answer)]


def side_by_side(columns: Sequence[Sequence[str]]) -> list[list[str]]:
    """Lines of several columns beside each other, shorter ones filled up."""
    height = max((len(column) for column in columns), default=0)
    return [[column[at] if at < len(column) else "" for column in columns] for at in range(height)]
