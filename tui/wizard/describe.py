"""Progress and a model's card in plain text, cleaned, for people to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.units import amount
from tui.words import gibibytes

if TYPE_CHECKING:
    from engine.models.card import ModelCard


def parameters(card: ModelCard) -> str:
    """How many, in short; a question mark where the files don't tell."""
    return amount(card.parameters) if card.parameters else "?"


def progress(done: int, total: int | None, message: str) -> str:
    """How far a long job is. Large numbers are bytes, small ones are steps."""
    if total is None or total <= 1:
        return message + (f" {gibibytes(done)}" if done >= 2**20 else "")
    if total >= 2**16:
        return f"{message}: {gibibytes(done)} of {gibibytes(total)} ({done / total:.0%})"
    return f"{message}: {done:,} of {total:,}"


def model_line(card: ModelCard) -> str:
    """Size and kind of a model on one short line."""
    return f"{parameters(card):>5}  {card.kind}"


def model_card(card: ModelCard) -> list[str]:
    """What a person should know of a model before choosing it."""
    lines = [
        f"{shorten(card.name, 60)}: {shorten(card.model_type, 20)}, {parameters(card)} parameters, "
        f"{gibibytes(card.weight_bytes)} of weights, {card.num_layers} layers, width {card.hidden_size:,}",
        f"{card.kind} model: {shorten('; '.join(card.kind_evidence), 120)}",
    ]
    if not card.has_chat_template:
        lines.append("no chat template: a plain one is used, and kept with the adapter")
    return lines
