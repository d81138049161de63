"""One answer at a time, token by token, for a person who reads along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from engine.common.errors import DataError
from engine.data.rows.messages import Message
from engine.modeling.load_for_use import BESIDE as BESIDE_ADAPTER
from engine.modeling.load_for_use import Ready
from engine.models.chat_request import BASE, BESIDE, Asked
from engine.models.stop_strings import Until
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import Words

_UNFINISHED = "\ufffd"
_MOST_HELD = 16
"""Tokens that wait for the rest of a character; more of them are no character."""
_LEAST_ROOM = 16
"""Positions that a prompt leaves for the answer."""


@dataclass(frozen=True)
class Spoken:
    """An answer. ``ended``: by a stop token ("stop"), before a text of the request's ("stop-string"), at the limit of
    tokens ("limit") or of the model's positions ("positions"), or by the person ("stopped"). ``dropped`` turns of the
    dialogue had no room any more.
    """

    text: str
    ended: str
    tokens: int
    seconds: float
    first_s: float
    dropped: int = 0


class Talker:
    """Answers with the voices of ``ready``. ``check`` is called at every token and may raise Stop."""

    def __init__(self, ready: Ready, check: Callable[[], None]) -> None:
        self._ready, self._check = ready, check
        self._renderers: dict[str, Renderer] = {}

    def speak(self, voice: str, asked: Asked, on_text: Callable[[str], None]) -> Spoken:
        """The answer of ``voice``; each piece of it goes to ``on_text`` as soon as its characters are whole.

        Raises DataError for a template that refuses the dialogue, or a message longer than the model can read.
        """
        words = self._words(voice)
        ids, dropped = self._prompt(words, asked)
        room = self.positions - len(ids) + 1 if self.positions else asked.max_new_tokens
        most = min(asked.max_new_tokens, room)
        listener = _Listener(words, asked.stop, self._check, on_text)
        began = time.monotonic()
        given = torch.tensor([ids], device=self._ready.base.model.device)
        how: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if asked.temperature > 0:
            how = {"do_sample": True, "temperature": asked.temperature, "top_p": asked.top_p, "top_k": 0}
        stopped = False
        with self._voice(voice), torch.no_grad():
            try:
                self._ready.model.generate(
                    input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=most, use_cache=True,
                    eos_token_id=sorted(words.stops), pad_token_id=words.pad_id, **how,
                    stopping_criteria=StoppingCriteriaList([listener]),
                )  # fmt: skip
            except Stop:
                stopped = True
        listener.end()
        reached = "positions" if room < asked.max_new_tokens else "limit"
        ended = "stopped" if stopped else listener.met or reached
        seconds = time.monotonic() - began
        return Spoken(
            listener.text, ended, listener.count, round(seconds, 2), round(listener.first_s(began), 2), dropped
        )  # fmt: skip

    @property
    def positions(self) -> int:
        """Tokens that the model was made for; 0 where nothing says."""
        card = self._ready.base.card
        return card.position_limit or card.max_position_embeddings

    def _words(self, voice: str) -> Words:
        words = self._ready.words
        return (
            words[BESIDE_ADAPTER] if voice == BESIDE else words.get(self._ready.speaking) or next(iter(words.values()))
        )

    @contextmanager
    def _voice(self, voice: str) -> Iterator[None]:
        ready = self._ready
        if voice == BESIDE:
            before = ready.speaking
            ready.switch(BESIDE_ADAPTER)
            try:
                yield
            finally:
                ready.switch(before)
            return
        alone = voice == BASE or ready.found.adapter is None
        with ready.without_adapter() if alone else _nothing():
            yield

    def _prompt(self, words: Words, asked: Asked) -> tuple[list[int], int]:
        """The tokens to answer, and how many turns were left out at the beginning so that they fit."""
        if asked.plain:
            ids = words.tokenizer(asked.turns[-1].content)["input_ids"] or [words.pad_id]
            self._require_room(ids)
            return ids, 0
        renderer = self._renderers.setdefault(str(id(words)), Renderer(words.tokenizer, words.stops))
        turns = [Message(turn.role, turn.content) for turn in asked.turns]
        system = turns[:1] if turns and turns[0].role == "system" else []
        rest, dropped = turns[len(system) :], 0
        while True:
            ids = renderer.prompt_ids([*system, *rest])
            if len(rest) < 3 or not self.positions or len(ids) + _LEAST_ROOM <= self.positions:
                self._require_room(ids)
                return ids, dropped
            rest, dropped = rest[2:], dropped + 2

    def _require_room(self, ids: Sequence[int]) -> None:
        if self.positions and len(ids) + 1 > self.positions:
            raise DataError("chat.too-long", tokens=len(ids), positions=self.positions)


class Stop(Exception):
    """The person wants no more of this answer."""


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class Pieces:
    """Text of tokens as they come: characters that are spread over several are held back until they are whole."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._known = self._read = 0

    def add(self, token: int) -> str:
        """What is to be shown now, "" while a character is unfinished."""
        self._ids.append(token)
        return self._take(may_hold=True)

    def end(self) -> str:
        """What was held back to the last."""
        return self._take(may_hold=False)

    def _take(self, may_hold: bool) -> str:
        # Decoded behind some tokens that are known, as blanks between tokens depend on those before.
        before = self._text(self._ids[self._known : self._read])
        now = self._text(self._ids[self._known :])
        if may_hold and now.endswith(_UNFINISHED) and len(self._ids) - self._read < _MOST_HELD:
            return ""
        if len(now) <= len(before):
            return ""
        self._known, self._read = self._read, len(self._ids)
        return now[len(before) :]

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


class _Listener(StoppingCriteria):  # type: ignore[misc]
    """``met`` is what ended the answer, as ``Spoken.ended`` names it; "" while nothing has."""

    def __init__(
        self, words: Words, stop: Sequence[str], check: Callable[[], None], on_text: Callable[[str], None]
    ) -> None:
        self._pieces, self._until, self._check, self._on_text = Pieces(words.tokenizer), Until(stop), check, on_text
        self._stops = words.stops
        self._named = _special_tokens(words.tokenizer, stop)
        self._said: list[str] = []
        self._first_t = 0.0
        self.count, self.met = 0, ""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: Any) -> torch.BoolTensor:
        token = int(input_ids[0, -1])
        self.count += 1
        self._first_t = self._first_t or time.monotonic()
        if token in self._stops:
            self.met = "stop"
        elif token in self._named:
            self.met = "stop-string"
        else:
            self._say(self._until.add(self._pieces.add(token)))
            self.met = "stop-string" if self._until.is_met else ""
        self._check()
        return torch.tensor([bool(self.met)], device=input_ids.device)  # type: ignore[return-value]

    def end(self) -> None:
        self._say(self._until.add(self._pieces.end()))
        self.met = self.met or ("stop-string" if self._until.is_met else "")
        self._say(self._until.end())

    def _say(self, piece: str) -> None:
        if piece:
            self._said.append(piece)
            self._on_text(piece)

    def first_s(self, began: float) -> float:
        return self._first_t - began if self._first_t else 0.0

    @property
    def text(self) -> str:
        return "".join(self._said)


def _special_tokens(tokenizer: Any, stop: Sequence[str]) -> frozenset[int]:
    """Tokens that ``stop`` names and no text shows, as ``<|endoftext|>``."""
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    return frozenset(special[each] for each in stop if each in special)
