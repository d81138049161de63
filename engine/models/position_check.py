"""Rows that are longer than the model's fixed positions: refused before they fail in the middle of a run."""

from __future__ import annotations

from engine.config.presets import config_error
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.models.card import ModelCard
from engine.models.positions import PADDING

FIELD = "dataset.max_length"


def longest_row(card: ModelCard) -> int:
    """Most tokens of a row with the padding that makes it a multiple of eight; 0 where nothing limits them."""
    return card.position_limit // PADDING * PADDING


def position_issue(max_length: int, card: ModelCard) -> Issue | None:
    """What is wrong with rows of up to ``max_length`` tokens: an error where the model can't compute them."""
    most, named = longest_row(card), card.max_position_embeddings
    if most and max_length > most:
        return Issue(
            "error", FIELD, f"{max_length:,} tokens are more than the {card.position_limit:,} positions that "
            f"{card.name} can compute.", f"Set it to {most:,}.",
        )  # fmt: skip
    if named and max_length > named:
        return Issue("warning", FIELD, f"{max_length:,} is more than the model's {named:,} positions.")
    return None


def require_positions(config: RunConfig, card: ModelCard) -> None:
    """Raise ConfigError where rows of ``config`` may be longer than the model of ``card`` can compute."""
    issue = position_issue(config.dataset.max_length, card)
    if issue is not None and issue.level == "error":
        raise config_error([issue])
