"""The record of an adapter that was made of others, or of two models: ``tunedeck.json`` beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.common.files import read_json, write_atomic
from engine.common.versions import versions
from engine.models.adapter.config import RECORD_FILE
from engine.models.card import ModelCard
from engine.models.for_use import ForUse
from engine.models.weights import hash_files, weight_files
from engine.runs.mixes import Recipe


def write_record(folder: Path, recipe: Recipe, parents: Sequence[ForUse]) -> None:
    """The record of a mix: its parents with weights and hashes, and all rows that they saw. Raises OSError."""
    records = [read_json(parent.adapter.path / RECORD_FILE) for parent in parents if parent.adapter]
    first = parents[0]
    write_values(
        folder, first.card, first.model.name_or_path, first.model.revision, "mix",
        {
            "parents": [
                {
                    "path": each.path, "kind": "mix", "run": each.run, "sha256": each.sha256,
                    "config_sha256": each.config_sha256, "weight": each.weight,
                }
                for each in recipe.parents
            ],
            "mix": {"method": recipe.method, "density": recipe.density, "seed": recipe.seed, "rank": recipe.rank},
            "data": _every(records, "data"),
            "data_files": _every(records, "data_files"),
        },
    )  # fmt: skip


def write_values(
    folder: Path, base: ModelCard, named: str, revision: str, strategy: str, more: Mapping[str, Any]
) -> None:  # fmt: skip
    """The record of an adapter on ``base``, which is hashed once. Raises OSError."""
    record = {
        "base": {"name_or_path": named, "revision": revision, "weights_sha256": hash_files(weight_files(base.path))},
        "strategy": strategy, **more, "versions": versions(),
    }  # fmt: skip
    write_atomic(folder / RECORD_FILE, json.dumps(record, indent=1, ensure_ascii=False))


def _every(records: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """The entries of all records, each once."""
    found: list[Any] = []
    for record in records:
        entries = record.get(name)
        found += [each for each in entries if each not in found] if isinstance(entries, list) else []
    return found
