"""How much of what a run computes is padding, told with all else about its rows before it starts."""

from __future__ import annotations

import numpy as np

from engine.memory.job import PADDING
from engine.runs import events as ev
from engine.training.batches import StepPlan, spans
from engine.training.dataset import Prepared
from engine.training.phases import Sink

LOOKED_AT = 1000
"""Steps, evenly spaced over the run, by which the share is told: cutting them takes well under a second."""


def padded_lengths(lengths: np.ndarray) -> np.ndarray:
    """What rows of ``lengths`` (n,) tokens are computed with when each is the longest of its micro-batch, (n,)."""
    return -(-lengths // PADDING) * PADDING


def padding_share(lengths: np.ndarray, plan: StepPlan, budget_tokens: int) -> float:
    """Share of padding in the tokens that the steps of ``plan`` compute, cut as the loop cuts them, 0 to 1.

    ``lengths`` (n,) are those of the examples that ``plan`` orders; ``budget_tokens`` is that of a micro-batch.
    """
    steps = np.unique(np.linspace(1, plan.total_steps, min(LOOKED_AT, plan.total_steps)).astype(np.int64))
    tokens = computed = 0
    for step in steps.tolist():
        ordered = -np.sort(-lengths[plan.rows(step)])
        widths = padded_lengths(ordered)
        tokens += int(ordered.sum())
        computed += sum((end - start) * int(widths[start]) for start, end in spans(ordered.tolist(), budget_tokens))
    return 1 - tokens / computed if computed else 0.0


def tell_rows(prepared: Prepared, plan: StepPlan, budget_tokens: int, sink: Sink) -> None:
    """Tell the log what is trained on, and what of that is learnt, padded and left out."""
    tokens = prepared.tokens
    sink(
        ev.Rows(
            rows=len(prepared.train), tokens=tokens.tokens,
            supervised_share=round(tokens.supervised / max(1, tokens.tokens), 4),
            padding_share=round(padding_share(prepared.train.lengths, plan, budget_tokens), 4),
            dropped=prepared.dropped, cached=prepared.cached, seconds=prepared.seconds,
        )
    )  # fmt: skip
