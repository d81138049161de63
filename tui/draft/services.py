"""What the wizard asks of the engine, in one place, so that tests can answer instead."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from engine.data.files.preview import Head, Preview
    from engine.models.adapter.match import Candidate
    from engine.models.card import ModelCard

STARTER = "smollm2-135m"

Progress = Callable[[int, int | None, Message], None]
"""Done, in all (None: unknown), and what is being done; what it raises ends the work."""


def _find_models() -> list[ModelCard]:
    from engine.models.local import find_models

    return find_models()


def _get_model(name: str, revision: str, allow_pickle: bool, on_progress: Progress) -> ModelCard:
    from engine.models import hub, local, starter
    from engine.models.card import read_card

    if name in starter.STARTERS:
        return read_card(starter.get(name, on_progress).path)
    found = local.resolve(name, revision, allow_pickle)
    return found.card or read_card(hub.download(name, revision, on_progress, allow_pickle), allow_pickle)


def _known_card(name: str, revision: str, allow_pickle: bool) -> ModelCard | None:
    from engine.common.errors import TunedeckError
    from engine.models import local

    try:
        return local.resolve(name, revision, allow_pickle).card
    except TunedeckError:
        return None


def _preview(source: Mapping[str, Any], limit: int) -> Preview:
    from engine.data.files.preview import preview

    return preview(**source, limit=limit)


def _head(source: Mapping[str, Any]) -> Head:
    from engine.config.schema import DataSource
    from engine.data.files.preview import head

    return head(DataSource.model_validate(source))


def _adapters(base: ModelCard | None, named: str, root: Path) -> list[Candidate]:
    from engine.models.adapter.match import adapters_at_hand

    return adapters_at_hand(base, named, root)


def _has_adapters(root: Path) -> bool:
    from engine.runs.directory import list_runs

    return any(run.has_adapter for run in list_runs(root))


def _look_at_adapter(
    named: str, allow_pickle: bool, base: ModelCard | None, base_named: str, on_progress: Callable[[int, int], None]
) -> OldAdapter:
    from engine.app.old_adapter import look_at

    return look_at(named, allow_pickle, base, base_named, on_progress)


def _free_bytes(place: Path) -> int:
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


@dataclass(frozen=True)
class Services:
    """Every one but ``has_adapters`` may take seconds and raise TunedeckError: called in threads, never in a handler.

    ``get_model(name, revision, allow_pickle, on_progress)`` fetches what is not on this machine;
    ``known_card(name, revision, allow_pickle)`` is None for it;
    ``preview(source, limit)`` looks at the head of a source in ``data``, ``head(source)`` gives its rows as they are;
    ``adapters(base, named, root)`` lists those of the runs in ``root``, ``has_adapters(root)`` is whether any made one;
    ``look_at_adapter(named, allow_pickle, base, base_named, on_progress)`` reads one whole and hashes its base.
    """

    find_models: Callable[[], list[ModelCard]] = _find_models
    get_model: Callable[[str, str, bool, Progress], ModelCard] = _get_model
    known_card: Callable[[str, str, bool], ModelCard | None] = _known_card
    preview: Callable[[Mapping[str, Any], int], Preview] = _preview
    head: Callable[[Mapping[str, Any]], Head] = _head
    adapters: Callable[[ModelCard | None, str, Path], list[Candidate]] = _adapters
    has_adapters: Callable[[Path], bool] = _has_adapters
    look_at_adapter: Callable[[str, bool, ModelCard | None, str, Callable[[int, int], None]], OldAdapter] = (
        _look_at_adapter
    )
    free_bytes: Callable[[Path], int] = _free_bytes
    inspect_command: tuple[str, ...] = (sys.executable, "-P", "-m", "engine.jobs", "examine", "--config")
    relation_command: tuple[str, ...] = (sys.executable, "-P", "-m", "engine.jobs", "relation", "--config")
    kind_command: tuple[str, ...] = (sys.executable, "-P", "-m", "engine.jobs", "kind", "--config")
    xray_command: tuple[str, ...] = (sys.executable, "-P", "-m", "engine.jobs", "xray", "--config")
    probe_command: tuple[str, ...] = (sys.executable, "-P", "-m", "engine.jobs", "probe", "--config")
