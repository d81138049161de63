"""Which model the cursor begins on where none was chosen, and why: what this machine trains in reasonable time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.messages.message import Message
from tui.draft.services import STARTER

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from engine.memory.methods import BestMethod
    from engine.models.card import ModelCard

SMALL_BYTES = 1_300_000_000
"""Weights up to which a CPU trains in minutes to hours: half a billion parameters in 16 bits, with their tables."""


def suggested(
    listed: Sequence[tuple[str, ModelCard]], verdict_of: Callable[[ModelCard], BestMethod | None], machine: Machine
) -> tuple[str, Message]:
    """The name of the model and the reason. Without a GPU a small one, else the largest chat model that fits."""
    if machine.freest is None:
        small = [name for name, card in listed if card.weight_bytes <= SMALL_BYTES]
        if not small or STARTER in small:
            return STARTER, Message("wizard-model.why-starter")
        return small[0], Message("wizard-model.why-small")
    fitting = [
        (card.kind == "chat", card.weight_bytes, name)
        for name, card in listed
        if (found := verdict_of(card)) is not None and found.verdict.level == "fits"
    ]
    if not fitting:
        return STARTER, Message("wizard-model.why-none-fits")
    return max(fitting)[2], Message("wizard-model.why-largest")
