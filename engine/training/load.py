"""The base model, quantized if asked, with its tokenizer: from a folder, the starter, or the hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from engine.config.schema import ModelSection
from engine.errors import MachineError, ModelError
from engine.models.card import ModelCard, read_card
from engine.models.hub import download
from engine.models.local import resolve
from engine.training import cpu_attention
from engine.training.devices import Placement
from engine.training.render import choose_template, stop_ids

Progress = Callable[[float, "float | None", str], None]


@dataclass
class BaseModel:
    """A loaded base model. ``stops`` are the token ids that end an answer; ``template`` says which one is used."""

    model: Any
    tokenizer: Any
    card: ModelCard
    stops: frozenset[int]
    pad_id: int
    template: str


def locate(section: ModelSection, on_progress: Progress) -> ModelCard:
    """The model's folder, downloaded if it is a hub id that is not here yet, and checked. Raises ModelError."""
    found = resolve(section.name_or_path, section.revision, section.allow_pickle)
    folder = found.path
    if folder is None:
        folder = download(
            section.name_or_path, section.revision,
            lambda done, total, message: on_progress(done, total, message),
            allow_pickle=section.allow_pickle,
        )  # fmt: skip
    return read_card(folder, allow_pickle=section.allow_pickle)


def load_tokenizer(card: ModelCard, section: ModelSection) -> tuple[Any, str]:
    """The tokenizer with the template to use, and which template that is. Raises ModelError."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(card.path, trust_remote_code=section.trust_remote_code)
    except Exception as error:  # tokenizer files fail in many ways
        raise ModelError("The tokenizer can't be loaded", f"{card.path}: {_short(error)}") from error
    return tokenizer, choose_template(tokenizer, section.chat_template)


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
        raise MachineError("A library is missing", _short(error), "`tunedeck doctor` says how to mend it.") from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError("The model can't be loaded", f"{card.path}: {_short(error)}") from error
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(
            "Tokenizer and model do not fit together",
            f"{card.path}: the tokenizer has {len(tokenizer):,} tokens, the model {rows:,} embeddings",
            "Use the tokenizer that was published with this model.",
        )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    pad = tokenizer.pad_token_id
    return BaseModel(
        model, tokenizer, card, stop_ids(tokenizer, getattr(model, "generation_config", None)),
        tokenizer.eos_token_id if pad is None else pad, template,
    )  # fmt: skip


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


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
