"""Rows packed end to end: whether the run packs them, and the proof that the loaded model keeps them apart."""

from __future__ import annotations

from typing import Any

import torch

from engine.config.schema import RunConfig
from engine.distributed.device import Placement
from engine.memory.from_config import Setup, attention_of
from engine.memory.packing import Packing, decide, mixer_in
from engine.messages.message import Message
from engine.modeling.kernels import cpu_attention
from engine.modeling.kernels.attention import planned
from engine.modeling.kernels.flash import is_flash
from engine.modeling.kernels.loss import hidden_states
from engine.models.card import ModelCard
from engine.models.dims import ModelShape

FIELD = "dataset.packing"
_LEAK = 0.1
"""Of what the row before does to a row where nothing parts them, this much may be rounding: 16-bit models show 0.02."""


def packing_of(config: RunConfig, card: ModelCard, shape: ModelShape | None, placement: Placement) -> Packing:
    """Whether the run packs its rows, from its config and the model's files. Raises ConfigError where it can't."""
    known = shape is not None and "architecture" not in shape.guessed
    if shape is None:
        return Packing(config.dataset.packing is True, Message("memory.unknown-layers"))
    setup = Setup(config, shape, "cuda" if placement.device.type == "cuda" else "cpu")
    attention = attention_of(planned(card.path, config.model, placement), setup)
    return decide(config.dataset.packing, attention, mixer_in(card.path), known)


def takes_rows_apart(model: Any) -> bool:
    """Whether the attention that ``model`` was loaded with computes packed rows one by one, without a mask."""
    name = model.config._attn_implementation
    return name == cpu_attention.NAME or is_flash(name)


def parts_rows(model: Any) -> bool:
    """Whether a row behind another in one sequence comes out of ``model`` as it does alone.

    Tried with rows of six tokens: behind a row that it does not see a row differs by rounding only, behind one that it
    sees it is another.
    """
    count = model.get_input_embeddings().weight.shape[0]
    first, second = (torch.arange(6) * 37 + 11) % count, (torch.arange(6) * 23 + 5) % count
    both, device = torch.cat([first, second]).view(1, -1), model.get_input_embeddings().weight.device
    begin_anew = torch.arange(6).repeat(2).view(1, -1)
    starts = torch.tensor([0, 6, 12], dtype=torch.int32, device=device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = hidden_states(model, second.view(1, -1).to(device))[0].float()
            joined = hidden_states(model, both.to(device))[0, 6:].float()
            packed = hidden_states(model, both.to(device), begin_anew.to(device), starts, 6)[0, 6:].float()
    finally:
        model.train(was_training)
    seen, left = (joined - alone).abs().mean().item(), (packed - alone).abs().mean().item()
    return left <= _LEAK * seen
