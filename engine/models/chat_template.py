"""Templates for dialogue on a base model, and what is wrong between a model and the template of its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.models.kind import Kind
from engine.models.tokenizer_files import Tokens

CHATML_MARKS = ("<|im_start|>", "<|im_end|>")
WRITTEN = {"plain": "{{ bos_token }}{{ eos_token }}", "chatml": "".join(CHATML_MARKS)}
"""The tokens that each built-in template writes; its words don't matter here."""


@dataclass(frozen=True)
class TemplateOption:
    """A way to write dialogue for a base model. ``settings`` are config fields by dotted name; ``why_not`` is empty
    where it is possible.
    """

    id: Literal["plain", "chatml"]
    title: str
    text: str
    settings: Mapping[str, Any]
    why_not: str = ""


@dataclass(frozen=True)
class Problem:
    """Something that would go wrong; ``settings`` is the fix as config fields where a config can mend it."""

    level: Literal["error", "warning", "note"]
    config_field: str
    message: str
    fix: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def template_options(tokens: Tokens) -> tuple[TemplateOption, ...]:
    """Both templates for dialogue rows on a base model, the recommended one first."""
    missing = [mark for mark in CHATML_MARKS if mark not in set(tokens.added.values())]
    plain = TemplateOption(
        "plain", "Plain: Question and Answer",
        "Turns are ordinary words, which the model reads already, closed by its own end token. Nothing but the adapter "
        "is trained. Programs that expect ChatML need the template that is saved with the result.",
        {"model.chat_template": "plain", "adapter.trainable_token_indices": []},
    )  # fmt: skip
    chatml = TemplateOption(
        "chatml", "ChatML, with its marks trained",
        "Turns stand between <|im_start|> and <|im_end|>, as most tools expect. A base model has seen neither, so "
        "their embeddings are trained beside the adapter: a few thousand numbers, and it takes more rows to stop well.",
        {"model.chat_template": "chatml", "adapter.trainable_token_indices": list(CHATML_MARKS)},
        f"Its vocabulary has no {missing[0]}; adding tokens would resize the model." if missing else "",
    )  # fmt: skip
    return plain, chatml


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
        yield Problem(
            "warning", "model.chat_template",
            f"the template writes {', '.join(missing[:3])}, which {'is' if len(missing) == 1 else 'are'} no token of "
            "this model: it will be read in pieces, and may never be learnt as a mark.",
            'Set model.chat_template = "plain", or the template this model was published with.',
            {"model.chat_template": "plain"},
        )  # fmt: skip
    else:
        yield from _stops(tokens, kind, wanted, text, trains_marks)
    if wanted and kind == "chat" and tokens.chat_template and set(tokens.marks(text)) != set(tokens.marks()):
        yield Problem(
            "warning", "model.chat_template", "this chat model has a template of its own, which it was trained with; "
            "another one makes it unlearn that first.", "Leave model.chat_template empty.", {"model.chat_template": ""},
        )  # fmt: skip
    writes_bos = bool(tokens.bos_token) and ("bos_token" in text or tokens.bos_token in text)
    if writes_bos and tokens.adds_bos:
        yield Problem(
            "note", "model.chat_template",
            f"template and tokenizer both write {tokens.bos_token}. tunedeck writes one; a program that tokenises the "
            "rendered text would write two.",
            "There, pass add_special_tokens=False.",
        )  # fmt: skip


def _sizes(tokens: Tokens, rows: int) -> Iterator[Problem]:
    highest = max(tokens.added, default=-1)
    if rows and highest >= rows:
        yield Problem(
            "error", "model.name_or_path",
            f"the tokenizer has token {highest:,} ({tokens.added[highest]}), the model only {rows:,} embeddings.",
            "Use the tokenizer that was published with this model.",
        )  # fmt: skip


def _no_template(kind: Kind) -> Problem:
    if kind == "chat":
        return Problem(
            "warning", "model.chat_template",
            "this chat model comes without its template; a plain one is used, which it was not trained with.",
            "Set model.chat_template to the .jinja file it was published with.",
        )  # fmt: skip
    return Problem(
        "note", "model.chat_template", "this base model has no chat template: dialogue is written as Question and "
        "Answer.", 'Set model.chat_template = "plain" to say so, or "chatml".', {"model.chat_template": "plain"},
    )  # fmt: skip


def _stops(tokens: Tokens, kind: Kind, wanted: str, text: str, trains_marks: bool) -> Iterator[Problem]:
    """A mark that ends turns and was never trained, or at which generation would not stop."""
    stops_known = "eos_token" in text or any(token in text for token in tokens.eos_tokens)
    marks = [mark for mark in tokens.marks(text) if mark not in (*tokens.eos_tokens, tokens.bos_token)]
    if wanted != "chatml" and not stops_known and tokens.eos_tokens and tokens.marks(text):
        yield Problem(
            "warning", "model.chat_template",
            f"the template never writes {tokens.eos_tokens[0]}, at which this model stops: answers would not end.",
            'Set model.chat_template = "plain", or add the template\'s own end mark to eos_token_id in '
            "generation_config.json.",
            {"model.chat_template": "plain"},
        )  # fmt: skip
    elif kind == "base" and marks and not trains_marks:
        listed = list(tokens.marks(text))
        yield Problem(
            "warning", "adapter.trainable_token_indices",
            f"a base model has rarely learnt {', '.join(marks[:2])}: untrained marks end no answer.",
            f'Train them: trainable_token_indices = {json.dumps(listed)}, or set model.chat_template = "plain".',
            {"adapter.trainable_token_indices": listed},
        )  # fmt: skip
