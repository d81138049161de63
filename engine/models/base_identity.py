"""Is this the model an adapter was trained on? By the weights' hash where it was recorded, else by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.models.adapter.adapter import AdapterCard
from engine.models.card import ModelCard
from engine.models.weight_hash import hash_files, weight_files

# Names that repackagers put behind a model's own: the same weights, stored in another way.
_PACKAGING = re.compile(r"(?:[-_.](?:unsloth|bnb|4bit|8bit|nf4|bf16|fp16|hf|int4|int8))+$", re.IGNORECASE)


@dataclass(frozen=True)
class Identity:
    """``proof``: hash (the weights themselves were compared), name, or none."""

    level: Literal["ok", "unsure", "refused"]
    proof: Literal["hash", "name", "none"]
    text: str


def compare_base(
    adapter: AdapterCard,
    base: ModelCard,
    named: str,
    on_progress: Callable[[int, int], None] | None = None,
    reads_weights: bool = True,
) -> Identity:
    """Whether ``base``, which the user called ``named``, is the adapter's own; by name alone without ``reads_weights``.

    Raises ModelError.
    """
    recorded = adapter.record.weights_sha256 if adapter.record else {}
    if recorded and reads_weights:
        return _by_hash(dict(recorded), base.path, on_progress)
    if not adapter.base:
        return Identity("refused", "none", "The adapter doesn't say which model it was trained on.")
    if adapter.base in (named, base.name, str(base.path)) or _same_folder(adapter.base, base.path):
        return Identity("ok", "name", f"It was trained on {adapter.base}; whether its weights changed can't be told.")
    theirs, ours = _short(adapter.base), {_short(name) for name in (named, base.name) if name}
    if theirs in ours:
        return Identity(
            "unsure", "name", f"It was trained on {adapter.base}, which by its name may be this model ({base.name})."
        )
    if _is_path(adapter.base):
        return Identity(
            "unsure",
            "none",
            f"It was trained on {adapter.base}, a folder that is not this one: it may be another model.",
        )
    return Identity("refused", "name", f"It was trained on {adapter.base}, not on {named or base.name}.")


def _by_hash(recorded: dict[str, str], folder: Path, on_progress: Callable[[int, int], None] | None) -> Identity:
    current = {path.name: path for path in weight_files(folder)}
    current |= {name: folder / name for name in recorded if Path(name).name == name and (folder / name).is_file()}
    hashes = hash_files(current.values(), on_progress)
    changed = sorted(name for name in recorded if name in hashes and hashes[name] != recorded[name])
    missing = sorted(recorded.keys() - hashes.keys())
    added = sorted(hashes.keys() - recorded.keys())
    if not (changed or missing or added):
        return Identity("ok", "hash", "The weights are the very ones it was trained on, byte by byte.")
    listed = (("changed", changed), ("missing", missing), ("new", added))
    what = "; ".join(
        f"{word}: {', '.join(names[:3])}" + (" …" if len(names) > 3 else "") for word, names in listed if names
    )
    return Identity("refused", "hash", f"The model's weights are not those it was trained on ({what}).")


def _short(name: str) -> str:
    """The last part of a hub id or path, without what repackagers append."""
    return _PACKAGING.sub("", name.rstrip("/").rpartition("/")[2]).lower()


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _same_folder(name: str, folder: Path) -> bool:
    try:
        return Path(name).expanduser().resolve() == folder.resolve()
    except (OSError, ValueError, RuntimeError):
        return False
