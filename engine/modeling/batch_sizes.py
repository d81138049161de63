"""What the steps of a run will compute, known before any is taken: padding, shapes, and the largest micro-batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.common.errors import TunedeckError
from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.distributed.device import place
from engine.memory.auto import MOST_TOKENS
from engine.memory.job import coarsest_on, padded_length
from engine.modeling.batches import StepPlan, spans
from engine.modeling.kernels.packing import packing_of
from engine.models.card import PADDING, ModelCard
from engine.models.dims import from_folder
from engine.tokens.examples import Example
from engine.tokens.store import lengths_of, supervised_of

LOOKED_AT = 1000
"""Steps, evenly spaced over the run, by which the share is told: cutting them takes well under a second."""
MOST_ROWS = 1_000_000
"""Cutting the steps of so many rows takes some three seconds; of more, what could come together must do."""


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


def longest_groups(
    examples: Sequence[Example], plan: StepPlan, budget_tokens: int, after_step: int = 0, packed: bool = False,
    coarsest: int = PADDING,
) -> list[list[Example]]:  # fmt: skip
    """Rows of the micro-batch with most padded tokens after ``after_step``, and of that with most pairs of tokens.

    Often they are one. Among equals the one with most supervised tokens counts. [] when no step is left. Where rows
    are ``packed`` their own lengths count, and the longest of them for the pairs. ``coarsest`` is that of
    ``padded_length``.
    """
    lengths = lengths_of(examples) if packed else padded_lengths(lengths_of(examples), coarsest)
    if (plan.total_steps - after_step) * plan.batch_size <= MOST_ROWS:
        groups = _cut(lengths, plan, budget_tokens, after_step, packed, coarsest)
    else:
        groups = _could_meet(lengths, plan.batch_size, budget_tokens, packed)
    supervised = supervised_of(examples)
    tokens: tuple[tuple[int, int], np.ndarray | None] = ((0, 0), None)
    pairs: tuple[tuple[int, int], np.ndarray | None] = ((0, 0), None)
    for rows in groups:
        padded = int(lengths[rows].sum()) if packed else len(rows) * int(lengths[rows[0]])
        if padded >= tokens[0][0]:
            tokens = max(tokens, ((padded, int(supervised[rows].sum())), rows), key=lambda entry: entry[0])
        squared = padded * int(lengths[rows[0]])
        if squared >= pairs[0][0]:
            pairs = max(pairs, ((squared, int(supervised[rows].sum())), rows), key=lambda entry: entry[0])
    found = [rows for _, rows in (tokens, pairs) if rows is not None]
    if len(found) == 2 and sorted(lengths[found[0]]) == sorted(lengths[found[1]]):
        found.pop()
    return [[examples[i] for i in rows] for rows in found]


def _cut(
    lengths: np.ndarray, plan: StepPlan, budget_tokens: int, after_step: int, packed: bool, coarsest: int
) -> Iterator[np.ndarray]:
    """Rows of every micro-batch of the steps after ``after_step``, longest first, cut as the loop will."""
    for step in range(after_step + 1, plan.total_steps + 1):
        rows = plan.rows(step)
        ordered = rows[np.argsort(-lengths[rows], kind="stable")]
        for start, stop in spans(lengths[ordered].tolist(), budget_tokens, packed, coarsest):
            yield ordered[start:stop]


def _could_meet(lengths: np.ndarray, batch_size: int, budget_tokens: int, packed: bool) -> Iterator[np.ndarray]:
    """For each length the largest micro-batch that such a row could head: no real one is larger.

    A mix may draw a row more than once, so the longest stand in where there are too few. Packed, what they leave of the
    budget is filled with the longest that fit, which is as full as it gets but for part of the shortest row.
    """
    ordered = np.argsort(-lengths, kind="stable")
    sorted_lengths = lengths[ordered]
    for first in np.unique(-sorted_lengths, return_index=True)[1]:
        count = max(1, min(batch_size, budget_tokens // int(sorted_lengths[first])))
        rows = ordered[first : first + count]
        rows = np.concatenate([np.repeat(rows[:1], count - len(rows)), rows])
        left = budget_tokens - int(lengths[rows].sum())
        while packed and left > 0 and len(rows) < batch_size:
            fitting = int(np.searchsorted(-sorted_lengths, -left))
            if fitting == len(ordered):
                break
            rows = np.append(rows, ordered[fitting])
            left -= int(sorted_lengths[fitting])
        yield rows
