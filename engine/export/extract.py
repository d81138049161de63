"""A LoRA out of two full models: the change of each linear layer at a low rank, and what of the change that holds.

PEFT converts adapters of other kinds (``convert_to_lora``) but needs the model with the adapter on it; of two models it
knows nothing. Here both are read from their files, a tensor at a time. The factors of a layer are the largest singular
parts of its change, the best of their rank (Eckart and Young 1936).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from engine.common.errors import MachineError, ModelError, own_words
from engine.export.low_rank import low_rank, squared
from engine.export.mix import copy_tokenizer
from engine.export.tensor_files import DTYPES, TensorFile
from engine.modeling.adapters import LINEARS
from engine.modeling.model_names import places_of
from engine.modeling.peft import LoraConfig
from engine.models.adapter.card import WEIGHTS_FILE
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.tensors import PREFIX
from engine.models.weights import weight_files

_BLOCK_NUMBERS = 8 << 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Layer:
    """A tensor that changed: the squared norm of its change, and of what the adapter leaves out of it.

    ``is_held``: it is a linear layer, so that a LoRA can hold it; of others everything is left out.
    """

    name: str
    change: float
    lost: float
    is_held: bool = True

    @property
    def share(self) -> float:
        """What of the change is kept, 0 to 1, of its squared norm."""
        return 1 - self.lost / self.change if self.change else 1.0


@dataclass(frozen=True)
class Extracted:
    """``layers`` changed; ``fresh`` are tensors of one model alone or of another shape, such as rows of new tokens."""

    layers: tuple[Layer, ...]
    fresh: tuple[str, ...]
    size_bytes: int
    brings_tokenizer: bool

    @property
    def share(self) -> float:
        """Of the change of all tensors that both models have."""
        change = sum(layer.change for layer in self.layers)
        return 1 - sum(layer.lost for layer in self.layers) / change if change else 1.0


def extract(base: Path, tuned: Path, rank: int, out: Path, named: str, on_progress: Progress) -> Extracted:
    """Write the adapter that makes ``tuned`` of ``base``, as nearly as ``rank`` allows, to the new folder ``out``.

    ``named`` is what its config calls the base. Memory holds the change of one layer in float32, twice.
    ``on_progress`` gets tensors done and in all, and may raise. Raises ModelError: other models than each other, no
    change, or none that a LoRA can hold; MachineError.
    """
    with ExitStack() as stack:
        before, after = (_Files(folder, stack) for folder in (base, tuned))
        fresh = _fresh(before, after)
        modules = _linear(base, before.where)
        _require_alike(base, tuned, modules, before, after)
        shared = [name for name in before.where if name in after.where and name not in fresh]
        layers, tensors, ranks = [], {}, {}
        for done, name in enumerate(shared):
            on_progress(done, len(shared))
            module = modules.get(name, "")
            if not module:
                change = sum(squared(block) for block in _change(before, after, name))
                layers += [Layer(name, change, change, is_held=False)] if change else []
                continue
            update = torch.cat(list(_change(before, after, name)))
            size = squared(update)
            if not size:
                continue
            update = update.T if modules.turned else update
            ranks[module] = min(rank, *update.shape)
            a, b, lost = low_rank(update.contiguous(), ranks[module])
            layers.append(Layer(name, size, lost))
            tensors[f"{PREFIX}{module}.lora_A.weight"], tensors[f"{PREFIX}{module}.lora_B.weight"] = a, b
            del update
    if not layers and not fresh:
        raise ModelError("extracting.no-change", base=base, tuned=tuned)
    if not tensors:
        raise ModelError("extracting.nothing-held", tuned=tuned, tensors=[layer.name for layer in layers][:3])
    grows = any(name.endswith(".weight") and name in before.where and name in after.where for name in fresh)
    try:
        out.mkdir(parents=True)
        save_file(tensors, out / WEIGHTS_FILE, {"format": "pt"})
        config = _config(ranks, rank, modules, named)
        (out / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True), "utf-8")
        if not grows:  # tokens that the base has no row for would break it
            copy_tokenizer(tuned, out)
    except OSError as error:
        raise MachineError("extracting.not-written", path=out, reason=error.strerror or str(error)) from error
    size_bytes = (out / WEIGHTS_FILE).stat().st_size
    return Extracted(tuple(layers), tuple(fresh), size_bytes, brings_tokenizer=not grows)


class _Files:
    """The weight files of a model; ``where`` has the file of each tensor."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        files = [TensorFile(path) for path in weight_files(folder)]
        for file in files:
            stack.callback(file.close)
        if not files:
            raise ModelError("extracting.no-safetensors", folder=folder)
        self.where = {name: file for file in files for name in file.slots}
        odd = next((name for name, file in self.where.items() if file.slots[name].dtype not in DTYPES), None)
        if odd is not None:
            dtype = self.where[odd].slots[odd].dtype
            raise ModelError("extracting.quantized", folder=folder, tensor=odd, dtype=dtype)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.where[name].slots[name].shape


