"""The files of a merged model beside its weights: config, tokenizer, template, and what it was made from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.export.merge.plan import Plan
from engine.models.adapter.tokenizer import brings_tokenizer
from engine.models.tokenizer_files import read_tokens

TEMPLATE = "chat_template.jinja"
INDEX = "model.safetensors.index.json"
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".ot")
_NOT_CARRIED = {"config.json", "README.md", "tunedeck.json", "adapter_config.json"}
_TOKENIZER = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
              "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "chat_template.jinja",
              "chat_template.json"}  # fmt: skip


def files_to_carry(base: Path, adapters: Iterable[Path]) -> dict[str, Path]:
    """Name and origin of every file to copy: the base's, and the tokenizer of the first adapter that has one.

    What an adapter was trained with counts: it may know new tokens and another template.
    """
    carried = {path.name: path for path in sorted(base.iterdir()) if _is_carried(path)}
    for folder in adapters:
        own = {path.name: path for path in folder.iterdir() if path.name in _TOKENIZER and path.is_file()}
        if brings_tokenizer(folder):
            template = {name: path for name, path in carried.items() if name.startswith("chat_template")}
            others = {name: path for name, path in carried.items() if name not in _TOKENIZER}
            return {**others, **template, **own}
    return carried


def _is_carried(path: Path) -> bool:
    name = path.name
    hidden = name.startswith(".") or name in _NOT_CARRIED or name.endswith((".index.json", *_WEIGHT_ENDINGS))
    return not hidden and path.is_file()


def copy(files: Mapping[str, Path], folder: Path, base: Path) -> None:
    """Copy them to ``folder``; a template that the base keeps in settings which were not taken over comes along too."""
    for name, origin in files.items():
        shutil.copyfile(origin, folder / name)  # follows the links of the hub's cache; rights are the folder's
    template = read_tokens(base, {}).chat_template
    if template and not read_tokens(folder, {}).chat_template:
        (folder / TEMPLATE).write_text(template, "utf-8")


def merged_config(config: Mapping[str, Any], plan: Plan, dtype: str | None) -> dict[str, Any]:
    """The base's config with what the merge changed: vocabulary, tie of the head, dtype."""
    changes: dict[str, Any] = {}
    if plan.vocab_size is not None:
        changes["vocab_size"] = plan.vocab_size
    if plan.tied is not None:
        changes["tie_word_embeddings"] = plan.tied
    merged = dict(config)
    inner = config.get("text_config")
    if isinstance(inner, dict):
        merged["text_config"] = inner | changes
        changes = {name: value for name, value in changes.items() if name in config or name == "tie_word_embeddings"}
    merged |= changes
    if dtype is not None:
        merged.pop("torch_dtype", None)
        merged["dtype"] = dtype
    return merged


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def index_of(plan: Plan) -> dict[str, Any]:
    """The list of shards as the field's loaders read it."""
    names = {output.name: shard.name for shard in plan.shards for output in shard.outputs}
    return {"metadata": {"total_size": plan.size_bytes}, "weight_map": dict(sorted(names.items()))}


def record(
    base: Mapping[str, Any],
    adapters: Sequence[Mapping[str, Any]],
    merged: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """``tunedeck.json`` of a merged model: its ancestors by hash, so that lineage and later matches can rely on it."""
    return {
        "kind": "merge",
        "base": dict(base),
        "adapters": [dict(adapter) for adapter in adapters],
        "weights_sha256": dict(merged),
        "versions": dict(versions),
    }
