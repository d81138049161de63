"""What would go wrong between a run's model and the template its dialogues are written in, before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.app.findings import Finding, Remedy
from engine.common.files import read_json
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.models.adapter.adopt import LOCKED
from engine.models.adapter.find import tokenizer_folder
from engine.models.card import ModelCard
from engine.models.chat_template import WRITTEN, problems
from engine.models.kind import Kind
from engine.models.tokenizer_files import Tokens, read_template, read_tokens, tokens_with


def check_template(config: RunConfig, card: ModelCard) -> Iterator[Finding]:
    """Findings for dialogue rows, with what mends them where an adapter that is continued does not fix that."""
    wanted = config.model.chat_template
    own = tokenizer_folder(config.strategy.kind, config.strategy.adapter)
    tokens = tokens_with(card.path, own, read_json(card.path / "config.json"))
    theirs = read_tokens(own, {}).chat_template if own is not None else ""
    found = problems(
        tokens, kind_of(config, card), card.vocab_size, wanted, "" if wanted in WRITTEN else _text(wanted),
        # An adapter has learnt its own marks; how much of the embeddings that took is its affair.
        trains_marks=bool(theirs or config.adapter.trainable_token_indices or config.adapter.modules_to_save),
    )  # fmt: skip
    yield from map(Finding, _of_adapter(theirs, card, wanted))
    for each in found:
        issue = Issue(each.level, each.config_field, each.message)
        yield Finding(issue, _remedy(config, each.settings))


def _remedy(config: RunConfig, settings: Mapping[str, Any]) -> Remedy | None:
    fixed = {f"adapter.{name}" for name in LOCKED} if config.strategy.kind == "continue" else set()
    if not settings or fixed & set(settings):
        return None
    fields = ", ".join(f"{name.partition('.')[2]} {_shown(value)}" for name, value in settings.items())
    return Remedy(Message("check.set-fields", fields=fields), settings)


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "empty"


def _of_adapter(theirs: str, card: ModelCard, wanted: str) -> Iterator[Issue]:
    """What is to be known where the old adapter brings ``theirs``, a template other than the base's."""
    if not theirs:
        return
    if wanted:
        text = WRITTEN.get(wanted) or _text(wanted)
        if theirs != text and set(_marks(theirs)) != set(_marks(text)):
            yield Issue("warning", "model.chat_template", Message("check.template-not-adapters"))
    elif theirs != read_tokens(card.path, {}).chat_template:
        yield Issue("note", "strategy.adapter", Message("check.template-of-adapter"))


def _marks(template: str) -> tuple[str, ...]:
    return Tokens(has_tokenizer=True, chat_template=template, eos_tokens=(), pad_token="").marks()


def kind_of(config: RunConfig, card: ModelCard) -> Kind:
    """The user's word where they gave it, else the verdict from the files."""
    return card.kind if config.model.kind == "auto" else config.model.kind


def _text(path: str) -> str:
    try:
        return read_template(Path(path).expanduser()) if path else ""
    except (OSError, ValueError):
        return ""  # the tokenizer's loader says so
