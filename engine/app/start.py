"""From a checked config to a runner at work: the run's folder, its config, the process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.app.check import Checked
from engine.common.errors import TunedeckError
from engine.config import toml
from engine.config.schema import RunConfig
from engine.runs import directory
from engine.runs.directory import RunDir
from engine.runs.summary import DATA


def launch(run: RunDir, resume: bool = False, accept_changes: bool = False) -> int:
    """Start the detached runner of ``run``; returns the pid of the process that waits for it. Raises TunedeckError."""
    from engine.runs.launch import launch

    return launch(run, resume, accept_changes=accept_changes)


def facts_of(config: RunConfig, duplicated_from: str = "") -> dict[str, Any]:
    """What run.json is to hold from the start, for lists of runs."""
    copied = {directory.DUPLICATED_FROM: duplicated_from} if duplicated_from else {}
    return {DATA: [source.path for source in config.data]} | copied


def start(
    checked: Checked,
    root: Path | None = None,
    spawn: Callable[[RunDir], object] = launch,
    duplicated_from: str = "",
) -> RunDir:
    """Create the directory of a run that nothing speaks against, in ``root`` or where runs are, and launch its runner.

    ``duplicated_from`` is the id of the run whose settings it began with.

    Raises TunedeckError for what ``checked`` found against it and for what keeps it from starting; nothing is left
    behind then.
    """
    checked.require()
    settled = checked.planned.resolved
    config = settled.config
    created = directory.create(
        config.model.name_or_path, toml.dumps(settled), config.run.name, root,
        facts_of(config, duplicated_from),
    )  # fmt: skip
    try:
        spawn(created)
    except TunedeckError:
        with contextlib.suppress(OSError, TunedeckError):
            directory.delete(created)  # an unborn run would stand in the list for ever
        raise
    return created
