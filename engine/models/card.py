"""Everything worth knowing about a model folder before loading it: dimensions, weights, tokenizer, kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import ModelError, reason_of
from engine.messages.message import Message
from engine.models.kind import Kind, judge_kind
from engine.models.tokenizer_files import read_tokens
from engine.models.weights import Weights, read_weights
from engine.runs.directory import RunDir

# The field's usual name first, then what older architectures call it.
_NAMES = {
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "num_layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "num_heads": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
    "num_kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "head_dim": ("head_dim", "d_kv"),
    "vocab_size": ("vocab_size",),
    "max_position_embeddings": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
}
PADDING = 8
"""Rows are padded to a multiple of this: GPUs multiply eights fastest."""
_FIXED = frozenset({"gptj", "codegen", "mpt", "ctrl"})
"""Families that compute a table of their own, no longer than the config's number of positions."""
_LEARNED = frozenset({"gpt2", "gpt_neo", "gpt_bigcode", "opt", "biogpt", "openai-gpt"})
"""Families with a learned table, for weights whose names can't be read."""
_OFFSET = {"opt": 2, "biogpt": 2}
"""Rows of the table before the first position's."""


@dataclass(frozen=True)
class ModelCard:
    """A model folder. Sizes in bytes, ``parameters`` a count (None if the files can't tell), dimensions in elements.

    ``kind_evidence`` says why ``kind`` is what it is. ``max_position_embeddings`` is 0 where nothing names it;
    ``position_limit``: tokens of the longest row that can be computed at all, 0 where nothing limits them.
    """

    path: Path
    name: str
    model_type: str
    architecture: str
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    vocab_size: int
    tie_word_embeddings: bool
    max_position_embeddings: int
    position_limit: int
    dtype: str
    parameters: int | None
    weight_bytes: int
    quantized: str
    has_tokenizer: bool
    has_chat_template: bool
    eos_tokens: tuple[str, ...]
    pad_token: str
    kind: Kind
    kind_evidence: tuple[Message, ...]


def read_card(folder: Path, allow_pickle: bool = False) -> ModelCard:
    """Describe the model in ``folder`` in milliseconds, from its JSON files and weight headers.

    Raises ModelError: no such folder, no or broken config.json (line and column), no weights, pickled weights
    that were not allowed, a missing shard, cut-off weights.
    """
    config = _config(folder)
    inner = config.get("text_config")
    # Models that also see or hear keep the language part's dimensions one level down.
    dims: Mapping[str, Any] = inner if isinstance(inner, dict) and not _number(config, "num_layers") else config
    hidden, layers, heads = (_needed(dims, field, folder) for field in ("hidden_size", "num_layers", "num_heads"))
    weights = read_weights(folder, allow_pickle)
    positions = _number(dims, "max_position_embeddings")
    family = str(dims.get("model_type") or config.get("model_type") or "")
    tokens = read_tokens(folder, config)
    name = model_name(folder)
    kind, evidence = judge_kind(name, tokens)
    architectures = config.get("architectures")
    written = config.get("dtype") or config.get("torch_dtype") or dims.get("dtype") or "float32"
    quantization = config.get("quantization_config")
    method = str(quantization.get("quant_method", "unknown")) if isinstance(quantization, dict) else ""
    return ModelCard(
        path=folder,
        name=name,
        model_type=str(config.get("model_type", "")),
        architecture=str(architectures[0]) if isinstance(architectures, list) and architectures else "",
        hidden_size=hidden,
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=_number(dims, "num_kv_heads") or heads,
        head_dim=_number(dims, "head_dim") or hidden // heads,
        vocab_size=_needed(dims, "vocab_size", folder),
        tie_word_embeddings=_tied(config, dims, weights),
        max_position_embeddings=positions,
        position_limit=position_limit(family, positions, weights.position_rows, dims),
        dtype=weights.dtype or str(written),
        parameters=None if method else weights.parameters,
        weight_bytes=weights.weight_bytes,
        quantized=method,
        has_tokenizer=tokens.has_tokenizer,
        has_chat_template=bool(tokens.chat_template),
        eos_tokens=tokens.eos_tokens,
        pad_token=tokens.pad_token,
        kind=kind,
        kind_evidence=evidence,
    )


def model_name(folder: Path) -> str:
    """What people call the model in ``folder``: its hub id in the hub's cache, its run's name, or the folder's name."""
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
    run = RunDir(folder.parent)
    if folder == run.merged and run.config.is_file():
        return f"{run.read_run_json().get('name') or run.id}/{folder.name}"
    return folder.name or folder.absolute().name


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not folder.is_dir():
        raise ModelError("models.not-a-folder" if folder.exists() else "models.no-folder", path=folder)
    config = read_config(path)
    if config is None:
        raise ModelError("models.is-adapter" if (folder / "adapter_config.json").is_file() else "models.no-config",
                         folder=folder)  # fmt: skip
    return config


def read_config(path: Path) -> dict[str, Any] | None:
    """The fields of a ``config.json``; None where there is none. Raises ModelError for one that can't be read."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError("models.unreadable", path=path, reason=reason_of(error)) from None
    except json.JSONDecodeError as error:
        place = Message("models.json-error", line=error.lineno, column=error.colno, reason=error.msg)
        raise ModelError("models.broken-config", path=path, reason=place) from None
    except (ValueError, RecursionError) as error:
        raise ModelError("models.broken-config", path=path, reason=str(error)) from None
    if not isinstance(value, dict):
        raise ModelError("models.broken-config", path=path, reason=Message("models.no-object"))
    return value


def _number(config: Mapping[str, Any], field: str) -> int:
    """The field under any of its names; 0 where it is missing or no positive number."""
    for name in _NAMES[field]:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def _needed(config: Mapping[str, Any], field: str, folder: Path) -> int:
    value = _number(config, field)
    if not value:
        raise ModelError("models.not-causal", path=folder / "config.json", field=_NAMES[field][0])
    return value


def _tied(config: Mapping[str, Any], dims: Mapping[str, Any], weights: Weights) -> bool:
    """Whether input and output embeddings are one matrix. Configs may leave it out; then the stored tensors tell."""
    value = config.get("tie_word_embeddings", dims.get("tie_word_embeddings"))
    return bool(value) if value is not None else weights.has_head is False


def position_limit(family: str, named: int, rows: int, config: Mapping[str, Any]) -> int:
    """Most tokens of a row that the model can compute; 0 where nothing limits them, as with rotary positions.

    ``named``: positions by the config (n_positions, max_position_embeddings ...); ``rows`` of the stored table.
    """
    kind = str(config.get("position_embedding_type") or "")
    if rows:
        held = rows - _OFFSET.get(family, 0)
        return min(held, named) if named else held
    return named if family in _FIXED | _LEARNED or kind.startswith(("absolute", "learned")) else 0
