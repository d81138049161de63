"""Model folders made by hand, without any library that could read them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 10,
    "max_position_embeddings": 32,
    "tie_word_embeddings": True,
    "eos_token_id": 2,
}
TOKENIZER = {"eos_token": "<|im_end|>", "pad_token": {"content": "<|pad|>"}}
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}{{ m.content }}<|im_end|>{% endfor %}"
SIZES = {"BF16": 2, "F32": 4, "U8": 1}

MakeModel = Callable[..., Path]


def safetensors(tensors: dict[str, tuple[str, list[int]]]) -> bytes:
    """The bytes of a safetensors file whose tensors are zeros."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + math.prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


ATTENTION = safetensors({
    f"model.layers.{layer}.self_attn.{name}.weight": ("BF16", [out, 8])
    for layer in (0, 1) for name, out in (("q_proj", 8), ("v_proj", 4))
})  # fmt: skip
WEIGHTS = safetensors({"model.embed_tokens.weight": ("BF16", [10, 8]), "model.norm.weight": ("BF16", [8])})


def write_model(
    folder: Path,
    config: dict[str, Any] | None = CONFIG,
    weights: bytes | None = WEIGHTS,
    tokenizer: dict[str, Any] | None = TOKENIZER,
    template: str | None = CHATML,
    **files: str | bytes,
) -> Path:
    """Write a small model folder; each part can be changed, or left out with None."""
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    if weights is not None:
        (folder / "model.safetensors").write_bytes(weights)
    if tokenizer is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    for file, content in files.items():
        path = folder / file.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
