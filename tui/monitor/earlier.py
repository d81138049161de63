"""Earlier runs whose curves may lie below: what a run was copied from or built on, then the newest ones like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.common.errors import TunedeckError
from engine.runs import directory
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from tui import words
from tui.monitor.curves import Earlier
from tui.widgets.line import cut_cells

_LONGEST_NAME = 24
_MOST, _LOOKED_THROUGH = 9, 300
"""Runs that are offered, and those before this one that are looked at for it."""


def earlier_runs(run: RunDir, root: Path | None = None) -> list[RunDir]:
    """Those whose curves may lie below ``run``'s, the likeliest first. Reads many configs: for a thread."""
    first = (_named(run.duplicated_from, run, root), _built_on(run, root))
    by_id = {each.id: each for each in (*first, *_alike(run, root)) if each is not None}
    return list(by_id.values())[:_MOST]


def curves_of(run: RunDir) -> Earlier:
    """What is laid below of ``run``. Reads its whole log: for a thread."""
    return Earlier(run.id, cut_cells(words.run_name(run), _LONGEST_NAME), load_state(run).series)


def _built_on(run: RunDir, root: Path | None) -> RunDir | None:
    """The run whose adapter it continues or merges."""
    return _named(str(_section(_config(run), "strategy").get("adapter") or ""), run, root)


def _named(name: str, run: RunDir, root: Path | None) -> RunDir | None:
    """Another run that is called so and has a log."""
    if not name:
        return None
    try:
        found = directory.find(name, root)
    except TunedeckError:  # a folder, or a run that is gone
        return None
    return found if found.id != run.id and found.events.is_file() else None


def _alike(run: RunDir, root: Path | None) -> list[RunDir]:
    ours = _about(run)
    before = [each for each in directory.list_runs(root) if each.id < run.id and each.events.is_file()]
    return [each for each in before[:_LOOKED_THROUGH] if _about(each) == ours]


def _about(run: RunDir) -> tuple[str, tuple[str, ...]]:
    """The model and the files of the rows, as the config names them; by the model alone where it names none."""
    config = _config(run)
    sources = config.get("data") or []
    listed = sources if isinstance(sources, list) else []
    files = tuple(sorted(str(each.get("path")) for each in listed if isinstance(each, dict)))
    return str(_section(config, "model").get("name_or_path") or run.read_run_json().get("model") or ""), files


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _config(run: RunDir) -> Mapping[str, Any]:
    """What its config says; {} for one that can't be read."""
    from engine.config import toml  # pydantic: no screen waits for it

    try:
        return toml.read_values(run.config)
    except TunedeckError:
        return {}
