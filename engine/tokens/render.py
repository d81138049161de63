"""Rows to token ids and labels: only the assistant's turns are trained, and always with their stop token.

The prefix method: the template is rendered up to an assistant turn and with it; the first must be a token
prefix of the second, so that training sees exactly what generation will. Where that fails we say so and stop,
instead of training on the wrong tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.common.errors import DataError, ModelError
from engine.data.rows.messages import Message, Row
from engine.messages.message import Message as Text
from engine.models.tokenizer_files import read_template
from engine.tokens.template_input import TemplateInput, Turns
from engine.tokens.time_limit import TimeLimit, TooLong

NOT_TRAINED = -100

PLAIN_TEMPLATE = (
    "{% if bos_token and messages %}{{ bos_token }}{% endif %}"
    "{% for m in messages %}"
    "{% if m['role'] == 'assistant' %}{{ 'Answer: ' + m['content'] + eos_token + '\n\n' }}"
    "{% elif m['role'] == 'system' %}{{ m['content'] + '\n\n' }}"
    "{% else %}{{ 'Question: ' + m['content'] + '\n\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}"
)
CHATML_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_END = "<|im_end|>"
BUILT_IN_TEMPLATES = {"plain": PLAIN_TEMPLATE, "chatml": CHATML_TEMPLATE}


_LIMIT_S = 10.0
_TRIES = 2
"""A template that came to no end so many times is not tried again."""


class RenderError(DataError):
    """One row can't be turned into tokens and labels."""


class _Endless(TimeoutError):
    """The template was not done in time, or took too much memory."""


def choose_template(tokenizer: Any, wanted: str) -> str:
    """Give ``tokenizer`` the chat template of ``model.chat_template`` and say which it is.

    Empty: the model's own, or "plain" where it has none. Raises ModelError when the file is missing.
    """
    if wanted in BUILT_IN_TEMPLATES:
        tokenizer.chat_template = BUILT_IN_TEMPLATES[wanted]
        if wanted == "chatml" and CHATML_END in tokenizer.get_vocab():
            tokenizer.eos_token = CHATML_END  # what ends a turn has to end generation, here and wherever it is used
        return wanted
    if wanted:
        try:
            tokenizer.chat_template = read_template(Path(wanted).expanduser())
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError("tokens.template-unreadable", path=wanted, reason=str(error)) from None
        return wanted
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
        return "plain"
    return MODELS_OWN


MODELS_OWN = "<model>"
"""Name of the template that a model brings; a path is never written so."""


def stop_ids(tokenizer: Any, generation_config: Any = None) -> frozenset[int]:
    """Tokens that end an answer when the model generates."""
    ids = getattr(generation_config, "eos_token_id", None)
    listed = [ids] if isinstance(ids, int) else list(ids or [])
    if tokenizer.eos_token_id is not None:
        listed.append(tokenizer.eos_token_id)
    return frozenset(listed)


