"""What a LoRA adapter changes, tensor by tensor of its base: read from its two files, without loading the model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.common.errors import ModelError
from engine.export.tensor_files import DTYPES, TensorFile
from engine.models.adapter.adapter import AdapterCard, read_adapter, require_sound
from engine.models.adapter.settings import CONFIG_FILE
from engine.models.adapter.tensor_names import is_copy, module_path

# Settings of PEFT under which the forward pass is more than base + scaling * B A; none of them can be merged here.
_BEYOND = ("layer_replication", "use_qalora", "alora_invocation_tokens", "arrow_config",
           "use_bdlora", "monteclora_config", "velora_config", "kasa_config", "megatron_config")  # fmt: skip
# Ways to start A and B that also change the base: these two can be recomputed from the base alone.
RESIDUALS = ("pissa", "olora")
_OTHER_RESIDUALS = re.compile(r"pissa_niter|corda|loftq|lora_ga|mica", re.IGNORECASE)

Kind = Literal["linear", "embedding", "bias", "experts", "none"]
_FIELDS: tuple[tuple[str, str, Kind, str], ...] = (
    # ending of the adapter's tensor name, field of Part, kind, tensor of the module it changes
    (".lora_A.weight", "a", "linear", ".weight"),
    (".lora_B.weight", "b", "linear", ".weight"),
    (".lora_embedding_A", "a", "embedding", ".weight"),
    (".lora_embedding_B", "b", "embedding", ".weight"),
    (".lora_B.bias", "b", "bias", ".bias"),
    (".lora_magnitude_vector", "magnitude", "none", ".weight"),
    (".lora_magnitude_vector.weight", "magnitude", "none", ".weight"),
    (".token_adapter.trainable_tokens_delta", "tokens", "none", ".weight"),
    (".token_adapter.base_layer.weight", "whole", "none", ".weight"),
    (".base_layer.weight", "whole", "none", ".weight"),
    (".base_layer.bias", "whole", "none", ".bias"),
)


@dataclass(frozen=True)
class Part:
    """What one adapter does to one tensor of the base; names of the adapter's own tensors, empty where it has none.

    In this order: ``whole`` takes the base tensor's place; ``tokens`` replaces the rows ``token_ids``; ``scaling`` *
    b a is added (``residual``: after what these began as is taken out of the base); ``magnitude`` gives the lengths of
    the rows or columns. The sum of ``weight`` times these changes over all adapters is what the merge adds.

    "experts" have their factors side by side: A is (experts x rank, inputs), B (outputs, rank x experts), the latter
    with the experts innermost. ``expert`` is the one that the base's tensor belongs to, None where it holds them all;
    ``first_row`` is where its outputs begin in B. ``transposed``: a matrix is stored (inputs, outputs).
    """

    source: TensorFile
    weight: float
    kind: Kind = "none"
    scaling: float = 0.0
    a: str = ""
    b: str = ""
    magnitude: str = ""
    whole: str = ""
    tokens: str = ""
    token_ids: tuple[int, ...] = ()
    transposed: bool = False
    residual: str = ""
    experts: int = 0
    expert: int | None = None
    first_row: int = 0


@dataclass(frozen=True)
class Adapter:
    """An adapter opened for merging. ``parts`` by the name PEFT gives the base's tensor.

    ``ties``: what happens to the input embeddings is meant for a tied head too.
    """

    card: AdapterCard
    weight: float
    ties: bool
    source: TensorFile
    parts: dict[str, Part]

    @property
    def folder(self) -> Path:
        return self.card.path


def open_adapter(name_or_path: str | Path, weight: float) -> Adapter:
    """Open an adapter to merge ``weight`` times its change.

    Raises ModelError: no adapter, pickled or broken tensors, numbers that are not finite, a kind that can't be merged.
    """
    card = read_adapter(name_or_path)
    config: dict[str, Any] = json.loads((card.path / CONFIG_FILE).read_bytes())
    _refuse_unmergeable(card.path, config)
    require_sound(card)
    source = TensorFile(card.file)
    try:
        parts = _parts(card, source, config, weight)
        return Adapter(card, weight, bool(config.get("ensure_weight_tying")), source, parts)
    except BaseException:
        source.close()
        raise


def _refuse_unmergeable(folder: Path, config: dict[str, Any]) -> None:
    used = [name for name in _BEYOND if config.get(name)]
    start = str(config.get("init_lora_weights", ""))
    if _OTHER_RESIDUALS.search(start) or (start in RESIDUALS and config.get("target_parameters")):
        used.append(f"init_lora_weights = {start}")
    if used:
        raise ModelError(
            "This adapter can't be merged",
            f"{folder} uses {', '.join(used)}, which a sum of base and adapter can't express.",
            "Train further with strategy continue, or start fresh.",
        )


def _parts(card: AdapterCard, source: TensorFile, config: dict[str, Any], weight: float) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for name, slot in source.slots.items():
        if is_copy(name, source.slots):
            continue
        if slot.dtype not in DTYPES:
            raise ModelError("The adapter's tensors can't be used", f"{source.path}: {name} is stored as {slot.dtype}")
        module, field, kind, tensor = _understand(module_path(name))
        part = parts.get(module + tensor) or Part(source, weight)
        if kind != "none":
            part = replace(part, kind=kind)
        parts[module + tensor] = _with(part, field, name)
    start = str(config.get("init_lora_weights", ""))
    return {name: _settle(card, name, part, start) for name, part in parts.items()}


def _understand(name: str) -> tuple[str, str, Kind, str]:
    """(module, field of Part, kind, tensor of the module) of an adapter's tensor."""
    for ending, field, kind, tensor in _FIELDS:
        if name.endswith(ending):
            return name.removesuffix(ending), field, kind, tensor
    return name, "whole", "none", ""


def _with(part: Part, field: str, name: str) -> Part:
    changes: dict[str, Any] = {field: name}
    return replace(part, **changes)


def _settle(card: AdapterCard, name: str, part: Part, start: str) -> Part:
    """``part`` with the settings that apply to its module."""
    settings, module = card.settings, name.rpartition(".")[0]
    if part.kind != "none":
        part = replace(part, scaling=settings.scaling(module), transposed=settings.fan_in_fan_out)
    if part.kind == "linear" and start in RESIDUALS:
        part = replace(part, residual=start)
    if part.tokens:
        tables = settings.trainable_token_indices
        ids = next((ids for table, ids in tables.items() if not table or f".{module}".endswith(f".{table}")), ())
        if part.source.slots[part.tokens].shape[0] != len(ids):
            raise ModelError(
                "The adapter's token rows do not match its config",
                f"{part.source.path}: {part.source.slots[part.tokens].shape[0]} rows for {len(ids)} token ids",
                "Copy adapter_config.json and the tensors from the same training.",
            )
        part = replace(part, token_ids=ids)
    return part
