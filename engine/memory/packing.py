"""Whether rows may lie end to end in one sequence: their attention must part them, and no layer may mix them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.common.errors import ConfigError
from engine.memory.job import Attention
from engine.messages.message import Message

_MIXERS = {
    "memory.mixer-state-space": (
        "mamba", "mamba_", "mamba2", "ssm_", "falcon_mamba", "falcon_h1", "jamba", "bamba", "zamba", "zamba2",
        "nemotron_h",
    ),
    "memory.mixer-linear-attention": (
        "linear_attention", "linear_num_", "linear_conv_", "qwen3_next", "kimi_linear", "minimax",
        "lightning_attention", "olmo_hybrid", "bailing_hybrid",
    ),
    "memory.mixer-recurrent": ("recurrent", "recurrent_gemma", "lru_", "rwkv", "xlstm"),
    "memory.mixer-convolutions": ("conv", "conv_L_", "lfm2", "lfm2_moe"),
}  # fmt: skip
"""Layers that carry something from token to token beside attention, by a family's, a field's or a layer's name."""


@dataclass(frozen=True)
class Packing:
    """Whether rows are packed, and why, or why not."""

    packed: bool
    reason: Message


def decide(asked: bool | Literal["auto"], attention: Attention, mixer: Message | None, known_family: bool) -> Packing:
    """What ``dataset.packing`` becomes. ``mixer`` is what ``mixer_of`` says of the model.

    ``auto`` packs where that is known to be faster: with attention that computes row by row. A mask over the whole
    sequence parts rows as well, but computes and keeps a score for each pair of tokens in it, so one has to ask for it.
    Raises ConfigError where packing is asked for and can't be had.
    """
    if asked is False:
        return Packing(False, Message("memory.as-configured"))
    if mixer and asked is True:
        raise ConfigError("memory.cannot-pack", mixer=mixer)
    if mixer:
        return Packing(False, Message("memory.mixes-rows", mixer=mixer))
    row_by_row = computes_row_by_row(attention)
    if asked is True:
        return Packing(True, Message("memory.packed-row-by-row" if row_by_row else "memory.packed-by-mask"))
    if not row_by_row:
        return Packing(False, Message("memory.needs-mask"))
    if not known_family:
        return Packing(False, Message("memory.untried-family"))
    return Packing(True, Message("memory.packs"))


def computes_row_by_row(attention: Attention) -> bool:
    """Whether a kernel takes rows that lie end to end one by one, without a mask."""
    return attention in ("cpu", "flash")


def mixer_of(config: Mapping[str, Any]) -> Message | None:
    """What a model has beside attention that mixes along the sequence, by its ``config.json``; None if nothing.

    Layers are told by their names in ``layer_types`` and the like; a family that mixes always by its own.
    """
    text = config.get("text_config")
    config = text if isinstance(text, Mapping) else config
    listed = [config.get(name) for name in ("layer_types", "layers_block_type", "block_types")]
    named = {str(layer) for layers in listed if isinstance(layers, list) for layer in layers}
    fields = {key for key, value in config.items() if value not in (None, 0, False)}
    family = str(config.get("model_type") or "").lower()
    for code, names in _MIXERS.items():
        whole, begins = [n for n in names if not n.endswith("_")], tuple(n for n in names if n.endswith("_"))
        if family in whole or named & set(whole) or (not named and any(key.startswith(begins) for key in fields)):
            return Message(code)
    return None


def mixer_in(folder: Path) -> Message | None:
    """The same of the model in ``folder``; None where its config can't be read, which others say better."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return mixer_of(config) if isinstance(config, dict) else None
