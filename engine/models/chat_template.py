"""What is wrong between a model and the template its dialogues are written in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.messages.message import Message
from engine.models.kind import Kind
from engine.models.tokenizer_files import Tokens

CHATML_MARKS = ("<|im_start|>", "<|im_end|>")
WRITTEN = {"plain": "{{ bos_token }}{{ eos_token }}", "chatml": "".join(CHATML_MARKS)}
"""The tokens that each built-in template writes; its words don't matter here."""
_PLAIN = {"model.chat_template": "plain"}


@dataclass(frozen=True)
class Problem:
    """Something that would go wrong; ``settings`` is the fix as config fields where a config can mend it."""

    level: Literal["error", "warning", "note"]
    config_field: str
    message: Message
    settings: Mapping[str, Any] = field(default_factory=dict)


def problems(
    tokens: Tokens, kind: Kind, rows: int, wanted: str = "", template: str = "", trains_marks: bool = False
) -> Iterator[Problem]:
    """What would go wrong with dialogue on this model, before anything is loaded.

    ``rows`` is the height of its embedding. ``wanted`` is model.chat_template ("" for the model's own); ``template``
    its text, where it is a file. ``trains_marks``: the marks' embeddings are trained too.
    """
    yield from _sizes(tokens, rows)
    if not wanted and not tokens.chat_template:
        yield _no_template(kind)
        return
    text = template or WRITTEN.get(wanted, "") or tokens.chat_template
    missing = tokens.missing(text)
    if missing:
        message = Message("models.template-marks-missing", marks=missing[:3])
        yield Problem("warning", "model.chat_template", message, _PLAIN)
    else:
        yield from _stops(tokens, kind, wanted, text, trains_marks)
    if wanted and kind == "chat" and tokens.chat_template and set(tokens.marks(text)) != set(tokens.marks()):
        message = Message("models.template-not-own")
        yield Problem("warning", "model.chat_template", message, {"model.chat_template": ""})
    writes_bos = bool(tokens.bos_token) and ("bos_token" in text or tokens.bos_token in text)
    if writes_bos and tokens.adds_bos:
        yield Problem("note", "model.chat_template", Message("models.two-bos", token=tokens.bos_token))


def _sizes(tokens: Tokens, rows: int) -> Iterator[Problem]:
    highest = max(tokens.added, default=-1)
    if rows and highest >= rows:
        message = Message("models.token-beyond", token=highest, text=tokens.added[highest], rows=rows)
        yield Problem("error", "model.name_or_path", message)


def _no_template(kind: Kind) -> Problem:
    if kind == "chat":
        return Problem("warning", "model.chat_template", Message("models.chat-without-template"))
    return Problem("note", "model.chat_template", Message("models.base-without-template"), _PLAIN)


def _stops(tokens: Tokens, kind: Kind, wanted: str, text: str, trains_marks: bool) -> Iterator[Problem]:
    """A mark that ends turns and was never trained, or at which generation would not stop."""
    stops_known = "eos_token" in text or any(token in text for token in tokens.eos_tokens)
    marks = [mark for mark in tokens.marks(text) if mark not in (*tokens.eos_tokens, tokens.bos_token)]
    if wanted != "chatml" and not stops_known and tokens.eos_tokens and tokens.marks(text):
        message = Message("models.never-stops", token=tokens.eos_tokens[0])
        yield Problem("warning", "model.chat_template", message, _PLAIN)
    elif kind == "base" and marks and not trains_marks:
        listed = list(tokens.marks(text))
        message = Message("models.marks-untrained", marks=marks[:2], all=json.dumps(listed))
        yield Problem(
            "warning", "adapter.trainable_token_indices", message, {"adapter.trainable_token_indices": listed}
        )  # fmt: skip
