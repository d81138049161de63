"""The earlier run whose curve is laid below: the one it was copied from or built on, else the newest one like it."""

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


def earlier_of(run: RunDir, root: Path | None = None) -> Earlier | None:
    """Its curves, None where there is no such run. Reads a whole log: for a thread."""
    found = _found(run.duplicated_from, run, root) or _built_on(run, root) or _alike(run, root)
    if found is None:
        return None
    return Earlier(cut_cells(words.run_name(found), _LONGEST_NAME), load_state(found).series)


def _built_on(run: RunDir, root: Path | None) -> RunDir | None:
    """The run whose adapter it continues or merges."""
    return _found(str(_section(_config(run), "strategy").get("adapter") or ""), run, root)


def _found(named: str, run: RunDir, root: Path | None) -> RunDir | None:
    """Another run that is called so and has a log."""
    if not named:
        return None
    try:
        found = directory.find(named, root)
    except TunedeckError:  # a folder, or a run that is gone
        return None
    return found if found.id != run.id and found.events.is_file() else None


def _alike(run: RunDir, root: Path | None) -> RunDir | None:
    ours = _about(run)
    before = (each for each in directory.list_runs(root) if each.id < run.id and each.events.is_file())
    return next((each for each in before if _about(each) == ours), None)


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
