"""What a config leads to, in numbers: rows, steps, size of a checkpoint, disk; from whatever is known so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.plan import shape_of
from engine.common.errors import ConfigError
from engine.memory.disk import RunDisk, disk_of
from engine.memory.duration import DataSize, steps_of

if TYPE_CHECKING:
    from engine.config.schema import DatasetSection, RunConfig
    from engine.memory.fit import Fit


@dataclass(frozen=True)
class Consequence:
    """Numbers that are known so far; None where an answer is missing. Disk is all that the run writes."""

    rows: int | None = None
    steps: int | None = None
    checkpoint_bytes: int | None = None
    disk_bytes: int | None = None


def consequence(config: RunConfig, folder: Path | None, rows: int | None, train_rows: int | None) -> Consequence:
    """``folder`` is the model's; ``train_rows`` are those of one pass over the mix."""
    steps = config.train.max_steps
    if steps is None and train_rows:
        steps = steps_of(config.train, DataSize(train_rows, 0, exact=False))
    disk = written(config, folder)
    return Consequence(rows, steps, disk.checkpoint if disk else None, disk.run if disk else None)


def written(config: RunConfig, folder: Path | None) -> RunDisk | None:
    """What the run writes, by the arithmetic that refuses its start; None where the model's dimensions aren't known."""
    shape = shape_of(folder)
    return disk_of(config, shape, folder) if shape is not None else None


def disk_of_fit(found: Fit, folder: Path) -> RunDisk:
    """The same of a run whose ``auto`` is settled; ``folder`` is the model's."""
    return disk_of(found.setup.config, found.setup.shape, folder)


def held_out(rows: int, dataset: DatasetSection) -> int:
    """Of ``rows`` those never trained on: of the validation and of the test; all where none would be left."""
    from engine.data.splitting.draw import wanted_rows

    try:
        return sum(wanted_rows(rows, dataset))
    except ConfigError:
        return rows
