"""How much of what a run computes is padding, told with all else about its rows before it starts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.common.errors import TunedeckError
from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.distributed.device import place
from engine.memory.auto import MOST_TOKENS
from engine.memory.job import coarsest_on, padded_length
from engine.modeling.batches import StepPlan, spans
from engine.modeling.kernels.packing import packing_of
from engine.models.card import ModelCard
from engine.models.positions import PADDING
from engine.models.read_dims import from_folder
from engine.runs import events as ev
from engine.runs.phases import Sink
from engine.tokens.dataset import Prepared

LOOKED_AT = 1000
"""Steps, evenly spaced over the run, by which the share is told: cutting them takes well under a second."""


def padded_lengths(lengths: np.ndarray, coarsest: int = PADDING) -> np.ndarray:
    """What rows of ``lengths`` (n,) tokens are computed with when each is the longest of its micro-batch, (n,)."""
    if coarsest == PADDING:
        return -(-lengths // PADDING) * PADDING
    found, where = np.unique(lengths, return_inverse=True)
    return np.array([padded_length(length, coarsest) for length in found.tolist()], dtype=np.int64)[where]


def padding_share(
    lengths: np.ndarray, plan: StepPlan, budget_tokens: int, packed: bool = False, coarsest: int = PADDING
) -> float:
    """Share of padding in the tokens that the steps of ``plan`` compute, cut as the loop cuts them, 0 to 1.

    ``lengths`` (n,) are those of the examples that ``plan`` orders; ``budget_tokens`` is that of a micro-batch,
    ``coarsest`` that of ``padded_length``. Where rows are ``packed`` only the end of a micro-batch is padding.
    """
    tokens = computed = 0
    for held, size in _micro_batches(lengths, plan, budget_tokens, packed, coarsest):
        tokens += held
        computed += size
    return 1 - tokens / computed if computed else 0.0


def shapes_met(
    lengths: np.ndarray, plan: StepPlan, budget_tokens: int, packed: bool = False, coarsest: int = PADDING
) -> int:
    """How many sizes in padded tokens the micro-batches of ``plan`` have; takes what ``padding_share`` takes."""
    return len({size for _, size in _micro_batches(lengths, plan, budget_tokens, packed, coarsest)})


def _micro_batches(
    lengths: np.ndarray, plan: StepPlan, budget_tokens: int, packed: bool, coarsest: int
) -> Iterator[tuple[int, int]]:
    """Tokens of each micro-batch without padding and with it."""
    steps = np.unique(np.linspace(1, plan.total_steps, min(LOOKED_AT, plan.total_steps)).astype(np.int64))
    for step in steps.tolist():
        ordered = -np.sort(-lengths[plan.rows(step)])
        widths = padded_lengths(ordered, coarsest)
        for start, end in spans(ordered.tolist(), budget_tokens, packed, coarsest):
            held = int(ordered[start:end].sum())
            yield held, padded_length(held, coarsest) if packed else (end - start) * int(widths[start])


def expected_share(config: RunConfig, card: ModelCard, lengths: np.ndarray) -> float | None:
    """``padding_share`` of rows of ``lengths`` (n,), told before anybody knows what the memory allows.

    None where it can't be told whether rows are packed.
    """
    try:
        placement = place(config)
        packed = packing_of(config, card, from_folder(card.path), placement).packed
    except TunedeckError:
        return None
    given = config.train.micro_batch_tokens
    budget = given if isinstance(given, int) else MOST_TOKENS["cuda" if placement.device.type == "cuda" else "cpu"]
    plan = StepPlan(Shuffle(len(lengths), config.run.seed), config.train.batch_size, 1.0)
    return padding_share(lengths, plan, budget, packed, coarsest_on(placement.device.type, card.position_limit))


def tell_rows(prepared: Prepared, plan: StepPlan, budget_tokens: int, packed: bool, coarsest: int, sink: Sink) -> None:
    """Tell the log what is trained on, and what of that is learnt, padded and left out."""
    tokens = prepared.tokens
    sink(
        ev.Rows(
            rows=len(prepared.train), tokens=tokens.tokens,
            supervised_share=round(tokens.supervised / max(1, tokens.tokens), 4),
            padding_share=round(padding_share(prepared.train.lengths, plan, budget_tokens, packed, coarsest), 4),
            dropped=prepared.dropped, cached=prepared.cached, seconds=prepared.seconds, unused=prepared.unused,
            noted=prepared.noted,
        )
    )  # fmt: skip
