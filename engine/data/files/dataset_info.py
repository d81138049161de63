"""LLaMA-Factory's ``dataset_info.json``: which files its datasets are, and how their rows are to be read."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.errors import DataError
from engine.config.schema import DataSource
from engine.data.rows.untrainable import preferences

NAME = "dataset_info.json"
_MOST_BYTES = 16 * 2**20
_WHERE = ("file_name", "hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")
# Its columns and tags -> our fields, by formatting; "" are the columns it takes where none are named.
_ALPACA = {
    "prompt": "instruction", "query": "input", "response": "output", "history": "history", "system": "system",
    "tools": "tools",
}  # fmt: skip
_TURNS = {"messages": "conversations", "system": "system", "tools": "tools"}
_TAGS = {
    "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
    "observation_tag": "tool", "function_tag": "call", "system_tag": "system",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A dataset that ``file`` describes under ``name``."""

    name: str
    values: Mapping[str, Any]
    file: Path

    @property
    def place(self) -> str:
        """The file or folder it lies in, beside its description; "" for one that is elsewhere."""
        return str(self.values.get("file_name") or "")

    def source(self, source: DataSource) -> DataSource:
        """``source`` with the path, subset and split of this dataset. Raises DataError when it lies out of reach."""
        if self.place:
            changed: dict[str, Any] = {"path": str(self.file.parent / self.place)}
        elif self.values.get("hf_hub_url"):
            changed = {"path": str(self.values["hf_hub_url"]), "subset": str(self.values.get("subset") or "")}
            changed |= {"split": str(self.values["split"])} if self.values.get("split") else {}
        else:
            raise DataError("data.dataset-without-place", path=self.file, name=self.name)
        count = self.values.get("num_samples")
        if source.max_rows is None and isinstance(count, int) and count > 0:
            changed["max_rows"] = count
        return source.model_copy(update=changed)

    def reading(self, source: DataSource, found: Collection[str]) -> DataSource:
        """``source`` with the format, columns and tags given here, for rows with the columns ``found``.

        What the source itself says goes before. Raises DataError for preferences.
        """
        if source.format != "auto" or source.columns:
            return source if source.tags else source.model_copy(update={"tags": self._tags()})
        if self.values.get("ranking"):
            raise preferences(str(self.file.parent / self.place))
        own = self.values.get("columns")
        columns = {str(name): str(column) for name, column in own.items() if column} if isinstance(own, dict) else {}
        if self.values.get("formatting", "alpaca") != "alpaca":
            fields, format = _TURNS, "sharegpt"
        else:
            fields, format = _ALPACA, "alpaca"
            if set(columns) == {"prompt"} and "output" not in found:
                fields, format = {"prompt": "text"}, "text"  # a prompt without an answer is how it writes plain text
        mapped = {fields[name]: column for name, column in columns.items() if name in fields and column in found}
        if not mapped and not self.values.get("formatting"):
            return source  # nothing is said that could not be found out
        return source.model_copy(update={"format": format, "columns": mapped, "tags": self._tags()})

    def _tags(self) -> dict[str, str]:
        own = self.values.get("tags")
        given = own if isinstance(own, dict) else {}
        return {_TAGS[name]: str(value) for name, value in given.items() if name in _TAGS and value}


def entries(folder: Path) -> dict[str, Entry]:
    """The datasets that the description in ``folder`` names; {} where there is none, or one of another kind."""
    file = folder / NAME
    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return {}
        values = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        str(name): Entry(str(name), entry, file)
        for name, entry in values.items()
        if isinstance(entry, dict) and any(key in entry for key in _WHERE)
    }


def named(path: str) -> Entry | None:
    """The dataset that ``path`` names: ``FOLDER/dataset_info.json#NAME``, ``FOLDER#NAME`` or ``FOLDER/NAME``.

    None when ``path`` is nothing of the kind. Raises DataError with the names there are, when one is asked for.
    """
    place, mark, name = path.partition("#")
    target, whole = Path(place).expanduser(), Path(path).expanduser()
    if target.name != NAME and whole.exists():
        return None
    folder = target.parent if target.name == NAME else target
    known = entries(folder)
    if mark or (target.name == NAME and target.is_file() and known):
        if not mark and len(known) == 1:
            return next(iter(known.values()))
        if name not in known and (known or target.name == NAME):
            raise _unknown(folder, name, known)
        return known.get(name)
    return None if target.exists() else entries(target.parent).get(target.name)


def about(paths: Sequence[Path]) -> list[Entry | None]:
    """For each file the one dataset of the description beside it that it is; None where none or several are."""
    known: dict[Path, list[Entry]] = {}
    for folder in dict.fromkeys(path.parent for path in paths):
        for entry in entries(folder).values():
            if entry.place:
                known.setdefault(folder / entry.place, []).append(entry)
    fitting = [known.get(path, []) for path in paths]
    return [found[0] if len(found) == 1 else None for found in fitting]


def _unknown(folder: Path, name: str, known: Mapping[str, Entry]) -> DataError:
    path, shown = folder / NAME, [key[:60] for key in list(known)[:20]]
    if not known:
        return DataError("data.no-dataset-described", path=path)
    if name:
        return DataError("data.no-dataset-of-that-name", path=path, name=name, known=shown)
    return DataError("data.several-datasets", path=path, count=len(known), known=shown)
