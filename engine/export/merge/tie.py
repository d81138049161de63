"""Whether a model's input table and its head are one matrix, and whether they still are after a merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import torch

from engine.export.merge.adapter_change import Adapter, Part
from engine.export.tensor_files import TensorFile

INPUT_TABLES = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings")
HEADS = ("lm_head", "embed_out")


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
