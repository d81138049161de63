"""A LoRA adapter as GGUF, to be loaded beside a GGUF of its base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from engine.common.errors import ModelError
from engine.common.work_folder import work_folder
from engine.export.gguf import converter
from engine.models.adapter.card import AdapterCard
from engine.models.gguf import LORA_A, LORA_B, module_of, what_gguf_cannot_hold


def convert_adapter(
    card: AdapterCard, base: Path, target: Path, folder: Path, on_silence: Callable[[], None] = lambda: None
) -> int:
    """Write ``card``'s adapter for ``base`` as a GGUF LoRA to ``target``; how many weights it changes.

    ``folder`` is the converter's. llama.cpp scales an update by alpha / rank, the same alpha for all: where PEFT's
    scale is another (rsLoRA, patterns), the difference goes into B. Raises ModelError for what GGUF can't hold.
    """
    lacking = what_gguf_cannot_hold(card)
    if lacking:
        raise ModelError("gguf.adapter-beyond-gguf", adapter=card.path, parts=lacking)
    alpha = card.settings.lora_alpha
    pairs: dict[str, torch.Tensor] = {}
    with safe_open(card.file, "pt") as file:
        for name in file.keys():  # noqa: SIM118 - no dictionary
            if not name.endswith(LORA_A):
                continue
            module = module_of(name)
            first, second = file.get_tensor(name), file.get_tensor(name.removesuffix(LORA_A) + LORA_B)
            factor = card.settings.scaling(module) * first.shape[0] / alpha
            pairs[f"{module}.lora_A"] = first.float().contiguous()
            pairs[f"{module}.lora_B"] = (second.float() * factor).contiguous()
    partial = target.with_name(f".{target.name}.partial")
    try:
        with work_folder(target.parent, [partial.name]) as work:
            save_file(pairs, work / "pairs.safetensors")
            request = {
                "do": "adapter", "model": str(base), "adapter": str(work / "pairs.safetensors"), "alpha": alpha,
                "out": str(partial),
            }  # fmt: skip
            answer = converter.run(folder, request, on_silence)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return int(answer["tensors"])
