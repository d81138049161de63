"""Datasets of the hub: exported once as parquet by a child process that may load ``datasets``, then read as files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.common import hub_watch, paths
from engine.common.errors import DataError, TunedeckError, reason_of
from engine.config.schema import DataSource

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE = re.compile(r"\.(jsonl?|ndjson|csv|tsv|parquet|arrow|txt|md|gz|zst|xlsx?|zip|tar|toml)$", re.IGNORECASE)
DONE = "COMPLETE"
Export = Callable[[list[str], bool], dict[str, Any]]
"""Runs the exporter with its arguments, on the network or not; gives what it said."""


def is_hub_id(path: str) -> bool:
    """Whether ``path`` may be OWNER/NAME of a dataset; what lies here under that name goes before."""
    return bool(_HUB_ID.fullmatch(path)) and not _FILE.search(path) and not paths.names_a_place(path)


def folder_of(source: DataSource) -> Path:
    """Where the rows of a hub dataset's split are kept once they are here."""
    drawn = [f"{source.max_rows}-drawn"] if source.streaming else []
    words = (source.path, source.subset or "default", source.split, *drawn)
    return paths.cache_dir() / "hub-data" / Path(*(re.sub(r"[^\w.\[\]%:+-]", "--", word) for word in words))


def rows_of(source: DataSource, fetch: bool = True, export: Export | None = None) -> list[Path]:
    """The parquet files of a hub dataset; with ``fetch`` they are exported first if they are not here.

    What this machine already has of it is tried before the network. Raises DataError: no such dataset, subset or
    split, or neither here nor to be reached.
    """
    folder = folder_of(source)
    if not (folder / DONE).is_file():
        if not fetch:
            raise DataError("data.hub-dataset-absent", path=source.path)
        _fetch(source, folder, export or _run)
    return sorted(folder.glob("*.parquet"))


def _fetch(source: DataSource, folder: Path, export: Export) -> None:
    paths.private_dir(folder.parent)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        said: dict[str, Any] = {}
        offline = _is_set("HF_HUB_OFFLINE") or _is_set("HF_DATASETS_OFFLINE")
        arguments = [source.path, "--subset", source.subset, "--split", source.split, "--into", str(made)]
        if source.streaming:
            arguments += ["--draw", str(source.max_rows)]
        if _is_cached(source.path):
            said = export(arguments, True)
        if said.get("type") != "done" and not offline:
            said = export(arguments, False)
        if said.get("type") == "ended":
            raise DataError("data.hub-dataset-failed", path=source.path, reason=said["message"])
        if said.get("type") == "error":
            raise DataError.of(TunedeckError.from_json(said).reason)
        if said.get("type") != "done":
            raise DataError("data.hub-dataset-offline", path=source.path)
        (made / DONE).touch()
        _put(made, folder)
    except OSError as error:
        raise DataError("data.hub-dataset-unkept", path=folder, reason=reason_of(error)) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, folder: Path) -> None:
    """Give ``made`` its name; another run may have been first."""
    try:
        made.rename(folder)
    except OSError:
        if not (folder / DONE).is_file():
            raise


def _run(arguments: list[str], offline: bool) -> dict[str, Any]:
    environment = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    if offline:
        environment |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return hub_watch.ask("engine.jobs.hub_export", arguments, arguments[0], environment=environment)


def _is_cached(name: str) -> bool:
    """Whether the caches of the hub's own libraries hold something of the dataset."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    datasets = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
    files = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    return (datasets / name.replace("/", "___")).is_dir() or (files / f"datasets--{name.replace('/', '--')}").is_dir()


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().upper() in ("1", "ON", "YES", "TRUE")
