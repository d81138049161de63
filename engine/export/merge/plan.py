"""Which tensor of the merged model comes from where, decided and checked before anything is written."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import ModelError
from engine.export.merge.lora import BLOCK_NUMBERS, Adapter, Output, Part, needs_all_rows
from engine.export.tensor_files import DTYPES, TensorFile
from engine.messages.message import Message
from engine.modeling.model_names import ModelNames
from engine.models.weights import read_weights

INPUT_TABLES = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings")
HEADS = ("lm_head", "embed_out")


@dataclass(frozen=True)
class Shard:
    """One weight file, written under the name the base's file has."""

    source: TensorFile
    outputs: tuple[Output, ...]

    @property
    def name(self) -> str:
        return self.source.path.name


@dataclass(frozen=True)
class Plan:
    """A whole merge. Sizes in bytes; ``memory_bytes`` is the largest working set, without the libraries.

    ``vocab_size`` and ``tied`` are None where the base's config stays as it is.
    """

    shards: tuple[Shard, ...]
    size_bytes: int
    memory_bytes: int
    vocab_size: int | None
    tied: bool | None

    @property
    def changed(self) -> int:
        return sum(bool(output.parts) for shard in self.shards for output in shard.outputs)

    def close(self) -> None:
        for shard in self.shards:
            shard.source.close()


def make_plan(base: Path, config: Mapping[str, Any], adapters: Sequence[Adapter], dtype: str | None) -> Plan:
    """Plan the merge of ``adapters`` into the model in ``base`` with ``config``; ``dtype`` None: the base's own.

    Raises ModelError: a quantized base, weights that can't be read, an adapter that was trained on another model.
    """
    _refuse_quantized(base, config)
    files = [TensorFile(path) for path in read_weights(base).files]
    try:
        return _plan(base, config, adapters, dtype, files)
    except BaseException:
        for file in files:
            file.close()
        raise


def _plan(
    base: Path, config: Mapping[str, Any], adapters: Sequence[Adapter], dtype: str | None, files: list[TensorFile]
) -> Plan:
    stored = {name: slot.shape for file in files for name, slot in file.slots.items()}
    table = next((name for name in stored if is_one_of(name, INPUT_TABLES)), "")
    by_config = is_tied(config, stored)
    tied = by_config and not has_own_head(files, table)
    wanted, head = _collect(base, adapters, stored, table if tied else "")
    rows = stored[table][0] if table else 0
    stays_tied = tied and keeps_tie(wanted.get(table, []), wanted.get(head, []), adapters, rows)
    if stays_tied:
        wanted.pop(head, None)
    elif tied:
        wanted[head] = with_tokens(wanted.get(head, []), wanted.get(table, []))
    shards = []
    for file in files:
        outputs = []
        for name, slot in file.slots.items():
            if tied and is_one_of(name, HEADS) and (stays_tied or name == head):
                continue  # written from the table below, or as the table
            outputs.append(_output(name, name, slot.dtype, slot.shape, wanted.get(name, []), dtype))
            if name == table and tied and not stays_tied:
                outputs.append(_output(head, name, slot.dtype, slot.shape, wanted.get(head, []), dtype))
        shards.append(Shard(file, tuple(outputs)))
    every = [output for shard in shards for output in shard.outputs]
    vocab = _vocab_size(base, every, stored, table)
    return Plan(
        tuple(shards),
        sum(output.size_bytes for output in every),
        max((_memory_bytes(output) for output in every), default=0),
        vocab,
        False if by_config and not (tied and stays_tied) else None,
    )


def _refuse_quantized(base: Path, config: Mapping[str, Any]) -> None:
    quantization = config.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method", "unknown") if isinstance(quantization, dict) else "unknown"
        raise ModelError("export.quantized-base", base=base, format=method)


def _is_of_a_layer_in(stored: Mapping[str, tuple[int, ...]], name: str) -> bool:
    """Whether ``name`` is no layer, but something beside the weight of one that is among the tensors ``stored``."""
    layer, _, last = name.rpartition(".")
    return last != "weight" and stored_name(f"{layer}.weight", stored) is not None


def _collect(
    base: Path, adapters: Sequence[Adapter], stored: Mapping[str, tuple[int, ...]], tied_table: str
) -> tuple[dict[str, list[Part]], str]:
    """The parts by the base's own tensor names, and the name of a tied head (stored or not)."""
    wanted: dict[str, list[Part]] = defaultdict(list)
    head = next((name for name in stored if is_one_of(name, HEADS)), "lm_head.weight")
    names: ModelNames | None = None
    for adapter in adapters:
        missing: list[str] = []
        for name, part in adapter.parts.items():
            fused = bool(adapter.card.settings.target_parameters)
            found = None if fused else stored_name(name, stored)
            if found is None and tied_table and is_one_of(name, HEADS):
                head = found = name
            if found is not None:
                _check_shape(adapter, name, part, stored.get(found) or stored[tied_table])
                wanted[found].append(part)
                continue
            names = names or ModelNames(base, stored)
            placed = _in_model(adapter, name, part, names, stored)
            if not placed:
                missing.append(name)
            for found, piece in placed.items():
                _check_shape(adapter, name, piece, stored[found])
                wanted[found].append(piece)
        beside = next((name for name in missing if _is_of_a_layer_in(stored, name)), None)
        if beside is not None:
            raise ModelError("export.no-place-beside", folder=adapter.folder, tensor=beside, base=base)
        if missing:
            raise ModelError(
                "export.other-base", folder=adapter.folder, missing=len(missing), base=base, first=missing[0],
                named=_base_of(adapter),
            )  # fmt: skip
    return wanted, head


