"""One token for several groups of rows at once: each row attends to the past of its own group, all else is one batch.

On the CPU a row costs less the more rows a matrix product has, and few rows cost hardly less than many. A group keeps
its own padding and cache, so that its numbers are those it has alone, in bfloat16 to the last bit: its likeliest tokens
are often equal but for that, and other padding changes a quarter of 100 answers. A model's first step is computed both
ways; where anything differs, its groups are computed apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import DynamicCache, DynamicLayer

from engine.modeling.kernels import cpu_attention
from engine.modeling.out_of_memory import is_out_of_memory

NAME = "tunedeck_together"
"""Attention of groups side by side. No mask is registered under this name: transformers makes none then."""
_CLOSE = 1e-5
"""Of the largest logit in float32, so much may be rounding; a token too many or too few in sight makes far more."""
_fits: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""Of each model that was tried: whether its groups come out as alone."""


@dataclass
class Step:
    """What one group computes next: ``ids`` and ``positions`` (rows, 1), ``mask`` (rows, past and this token)."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    cache: DynamicCache


Compute = Callable[[Tensor, Tensor | None, Tensor, DynamicCache], Tensor]
"""Logits (rows, vocabulary) of ids, mask, positions and cache."""


class _PastElsewhere(Exception):
    """A layer's attention got other keys than its cache gave out: whose they are isn't known."""


def may_fit(base: Any) -> bool:
    """Whether groups of ``base`` may be computed side by side: on the CPU, by the attention for it, as far as tried."""
    attention = base.config._attn_implementation
    return base.device.type == "cpu" and attention == cpu_attention.NAME and _fits.get(base, True)


def compute(base: Any, steps: Sequence[Step], one: Compute) -> list[Tensor]:
    """The logits of each of ``steps``, which ``one`` computes for a single group."""
    if len(steps) > 1 and may_fit(base):
        if base in _fits:
            return _side_by_side(base, steps, one)
        lengths = [step.cache.get_seq_length() for step in steps]
        found = _tried(base, steps, one)
        for step, length in zip(steps, lengths, strict=True):
            for layer in step.cache.layers:
                layer.cut(length)
        alone = [one(step.ids, step.mask, step.positions, step.cache) for step in steps]
        _fits[base] = bool(found) and all(map(_alike, found, alone))
        return alone
    return [one(step.ids, step.mask, step.positions, step.cache) for step in steps]


def _alike(one: Tensor, other: Tensor) -> bool:
    """To the last bit in 16-bit dtypes, whose logits are often equal. In float32 sums vary with the number of rows."""
    if one.dtype != torch.float32:
        return torch.equal(one, other)
    return torch.allclose(one, other, rtol=0, atol=_CLOSE * float(other.abs().max()))


def _tried(base: Any, steps: Sequence[Step], one: Compute) -> list[Tensor]:
    """Logits as of ``_side_by_side``; none where the model can't do that."""
    try:
        return _side_by_side(base, steps, one)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return []


def _side_by_side(base: Any, steps: Sequence[Step], one: Compute) -> list[Tensor]:
    # Without padding there is no mask, as the library makes none, for which there may be another kernel.
    masks = [None if bool(step.mask.all()) else step.mask[:, None, None, :].bool() for step in steps]
    past = _Past([len(step.ids) for step in steps], masks)
    cache = DynamicCache()
    cache.layers = [_Layers(past, parts) for parts in zip(*(step.cache.layers for step in steps), strict=True)]
    cache.layer_class_to_replicate = None
    AttentionInterface.register(NAME, past.attention)
    before, base.config._attn_implementation = base.config._attn_implementation, NAME
    try:
        logits = one(
            torch.cat([step.ids for step in steps]), None, torch.cat([step.positions for step in steps]), cache
        )
    finally:
        base.config._attn_implementation = before
    return list(logits.split(past.rows))


class _Past:
    """What each group has seen, for the layer that computes: its keys and values, and its mask."""

    def __init__(self, rows: list[int], masks: list[Tensor | None]) -> None:
        self.rows, self._masks = rows, masks
        self.keys: Tensor | None = None
        self.parts: list[tuple[Tensor, Tensor]] = []

    def attention(
        self, module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **settings: Any
    ) -> tuple[Tensor, None]:
        """As ``cpu_attention.attention``, which computes each group."""
        if key is not self.keys:
            raise _PastElsewhere
        found = [
            cpu_attention.attention(module, part, *past, seen, **settings)[0]
            for part, past, seen in zip(query.split(self.rows), self.parts, self._masks, strict=True)
        ]
        return torch.cat(found), None


class _Layers(DynamicLayer):  # type: ignore[misc]
    """One layer's caches of all groups."""

    def __init__(self, past: _Past, parts: Sequence[DynamicLayer]) -> None:
        super().__init__()
        self._past, self._parts = past, parts

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        rows, past = self._past.rows, self._past
        new = zip(self._parts, key_states.split(rows), value_states.split(rows), strict=True)
        past.keys, past.parts = key_states, [part.update(keys, values) for part, keys, values in new]
        return key_states, value_states
