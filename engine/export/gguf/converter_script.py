"""Runs inside llama.cpp's converter: ``python converter_script.py REQUEST``, the converter's folder on PYTHONPATH.

This file imports the converter's modules ``conversion`` and ``gguf`` and nothing of tunedeck, whose own ``gguf`` is
another version. REQUEST is a JSON object with ``do``:

- check: ``model``; whether the converter knows its architecture and its tokenizer.
- convert: ``model``, ``out``, ``type`` (f32, f16, bf16, q8_0); writes the GGUF file.
- adapter: ``model``, ``adapter`` (a safetensors file of pairs NAME.lora_A / NAME.lora_B), ``alpha``, ``out``; writes a
  GGUF LoRA of the same architecture. What the architecture does to a weight's rows is done to B's.

The last line on stdout is a JSON object: ``{"type": "result", …}``, or ``{"type": "refused", "why": …}`` with
why = architecture, tokenizer, tensor, disk (it is full), or failed.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:
    import torch
    from conversion import ModelType, get_model_architecture, get_model_class
    from conversion.base import ModelBase

    model = Path(request["model"])
    hparams = ModelBase.load_hparams(model, False)
    name = get_model_architecture(hparams, ModelType.TEXT)
    try:
        kind = get_model_class(name)
    except NotImplementedError:
        return {"type": "refused", "why": "architecture", "what": name}
    with torch.inference_mode():
        if request["do"] == "check":
            return _check(kind, model, name)
        if request["do"] == "convert":
            return _convert(kind, model, request)
        return _adapter(kind, model, request)


def _made(kind: Any, model: Path, out: str, ftype: Any) -> Any:
    return kind(model, ftype, Path(out))


def _check(kind: Any, model: Path, name: str) -> dict[str, Any]:
    import gguf

    made = _made(kind, model, os.devnull, gguf.LlamaFileType.MOSTLY_F16)
    try:
        made.set_vocab()
    except NotImplementedError:
        return {"type": "refused", "why": "tokenizer", "what": name}
    except FileNotFoundError as error:
        return {"type": "refused", "why": "tokenizer", "what": str(error)}
    return {"type": "result", "architecture": gguf.MODEL_ARCH_NAMES[made.model_arch]}


def _convert(kind: Any, model: Path, request: dict[str, Any]) -> dict[str, Any]:
    import gguf

    types = gguf.LlamaFileType
    ftype = {"f32": types.ALL_F32, "f16": types.MOSTLY_F16, "bf16": types.MOSTLY_BF16, "q8_0": types.MOSTLY_Q8_0}
    made = _made(kind, model, request["out"], ftype[request["type"]])
    try:
        made.write()
    except NotImplementedError:
        return {"type": "refused", "why": "tokenizer", "what": type(made).__name__}
    return {"type": "result", "architecture": gguf.MODEL_ARCH_NAMES[made.model_arch]}


def _adapter(kind: Any, model: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Give A the weight's GGUF name as it is, and let the architecture turn B's rows as it turns the weight's."""
    import gguf
    from safetensors import safe_open

    made = _made(kind, model, request["out"], gguf.LlamaFileType.MOSTLY_F16)
    writer = gguf.GGUFWriter(request["out"], gguf.MODEL_ARCH_NAMES[made.model_arch])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(request["alpha"]))
    with safe_open(request["adapter"], "pt") as file:
        names = sorted({key.rpartition(".")[0] for key in file.keys()})  # noqa: SIM118 - no dictionary
        for weight in names:
            first, second = file.get_tensor(f"{weight}.lora_A").float(), file.get_tensor(f"{weight}.lora_B").float()
            layer = re.search(r"\.(\d+)\.", weight)
            try:
                found = list(made.modify_tensors(second, f"{weight}.weight", int(layer[1]) if layer else None))
            except (ValueError, NotImplementedError, RuntimeError, IndexError, KeyError):
                found = []
            if len(found) != 1 or found[0][1].shape != second.shape:
                return {"type": "refused", "why": "tensor", "what": weight}
            name, turned = found[0]
            writer.add_tensor(f"{name}.lora_a", first.contiguous().numpy())
            writer.add_tensor(f"{name}.lora_b", turned.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"type": "result", "tensors": len(names), "architecture": gguf.MODEL_ARCH_NAMES[made.model_arch]}


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the converter prints is no answer
    try:
        answer = main(json.loads(sys.argv[1]))
    except Exception as error:
        why = "disk" if isinstance(error, OSError) and error.errno == errno.ENOSPC else "failed"
        answer = {"type": "refused", "why": why, "what": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=said, flush=True)
