"""When a model has gone too far from its base: the marks of the gauge, and of what its training cost elsewhere.

The limits were found on pairs of tasks, see docs/forgetting.md: they say how often they were right there.
"""

from __future__ import annotations

from typing import Literal

from engine.messages.message import Message
from engine.metrics.result import Comparison
from engine.metrics.words import LOWER_IS_BETTER

Mark = Literal["fine", "look", "stop", "unknown"]
LOOK_DIVERGENCE, STOP_DIVERGENCE = 0.25, 0.5
"""Rise of KL(base || tuned) over general text and dialogues, nats a token."""
LOOK_LOSS, STOP_LOSS = 0.05, 0.2
"""Rise of the loss on general text, nats a token. PEFT's own comparison of methods (Llama-3.2-3B,
20,000 rows of mathematics, Wikipedia) has 0.05 for LoRA of rank 32, 0.11 for rsLoRA of rank 64, 0.03 for full
fine-tuning."""
LOOK_OLD, STOP_OLD = 0.04, 0.2
"""Rise of the loss on earlier runs' rows over that before the training, nats a token. Of 14 runs that continued an
adapter, the five that lost three or more of 20 right answers rose by 0.046 to 0.086, the others by 0.037 at most."""


def mark_of(divergence: float | None, rise: float | None, old_rise: float | None = None) -> tuple[Mark, list[Message]]:
    """The gravest mark that the rises of divergence and losses since the start ask for, and by what.

    Unknown where nothing is known.
    """
    known = [
        (value, limits, code) for value, limits, code in (
            (divergence, (LOOK_DIVERGENCE, STOP_DIVERGENCE), "forgetting.by-divergence"),
            (rise, (LOOK_LOSS, STOP_LOSS), "forgetting.by-general-loss"),
            (old_rise, (LOOK_OLD, STOP_OLD), "forgetting.by-old-loss"),
        ) if value is not None
    ]  # fmt: skip
    if not known:
        return "unknown", []
    grave = [Message(code, value=value) for value, (_, stop), code in known if value >= stop]
    if grave:
        return "stop", grave
    some = [Message(code, value=value) for value, (look, _), code in known if value >= look]
    return ("look", some) if some else ("fine", [])


Kept = Literal["kept", "lost", "unclear"]


def not_inferior(comparison: Comparison, margin: float) -> Kept:
    """Whether what was known before is still known, by the 95 % interval of the paired difference.

    Kept: the candidate is worse by ``margin`` at most, lost: by more than that for sure; else the rows can't tell. The
    margin is in the metric's unit, of a loss a share of what it was.
    """
    low, high = comparison.low, comparison.high
    if low is None or high is None:
        return "unclear"
    if comparison.metric in LOWER_IS_BETTER:
        low, high = -high, -low
    return "kept" if low >= -margin else "lost" if high < -margin else "unclear"