class Renderer:
    """Renders rows with one tokenizer and its template. ``stops`` are the model's stop tokens."""

    def __init__(self, tokenizer: Any, stops: frozenset[int]) -> None:
        if tokenizer.eos_token_id is None:
            raise ModelError("tokens.no-stop-token", name=str(getattr(tokenizer, "name_or_path", "")))
        self.tokenizer = tokenizer
        self.stops = stops
        self._limit = TimeLimit(_LIMIT_S)
        self._endless = 0
        self._input = TemplateInput(self._rendered)
        self._special = frozenset(i for i, t in tokenizer.added_tokens_decoder.items() if t.special)
        default = tokenizer("")["input_ids"]
        self._lead = [i for i in default if i == tokenizer.bos_token_id]

    def render(self, row: Row, train_on: str = "assistant") -> tuple[list[int], list[int]]:
        """Token ids and labels (-100 where not trained), both of one length. Raises RenderError."""
        if row.kind == "text":
            ids = [*self._lead, *self._encode(row.text), self.tokenizer.eos_token_id]
            return ids, list(ids)
        if train_on == "all":
            return self._all(row)
        ids, spans = self._spans(row.messages, row.tools, train_on == "last")
        labels = [NOT_TRAINED] * len(ids)
        for turn, (start, end) in spans.items():
            if not row.messages[turn].untrained:
                labels[start:end] = ids[start:end]
        return ids, labels

    def _all(self, row: Row) -> tuple[list[int], list[int]]:
        """Every token trained but for those of the turns that the row marks as not to be."""
        marked = [turn for turn, message in enumerate(row.messages) if message.untrained]
        try:
            ids, spans = self._spans(row.messages, row.tools)
        except RenderError:
            if marked:
                raise
            ids = self._encode(self._text(row.messages, row.tools))
            if self._end(ids, 0) is None:
                ids.append(self.tokenizer.eos_token_id)
        labels = list(ids)
        for turn in marked:
            start, end = spans[turn] if turn in spans else self._asked(row, turn, ids)
            labels[start:end] = [NOT_TRAINED] * (end - start)
        return ids, labels

    def _asked(self, row: Row, turn: int, ids: list[int]) -> tuple[int, int]:
        """[start, end) of a turn that is no answer, with all that the template writes around it."""
        ends = []
        for part in (row.messages[:turn], row.messages[: turn + 1]):
            alone = self._encode(self._text(part, row.tools)) if part else []
            ends.append(_common(ids, alone))
            if self.tokenizer.decode(alone[ends[-1] :], skip_special_tokens=True).strip():  # but for a closing token
                raise RenderError("tokens.turn-not-separable", turn=turn + 1)
        return ends[0], ends[1]

    def prompt_ids(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> list[int]:
        """What the model is given before it answers: the dialogue so far and the template's opening of the answer."""
        return self._encode(self._text(messages, tools, opening=True))

    def prompt_text(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> str:
        """The text of ``prompt_ids``. Raises RenderError."""
        return self._text(messages, tools, opening=True)

    def as_asked(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> tuple[Turns, list[Any] | None, str]:
        """What the template is given, turns and tools, and the prompt that it makes of exactly that."""
        turns, given = self._input.make(messages, tools)
        return turns, given, self._rendered(turns, given, opening=True)

    def _spans(
        self, messages: Sequence[Message], tools: Sequence[str], only_last: bool = False
    ) -> tuple[list[int], dict[int, tuple[int, int]]]:
        """All ids, and by the place of each assistant turn its [start, end) with the stop token as the last."""
        # A greeting that answers nothing is read, not trained: there is no prompt it could follow.
        turns = [index for index, message in enumerate(messages) if message.role == "assistant" and index > 0]
        if not turns:
            raise RenderError("tokens.no-answer", roles=[message.role for message in messages])
        turns = turns[-1:] if only_last else turns
        encode = cache(self._encode)  # a row's text is looked at from several sides; tokenising is most of the work
        text = self._text(messages, tools)
        openings = {turn: self._text(messages[:turn], tools, opening=True) for turn in turns}
        ids, cuts = self._aligned(text, openings, encode)
        spans = {}
        for turn, opening in openings.items():
            start = len(encode(opening, cuts))
            is_last = turn == len(messages) - 1
            upto = encode(text if is_last else self._text(messages[: turn + 1], tools), cuts)
            end = self._end(upto, start, same_until=_common(ids, upto))
            end = end or self._end_in_place(ids, start, messages, turn)
            if end is None and is_last:
                ids = [*ids, self.tokenizer.eos_token_id]
                end = len(ids)
            elif end is None:
                raise RenderError("tokens.answer-not-closed", turn=turn + 1)
            spans[turn] = (start, end)
        return ids, spans

    def _aligned(
        self, text: str, openings: dict[int, str], encode: Callable[..., list[int]]
    ) -> tuple[list[int], tuple[int, ...]]:
        """Ids of ``text`` in which every opening is a token prefix, and the places where that took a cut.

        A tokenizer may join the line break of an opening and one that begins the answer. Generation can't, as it
        is given the opening alone; so then the text is cut behind each opening before it is tokenised.
        """
        ids = encode(text, ())
        for turn, opening in openings.items():
            if not text.startswith(opening):
                raise RenderError("tokens.prompt-changes", turn=turn + 1)
        prompts = [encode(opening, ()) for opening in openings.values()]
        if all(ids[: len(prompt)] == prompt for prompt in prompts):
            return ids, ()
        cuts = tuple(len(opening) for opening in openings.values())
        pieces = encode(text, cuts)
        if self.tokenizer.decode(pieces) != self.tokenizer.decode(ids):
            raise RenderError("tokens.prompt-merges")
        return pieces, cuts

    def _end(self, ids: list[int], start: int, same_until: int | None = None) -> int | None:
        """Index behind the stop token that closes ``ids``: the last one that ends generation, else the last special
        token. None where words follow it, or where it lies beyond ``same_until``.
        """
        until = len(ids) if same_until is None else same_until
        for wanted in (self.stops, self._special):
            for position in range(until - 1, start - 1, -1):
                if ids[position] in wanted:
                    rest = self.tokenizer.decode(ids[position + 1 :], skip_special_tokens=True)
                    if not rest.strip():
                        return position + 1
                    break
        return None

    def _end_in_place(self, ids: list[int], start: int, messages: Sequence[Message], turn: int) -> int | None:
        """Index behind the first stop token of ``ids`` that closes this turn alone, with all that the row says in it.

        For templates that write the last turn otherwise than earlier ones, as those do that open thinking in it.
        """
        if turn == len(messages) - 1:
            return None
        message, following = messages[turn], messages[turn + 1].content.strip()
        wanted = [message.reasoning.strip(), message.content.strip(), *(call.name for call in message.calls)]
        for position in range(start, len(ids)):
            if ids[position] not in self.stops:
                continue
            said = self.tokenizer.decode(ids[start:position]).rstrip()
            if not all(part in said for part in wanted):
                continue
            is_alone = said.endswith(wanted[1]) if not message.calls else not following or following not in said
            return position + 1 if is_alone else None
        return None

    def _text(self, messages: Sequence[Message], tools: Sequence[str] = (), opening: bool = False) -> str:
        try:
            return self._input.written(self._rendered(*self._input.make(messages, tools), opening))
        except Exception as error:  # a template is a program of the model's: it may raise anything
            reason = Text("tokens.template-endless", seconds=self._limit.seconds)
            raise RenderError(
                "tokens.template-refuses", reason=reason if isinstance(error, _Endless) else str(error)[:200]
            ) from None

    def _rendered(self, turns: Turns, tools: list[Any] | None, opening: bool = False) -> str:
        if self._endless >= _TRIES:
            raise _Endless
        try:
            with self._limit():
                return str(
                    self.tokenizer.apply_chat_template(
                        turns, tools=tools, tokenize=False, add_generation_prompt=opening
                    )
                )
        except (TooLong, MemoryError):
            self._endless += 1
            raise _Endless from None

    def _encode(self, text: str, cuts: Sequence[int] = ()) -> list[int]:
        """Ids of ``text``; no token reaches across one of ``cuts``, which are character positions."""
        bounds = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
        pieces = (self.tokenizer(text[a:b], add_special_tokens=False)["input_ids"] for a, b in pairwise(bounds))
        return [token for piece in pieces for token in piece]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def check_stop_tokens(renderer: Renderer, row: Row) -> None:
    """Prove on ``row`` that the stop token is trained and that generation will know it. Raises ModelError."""
    _, labels = renderer.render(row, "last")
    last = next((label for label in reversed(labels) if label != NOT_TRAINED), None)
    if last is None or last in renderer.stops:
        return
    name = renderer.tokenizer.convert_ids_to_tokens(last)
    raise ModelError("tokens.stop-token-unknown", token=name)
