"""Models on this machine: those tunedeck fetched or merged, those in the hub's cache, those in the current folder."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from engine.common import paths
from engine.common.errors import ModelError, TunedeckError
from engine.common.files import read_json
from engine.config.schema import ModelSection, RunConfig
from engine.models.adapter.config import PROOF_FILE
from engine.models.card import ModelCard, read_card
from engine.models.starter import STARTERS
from engine.runs import directory

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_MOST_CHILDREN = 500


@dataclass(frozen=True)
class Scan:
    """All models found, and the folders that look like one but can't be used, with the reason."""

    models: list[ModelCard]
    broken: list[tuple[Path, TunedeckError]]


@dataclass(frozen=True)
class Resolution:
    """What a model's name means here. ``path`` and ``card`` are None for a ``hub`` model still to be downloaded."""

    kind: Literal["folder", "starter", "cache", "hub"]
    name: str
    path: Path | None
    card: ModelCard | None


def find_models() -> list[ModelCard]:
    """Usable models on this machine, tunedeck's own first."""
    return scan_models().models


def scan_models() -> Scan:
    """Look at every model folder in the usual places; each is read once, and again when its files have changed."""
    models: list[ModelCard] = []
    broken: list[tuple[Path, TunedeckError]] = []
    seen: set[Path] = set()
    here = Path.cwd()
    for folder in itertools.chain(_children(paths.models_dir()), _merges(), _cached(), [here], _children(here)):
        if folder.resolve() in seen or not (folder / "config.json").is_file():
            continue
        seen.add(folder.resolve())
        try:
            models.append(_card(folder, _stamp(folder)))
        except TunedeckError as error:
            broken.append((folder, error))
    return Scan(models, broken)


def resolve(name_or_path: str, revision: str = "main", allow_pickle: bool = False) -> Resolution:
    """Find the model a config names: a folder, a starter model, a hub model in the cache, or one to download.

    Raises ModelError for a folder that can't be used, a starter that is not fetched yet, and a name that is none.
    """
    text = name_or_path.strip()
    try:
        folder = Path(text).expanduser()
        is_there = folder.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("models.unusable-path", path=text, reason=str(error)) from None
    if is_there:
        return Resolution("folder", text, folder, read_card(folder, allow_pickle))
    if text in STARTERS:
        own = paths.models_dir() / text
        if not own.is_dir():
            raise ModelError("models.not-fetched", name=text)
        return Resolution("starter", text, own, read_card(own, allow_pickle))
    snapshot = cached_snapshot(text, revision)
    if snapshot is not None:
        try:
            return Resolution("cache", text, snapshot, read_card(snapshot, allow_pickle))
        except ModelError:
            # A download that was cut off, or weights that were left out then: the hub decides.
            return Resolution("hub", text, None, None)
    close = difflib.get_close_matches(text.lower(), STARTERS, n=1, cutoff=0.7)
    if paths.names_a_place(text):
        near = paths.nearest(folder)
        if near:
            raise ModelError("models.no-folder-near", path=text, near=near)
        raise ModelError("models.no-folder-or-hub", path=text)
    if _HUB_ID.fullmatch(text) and not close:
        return Resolution("hub", text, None, None)
    if close:
        raise ModelError("models.not-found-near", name=text, near=close[0])
    raise ModelError("models.not-found", name=text)


def is_here(model: ModelSection) -> bool:
    """Whether the model that a config names is on this machine. Raises ModelError for one that can't be used."""
    return resolve(model.name_or_path, model.revision, model.allow_pickle).path is not None


def hub_cache() -> Path:
    """The hub library's cache folder, by the same environment variables the library reads."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"


def is_offline() -> bool:
    """Whether the hub is not to be asked, by the same environment variable the library reads."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def cached_snapshot(repo_id: str, revision: str = "main") -> Path | None:
    """The snapshot folder of a hub model, if the cache has that revision."""
    if not _HUB_ID.fullmatch(repo_id):
        return None
    return _snapshot(hub_cache() / ("models--" + repo_id.replace("/", "--")), revision)


def _snapshot(repo: Path, revision: str) -> Path | None:
    try:
        commit = (repo / "refs" / revision).read_text("utf-8").strip()
    except (OSError, ValueError):
        commit = revision
    folder = repo / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def _cached() -> Iterator[Path]:
    """One snapshot of each model in the cache: that of ``main``, or the newest."""
    for repo in _children(hub_cache()):
        if not repo.name.startswith("models--"):
            continue
        folder = _snapshot(repo, "main")
        if folder is None:
            snapshots = sorted(_children(repo / "snapshots"), key=lambda path: path.stat().st_mtime)
            folder = snapshots[-1] if snapshots else None
        if folder is not None:
            yield folder


def _merges() -> Iterator[Path]:
    """Merged models that runs left whole and proven, those of the newest runs first."""
    for run in directory.list_runs():
        if read_json(run.merged / PROOF_FILE).get("verdict") not in (None, "failed"):
            yield run.merged


@lru_cache(maxsize=1024)
def _card(folder: Path, _stamp: object) -> ModelCard:
    return read_card(folder)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes with any file of the model."""
    try:
        stats = [(path.name, path.stat()) for path in folder.iterdir() if path.is_file()]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))


def _children(folder: Path) -> list[Path]:
    try:
        inside = itertools.islice(folder.iterdir(), _MOST_CHILDREN)
        return sorted(path for path in inside if path.is_dir() and not path.name.endswith(".partial"))
    except OSError:
        return []


def model_folder(config: RunConfig) -> Path | None:
    """The model's folder; None while it is not on this machine, or can't be used."""
    model = config.model
    try:
        return resolve(model.name_or_path, model.revision, model.allow_pickle).path
    except TunedeckError:
        return None
