"""The dimensions of a model that somebody names: a folder, a starter, a hub id, or dimensions typed in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import hub_watch
from engine.common.clean_text import shorten
from engine.common.errors import ConfigError, ModelError, TunedeckError
from engine.messages.message import Message
from engine.models.card import model_name, read_config
from engine.models.dims import ModelShape, from_config
from engine.models.local import cached_snapshot, resolve
from engine.models.weights import Tensor, read_header

TYPED = {
    "hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads", "vocab": "vocab_size",
    "kv_heads": "num_key_value_heads", "head_dim": "head_dim", "intermediate": "intermediate_size",
    "experts": "num_experts", "experts_per_token": "num_experts_per_tok", "expert_width": "moe_intermediate_size",
    "tied": "tie_word_embeddings", "family": "model_type",
}  # fmt: skip
NEEDED = ("hidden", "layers", "heads", "vocab")
EXAMPLE = "--shape hidden=4096,layers=32,heads=32,kv_heads=8,intermediate=14336,vocab=128256"
ASKING_S = 10
_REFUSED = {401: "models.status-401", 403: "models.status-403", 404: "models.status-404"}
_EMBEDDING = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")


@dataclass(frozen=True)
class Found:
    """``folder`` is None where the model is not on this machine; ``notes`` say what the shape rests on."""

    shape: ModelShape
    folder: Path | None = None
    notes: tuple[Message, ...] = ()


def typed(text: str) -> Found:
    """A shape from ``hidden=4096,layers=32,heads=32,vocab=128256`` and the like.

    Raises ConfigError for an unknown name, a value that is no positive whole number, or one that is missing.
    """
    fields: dict[str, Any] = {"family": "llama"}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in TYPED:
            close = difflib.get_close_matches(name, TYPED, n=1)
            if close:
                raise ConfigError("models.dimension-near", given=part, near=close[0])
            raise ConfigError("models.dimension-unknown", given=part, known=tuple(TYPED))
        if name == "family":
            fields[name] = value
        elif name == "tied":
            fields[name] = value.lower() in ("true", "yes", "1")
        elif not value.isdecimal() or not 0 < int(value) < 10**9:
            raise ConfigError("models.dimension-invalid", given=part)
        else:
            fields[name] = int(value)
    missing = [name for name in NEEDED if name not in fields]
    if missing:
        raise ConfigError("models.dimension-missing", missing=missing, example=EXAMPLE)
    return Found(from_config({TYPED[name]: value for name, value in fields.items()}, "--shape"))


def find(name: str, revision: str = "main") -> Found:
    """The shape of a folder, a starter, a model in the hub's cache, or one whose config.json the hub gives now.

    Raises ModelError: no such model, nothing that tells its dimensions, hub not reachable.
    """
    try:
        path = Path(name).expanduser()
        path = path.parent if path.name == "config.json" and path.is_file() else path
        is_there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("models.unusable-path", path=name[:80], reason=str(error)) from None
    if is_there:
        return in_folder(path)
    snapshot = cached_snapshot(name, revision)
    if snapshot is not None and (snapshot / "config.json").is_file():
        return in_folder(snapshot)
    folder = resolve(name, revision).path  # a starter's; or says that there can be no such model
    return in_folder(folder) if folder is not None else Found(from_config(_asked(name, revision), name))


def in_folder(folder: Path) -> Found:
    """The shape of the model in ``folder``; what its config.json does not tell, its weights' headers may.

    Raises ModelError when both together don't.
    """
    if not folder.is_dir():
        raise ModelError("models.not-a-folder", path=folder)
    name = model_name(folder)
    path = folder / "config.json"
    if not path.is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError("models.is-adapter", folder=folder)
    if not path.is_file() and not any(folder.glob("*.safetensors")):
        raise ModelError("models.no-model-here", folder=folder, example=EXAMPLE)
    config, trouble = _config(path)
    try:
        doubts = (Message("models.config-doubtful", reason=trouble),) if trouble else ()
        return Found(from_config(config, name), folder, doubts)
    except ModelError as error:
        reason = trouble or Message("models.as-told", reason=error.reason)
        told = _from_headers(folder)
        lacking = {key: value for key, value in told.items() if not _sensible(config.get(key))}
        if not lacking:
            raise ModelError("models.dimensions-unknown", model=name, reason=reason, example=EXAMPLE) from None
        shape = from_config(config | lacking, name)
        certain = sorted(key for key in lacking if key != "num_attention_heads")
        notes = [Message("models.from-weights", reason=reason, fields=certain)]
        if "num_attention_heads" in lacking:
            notes.append(Message("models.heads-guessed"))
        return Found(shape, folder, tuple(notes))


def _config(path: Path) -> tuple[dict[str, Any], Message | None]:
    """The fields of a config.json, and what is wrong with it."""
    try:
        config = read_config(path)
    except ModelError as error:
        return {}, Message("models.as-told", reason=error.reason)
    return (config, None) if config is not None else ({}, Message("models.config-missing"))


def _sensible(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _from_headers(folder: Path) -> dict[str, Any]:
    """Fields of a config.json, as far as names and sizes of the stored tensors tell them."""
    tensors: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            tensors |= read_header(file)
        except TunedeckError:
            continue

    def size(*endings: str) -> tuple[int, ...]:
        return next((tensor.shape for name, tensor in tensors.items() if name.endswith(endings)), ())

    table, gate, query, key = size(*_EMBEDDING), size("gate_proj.weight"), size("q_proj.weight"), size("k_proj.weight")
    layers = {found[1] for name in tensors if (found := re.search(r"\.(?:layers|h)\.(\d+)\.", name))}
    if len(table) != 2 or len(query) != 2 or not layers:
        return {}
    head = 128 if query[0] % 128 == 0 and query[0] >= 2048 else 64 if query[0] % 64 == 0 else query[0]
    told: dict[str, Any] = {
        "vocab_size": table[0],
        "hidden_size": table[1],
        "num_hidden_layers": len(layers),
        "num_attention_heads": query[0] // head,
        "head_dim": head,
    }
    if len(key) == 2 and key[0] >= head:
        told["num_key_value_heads"] = key[0] // head
    if len(gate) == 2:
        told["intermediate_size"] = gate[0]
    return told


def _asked(name: str, revision: str) -> Mapping[str, Any]:
    """The config.json of a model on the hub, and nothing else of it: one try, kept nowhere."""
    from huggingface_hub import get_session, get_token, hf_hub_url

    token = get_token()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        url = hf_hub_url(name, "config.json", revision=revision)
        response = hub_watch.within(
            lambda: get_session().get(url, headers=headers, timeout=ASKING_S, follow_redirects=True), name
        )
        if response.status_code != 200:
            code = _REFUSED.get(response.status_code, "models.status")
            status = Message(code, status=str(response.status_code))
            raise ModelError("models.hub-gives-no-config", model=name, reason=status, example=EXAMPLE)
        config = response.json()
    except ModelError:
        raise
    except Exception as error:  # of the hub's library, of its HTTP client, of JSON: each has its own
        reason = shorten(str(error) or type(error).__name__, 160)
        raise ModelError("models.hub-gives-no-config", model=name, reason=reason, example=EXAMPLE) from None
    if not isinstance(config, dict):
        raise ModelError("models.broken-config", path=name, reason=Message("models.no-object"))
    return config
