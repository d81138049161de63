"""The base model, quantized if asked, with its tokenizer: from a folder, the starter, or the hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from transformers import BitsAndBytesConfig

from engine.config.schema import ModelSection
from engine.errors import MachineError, ModelError
from engine.memory.read_shape import from_folder
from engine.models.card import ModelCard
from engine.training.devices.place import Placement
from engine.training.kernels import cpu_attention
from engine.training.memory.out_of_memory import is_out_of_memory
from engine.training.model_files import Loaded, load_model
from engine.training.tokens.tokenizer import Words, load_words, short


@dataclass
class BaseModel:
    """A loaded base model. ``stops`` are the token ids that end an answer; ``template`` says which one is used.

    ``told``: sentences a person should read about how the model and its adapter came to be.
    """

    model: Any
    tokenizer: Any
    card: ModelCard
    stops: frozenset[int]
    pad_id: int
    template: str
    told: list[str] = field(default_factory=list)


def load_base(
    card: ModelCard, section: ModelSection, placement: Placement, checkpointing: bool, words: Words | None = None
) -> BaseModel:
    """Load the weights onto the device, frozen, and the tokenizer unless its ``words`` are given.

    Raises ModelError when files don't fit together. Running out of memory is left to the caller, who knows what of.
    """
    words = words or load_words(card, section)
    tokenizer = words.tokenizer
    try:
        loaded = _from_files(card, section, placement)
    except ImportError as error:
        raise MachineError("A library is missing", short(error), "`tunedeck doctor` says how to mend it.") from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelError("The model can't be loaded", f"{card.path}: {short(error)}") from error
    model = loaded.model
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
    model.get_output_embeddings().register_forward_pre_hook(_contiguous)
    return BaseModel(model, tokenizer, card, words.stops, words.pad_id, words.template, list(loaded.told))


def _from_files(card: ModelCard, section: ModelSection, placement: Placement) -> Loaded:
    def read(attention: str) -> Loaded:
        return load_model(
            card.path,
            dtype=placement.dtype,
            attn_implementation=attention,
            quantization_config=_quantization(section, placement),
            device_map={"": placement.device},
            use_safetensors=None if section.allow_pickle else True,
            trust_remote_code=section.trust_remote_code,
        )

    wanted = _attention(card, section, placement)
    try:
        return read(wanted)
    except KeyError as error:
        if wanted != cpu_attention.NAME or error.args != (wanted,):
            raise
    # Families with a table of their own (Falcon) know no kernel but transformers'.
    return read("sdpa")


def _contiguous(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Generation hands the head a slice; for that torch copies a frozen head once a row (2.8 GB for 50 rows here)."""
    return (inputs[0].contiguous(), *inputs[1:])


def _attention(card: ModelCard, section: ModelSection, placement: Placement) -> str:
    if section.attn_implementation != "auto":
        return section.attn_implementation
    if _caps_its_scores(card):
        return "eager"  # no fused kernel knows the cap
    return cpu_attention.register() if placement.device.type == "cpu" else "sdpa"


def _caps_its_scores(card: ModelCard) -> bool:
    """Whether attention's scores go through a soft cap (Gemma 2), as the memory estimate reads it too."""
    try:
        return from_folder(card.path).softcapped_attention
    except ModelError:
        return False


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
