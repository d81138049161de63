"""Base model, adapter and optimizer, put together on the device: all of a run that takes memory throughout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from engine.config.schema import RunConfig
from engine.distributed.device import Placement
from engine.modeling import optimizers
from engine.modeling.kernels import fused_norm, liger
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.kernels.recompute import recompute_layers
from engine.modeling.load import BaseModel, load_base
from engine.modeling.out_of_memory import MemoryGuard
from engine.models.card import ModelCard
from engine.runs.steering import Steering
from engine.tokens.tokenizer import Words
from engine.training.strategies import attach_adapter, needs_autocast, trainable


@dataclass
class Built:
    """Everything that holds memory on the device; dropped as a whole when a run is paused."""

    base: BaseModel
    model: Any
    net: Any
    optimizer: Any
    accelerator: Accelerator
    used_liger: bool = False

    @property
    def trained(self) -> list[torch.nn.Parameter]:
        return trainable(self.model)


def build(
    config: RunConfig, card: ModelCard, words: Words, placement: Placement, memory: MemoryGuard, steering: Steering,
    newest: Path | None = None,
) -> Built:  # fmt: skip
    """Load and assemble what ``config``, free of ``auto``, asks for. Raises OutOfMemory, ModelError, StopRequested.

    ``newest`` is this run's checkpoint that is about to be restored, if there is one.
    """
    memory.phase = "load"
    liger.forget()
    try:
        base = load_base(card, config.model, placement, config.train.gradient_checkpointing is True, words)
        return assemble(config, base, placement, steering, newest)
    except Exception as error:
        shortage = memory.shortage(error)
        if shortage is None:
            raise
    place = "GPU's memory" if placement.device.type == "cuda" else "RAM"
    raise memory.ends(shortage, f"The model does not fit into the {place}")


def assemble(
    config: RunConfig, base: BaseModel, placement: Placement, steering: Steering, newest: Path | None = None
) -> Built:
    """Adapter, kernels and optimizer for the loaded ``base``, as ``build`` says."""
    model = attach_adapter(config, base, config.model.name_or_path, newest)
    used_liger, reason = liger.install(model, config.train, placement.device)
    if reason:
        base.told.append(reason)
    if placement.device.type == "cuda":  # on the CPU there is no fused norm, and nothing would be gained
        fused_norm.install(model)
    if config.train.gradient_checkpointing is True:
        recompute_layers(base.model)
    steering.check()
    optimizer = optimizers.make(config.train, trainable(model))
    # Over 16-bit weights the lean LoRA layers keep one dtype throughout; autocast would only add checks to everything.
    mixed = placement.mixed_precision
    if mixed == "bf16" and placement.dtype == torch.bfloat16 and not needs_autocast(model):
        mixed = "no"
    # It would keep the device and precision of this process's first, and a self-test builds for several.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=placement.device.type == "cpu", mixed_precision=mixed)
    net, prepared_optimizer = accelerator.prepare(SupervisedLoss(model, base.head), optimizer)
    return Built(base, model, net, prepared_optimizer, accelerator, used_liger)
