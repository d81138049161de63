"""One source in the data step's list: how it is read, what it is in the mix, and how many rows it brings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.common.errors import ConfigError, TunedeckError
from engine.config.provenance import REPLAY
from engine.data.mixing.parts import parts_of
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.data.files.preview import Preview

Item = Mapping[str, Any]
_READING = ("path", "subset", "split", "format", "columns", "tags", "labels")
"""Fields of a source that say which rows it is and how they are read."""


def is_new(item: Item) -> bool:
    """Whether the source is there to be learnt; replay is there not to be forgotten."""
    return bool(item.get("role", "new") != "replay")


def reading_of(item: Item) -> dict[str, Any]:
    """What of the source says how it is read."""
    return {name: item[name] for name in _READING if name in item}


def key_of(item: Item) -> str:
    """The same for sources that are read the same way."""
    return json.dumps(reading_of(item), sort_keys=True, default=str)


def keep(item: dict[str, Any], name: str, value: Any, default: Any) -> None:
    """Set a field of the source; one at its default is left out."""
    if value == default:
        item.pop(name, None)
    else:
        item[name] = value


def part(item: Item, source: Message) -> str:
    """What a source is in the mix, where it is not simply new rows: "replay 10%, by continue"."""
    role, share = item.get("role", "new"), item.get("share")
    if role == "new" and share is None:
        return ""
    words = text("wizard-data.role-share", role=str(role), share=share) if isinstance(share, float) else str(role)
    return text("wizard-data.by-continue", role=words) if source == REPLAY else words


def rows_by_path(items: Sequence[Item], found: Mapping[str, Preview | TunedeckError | None]) -> dict[str, int]:
    """Rows that a pass takes of each source that could be read: of one with a share about that, not all there are."""
    rows = {
        path: preview.count_estimate
        for path, preview in found.items()
        if preview is not None and not isinstance(preview, TunedeckError)
    }
    shares = {str(item["path"]): item.get("share") for item in items if str(item["path"]) in rows}
    try:
        parts = parts_of([rows[path] for path in shares], [rows[path] for path in shares], list(shares.values()))
    except ConfigError:  # shares that leave nothing: the rules say so
        return rows
    return {path: part.drawn for path, part in zip(shares, parts, strict=True)}
