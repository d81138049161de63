"""The end of the questions: the check that every start goes through, and the run or group that is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.app.check import Known
    from engine.config.presets import Resolved
    from engine.machine.snapshot import Machine
    from engine.runs.directory import RunDir
    from tui.world import World


def launch(
    resolved: Resolved, seeds: int, machine: Machine | None, known: Known, world: World, duplicated_from: str = ""
) -> RunDir:
    """Start the run, or of a group the first; takes seconds. Raises TunedeckError for what speaks against it."""
    from engine.app.check import check
    from engine.app.groups import start_group
    from engine.app.start import start

    checked = check(resolved, machine, known)
    if seeds > 1:
        spawn = lambda group: world.spawn_group(group, False)  # noqa: E731
        return start_group(checked, seeds, Path(world.root), spawn, duplicated_from).runs[0]
    return start(checked, Path(world.root), world.spawn, duplicated_from)
