"""Adapter folders made by hand: small, in any dtype, and broken in any way."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Tensors = Mapping[str, "np.ndarray[Any, Any]"]

CONFIG: dict[str, Any] = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "org/model",
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.05,
    "target_modules": ["q_proj", "v_proj"],
}
PREFIX = "base_model.model.model.layers."


def lora_tensors(layers: int = 2, rank: int = 4, hidden: int = 8, kv: int = 4) -> dict[str, np.ndarray[Any, Any]]:
    """A and B of q_proj (hidden to hidden) and v_proj (hidden to kv) in each layer, all ones."""
    made = {}
    for layer in range(layers):
        for name, out in (("q_proj", hidden), ("v_proj", kv)):
            module = f"{PREFIX}{layer}.self_attn.{name}"
            made[f"{module}.lora_A.weight"] = np.ones((rank, hidden), "<f4")
            made[f"{module}.lora_B.weight"] = np.ones((out, rank), "<f4")
    return made


def safetensors_bytes(tensors: Tensors, dtype: str = "F32") -> bytes:
    """The file's bytes in ``dtype`` (F32, F16 or BF16)."""
    header: dict[str, Any] = {}
    data = b""
    for name, tensor in tensors.items():
        packed = _packed(tensor, dtype)
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data + packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_adapter(
    folder: Path, tensors: Tensors | None = None, dtype: str = "F32", config: Mapping[str, Any] | None = None,
    **changed: Any,
) -> Path:  # fmt: skip
    """An adapter folder as PEFT saves it; ``changed`` are fields of its config, None to leave one out."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {key: value for key, value in {**(config or CONFIG), **changed}.items() if value is not None}
    (folder / "adapter_config.json").write_text(json.dumps(values))
    made = lora_tensors() if tensors is None else tensors
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(made, dtype))
    return folder


def _packed(tensor: np.ndarray[Any, Any], dtype: str) -> bytes:
    if dtype == "BF16":
        return (np.ascontiguousarray(tensor, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(tensor, {"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()
