"""The JSON files beside an adapter: PEFT's ``adapter_config.json``, and ``tunedeck.json``, what it was made from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.common.errors import ModelError, reason_of
from engine.common.files import read_json
from engine.messages.message import Message

CONFIG_FILE = "adapter_config.json"
RECORD_FILE = "tunedeck.json"
PROOF_FILE = "proof.json"
"""What the proof of a merge found, in the merged model's folder."""


@dataclass(frozen=True)
class AdapterSettings:
    """LoRA settings under PEFT's own names; what a file leaves out has PEFT's default.

    ``base_model`` and ``revision`` are empty, ``target_modules`` is None where the file doesn't say.
    ``trainable_token_indices`` are token ids by the embedding's name ("" where the file names none).
    """

    r: int
    lora_alpha: float
    lora_dropout: float = 0.0
    target_modules: str | tuple[str, ...] | None = None
    target_parameters: tuple[str, ...] = ()
    exclude_modules: str | tuple[str, ...] = ()
    layers_to_transform: tuple[int, ...] = ()
    layers_pattern: tuple[str, ...] = ()
    use_rslora: bool = False
    use_dora: bool = False
    modules_to_save: tuple[str, ...] = ()
    trainable_token_indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    bias: str = "none"
    fan_in_fan_out: bool = False
    task_type: str = ""
    base_model: str = ""
    revision: str = ""
    peft_version: str = ""

    def leaves_out(self, module: str) -> str:
        """The field by which PEFT would put no update on ``module``; "" where it puts one, or the model decides too."""
        wanted = self.target_modules
        if _is_named(self.exclude_modules, module):
            return "exclude_modules"
        if wanted is None or self.target_parameters or wanted == "all-linear":
            return ""
        if not _is_named(wanted, module):
            return "target_modules"
        if self.layers_to_transform and not isinstance(wanted, str) and module not in wanted:
            patterns = [rf"(?:^|.*?\.){pattern}\.(\d+)\." for pattern in self.layers_pattern]
            tried = (re.match(pattern, module) for pattern in patterns or [r".*?\.[^.]*\.(\d+)\."])
            layer = next((int(found[1]) for found in tried if found), None)
            return "" if layer in self.layers_to_transform else "layers_to_transform"
        return ""

    def rank(self, module: str) -> int:
        """The rank that ``rank_pattern`` or ``r`` gives to ``module``."""
        return int(_by_pattern(self.rank_pattern, module, self.r))

    def scaling(self, module: str) -> float:
        """The factor of the update: alpha / r, or alpha / sqrt(r) with rsLoRA."""
        rank, alpha = self.rank(module), float(_by_pattern(self.alpha_pattern, module, self.lora_alpha))
        return alpha / (math.sqrt(rank) if self.use_rslora else rank)


def read_settings(folder: Path) -> AdapterSettings:
    """Read ``adapter_config.json`` of ``folder``.

    Raises ModelError: not there, broken (line and column), another kind of adapter than LoRA, senseless values.
    """
    path = folder / CONFIG_FILE
    values = _object(path)
    kind = values.get("peft_type")
    if kind is None:
        raise ModelError("adapter.untyped", path=path)
    if kind != "LORA":
        raise ModelError("adapter.not-lora", path=path, type=str(kind)[:40])
    try:
        return _settings(values)
    except _Senseless as error:
        raise ModelError("adapter.broken-config", path=path, reason=error.reason) from None


class _Senseless(ValueError):
    """A value that PEFT could not use."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)
        self.reason = reason


def _settings(values: Mapping[str, Any]) -> AdapterSettings:
    rank = _number(values, "r", 8)
    if rank < 1 or rank != int(rank):
        raise _Senseless(Message("adapter.no-rank", value=rank))
    targets, excluded = values.get("target_modules"), values.get("exclude_modules")
    return AdapterSettings(
        r=int(rank),
        lora_alpha=_number(values, "lora_alpha", 8),
        lora_dropout=_number(values, "lora_dropout", 0),
        target_modules=targets if isinstance(targets, str) else _names(values, "target_modules") or None,
        target_parameters=_names(values, "target_parameters"),
        exclude_modules=excluded if isinstance(excluded, str) else _names(values, "exclude_modules"),
        layers_to_transform=_layers(values.get("layers_to_transform")),
        layers_pattern=_names(values, "layers_pattern"),
        use_rslora=bool(values.get("use_rslora")),
        use_dora=bool(values.get("use_dora")),
        modules_to_save=_names(values, "modules_to_save"),
        trainable_token_indices=_token_indices(values.get("trainable_token_indices")),
        rank_pattern={key: int(_number(pattern, key, 0)) for pattern in [_table(values, "rank_pattern")]
                      for key in pattern},
        alpha_pattern={key: _number(pattern, key, 0) for pattern in [_table(values, "alpha_pattern")]
                       for key in pattern},
        bias=str(values.get("bias") or "none"),
        fan_in_fan_out=bool(values.get("fan_in_fan_out")),
        task_type=str(values.get("task_type") or ""),
        base_model=str(values.get("base_model_name_or_path") or "").strip(),
        revision=str(values.get("revision") or ""),
        peft_version=str(values.get("peft_version") or ""),
    )  # fmt: skip


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError("adapter.none-here", folder=path.parent) from None
    except OSError as error:
        raise ModelError("adapter.unreadable", path=path, reason=reason_of(error)) from None
    except json.JSONDecodeError as error:
        place = Message("adapter.json-error", line=error.lineno, column=error.colno, reason=error.msg)
        raise ModelError("adapter.broken-config", path=path, reason=place) from None
    except (ValueError, RecursionError) as error:
        raise ModelError("adapter.broken-config", path=path, reason=str(error)) from None
    if not isinstance(value, dict):
        raise ModelError("adapter.broken-config", path=path, reason=Message("adapter.no-object"))
    return value


def _number(values: Mapping[str, Any], name: str, default: float) -> float:
    value = values.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Senseless(Message("adapter.no-number", field=name, value=repr(value)))
    return float(value)


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name) or {}
    if not isinstance(value, Mapping):
        raise _Senseless(Message("adapter.no-table", field=name))
    return value


def _names(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name) or []
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise _Senseless(Message("adapter.no-names", field=name))
    return tuple(sorted(str(item) for item in listed))


def _layers(value: Any) -> tuple[int, ...]:
    """PEFT takes one number or a list."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return _integers("layers_to_transform", listed)


