"""What would go wrong between a run's model and the template its dialogues are written in, before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.config.presets import config_error
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.models.advice import WRITTEN, problems
from engine.models.card import ModelCard
from engine.models.kind import Kind
from engine.models.tokens import read_object, read_tokens


def check_template(config: RunConfig, card: ModelCard) -> Iterator[Issue]:
    """Advice for dialogue rows. Raises ConfigError for what can't work at all."""
    wanted = config.model.chat_template
    tokens = read_tokens(card.path, read_object(card.path / "config.json"))
    found = problems(
        tokens, kind_of(config, card), card.vocab_size, wanted, "" if wanted in WRITTEN else _text(wanted),
        trains_marks=bool(config.adapter.trainable_token_indices or config.adapter.modules_to_save),
    )  # fmt: skip
    issues = [Issue(each.level, each.config_field, each.message, each.fix) for each in found]
    errors = [issue for issue in issues if issue.level == "error"]
    if errors:
        raise config_error(errors)
    yield from issues


def kind_of(config: RunConfig, card: ModelCard) -> Kind:
    """The user's word where they gave it, else the verdict from the files."""
    return card.kind if config.model.kind == "auto" else config.model.kind


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8") if path else ""
    except (OSError, ValueError):
        return ""  # the tokenizer's loader says so
