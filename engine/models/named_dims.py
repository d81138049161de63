"""The dimensions of a model that somebody names: a folder, a starter, a hub id, or dimensions typed in."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import hub_watch
from engine.common.clean_text import shorten
from engine.common.errors import ConfigError, ModelError, TunedeckError
from engine.models.card import model_name
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
_REFUSED = {
    401: "status 401: there is no such model, or it is private; set HF_TOKEN to a token that may read it",
    403: "status 403: its owners ask to accept terms first; do so on its page and set HF_TOKEN",
    404: "status 404: there is no such model, or it has no config.json",
}
_EMBEDDING = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")


@dataclass(frozen=True)
class Found:
    """``folder`` is None where the model is not on this machine; ``notes`` say what the shape rests on."""

    shape: ModelShape
    folder: Path | None = None
    notes: tuple[str, ...] = ()


def typed(text: str) -> Found:
    """A shape from ``hidden=4096,layers=32,heads=32,vocab=128256`` and the like.

    Raises ConfigError for an unknown name, a value that is no positive whole number, or one that is missing.
    """
    fields: dict[str, Any] = {"family": "llama"}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in TYPED:
            close = difflib.get_close_matches(name, TYPED, n=1)
            meant = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(TYPED)}."
            raise ConfigError("A dimension is not known", f"--shape {part}", meant)
        if name == "family":
            fields[name] = value
        elif name == "tied":
            fields[name] = value.lower() in ("true", "yes", "1")
        elif not value.isdecimal() or not 0 < int(value) < 10**9:
            raise ConfigError("A dimension makes no sense", f"--shape {part}", "Give a positive whole number.")
        else:
            fields[name] = int(value)
    missing = [name for name in NEEDED if name not in fields]
    if missing:
        raise ConfigError("A dimension is missing", f"--shape lacks {', '.join(missing)}", f"Write {EXAMPLE}")
    return Found(from_config({TYPED[name]: value for name, value in fields.items()}, "typed in"))


def find(name: str, revision: str = "main") -> Found:
    """The shape of a folder, a starter, a model in the hub's cache, or one whose config.json the hub gives now.

    Raises ModelError: no such model, nothing that tells its dimensions, hub not reachable.
    """
    try:
        path = Path(name).expanduser()
        path = path.parent if path.name == "config.json" and path.is_file() else path
        is_there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("The model's path can't be used", f"{name[:80]!r}: {error}", "Name a folder.") from None
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
        raise ModelError("No such model folder", f"{folder} is a file", "Name the folder that holds config.json.")
    name = model_name(folder)
    path = folder / "config.json"
    if not path.is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError("This is an adapter, not a model", str(folder), "Name the model that it was trained on.")
    if not path.is_file() and not any(folder.glob("*.safetensors")):
        raise ModelError("There is no model here", f"{folder} has no config.json", f"Name a model, or {EXAMPLE}")
    config, trouble = _config(path)
    try:
        return Found(from_config(config, name), folder, (trouble,) if trouble else ())
    except ModelError as error:
        told = _from_headers(folder)
        lacking = {key: value for key, value in told.items() if not _sensible(config.get(key))}
        if not lacking:
            hint = f"Fetch the model again, or give its dimensions: {EXAMPLE}"
            raise ModelError(error.title, trouble or error.message, hint) from None
        shape = from_config(config | lacking, name)
        certain = sorted(key for key in lacking if key != "num_attention_heads")
        notes = [trouble or error.message, f"Read from the weights instead: {', '.join(certain)}."]
        if "num_attention_heads" in lacking:
            notes.append("The number of heads is guessed from the usual width of one.")
        return Found(shape, folder, tuple(f"Uncertain: {note}" for note in notes))


def _config(path: Path) -> tuple[dict[str, Any], str]:
    """The fields of a config.json, and what is wrong with it."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, f"{path.parent} has no config.json"
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"{path} can't be read: {error}"
    return (value, "") if isinstance(value, dict) else ({}, f"{path} is no JSON object")


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
            raise ConnectionError(_REFUSED.get(response.status_code, f"it answers with status {response.status_code}"))
        config = response.json()
    except ModelError:
        raise
    except Exception as error:  # of the hub's library, of its HTTP client, of JSON: each has its own
        words = shorten(str(error) or type(error).__name__, 160)
        raise ModelError(
            "The model is not on this machine, and the hub does not give its config",
            f"{name}: {words}",
            f"Fetch it with `tunedeck model get {name}`, name its folder, or give its dimensions:\n{EXAMPLE}",
        ) from None
    if not isinstance(config, dict):
        raise ModelError("The model's config.json is broken", f"{name}: no JSON object", f"Write {EXAMPLE}")
    return config