class _Modules(dict[str, str]):
    """Stored tensors that are the weights of linear layers, with the layers' names; ``turned``: (inputs, outputs)."""

    turned = False
    every: frozenset[str] = frozenset()


def _linear(base: Path, stored: Mapping[str, TensorFile]) -> _Modules:
    """Raises ModelError for a model whose layers can't be told."""
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base))
    except (OSError, ValueError, ImportError) as error:
        raise ModelError("modeling.layers-unknown", folder=base, reason=own_words(error, 200)) from error
    found, head = _Modules(), model.get_output_embeddings()
    linears = {name: each for name, each in model.named_modules() if isinstance(each, LINEARS) and each is not head}
    found.turned = any(type(each).__name__ == "Conv1D" for each in linears.values())
    found.every = frozenset(linears)
    for name, place in places_of(model, stored).items():
        module = place.parameter.removesuffix(".weight")
        if module in linears and place.expert is None and place.parameter.endswith(".weight"):
            found[name] = module
    return found


def _fresh(before: _Files, after: _Files) -> list[str]:
    """Tensors that can't be subtracted: of one model alone, or of different shapes."""
    names = {*before.where} ^ {*after.where}
    both = {*before.where} & {*after.where}
    return sorted([*names, *(name for name in both if before.shape(name) != after.shape(name))])


def _require_alike(base: Path, tuned: Path, modules: _Modules, before: _Files, after: _Files) -> None:
    missing = [name for name in modules if name not in after.where]
    other = [name for name in modules if name in after.where and before.shape(name) != after.shape(name)]
    if missing or other:
        first = (missing or other)[0]
        raise ModelError("extracting.other-model", base=base, tuned=tuned, count=len(missing) + len(other), first=first)


def _change(before: _Files, after: _Files, name: str) -> Iterator[torch.Tensor]:
    """What ``name`` has become minus what it was, in float32, some rows at a time."""
    shape = before.shape(name)
    step = max(1, _BLOCK_NUMBERS // max(1, math.prod(shape[1:])))
    for start in range(0, shape[0] if shape else 1, step):
        stop = min(shape[0], start + step) if shape else 1
        now = after.where[name].rows(name, start, stop).float()
        yield now.sub_(before.where[name].rows(name, start, stop).float())


def _config(ranks: Mapping[str, int], rank: int, modules: _Modules, named: str) -> dict[str, Any]:
    """As PEFT writes it. Layers go by their short names where all of these names have changed, else one by one."""
    leaves = {name.rpartition(".")[2] for name in ranks}
    everywhere = {name for name in modules.every if name.rpartition(".")[2] in leaves} == set(ranks)
    usual = Counter(ranks.values()).most_common(1)[0][0] if ranks else rank
    others = {name: own for name, own in ranks.items() if own != usual}
    config = LoraConfig(
        task_type="CAUSAL_LM", r=usual, lora_alpha=usual, target_modules=sorted(leaves if everywhere else ranks),
        rank_pattern=others, alpha_pattern=others, fan_in_fan_out=modules.turned, inference_mode=True,
        base_model_name_or_path=named,
    ).to_dict()  # fmt: skip
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}


def worst(layers: Sequence[Layer], most: int = 10) -> list[Layer]:
    """The layers of which the adapter leaves out most, by the size of what is left out."""
    return sorted(layers, key=lambda layer: -layer.lost)[:most]
