"""How many positions a model can compute at all, where that is fixed: a longer row would fail in the middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PADDING = 8
"""Rows are padded to a multiple of this: GPUs multiply eights fastest."""
_FIXED = frozenset({"gptj", "codegen", "mpt", "ctrl"})
"""Families that compute a table of their own, no longer than the config's number of positions."""
_LEARNED = frozenset({"gpt2", "gpt_neo", "gpt_bigcode", "opt", "biogpt", "openai-gpt"})
"""Families with a learned table, for weights whose names can't be read."""
_OFFSET = {"opt": 2, "biogpt": 2}
"""Rows of the table before the first position's."""


def position_limit(family: str, named: int, rows: int, config: Mapping[str, Any]) -> int:
    """Most tokens of a row that the model can compute; 0 where nothing limits them, as with rotary positions.

    ``named``: positions by the config (n_positions, max_position_embeddings ...); ``rows`` of the stored table.
    """
    kind = str(config.get("position_embedding_type") or "")
    if rows:
        held = rows - _OFFSET.get(family, 0)
        return min(held, named) if named else held
    return named if family in _FIXED | _LEARNED or kind.startswith(("absolute", "learned")) else 0
