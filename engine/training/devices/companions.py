"""The other processes of a run on several devices: started, watched and ended by the first one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import torch

from engine.config.schema import RunConfig
from engine.runs.directory import RunDir
from engine.training.checkpoint import TrainerState
from engine.training.devices.ranks import ALONE, Ranks, join

COMMAND = (sys.executable, "-P", "-m", "engine.training.devices.companion")
TASK, MEETING = "task.json", "meeting"
_DYING_S = 1.0
"""A process's connections are closed before its end can be seen."""


@dataclass(frozen=True)
class Task:
    """What a companion is to train: ``config`` is the run's without ``auto``, as JSON; ``newest`` a checkpoint.

    ``devices`` are those of ``choose_devices``: the first process has hidden all but its own from its children.
    """

    run: str
    config: str
    newest: str
    devices: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.devices)


class Companions:
    """One process for each further of ``devices``; none where there is one. A context: leaving it ends them.

    ``on_loss`` hears, in a thread of its own, which one ended that should not have.
    """

    def __init__(
        self, run: RunDir, config: RunConfig, devices: Sequence[str], newest: Path | None,
        on_loss: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._task = Task(str(run.path), config.model_dump_json(), str(newest or ""), devices)
        self._count = self._task.count
        self._on_loss = on_loss
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._leaving = False

    def __enter__(self) -> Companions:
        if self._count > 1:
            self._folder = tempfile.TemporaryDirectory(prefix="tunedeck-ranks-")
            Path(self._folder.name, TASK).write_bytes(msgspec.json.encode(asdict(self._task)))
            for index in range(1, self._count):
                process = subprocess.Popen([*COMMAND, self._folder.name, str(index)], stdin=subprocess.PIPE)
                self._processes.append(process)
                threading.Thread(target=self._watch, args=(index, process), daemon=True).start()
        return self

    def meet(self, device: torch.device) -> Ranks:
        """Wait until all are ready to train, and join them."""
        if self._folder is None:
            return ALONE
        share_processors(device, self._count)
        return join(0, self._count, str(Path(self._folder.name, MEETING)), device)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, RuntimeError):  # what talking to one that is gone ends in
            self._find_lost()
        self._leaving = True
        for process in self._processes:
            process.kill()  # all that is worth keeping is kept by the first process
            process.wait()
        if self._folder is not None:
            Ranks(0, self._count).leave()
            self._folder.cleanup()

    def _watch(self, index: int, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if code and not self._leaving:
            self._tell(index, code)

    def _find_lost(self) -> None:
        """Tell of one that has ended by now, before the others are."""
        for index, process in enumerate(self._processes, 1):
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_DYING_S)
                if code:
                    self._tell(index, code)

    def _tell(self, index: int, code: int) -> None:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        self._on_loss(f"process {index + 1} of {self._count} ended ({how})")


def share_processors(device: torch.device, count: int) -> None:
    """On the CPU all processes of a run have its cores in common."""
    if device.type == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // count))


def begun(ranks: Ranks, state: TrainerState, budget_tokens: int) -> tuple[TrainerState, int]:
    """Where all processes start from: the first one's ``state`` and budget."""
    values, tokens = ranks.from_first((asdict(state), budget_tokens))
    return (state, budget_tokens) if ranks.is_first else (TrainerState(**values), tokens)
