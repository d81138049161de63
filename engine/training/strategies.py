"""How a run goes on from what was learnt before. This file makes the adapter that is trained."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from engine.config.schema import AdapterSection, RunConfig
from engine.errors import ConfigError
from engine.training import lora_kernel
from engine.training.load import BaseModel


def attach_adapter(config: RunConfig, base: BaseModel, base_name: str) -> PeftModel:
    """A new LoRA adapter on the frozen base model, seeded by ``run.seed``. Raises ConfigError.

    ``base_name`` is what the adapter's own config will name as its base.
    """
    torch.manual_seed(config.run.seed)
    try:
        model = get_peft_model(base.model, lora_config(config.adapter))
    except ValueError as error:
        raise ConfigError(
            "The adapter does not fit this model",
            f"adapter.target_modules = {config.adapter.target_modules!r}: {' '.join(str(error).split())[:300]}",
            'Use target_modules = "all-linear", or names of linear layers of this model.',
        ) from error
    model.peft_config["default"].base_model_name_or_path = base_name
    lora_kernel.install(model)
    return model


def lora_config(section: AdapterSection) -> LoraConfig:
    """The settings as PEFT knows them."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=section.r,
        lora_alpha=section.lora_alpha,  # type: ignore[arg-type]
        lora_dropout=section.lora_dropout,
        target_modules=section.target_modules,
        use_rslora=section.use_rslora,
        use_dora=section.use_dora,
        init_lora_weights=section.init_lora_weights,
        modules_to_save=section.modules_to_save or None,
    )


def trainable(model: Any) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def needs_autocast(model: Any) -> bool:
    """Whether a trained layer keeps float32 arithmetic that mixed precision has to reconcile with the base."""
    from peft.tuners.lora.layer import LoraLayer
    from peft.utils import ModulesToSaveWrapper

    for module in model.modules():
        if isinstance(module, ModulesToSaveWrapper):
            return True
        if isinstance(module, LoraLayer) and "forward" not in vars(module):
            return True
    return False
