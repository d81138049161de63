"""The base model, quantized if asked, with its tokenizer: from a folder, the starter, or the hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import BitsAndBytesConfig

from engine.common.errors import MachineError, ModelError, own_words
from engine.config.schema import ModelSection
from engine.distributed.device import Placement
from engine.messages.message import Message
from engine.modeling.kernels import attention
from engine.modeling.kernels.head import Head
from engine.modeling.kernels.proof import attention_fault, proved_head
from engine.modeling.model_files import load_model
from engine.modeling.out_of_memory import is_out_of_memory
from engine.models.card import ModelCard
from engine.tokens.tokenizer import Words, load_words


@dataclass
class BaseModel:
    """A loaded base model. ``stops`` are the token ids that end an answer; ``template`` says which one is used.

    ``head``: how it was proved to form its logits. ``told``: what a person should read about how the model and
    its adapter came to be.
    """

    model: Any
    tokenizer: Any
    card: ModelCard
    stops: frozenset[int]
    pad_id: int
    template: str
    head: Head
    told: list[Message] = field(default_factory=list)


def load_base(
    card: ModelCard, section: ModelSection, placement: Placement, checkpointing: bool, words: Words | None = None
) -> BaseModel:
    """Load the weights onto the device, frozen, and the tokenizer unless its ``words`` are given.

    Attention and loss are proved on the loaded model. Raises ModelError when files don't fit together or the proof
    fails. Running out of memory is left to the caller, who knows what of.
    """
    words = words or load_words(card, section)
    tokenizer = words.tokenizer
    try:
        model, told = _with_attention(card, section, placement)
        head = _head_of(model, card, told)
    except ImportError as error:
        raise MachineError("modeling.library-missing", reason=own_words(error)) from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelError("modeling.model-unloadable", folder=card.path, reason=own_words(error)) from error
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        came_from = Path(str(tokenizer.name_or_path))
        code = "modeling.tokenizer-too-large" if came_from == card.path else "modeling.tokenizer-of-another"
        raise ModelError(code, folder=card.path, rows=rows, tokenizer=came_from, tokens=len(tokenizer))
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    model.get_output_embeddings().register_forward_pre_hook(_contiguous)
    return BaseModel(model, tokenizer, card, words.stops, words.pad_id, words.template, head, told)


def _with_attention(card: ModelCard, section: ModelSection, placement: Placement) -> tuple[Any, list[Message]]:
    """The frozen model, with the first attention that is proved on it, and what there is to tell of it.

    Raises ModelError where none is.
    """
    model: Any = None
    faults: list[Message] = []
    told: list[Message] = []
    attention.avoid_plans()
    choices = attention.choices(card.path, section, placement)
    for name in choices.names:
        if model is None or not attention.switched(model, name):
            model = None  # its memory, before it is loaded anew
            loaded = load_model(
                card.path,
                dtype=placement.dtype,
                attn_implementation=name,
                quantization_config=_quantization(section, placement),
                device_map={"": placement.device},
                use_safetensors=None if section.allow_pickle else True,
                trust_remote_code=section.trust_remote_code,
            )
            model, told = loaded.model, [*loaded.told, *choices.told]
            for parameter in model.parameters():
                parameter.requires_grad_(False)
            del loaded
        fault = attention_fault(model)
        if not fault:
            if section.attn_implementation == "auto":
                told += _passed_over(name, faults, type(model).__name__)
            return model, told
        if fault.code == "modeling.fault-not-finite" and (tensor := _not_finite(model)):
            raise ModelError("modeling.weights-not-finite", folder=card.path, tensor=tensor)
        faults.append(Message("modeling.fault-of", attention=name, fault=fault))
    is_auto = section.attn_implementation == "auto"
    code = "modeling.attention-fails" if is_auto else "modeling.attention-fails-as-set"
    raise ModelError(code, folder=card.path, faults=faults)


def _not_finite(model: Any) -> str:
    """The first weight of ``model`` with NaN or infinite numbers; "" for none."""
    weights = ((name, each) for name, each in model.named_parameters() if each.is_floating_point())
    return next((name for name, each in weights if not bool(each.isfinite().all())), "")


def _passed_over(name: str, faults: list[Message], kind: str) -> list[Message]:
    """Why attention ``name`` is used, where others would be faster; nothing where it is the usual one."""
    if not faults and name != attention.OWN:
        return []
    reason = Message("modeling.faults", faults=faults) if faults else Message("events.no-fused-attention", model=kind)
    code = "events.attention-slow" if name == attention.OWN else "events.attention-passed-over"
    return [Message(code, name=name, reason=reason)]


def _head_of(model: Any, card: ModelCard, told: list[Message]) -> Head:
    """How the model forms its logits, proved; what is unusual is added to ``told``. Raises ModelError."""
    try:
        head, extra = proved_head(model)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError("modeling.model-fails", folder=card.path, reason=own_words(error)) from error
    if head is None:
        raise ModelError("modeling.loss-unknown", folder=card.path)
    if head.own is not None:
        told.append(Message("events.own-loss"))
    if extra:
        told.append(Message("events.extra-loss", extra=extra))
    return head


def _contiguous(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Generation hands the head a slice; for that torch copies a frozen head once a row (2.8 GB for 50 rows here)."""
    return (inputs[0].contiguous(), *inputs[1:])


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
