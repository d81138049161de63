"""Rows to token ids and labels: only the assistant's turns are trained, and always with their stop token.

The prefix method: the template is rendered up to an assistant turn and with it; the first must be a token
prefix of the second, so that training sees exactly what generation will. Where that fails we say so and stop,
instead of training on the wrong tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.data.messages import Message, Row
from engine.errors import DataError, ModelError

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
BUILT_IN_TEMPLATES = {"plain": PLAIN_TEMPLATE, "chatml": CHATML_TEMPLATE}


class RenderError(DataError):
    """One row can't be turned into tokens and labels."""


def choose_template(tokenizer: Any, wanted: str) -> str:
    """Give ``tokenizer`` the chat template of ``model.chat_template`` and say which it is.

    Empty: the model's own, or "plain" where it has none. Raises ModelError when the file is missing.
    """
    if wanted in BUILT_IN_TEMPLATES:
        tokenizer.chat_template = BUILT_IN_TEMPLATES[wanted]
        return wanted
    if wanted:
        try:
            tokenizer.chat_template = Path(wanted).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                "The chat template can't be read", f"{wanted}: {error}", "Check model.chat_template."
            ) from None
        return wanted
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
        return "plain"
    return "the model's own"


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
            raise ModelError(
                "The tokenizer has no stop token",
                str(getattr(tokenizer, "name_or_path", "")),
                "Set eos_token in its tokenizer_config.json; without one the model could never stop.",
            )
        self.tokenizer = tokenizer
        self.stops = stops
        self._special = frozenset(i for i, t in tokenizer.added_tokens_decoder.items() if t.special)
        default = tokenizer("")["input_ids"]
        self._lead = [i for i in default if i == tokenizer.bos_token_id]

    def render(self, row: Row, train_on: str = "assistant") -> tuple[list[int], list[int]]:
        """Token ids and labels (-100 where not trained), both of one length. Raises RenderError."""
        if row.kind == "text":
            ids = [*self._lead, *self._encode(row.text), self.tokenizer.eos_token_id]
            return ids, list(ids)
        ids, spans = self._spans(row.messages)
        if train_on == "all":
            return ids, list(ids)
        labels = [NOT_TRAINED] * len(ids)
        for start, end in spans[-1:] if train_on == "last" else spans:
            labels[start:end] = ids[start:end]
        return ids, labels

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """What the model is given before it answers: the dialogue so far and the template's opening of the answer."""
        return self._encode(self._text(messages, opening=True))

    def _spans(self, messages: Sequence[Message]) -> tuple[list[int], list[tuple[int, int]]]:
        """All ids, and for each assistant turn its [start, end) with the stop token as the last."""
        ids = self._encode(self._text(messages))
        spans = []
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            prompt = self._encode(self._text(messages[:index], opening=True))
            upto = self._encode(self._text(messages[: index + 1]))
            start = len(prompt)
            if ids[:start] != prompt:
                raise RenderError(
                    "The prompt is not a prefix of the dialogue",
                    f"turn {index + 1}: the template renders the text before this answer differently with it",
                    "Use another template, or train_on = 'all'.",
                )
            end = self._end_after_stop(upto, start)
            last = index == len(messages) - 1
            if end is None and last:
                ids = [*ids, self.tokenizer.eos_token_id]
                end = len(ids)
            elif end is None or ids[:end] != upto[:end]:
                raise RenderError(
                    "An answer has no stop token of its own",
                    f"turn {index + 1}: the template does not close it before the next turn, or changes it later",
                    "Use another template, or train_on = 'last'.",
                )
            spans.append((start, end))
        if not spans:
            raise RenderError("There is no assistant turn", f"roles: {', '.join(m.role for m in messages)}")
        return ids, spans

    def _end_after_stop(self, ids: list[int], start: int) -> int | None:
        """Index behind the turn's stop token: the last one that ends generation, else the last special token."""
        for wanted in (self.stops, self._special):
            for position in range(len(ids) - 1, start - 1, -1):
                if ids[position] in wanted:
                    return position + 1
        return None

    def _text(self, messages: Sequence[Message], opening: bool = False) -> str:
        plain = [{"role": m.role, "content": m.content} for m in messages]
        try:
            text = self.tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=opening)
        except Exception as error:  # a template is a program of the model's: it may raise anything
            raise RenderError("The template refuses the row", str(error)[:200]) from None
        return str(text)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def check_stop_tokens(renderer: Renderer, row: Row) -> None:
    """Prove on ``row`` that the stop token is trained and that generation will know it. Raises ModelError."""
    _, labels = renderer.render(row)
    last = next((label for label in reversed(labels) if label != NOT_TRAINED), None)
    if last is None or last in renderer.stops:
        return
    name = renderer.tokenizer.convert_ids_to_tokens(last)
    raise ModelError(
        "The answer would not end where generation stops",
        f"the template closes an answer with {name!r}, which is not among the model's stop tokens",
        f"Add {name!r} to eos_token_id in generation_config.json, or set model.chat_template.",
    )
