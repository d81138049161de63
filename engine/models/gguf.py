"""The GGUF form of a model: its types and their sizes, and what of an adapter it has no place for."""

from __future__ import annotations

from engine.messages.message import Message
from engine.models.adapter.card import HEADS, AdapterCard
from engine.models.card import ModelCard

BITS = {
    "f32": 32.0, "f16": 16.0, "bf16": 16.0,
    "q8_0": 8.5, "q6_k": 6.6, "q5_k_m": 5.7, "q4_k_m": 4.9, "q3_k_m": 3.9, "q2_k": 3.2,
}  # fmt: skip
"""About how many bits a weight takes in a file of each type."""
PLAIN = ("f32", "f16", "bf16")
"""Types the converter writes; the others are quantized from one of them."""
QUANTIZER = "cyllama"
"""The library that quantizes: llama.cpp itself."""
LORA_A, LORA_B = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "base_model.model."
_TABLES = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings")


def size_of(card: ModelCard, kind: str) -> int:
    """Bytes of ``card``'s model as GGUF of type ``kind``, about; 0 where its size is not known."""
    return round((card.parameters or 0) * BITS[kind] / 8)


def what_gguf_cannot_hold(card: AdapterCard) -> list[Message]:
    """Parts of an adapter that a GGUF LoRA has no place for; [] where all of it has one. Merging first always helps."""
    settings, parts = card.settings, []
    if settings.use_dora:
        parts.append(Message("gguf.part-dora"))
    if settings.modules_to_save:
        parts.append(Message("gguf.part-modules", names=settings.modules_to_save))
    if settings.trainable_token_indices:
        parts.append(Message("gguf.part-tokens"))
    if settings.target_parameters:
        parts.append(Message("gguf.part-parameters", names=settings.target_parameters))
    if settings.bias != "none":
        parts.append(Message("gguf.part-bias"))
    others = sorted({name.removeprefix(_PREFIX) for name in card.tensors if not name.endswith((LORA_A, LORA_B))})
    if others and not parts:
        parts.append(Message("gguf.part-other", names=others[:3]))
    modules = sorted(module_of(name) for name in card.tensors if name.endswith(LORA_A))
    tables = [module for module in modules if module.rpartition(".")[2] in (*_TABLES, *HEADS)]
    if tables:
        parts.append(Message("gguf.part-tables", names=tables))
    return parts


def module_of(name: str) -> str:
    """The module of the base that PEFT's tensor ``name`` belongs to."""
    return name.removeprefix(_PREFIX).removesuffix(LORA_A).removesuffix(LORA_B)
