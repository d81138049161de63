"""From the finished answers to a runner at work: auto settled for this machine, the run's folder, the process."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.runs import directory

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.machine.snapshot import Machine
    from engine.runs.directory import RunDir
    from tui.draft.inspection import Inspection
    from tui.world import World


def start(resolved: Resolved, machine: Machine | None, seen: Inspection | None, world: World) -> RunDir:
    """Settle what is auto for ``machine`` and the rows that were ``seen``, write the config, and start the runner.

    Takes a while: for a thread. Raises TunedeckError, and then leaves no run behind.
    """
    from engine.memory.planning import settle

    settled = settle(
        resolved,
        machine,
        longest_row=seen.tokens_max if seen and seen.tokens_max else None,
        supervised_share=seen.supervised_share if seen and seen.supervised_share else 1.0,
    )
    config = settled.config
    run = directory.create(config.model.name_or_path, toml.dumps(settled), config.run.name, Path(world.root))
    try:
        world.spawn(run)
    except TunedeckError:
        with contextlib.suppress(OSError, TunedeckError):
            directory.delete(run)  # an unborn run would stand in the list for ever
        raise
    return run