def _is_named(wanted: str | tuple[str, ...], module: str) -> bool:
    """Whether ``wanted``, a pattern for whole names or the ends of names, is for ``module``."""
    if not isinstance(wanted, str):
        return any(f".{module}".endswith(f".{name}") for name in wanted)
    try:
        return re.fullmatch(wanted, module) is not None
    except re.error:
        return False


def _token_indices(value: Any) -> dict[str, tuple[int, ...]]:
    """PEFT takes a list for the input embedding, or lists by the names of embeddings."""
    if not value:
        return {}
    tables = value if isinstance(value, Mapping) else {"": value}
    return {str(name): _integers("trainable_token_indices", indices) for name, indices in tables.items()}


def _integers(name: str, value: Any) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in value)
    except (TypeError, ValueError):
        raise _Senseless(Message("adapter.no-integers", field=name, value=repr(value)[:80])) from None


def _by_pattern(pattern: Mapping[str, float], module: str, default: float) -> float:
    """A pattern's key is a regular expression for the end of a module's name, as in PEFT."""
    for key, value in pattern.items():
        try:
            if re.match(rf"(.*\.)?({key})$", module):
                return value
        except re.error:
            continue
    return default


@dataclass(frozen=True)
class SeenData:
    """A data source the adapter was trained on; ``tokens`` is 0 where they were not counted."""

    path: str
    role: str
    tokens: int


@dataclass(frozen=True)
class Parent:
    """An adapter this one goes back to: by "continue", "merge" or "mix". ``sha256`` is that of its tensors' file.

    ``config_sha256`` is that of its config, which holds its strength. ``weight`` is what a mix took it times.
    """

    path: str
    kind: str
    run: str = ""
    sha256: str = ""
    weight: float = 1.0
    config_sha256: str = ""


@dataclass(frozen=True)
class AdapterRecord:
    """``weights_sha256`` are the base's weight files by name; ``data_files`` SHA-256 by path; empty means unknown."""

    base: str = ""
    revision: str = ""
    weights_sha256: Mapping[str, str] = field(default_factory=dict)
    strategy: str = ""
    parents: tuple[Parent, ...] = ()
    data: tuple[SeenData, ...] = ()
    data_files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    step: int | None = None


def read_record(folder: Path) -> AdapterRecord | None:
    """The record of an adapter tunedeck made; None for others. Parts that make no sense count as unknown."""
    values = read_json(folder / RECORD_FILE)
    base = _as_table(values.get("base"))
    if not base:
        return None
    return AdapterRecord(
        base=_as_text(base.get("name_or_path")),
        revision=_as_text(base.get("revision")),
        weights_sha256=_as_texts(base.get("weights_sha256")),
        strategy=_as_text(values.get("strategy")),
        parents=parents_in(values.get("parents")),
        data=tuple(
            SeenData(
                _as_text(d.get("path")), _as_text(d.get("role")), d["tokens"] if isinstance(d.get("tokens"), int) else 0
            )
            for d in _as_tables(values.get("data"))
        ),
        data_files={_as_text(f.get("path")): _as_text(f.get("sha256")) for f in _as_tables(values.get("data_files"))},
        settings=_as_table(values.get("settings")),
        versions=_as_texts(values.get("versions")),
        step=_as_count(values.get("step")),
    )


def parents_in(value: Any) -> tuple[Parent, ...]:
    """The parents of a record or of a run's note, as they are in JSON; what is none is left out."""
    return tuple(
        Parent(
            _as_text(p.get("path")),
            _as_text(p.get("kind")),
            _as_text(p.get("run")),
            _as_text(p.get("sha256")),
            p["weight"] if isinstance(p.get("weight"), float | int) else 1.0,
            _as_text(p.get("config_sha256")),
        )
        for p in _as_tables(value)
    )


def _as_table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _as_count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_texts(value: Any) -> dict[str, str]:
    return {str(key): text for key, text in _as_table(value).items() if isinstance(text, str)}
