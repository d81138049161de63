"""Progress and a model in one line of plain text, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from engine.messages.formats import amount

if TYPE_CHECKING:
    from engine.models.card import ModelCard

KINDS = {"base": "wizard-model.base", "chat": "wizard-model.chat", "unclear": "wizard-model.unclear"}
"""What each kind of model is called in a list."""


def parameters(card: ModelCard) -> str:
    """How many, in short; a question mark where the files don't tell."""
    return amount(card.parameters) if card.parameters else "?"


def progress(done: int, total: int | None, message: str) -> str:
    """How far a long job is. Large numbers are bytes, small ones are steps."""
    if total is None or total <= 1:
        return text("wizard-model.progress-so-far", what=message, done=done) if done >= 2**20 else message
    if total >= 2**16:
        return text("wizard-model.progress-bytes", what=message, done=done, total=total, share=done / total)
    return text("wizard-model.progress-steps", what=message, done=done, total=total)


def model_line(card: ModelCard) -> str:
    """Size and kind of a model on one short line."""
    return text("wizard-model.line", size=f"{parameters(card):>5}", kind=text(KINDS[card.kind]))


def architecture(card: ModelCard) -> str:
    """Family, size and shape."""
    return text(
        "wizard-model.architecture", type=shorten(card.model_type, 20), parameters=parameters(card),
        weights=card.weight_bytes, layers=card.num_layers, width=card.hidden_size,
    )  # fmt: skip
