"""The base model, quantized if asked, with its tokenizer: from a folder, the starter, or the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from engine.config.schema import ModelSection
from engine.errors import MachineError, ModelError
from engine.models.card import ModelCard
from engine.training import cpu_attention
from engine.training.devices import Placement
from engine.training.render import stop_ids
from engine.training.tokenizer import load_tokenizer, short


@dataclass
class BaseModel:
    """A loaded base model. ``stops`` are the token ids that end an answer; ``template`` says which one is used."""

    model: Any
    tokenizer: Any
    card: ModelCard
    stops: frozenset[int]
    pad_id: int
    template: str


def load_base(card: ModelCard, section: ModelSection, placement: Placement, checkpointing: bool) -> BaseModel:
    """Load tokenizer and weights onto the device, frozen.

    Raises ModelError when files don't fit together, MachineError when memory does not suffice.
    """
    tokenizer, template = load_tokenizer(card, section)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            card.path,
            dtype=placement.dtype,
            attn_implementation=_attention(section, placement),
            quantization_config=_quantization(section, placement),
            device_map={"": placement.device},
            use_safetensors=None if section.allow_pickle else True,
            trust_remote_code=section.trust_remote_code,
        )
    except torch.OutOfMemoryError as error:
        raise MachineError(
            "The model does not fit into the GPU's memory", str(error).split(". ")[0],
            'Use quantization = "nf4", a smaller model, or a GPU that nobody else uses.',
        ) from error  # fmt: skip
    except ImportError as error:
        raise MachineError("A library is missing", short(error), "`tunedeck doctor` says how to mend it.") from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError("The model can't be loaded", f"{card.path}: {short(error)}") from error
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(
            "Tokenizer and model do not fit together",
            f"{card.path}: the tokenizer has {len(tokenizer):,} tokens, the model {rows:,} embeddings",
            "Use the tokenizer that was published with this model.",
        )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    _keep_differentiable(model)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    model.get_output_embeddings().register_forward_pre_hook(_contiguous)
    pad = tokenizer.pad_token_id
    return BaseModel(
        model, tokenizer, card, stop_ids(tokenizer, getattr(model, "generation_config", None)),
        tokenizer.eos_token_id if pad is None else pad, template,
    )  # fmt: skip


def _keep_differentiable(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights on the CPU at the first evaluation, for good.

    The kernel for that packing has no backward pass: training would go on without the gradients of these layers.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _contiguous(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Generation hands the head a slice; for that torch copies a frozen head once a row (2.8 GB for 50 rows here)."""
    return (inputs[0].contiguous(), *inputs[1:])


def _attention(section: ModelSection, placement: Placement) -> str:
    if section.attn_implementation != "auto":
        return section.attn_implementation
    return cpu_attention.register() if placement.device.type == "cpu" else "sdpa"


def _quantization(section: ModelSection, placement: Placement) -> BitsAndBytesConfig | None:
    if section.quantization in ("none", "auto"):
        return None
    if section.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=section.double_quant,
        bnb_4bit_compute_dtype=placement.dtype,
    )
