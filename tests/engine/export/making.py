"""Adapters as PEFT makes and saves them, and PEFT's own answer to what a model with them computes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

IDS = torch.tensor([[5, 9, 14, 30, 7, 21, 40, 11, 2, 1], [350, 3, 2, 1, 77, 78, 79, 200, 201, 0]])


def make_adapter(base: Path, folder: Path, seed: int = 1, rows: int | None = None, **settings: Any) -> Path:
    """An adapter whose every trained number was moved, as after a training; ``rows`` resizes the vocabulary first."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base)
        if rows is not None:
            model.resize_token_embeddings(rows)
        settings = {"task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]} | settings
        made = get_peft_model(model, LoraConfig(**settings))
        for parameter in made.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text("---\nlibrary_name: peft\n---\n")  # PEFT takes 0.1 s to make one
        made.save_pretrained(folder)
    return folder


def load_adapted(base: Path, adapter: Path, rows: int | None = None) -> PeftModel:
    """Base and adapter, not merged, in float32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if rows is not None:
            model.resize_token_embeddings(rows)
        return PeftModel.from_pretrained(model, adapter).eval()


def adapted_logits(base: Path, adapter: Path, rows: int | None = None) -> torch.Tensor:
    with torch.no_grad():
        return load_adapted(base, adapter, rows)(input_ids=IDS).logits


def logits(folder: Path) -> torch.Tensor:
    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(input_ids=IDS).logits


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a model folder, from however many files."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= load_file(file)
    return found


def save_sharded(base: Path, folder: Path, size: str = "120KB") -> Path:
    """The same model in several weight files."""
    from transformers import AutoTokenizer

    AutoModelForCausalLM.from_pretrained(base, dtype="auto").save_pretrained(folder, max_shard_size=size)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def save_as(base: Path, folder: Path, dtype: torch.dtype) -> Path:
    """The same model in another precision."""
    from transformers import AutoTokenizer

    AutoModelForCausalLM.from_pretrained(base, dtype=dtype).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def change_tensors(adapter: Path, change: Any) -> None:
    """Rewrite the adapter's tensors: ``change`` gets and may edit the dictionary."""
    path = adapter / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


def names(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())
