"""``tunedeck.json`` beside an adapter: what it was made from, as far as it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.models.tokenizer_files import read_object

RECORD_FILE = "tunedeck.json"
PROOF_FILE = "proof.json"
"""What the proof of a merge found, in the merged model's folder."""


@dataclass(frozen=True)
class SeenData:
    """A data source the adapter was trained on; ``tokens`` is 0 where they were not counted."""

    path: str
    role: str
    tokens: int


@dataclass(frozen=True)
class Parent:
    """An adapter this one goes back to: by "continue" or "merge". ``sha256`` is that of its tensors' file."""

    path: str
    kind: str
    run: str = ""
    sha256: str = ""


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
    values = read_object(folder / RECORD_FILE)
    base = _table(values.get("base"))
    if not base:
        return None
    step = values.get("step")
    return AdapterRecord(
        base=_text(base.get("name_or_path")),
        revision=_text(base.get("revision")),
        weights_sha256=_texts(base.get("weights_sha256")),
        strategy=_text(values.get("strategy")),
        parents=tuple(
            Parent(_text(p.get("path")), _text(p.get("kind")), _text(p.get("run")), _text(p.get("sha256")))
            for p in _tables(values.get("parents"))
        ),
        data=tuple(
            SeenData(_text(d.get("path")), _text(d.get("role")), d["tokens"] if isinstance(d.get("tokens"), int) else 0)
            for d in _tables(values.get("data"))
        ),
        data_files={_text(f.get("path")): _text(f.get("sha256")) for f in _tables(values.get("data_files"))},
        settings=_table(values.get("settings")),
        versions=_texts(values.get("versions")),
        step=step if isinstance(step, int) and not isinstance(step, bool) else None,
    )


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    return {str(key): text for key, text in _table(value).items() if isinstance(text, str)}
