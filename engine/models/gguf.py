"""The GGUF form of a model: its types and their sizes, and what of an adapter it has no place for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from engine.messages.message import Message
from engine.models.adapter.card import HEADS, AdapterCard
from engine.models.card import ModelCard
from engine.models.weights import stored_tensors

BITS = {
    "f32": 32.0, "f16": 16.0, "bf16": 16.0,
    "q8_0": 8.5, "q6_k": 6.6, "q5_k_m": 5.7, "q4_k_m": 4.9, "q3_k_m": 3.9, "q2_k": 3.2,
}  # fmt: skip
"""About how many bits a weight takes in a file of each type."""
DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
PLAIN = tuple(DTYPES)
"""Types the converter writes; the others are quantized from one of them."""
QUANTIZER = "cyllama"
"""The library that quantizes: llama.cpp itself."""
_TYPE_BITS = {
    "f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5, "q6_k": 6.5625, "q5_k": 5.5, "q4_k": 4.5, "q3_k": 3.4375,
    "q2_k": 2.625, "q5_0": 5.5, "q5_1": 6.0, "iq4_nl": 4.5,
}  # fmt: skip
"""Bits a weight of ggml's tensor types: the size of a block over its weights."""
_FALLBACK = {"q2_k": "iq4_nl", "q3_k": "iq4_nl", "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0"}
_LARGE_BLOCK, _SMALL_BLOCK = 256, 32
_FIRST_LAYERS, _MANY_QUERIES = 2, 4
_BYTES_A_TOKEN = 36
"""Of the vocabulary with scores, merges and the rest of the header."""
_ROLES = {
    "v_proj": "value", "down_proj": "down", "w2": "down", "fc2": "down", "o_proj": "output", "out_proj": "output",
    "dense": "output", "qkv_proj": "fused", "query_key_value": "fused", "c_attn": "fused",
}  # fmt: skip
_HEADS = ("lm_head.weight", "embed_out.weight", "output.weight")
_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
_LEFT_OUT = re.compile("vision|visual|audio|rotary_emb|inv_freq")
LORA_A, LORA_B = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "base_model.model."
_TABLES = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings")


def merged_as(kinds: Iterable[str]) -> str:
    """The type to merge in, so that each plain file of ``kinds`` is the exact sum rounded once.

    In a base's own bfloat16, whose numbers have three digits, small changes would be gone before they are converted.
    """
    plain = {kind for kind in kinds if kind in PLAIN} or {"f16"}
    return plain.pop() if len(plain) == 1 else "f32"


def size_of(card: ModelCard, kind: str) -> int:
    """Bytes of ``card``'s model as GGUF of type ``kind``: each tensor as llama.cpp's quantizer would store it.

    Where the tensors' shapes are not known, about; 0 where its size is not known at all.
    """
    tensors = {} if card.quantized else stored_tensors(card.path)
    if not tensors:
        return round((card.parameters or 0) * BITS[kind] / 8)
    bits = sum(math.prod(each.shape) * _bits(name, each.shape, kind, card) for name, each in tensors.items())
    return round(bits / 8) + card.vocab_size * _BYTES_A_TOKEN


def bits_a_weight(card: ModelCard, kind: str) -> float:
    """How many bits a weight takes in a file of ``card``'s model."""
    return 8 * size_of(card, kind) / card.parameters if card.parameters else BITS[kind]


def _bits(name: str, shape: tuple[int, ...], kind: str, card: ModelCard) -> float:
    """Of one weight of the tensor that Transformers calls ``name``; 0 for what a GGUF does not hold.

    By the rules of llama_tensor_get_type in llama.cpp's src/llama-quant.cpp: norms and biases stay in 32 bits, the head
    and some layers get more bits, and rows that are no multiple of a block's weights get another type.
    """
    if _LEFT_OUT.search(name) or (card.tie_word_embeddings and name.endswith(_HEADS)):
        return 0.0
    if len(shape) < 2:
        return 32.0
    if kind in PLAIN:
        return _TYPE_BITS[kind]
    width = shape[-1]
    chosen = _type(name, kind, width, card)
    if chosen in _FALLBACK and width % _LARGE_BLOCK:
        chosen = _FALLBACK[chosen]
    return _TYPE_BITS[chosen if width % _SMALL_BLOCK == 0 else "f16"]


def _type(name: str, kind: str, width: int, card: ModelCard) -> str:
    """The type of a tensor before its width is looked at."""
    base = kind.removesuffix("_m")
    is_head = name.endswith(_HEADS) or (card.tie_word_embeddings and name.endswith(_EMBEDDINGS))
    if is_head:
        return "q8_0" if kind == "q8_0" or width % _LARGE_BLOCK else "q6_k"
    found = re.search(r"\.(\d+)\.", name)
    layer, part = int(found[1]) if found else 0, name.removesuffix(".weight").rpartition(".")[2]
    more = _takes_more(layer, card.num_layers)
    gqa = card.num_heads // max(1, card.num_kv_heads)
    special: dict[tuple[str, str], str] = {
        ("q2_k", "value"): "q4_k" if gqa >= _MANY_QUERIES else "q3_k", ("q2_k", "down"): "q3_k",
        ("q2_k", "output"): "q3_k", ("q3_k", "value"): "q5_k" if layer < _FIRST_LAYERS else "q4_k",
        ("q3_k", "down"): "q5_k" if layer < card.num_layers // 16 else "q4_k", ("q3_k", "output"): "q4_k",
        ("q3_k", "fused"): "q4_k", ("q4_k", "value"): "q6_k" if more else "q4_k",
        ("q4_k", "down"): "q6_k" if more else "q4_k", ("q4_k", "fused"): "q5_k",
        ("q5_k", "value"): "q6_k" if more else "q5_k", ("q5_k", "down"): "q6_k" if more else "q5_k",
        ("q5_k", "fused"): "q6_k",
    }  # fmt: skip
    return special.get((base, _ROLES.get(part, "")), base)


def _takes_more(layer: int, layers: int) -> bool:
    """Whether a layer gets more bits: the first and the last eighth, and every third between (use_more_bits)."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


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
