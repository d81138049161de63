"""What a LoRA adapter changes in its base, and the arithmetic of it in float32, a block of rows at a time.

Read from the adapter's two files, without loading the model. LoRA (Hu et al. 2021, arXiv:2106.09685): W' = W + s B A
with s = alpha / r; rsLoRA (Kalajdzievski 2023, arXiv:2312.03732): s = alpha / sqrt(r); DoRA (Liu et al. 2024,
arXiv:2402.09353): W' = m (W + s B A) / ||W + s B A||, the norm taken per output.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from engine.common.errors import ModelError
from engine.export.tensor_files import DTYPES, TensorFile, tensor_bytes
from engine.models.adapter.card import AdapterCard, read_adapter, require_sound
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.tensors import is_copy, module_path

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
BLOCK_NUMBERS = 8 << 20  # of a block of rows: 32 MiB in float32, and five such at most


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
class Output:
    """One tensor to write: ``shape`` and ``dtype`` of the result, ``base`` the tensor of the base it starts from."""

    name: str
    base: str
    dtype: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...] = ()

    @property
    def size_bytes(self) -> int:
        return tensor_bytes(self.dtype, self.shape)


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
        raise ModelError("export.not-mergeable", folder=folder, settings=used)


def _parts(card: AdapterCard, source: TensorFile, config: dict[str, Any], weight: float) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for name, slot in source.slots.items():
        if is_copy(name, source.slots):
            continue
        if slot.dtype not in DTYPES:
            raise ModelError("export.adapter-dtype", path=source.path, tensor=name, dtype=slot.dtype)
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
            rows = part.source.slots[part.tokens].shape[0]
            raise ModelError("export.token-rows", path=part.source.path, rows=rows, ids=len(ids))
        part = replace(part, token_ids=ids)
    return part


def needs_all_rows(part: Part) -> bool:
    """Whether a row of the result depends on all rows of the base tensor."""
    by_column = part.kind == "embedding" or (part.kind == "linear" and part.transposed)
    return bool(part.residual) or bool(part.magnitude and by_column)


def merged_rows(base: torch.Tensor, parts: tuple[Part, ...], start: int, as_stored: torch.dtype) -> torch.Tensor:
    """Rows from ``start`` on of the merged tensor, float32; ``base`` are these rows of the base's, float32.

    ``as_stored`` is the base's dtype: residuals were rounded to it before the adapter was trained.
    """
    if len(parts) == 1 and parts[0].weight == 1:
        return _changed(base, parts[0], start, as_stored)
    total = base.clone()
    for part in parts:
        total.add_(_changed(base, part, start, as_stored).sub_(base), alpha=part.weight)
    return total


def _changed(base: torch.Tensor, part: Part, start: int, as_stored: torch.dtype) -> torch.Tensor:
    """``base`` as the one adapter would have it; always a tensor of its own."""
    stop = start + base.shape[0]
    result = _float(part, part.whole, start, stop) if part.whole else base.clone()
    for row, at in enumerate(part.token_ids):
        if start <= at < stop:
            result[at - start] = _float(part, part.tokens, row, row + 1)[0]
    if part.kind == "bias":
        result.add_(_float(part, part.b), alpha=part.scaling)
    elif part.kind != "none":
        if part.residual:
            result = _residual(result, part).to(as_stored).float()
        _add_product(result, part, start, stop)
        if part.magnitude:
            magnitude = _float(part, part.magnitude).flatten()
            if part.kind == "embedding" or part.transposed:
                result.mul_(magnitude / torch.linalg.vector_norm(result, dim=0))
            else:
                result.mul_((magnitude[start:stop] / torch.linalg.vector_norm(result, dim=1)).unsqueeze(1))
    return result


def _add_product(result: torch.Tensor, part: Part, start: int, stop: int) -> None:
    """Add scaling * B A to the rows ``start`` to ``stop`` of a matrix, or its transpose where that is stored."""
    if part.kind == "experts":
        _add_experts(result, part, start, stop)
    elif part.kind == "embedding" or part.transposed:
        a = _float(part, part.a)[:, start:stop]
        result.addmm_(a.T, _float(part, part.b).T, alpha=part.scaling)
    else:
        result.addmm_(_float(part, part.b, start, stop), _float(part, part.a), alpha=part.scaling)


def _add_experts(result: torch.Tensor, part: Part, start: int, stop: int) -> None:
    """The same for the rows ``start`` to ``stop`` of one expert's matrix, or for these experts of a fused tensor."""
    rank = part.source.slots[part.a].shape[0] // part.experts
    if part.expert is not None:
        b = _float(part, part.b, part.first_row + start, part.first_row + stop)[:, part.expert :: part.experts]
        a = _float(part, part.a, part.expert * rank, (part.expert + 1) * rank)
        result.addmm_(b, a, alpha=part.scaling)
        return
    factors = _float(part, part.b)
    for expert in range(start, stop):
        b, a = factors[:, expert :: part.experts], _float(part, part.a, expert * rank, (expert + 1) * rank)
        left, right = (a.T, b.T) if part.transposed else (b, a)
        result[expert - start].addmm_(left, right, alpha=part.scaling)


def _residual(weight: torch.Tensor, part: Part) -> torch.Tensor:
    """The base after PEFT took the start of A and B out of it: its top singular parts, or its first QR columns.

    Both products are unique however the factors' signs come out, so they need not have been saved.
    """
    rank = part.source.slots[part.a].shape[0]
    matrix = weight.T if part.transposed else weight
    if part.residual == "pissa":
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        left = matrix - (u[:, :rank] * s[:rank]) @ v[:rank]
    else:
        q, r = torch.linalg.qr(weight)  # PEFT does not transpose here
        return weight - part.scaling * (q[:, :rank] @ r[:rank])
    return left.T.contiguous() if part.transposed else left


def _float(part: Part, name: str, start: int = 0, stop: int | None = None) -> torch.Tensor:
    return part.source.rows(name, start, stop).float()


def blocks(source: TensorFile, output: Output) -> Iterator[tuple[int, torch.Tensor]]:
    """(first row, rows in float32) of the merged tensor; ``source`` is the base's file that holds ``output.base``."""
    stored = DTYPES[source.slots[output.base].dtype]
    rows = output.shape[0] if output.shape else 1
    width = max(1, math.prod(output.shape[1:]))
    step = max(1, rows if any(needs_all_rows(part) for part in output.parts) else BLOCK_NUMBERS // width)
    for start in range(0, rows, step):
        block = _base_rows(source, output, start, min(rows, start + step))
        if output.parts:
            with torch.no_grad():
                block = merged_rows(block, output.parts, start, stored)
        yield start, block


def _base_rows(source: TensorFile, output: Output, start: int, stop: int) -> torch.Tensor:
    """The base's rows in float32; zeros where the vocabulary has grown, for the adapter has those rows whole."""
    slot = source.slots[output.base]
    if slot.shape == output.shape:
        return source.rows(output.base, start, stop).float()
    rows = torch.zeros((stop - start, *output.shape[1:]))
    inside = min(stop, slot.shape[0])
    if start < inside:
        rows[: inside - start] = source.rows(output.base, start, inside).float()
    return rows
