"""Where transformers puts a stored tensor once a model is loaded: under another name, or into a tensor of all experts.

Families such as Mixtral are stored expert by expert and held fused; adapters are named after what is held. The model is
built without memory for its weights, and the library's own table of conversions is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import (
    Concatenate,
    MergeModulelist,
    WeightConverter,
    WeightRenaming,
    rename_source_key,
)

from engine.common.errors import ModelError, own_words


@dataclass(frozen=True)
class Place:
    """A ``parameter`` of the loaded model. Of a fused one: the number of the ``expert``, and which of the ``slots``
    that its rows are divided into, such as gate and up.
    """

    parameter: str
    expert: int | None = None
    slot: int = 0
    slots: int = 1


def places_of(model: Any, stored: Iterable[str]) -> dict[str, Place]:
    """Where the tensors ``stored`` go in ``model``; those it computes from them in other ways are not among them."""
    mapping = get_model_conversion_mapping(model)
    renamings = [each for each in mapping if isinstance(each, WeightRenaming)]
    converters = [each for each in mapping if isinstance(each, WeightConverter)]
    by_pattern = {pattern: each for each in converters for pattern in each.source_patterns}
    held = model.state_dict()
    found = {}
    for name in stored:
        key, pattern = rename_source_key(name, renamings, converters, model.base_model_prefix, held)
        if key not in held and name in held:
            key, pattern = name, None
        place = Place(key) if pattern is None else _fused(name, key, pattern, by_pattern[pattern])
        if place is not None and key in held:
            found[name] = place
    return found


class ModelNames:
    """The names and shapes of the model in a folder as it is when loaded, and where its stored tensors go."""

    def __init__(self, folder: Path, stored: Iterable[str]) -> None:
        """``stored``: the tensors of its files. Raises ModelError for a model that needs code of its own."""
        try:
            with torch.device("meta"):
                self._model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        except (OSError, ValueError, ImportError) as error:
            words = own_words(error, 200)
            raise ModelError("modeling.layers-unknown", folder=folder, reason=words) from error
        self._stored = list(stored)

    def stored_in(self, parameter: str) -> dict[str, Place]:
        """The stored tensors that become ``parameter``, or parts of it."""
        return self._by_parameter.get(parameter, {})

    @cached_property
    def _by_parameter(self) -> dict[str, dict[str, Place]]:
        found: dict[str, dict[str, Place]] = defaultdict(dict)
        for name, place in places_of(self._model, self._stored).items():
            found[place.parameter][name] = place
        return found

    def targeted(self, module: str, targets: Iterable[str]) -> list[str]:
        """Those parameters of ``module`` that PEFT's ``target_parameters`` name, from the innermost update outwards."""
        try:
            names = [
                f"{module}.{name}" for name, _ in self._model.get_submodule(module).named_parameters(recurse=False)
            ]
        except AttributeError:
            return []
        endings = tuple(f".{target}" for target in targets)
        return [name for name in names if f".{name}".endswith(endings)]

    def experts(self, parameter: str) -> int:
        """How many experts ``parameter`` holds; 0 for a matrix."""
        shape = self._model.get_parameter(parameter).shape
        return int(shape[0]) if len(shape) == 3 else 0

    def holds_inputs_first(self, parameter: str) -> bool:
        """Whether each expert's matrix is (inputs, outputs), not the other way round."""
        return bool(getattr(self._model.get_submodule(parameter.rpartition(".")[0]), "is_transposed", False))


def _fused(name: str, key: str, pattern: str, converter: WeightConverter) -> Place | None:
    """The place in a tensor made by stacking experts and joining their rows; None where it is made otherwise."""
    for operation in converter.operations:
        stacks = isinstance(operation, MergeModulelist) and operation.dim == 0
        joins = isinstance(operation, Concatenate) and operation.dim == 1
        if not (stacks or joins):
            return None
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    patterns = converter.source_patterns
    return Place(key, numbers[-1], patterns.index(pattern), len(patterns))