def _in_model(
    adapter: Adapter, name: str, part: Part, names: ModelNames, stored: Mapping[str, tuple[int, ...]]
) -> dict[str, Part]:
    """What ``part`` does to each stored tensor that becomes the parameter it changes, once the model is loaded.

    PEFT nests the updates of a module's parameters: the last of them is outermost, each other one "base_layer" deeper.
    """
    settings, module = adapter.card.settings, name.removesuffix(".weight")
    depth = module.count(".base_layer")
    targeted = names.targeted(module.replace(".base_layer", ""), settings.target_parameters)
    if part.kind != "linear" or depth >= len(targeted):
        return {found: part for found, place in names.stored_in(name).items() if place.expert is None}
    parameter = targeted[-1 - depth]
    part = replace(part, scaling=settings.scaling(parameter))
    experts = names.experts(parameter)
    placed = {}
    for found, place in names.stored_in(parameter).items():
        piece = part
        if experts:
            turned = place.expert is None and names.holds_inputs_first(parameter)
            first = place.slot * stored[found][0] if place.expert is not None else 0
            piece = replace(
                part, kind="experts", experts=experts, expert=place.expert, first_row=first, transposed=turned
            )
        placed[found] = piece
    return placed


def stored_name(name: str, stored: Iterable[str]) -> str | None:
    """``name`` as ``stored`` spells it: those may lack, or have, a leading part such as ``transformer.``."""
    short = name
    while short:
        if short in stored:
            return short
        short = short.partition(".")[2]
    longer = [candidate for candidate in stored if candidate.endswith("." + name)]
    return longer[0] if len(longer) == 1 else None


def _check_shape(adapter: Adapter, name: str, part: Part, shape: tuple[int, ...]) -> None:
    slots = part.source.slots
    if part.whole and shape and is_one_of(name, (*INPUT_TABLES, *HEADS)):
        shape = slots[part.whole].shape[:1] + shape[1:]  # a vocabulary may have grown
    ours = shape
    if part.kind == "embedding":
        ours = (slots[part.a].shape[1], slots[part.b].shape[0])
    elif part.kind == "linear":
        ours = (slots[part.b].shape[0], slots[part.a].shape[1])
        ours = ours[::-1] if part.transposed else ours
    elif part.kind == "experts":
        ours = (slots[part.b].shape[0], slots[part.a].shape[1])
        if part.expert is None:
            ours = (part.experts, *(ours[::-1] if part.transposed else ours))
        elif part.first_row + shape[0] <= ours[0]:
            ours = (shape[0], ours[1])
    elif part.kind == "bias":
        ours = slots[part.b].shape
    elif part.whole:
        ours = slots[part.whole].shape
    width = slots[part.tokens].shape[1] if part.tokens else shape[-1]
    if ours != shape or width != shape[-1]:
        raise ModelError(
            "export.other-shape", folder=adapter.folder, tensor=name, ours=_times(ours), theirs=_times(shape),
            named=_base_of(adapter),
        )  # fmt: skip


def _base_of(adapter: Adapter) -> Message | str:
    return adapter.card.base or Message("export.no-model")


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _output(
    name: str, base: str, stored: str, shape: tuple[int, ...], parts: Sequence[Part], dtype: str | None
) -> Output:
    """The tensor ``name``, with as many rows as the adapters give it. Raises ModelError where those disagree."""
    if parts and stored not in DTYPES:
        raise ModelError("export.quantized-tensor", tensor=base, dtype=stored)
    rows = {shape[0]} if shape else set()
    for part in parts:
        ids = part.token_ids
        if part.whole:
            rows.add(part.source.slots[part.whole].shape[0])
        elif ids and max(ids) >= shape[0]:
            if not set(range(shape[0], max(ids) + 1)) <= set(ids):
                raise ModelError("export.tokens-missing", path=part.source.path, tensor=name, rows=max(ids) + 1)
            rows.add(max(ids) + 1)
    count = max(rows, default=0)
    if len(rows) > 1:
        sole = len(parts) == 1 and parts[0].weight == 1
        if not sole or any(part.whole and part.source.slots[part.whole].shape[0] != count for part in parts):
            raise ModelError("export.vocabularies-differ", tensor=name, rows=[f"{number:,}" for number in sorted(rows)])
        shape = (count, *shape[1:])
    return Output(name, base, dtype if dtype and stored in DTYPES else stored, shape, tuple(parts))


