"""What a run writes to disk at most, and what merging and exporting its result will take later."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.memory.from_config import Setup, job_of
from engine.memory.model_states import trained_numbers
from engine.messages.message import Message
from engine.models.dims import ModelShape

WEIGHT_BYTES = 4
"""Adapters are saved in float32."""
MOMENT_BYTES = {"adamw_8bit": 2 + 8 / 256, "paged_adamw_8bit": 2 + 8 / 256}
"""AdamW's two moments for each trained number: float32 but where bitsandbytes keeps 8 bit with a scale per block."""
LOG_BYTES = 32 * 2**20
TOKENIZER_BYTES = 16 * 2**20
"""What lies beside an adapter where the tokenizer's files are not known."""
_BESIDE = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "chat_template*", "*.model")
_FILES_OF_RUN = 60
"""With two checkpoints, the adapter and the rows as tokens."""


@dataclass(frozen=True)
class RunDisk:
    """Bytes. ``checkpoints``: those kept and the one being written. ``merged`` and ``export`` only if asked for later.

    ``beside``: tokenizer and settings, in each checkpoint and with the adapter. ``merging``: the merged model that
    strategy merge begins with.
    """

    checkpoint: int
    checkpoints: int
    adapter: int
    beside: int = TOKENIZER_BYTES
    merged: int = 0
    merging: int = 0

    @property
    def run(self) -> int:
        """What the run may write until it ends."""
        kept = self.checkpoints * (self.checkpoint + self.beside)
        return kept + self.adapter + self.beside + self.merging + LOG_BYTES

    @property
    def export(self) -> int:
        """One file in 16 bit for other programs, beside the merged model it is made from."""
        return self.merged

    @property
    def message(self) -> Message:
        """ "1.1 GB for 3 checkpoints and the adapter"."""
        told = {"run": self.run, "checkpoints": self.checkpoints}
        if self.merging:
            return Message("memory.disk-merging", merging=self.merging, **told)
        return Message("memory.disk", **told)

    @property
    def later(self) -> Message | None:
        """What is needed after the run, None where the model's size is not known."""
        return Message("memory.disk-later", merged=self.merged) if self.merged else None


def run_disk(
    trained: int, keep: int, optim: str = "auto", *, beside: int = TOKENIZER_BYTES, parameters: int = 0
) -> RunDisk:
    """Of ``trained`` numbers that keeps ``keep`` checkpoints; ``parameters`` of the model, 0 if not known."""
    adapter = trained * WEIGHT_BYTES
    checkpoint = adapter + round(trained * MOMENT_BYTES.get(optim, 8))
    return RunDisk(checkpoint, keep + 1, adapter, beside, 2 * parameters)


def kept_checkpoints(config: RunConfig) -> int:
    """How many a run keeps: the newest, and that of its best step beside them."""
    dataset = config.dataset
    held_out = dataset.eval_share if dataset.eval_rows is None else dataset.eval_rows
    return config.checkpoint.keep + bool(held_out and config.eval.keep == "best")


def disk_of(config: RunConfig, shape: ModelShape, folder: Path | None = None) -> RunDisk:
    """What a run of ``config`` on a model of ``shape`` writes; ``folder`` is the model's, for its tokenizer's size."""
    trained = trained_numbers(job_of(Setup(config, shape)))
    beside = beside_bytes(folder) if folder is not None else TOKENIZER_BYTES
    disk = run_disk(trained, kept_checkpoints(config), config.train.optim, beside=beside, parameters=shape.parameters)
    return replace(disk, merging=disk.merged) if config.strategy.kind == "merge" else disk


def require(disk: RunDisk, place: Path) -> None:
    """Raise MachineError when the disk of ``place`` can't hold what the run writes."""
    files = files_left(place)
    if files is not None and files < _FILES_OF_RUN:
        raise MachineError("memory.disk-takes-no-files", place=place, left=files, needed=_FILES_OF_RUN)
    free = free_bytes(place)
    if free is not None and free < disk.run:
        raise MachineError("memory.disk-too-small", place=place, free=free, disk=disk.message)


def free_bytes(place: Path) -> int | None:
    """Free bytes of the disk that holds, or will hold, ``place``; None where it can't be asked."""
    try:
        return shutil.disk_usage(_there(place)).free
    except OSError:
        return None


def files_left(place: Path) -> int | None:
    """How many files more the disk of ``place`` takes; None where it has no such limit, or can't be asked."""
    try:
        found = os.statvfs(_there(place))
    except OSError:
        return None
    return found.f_favail if found.f_files else None


def what_helps_full(place: Path) -> Message:
    """What to do about a disk that took no more: a lack of inodes is not mended by space."""
    return Message("memory.remove-files" if files_left(place) == 0 else "memory.free-disk-space")


def _there(place: Path) -> Path:
    here = place.absolute()
    while not here.exists() and here != here.parent:
        here = here.parent
    return here


def beside_bytes(folder: Path) -> int:
    """Bytes of the tokenizer's files in a model folder, which go with each checkpoint."""
    names: set[Path] = set()
    for pattern in _BESIDE:
        names |= set(folder.glob(pattern))
    return _sizes(names) or TOKENIZER_BYTES


def _sizes(files: Iterable[Path]) -> int:
    try:
        return sum(file.stat().st_size for file in files if file.is_file())
    except OSError:
        return 0
