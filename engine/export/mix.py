"""Adapters mixed into one, from their files, a layer at a time: nothing of the base model is read.

PEFT's own functions trim and elect signs (``peft.utils.merge_utils``); what is fed to them are the updates s B A.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from engine.common.errors import MachineError
from engine.export.low_rank import low_rank, of_product, squared
from engine.export.merge.lora import Adapter, Part, open_adapter
from engine.messages.message import Message
from engine.modeling.peft import dare_linear, dare_ties, ties
from engine.models.adapter.card import WEIGHTS_FILE
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.mix import COMBINATIONS, layer_ranks
from engine.models.adapter.tensors import PREFIX, module_path
from engine.models.tokenizer_files import TOKENIZER_FILES, brings_tokenizer
from engine.runs.mixes import Made, Recipe

_TRIMMING = {"ties": ties, "dare_linear": dare_linear, "dare_ties": dare_ties}
_BESIDE = ("chat_template.jinja", "special_tokens_map.json", "added_tokens.json", "merges.txt")
_AS_TRAINED = ("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern")
Progress = Callable[[int, int], None]


def write_mix(recipe: Recipe, out: Path, on_progress: Progress) -> tuple[Made, list[Message]]:
    """Write the mix of ``recipe`` as an adapter that plain PEFT loads to the new folder ``out``.

    The tokenizer is that of the first parent. ``on_progress`` gets layers done and in all, and may raise. Returns what
    it is, and what PEFT warned of. Raises ModelError for parents that can't be read, MachineError.
    """
    with ExitStack() as stack:
        adapters = []
        for parent in recipe.parents:
            adapters.append(open_adapter(parent.path, parent.weight))
            stack.callback(adapters[-1].source.close)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            tensors, ranks, whole, lost, alone = _mixed(recipe, adapters, on_progress)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise MachineError("mixes.not-finite", weights=[parent.weight for parent in recipe.parents])
        try:
            out.mkdir(parents=True)
            save_file(tensors, out / WEIGHTS_FILE, {"format": "pt"})
            (out / CONFIG_FILE).write_text(json.dumps(_config(adapters, ranks), indent=2, sort_keys=True), "utf-8")
            copy_tokenizer(adapters[0].folder, out)
        except OSError as error:
            raise MachineError("mixes.not-written", path=out, reason=error.strerror or str(error)) from error
    made = Made(
        combination="svd" if recipe.method == "linear" and recipe.rank else COMBINATIONS[recipe.method],
        least_rank=min(ranks.values()), rank=max(ranks.values()), layers=len(ranks), alone=alone,
        kept_share=1 - lost / whole if whole else 1.0, size_bytes=(out / WEIGHTS_FILE).stat().st_size,
    )  # fmt: skip
    told = dict.fromkeys(str(each.message) for each in warned)
    return made, [Message("mixes.peft-warned", words=words) for words in told]


def _mixed(
    recipe: Recipe, adapters: Sequence[Adapter], on_progress: Progress
) -> tuple[dict[str, torch.Tensor], dict[str, int], float, float, int]:
    """Tensors by PEFT's name, the rank of each layer, ||update||² and what of it is lost, layers of one parent alone.

    DARE drops by ``recipe.seed``, layer by layer in the order of their names.
    """
    ranks = layer_ranks([adapter.card for adapter in adapters], recipe.rank)
    tensors: dict[str, torch.Tensor] = {}
    whole, lost, alone = 0.0, 0.0, 0
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(recipe.seed)
        for done, name in enumerate(sorted(ranks)):
            on_progress(done, len(ranks))
            parts = [adapter.parts[f"{name}.weight"] for adapter in adapters if f"{name}.weight" in adapter.parts]
            alone += len(parts) == 1
            if recipe.method == "linear":
                a, b, size, rest = _summed(parts, ranks[name])
            else:
                a, b, size, rest = _trimmed(parts, ranks[name], recipe)
            whole, lost = whole + size, lost + rest
            for file_name, tensor in ((parts[0].a, a), (parts[0].b, b)):
                tensors[PREFIX + module_path(file_name)] = tensor.contiguous()
    return tensors, ranks, whole, lost, alone


def _summed(parts: Sequence[Part], rank: int) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """The weighted sum of the updates: exact where ``rank`` is that of all, else its largest singular parts."""
    a = torch.cat([_factor(part, part.a) * (part.weight * part.scaling) for part in parts])
    b = torch.cat([_factor(part, part.b) for part in parts], dim=1)
    if rank >= a.shape[0]:
        return a, b, float(((a @ a.T) * (b.T @ b)).sum()), 0.0
    return of_product(a, b, rank)


def _trimmed(parts: Sequence[Part], rank: int, recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    updates = [(_factor(part, part.b) @ _factor(part, part.a)).mul_(part.scaling) for part in parts]
    weights = torch.tensor([part.weight for part in parts])
    update = _TRIMMING[recipe.method](updates, weights, recipe.density)
    del updates
    a, b, rest = low_rank(update, rank)
    return a, b, squared(update), rest


def _factor(part: Part, name: str) -> torch.Tensor:
    return part.source.rows(name).float()


def _config(adapters: Sequence[Adapter], ranks: Mapping[str, int]) -> dict[str, Any]:
    """The first parent's settings with the ranks of the mix, whose alphas are the same: the factors hold all scaling.

    Layers are named as the parents name them where all do so alike, else one by one.
    """
    given = [json.loads((adapter.folder / CONFIG_FILE).read_bytes()) for adapter in adapters]
    config = dict(given[0])
    usual = Counter(ranks.values()).most_common(1)[0][0]
    others = {name: rank for name, rank in ranks.items() if rank != usual}
    if any(one.get(field) != config.get(field) for one in given for field in _AS_TRAINED):
        config |= dict.fromkeys(_AS_TRAINED) | {"target_modules": sorted(ranks)}
    return config | {
        "r": usual, "lora_alpha": usual, "rank_pattern": others, "alpha_pattern": others, "use_rslora": False,
        "init_lora_weights": True, "lora_dropout": 0.0, "inference_mode": True,
    }  # fmt: skip


def copy_tokenizer(source: Path, out: Path) -> None:
    """The tokenizer and chat template in ``source``, where it brings any. Raises OSError."""
    if brings_tokenizer(source):
        for file in _tokenizer_files(source):
            shutil.copyfile(file, out / file.name)


def _tokenizer_files(folder: Path) -> Iterator[Path]:
    return (folder / name for name in (*TOKENIZER_FILES, *_BESIDE) if (folder / name).is_file())
