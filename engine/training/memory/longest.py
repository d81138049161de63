"""The micro-batches that take most memory of all that a run will compute, found before any is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from engine.modeling.batches import StepPlan, spans
from engine.modeling.padding import padded_lengths
from engine.models.positions import PADDING
from engine.tokens.examples import Example
from engine.tokens.store import lengths_of, supervised_of

MOST_ROWS = 1_000_000
"""Cutting the steps of so many rows takes some three seconds; of more, what could come together must do."""


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