def _vocab_size(base: Path, outputs: Sequence[Output], stored: Mapping[str, tuple[int, ...]], table: str) -> int | None:
    """The new vocabulary's size where it changed. Raises ModelError where table and head would differ."""
    changed = {o.shape[0] for o in outputs if o.parts and o.shape and o.shape[0] != stored[o.base][0]}
    if not changed:
        return None
    tables = {o.shape[0] for o in outputs if o.base == table or is_one_of(o.name, HEADS)}
    if len(changed) > 1 or tables != changed:
        raise ModelError("export.vocabulary-torn", base=base, rows=[f"{n:,}" for n in sorted(tables)])
    return changed.pop()


def _memory_bytes(output: Output) -> int:
    """The most a tensor takes while it is merged: a block in float32 five times, or all of it where that is needed."""
    numbers = math.prod(output.shape)
    if not output.parts:
        return 8 << 20
    factors = [slot for part in output.parts for name, slot in part.source.slots.items() if name in (part.a, part.b)]
    adapters = max((6 * math.prod(slot.shape) for slot in factors), default=0)
    if any(needs_all_rows(part) for part in output.parts):
        return 4 * 6 * numbers + 2 * adapters
    width = math.prod(output.shape[1:])
    return 4 * 6 * min(numbers, max(width, BLOCK_NUMBERS)) + 2 * adapters


def config_of(base: Path) -> dict[str, Any]:
    """The base's ``config.json``, already known to be one."""
    value: dict[str, Any] = json.loads((base / "config.json").read_bytes())
    return value


def is_one_of(name: str, kinds: tuple[str, ...]) -> bool:
    """Whether ``name`` is the weight of a module called one of ``kinds``."""
    return name.removesuffix(".weight").rpartition(".")[2] in kinds


def is_tied(config: Mapping[str, Any], stored: Iterable[str]) -> bool:
    """By the config, or where it leaves that open by whether a head is among the tensors ``stored``."""
    inner = config.get("text_config")
    value = config.get("tie_word_embeddings")
    if value is None and isinstance(inner, dict):
        value = inner.get("tie_word_embeddings")
    return bool(value) if value is not None else not any(is_one_of(name, HEADS) for name in stored)


def has_own_head(files: Sequence[TensorFile], table: str) -> bool:
    """Whether a head with other numbers than ``table`` is stored: transformers then leaves both apart, tie or not."""
    where = {name: file for file in files for name in file.slots}
    heads = [name for name in where if is_one_of(name, HEADS)]
    if not heads or not table:
        return False
    pairs = zip_longest(where[heads[0]].chunks(heads[0]), where[table].chunks(table))
    return any(one != other for one, other in pairs)


def keeps_tie(table: Sequence[Part], head: Sequence[Part], adapters: Sequence[Adapter], rows: int) -> bool:
    """Whether input table (of ``rows`` rows in the base) and head still hold the same numbers after the merge.

    PEFT lets token rows reach a tied head by themselves; everything else only where it was asked to, and what it
    saved for both is equal then. A table that has grown alone can only have been meant for both.
    """
    if not head and all(part.kind == "none" and not part.whole for part in table):
        return True
    if all(adapter.ties for adapter in adapters if {*adapter.parts.values()} & {*table, *head}):
        return True
    if not head and any(part.whole and part.source.slots[part.whole].shape[0] != rows for part in table):
        return True
    return len(table) == len(head) > 0 and all(_same(a, b) for a, b in zip(table, head, strict=True))


def with_tokens(head: Sequence[Part], table: Sequence[Part]) -> list[Part]:
    """The head's parts with the token rows of the table, which PEFT lets reach a tied head whatever else it gets."""
    parts = list(head)
    for part in table:
        if not part.tokens:
            continue
        own = next((at for at, other in enumerate(parts) if other.source is part.source), None)
        if own is None:
            parts.append(Part(part.source, part.weight, tokens=part.tokens, token_ids=part.token_ids))
        elif not parts[own].tokens:
            parts[own] = replace(parts[own], tokens=part.tokens, token_ids=part.token_ids)
    return parts


def _same(one: Part, other: Part) -> bool:
    fields = ("a", "b", "magnitude", "whole", "tokens")
    unnamed: dict[str, Any] = dict.fromkeys(fields, "")
    if replace(one, **unnamed) != replace(other, **unnamed):
        return False
    for field in fields:
        names = getattr(one, field), getattr(other, field)
        if bool(names[0]) != bool(names[1]):
            return False
        if names[0] and not torch.equal(one.source.rows(names[0]), other.source.rows(names[1])):
            return False
    return True
