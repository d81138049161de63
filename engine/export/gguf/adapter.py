"""A LoRA adapter as GGUF, loaded beside a GGUF of its base; what that form can't hold is said before the start."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from engine.common.errors import ModelError
from engine.export.gguf import converter
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard

_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"


def what_gguf_cannot_hold(card: AdapterCard) -> list[Message]:
    """Parts of an adapter that a GGUF LoRA has no place for; [] where all of it has one. Merging first always helps."""
    settings, kinds = card.settings, []
    if settings.use_dora:
        kinds.append(Message("gguf.part-dora"))
    if settings.modules_to_save:
        kinds.append(Message("gguf.part-modules", names=settings.modules_to_save))
    if settings.trainable_token_indices:
        kinds.append(Message("gguf.part-tokens"))
    if settings.target_parameters:
        kinds.append(Message("gguf.part-parameters", names=settings.target_parameters))
    if settings.bias != "none":
        kinds.append(Message("gguf.part-bias"))
    others = sorted({name.removeprefix(_PREFIX) for name in card.tensors if not name.endswith((_A, _B))})
    if others and not kinds:
        kinds.append(Message("gguf.part-other", names=others[:3]))
    tables = sorted(_module(name) for name in card.tensors if name.endswith(_A) and _is_table(_module(name)))
    if tables:
        kinds.append(Message("gguf.part-tables", names=tables))
    return kinds


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
            if not name.endswith(_A):
                continue
            module = _module(name)
            first, second = file.get_tensor(name), file.get_tensor(name.removesuffix(_A) + _B)
            factor = card.settings.scaling(module) * first.shape[0] / alpha
            pairs[f"{module}.lora_A"] = first.float().contiguous()
            pairs[f"{module}.lora_B"] = (second.float() * factor).contiguous()
    partial = target.with_name(f".{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".adapter-") as work:
            save_file(pairs, Path(work) / "pairs.safetensors")
            request = {
                "do": "adapter", "model": str(base), "adapter": str(Path(work) / "pairs.safetensors"), "alpha": alpha,
                "out": str(partial),
            }  # fmt: skip
            answer = converter.run(folder, request, on_silence)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return int(answer["tensors"])


def _module(name: str) -> str:
    return name.removeprefix(_PREFIX).removesuffix(_A).removesuffix(_B)


def _is_table(module: str) -> bool:
    return module.rpartition(".")[2] in ("embed_tokens", "wte", "lm_head", "embed_in", "embed_out")
