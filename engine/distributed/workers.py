"""The other processes of a run on several devices: started, watched and ended by the first one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import torch

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.distributed.ranks import ALONE, Ranks, join
from engine.machine.processes import clean
from engine.messages.message import Message
from engine.runs.directory import RunDir
from engine.runs.steering import Steering
from engine.runs.supervise import oom_kills

COMMAND = (sys.executable, "-P", "-m", "engine.training.worker")
TASK, MEETING, STOP = "task.json", "meeting", b"stop\n"
LEAVING_S = 20.0
"""For all to part at the end of the work; whoever is still there then is ended."""
_DYING_S = 1.0
"""A process's connections are closed before its end can be seen."""
_LAST_LINES = 40
_POLL_S = 0.05
_FATAL = "Fatal Python error"
"""Begins what faulthandler writes of a crash; the stacks that follow say less."""


@dataclass(frozen=True)
class Task:
    """What a companion is to train: ``config`` is the run's without ``auto``, as JSON; ``newest`` a checkpoint.

    ``devices`` are those of ``choose_devices``: the first process has hidden all but its own from its children.
    ``precision`` is that of its placement.
    """

    run: str
    config: str
    newest: str
    devices: Sequence[str]
    precision: str

    @property
    def count(self) -> int:
        return len(self.devices)


@dataclass(frozen=True)
class LastWords:
    """Why a companion gives up, left in the meeting's folder for the first process to tell; None: nobody knows."""

    reason: Message | None = None


class Companions:
    """One process for each further of ``devices``; none where there is one. A context: leaving it ends them.

    One that ends before its time is told to ``steering`` at once, from a thread of its own, as the training thread may
    be waiting for it; where that one hears of it by an error, leaving the context raises MachineError with the reason.
    """

    def __init__(
        self, run: RunDir, config: RunConfig, devices: Sequence[str], precision: str, newest: Path | None,
        steering: Steering,
    ) -> None:  # fmt: skip
        self._run = run
        self._task = Task(str(run.path), config.model_dump_json(), str(newest or ""), devices, precision)
        self._count = self._task.count
        self._steering = steering
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._said: list[deque[bytes]] = []
        self._ranks = ALONE
        self._leaving = False

    def __enter__(self) -> Companions:
        if self._count > 1:
            self._oom_kills = oom_kills()
            self._folder = tempfile.TemporaryDirectory(prefix="tunedeck-ranks-")
            self._place = Path(self._folder.name)
            (self._place / TASK).write_bytes(msgspec.json.encode(asdict(self._task)))
            for index in range(1, self._count):
                process = subprocess.Popen(
                    [*COMMAND, self._folder.name, str(index)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
                )
                self._processes.append(process)
                self._said.append(deque(maxlen=_LAST_LINES))
                threading.Thread(target=self._watch, args=(index,), daemon=True).start()
            self._steering.on_stop(self._pass_stop)
        return self

    def meet(self, device: torch.device) -> Ranks:
        """Wait until all are ready to train, and join them. Raises MachineError if one ends, StopRequested."""
        if self._folder is None:
            return ALONE
        share_processors(device, self._count)
        while not all(ready_file(self._place, index).exists() for index in range(1, self._count)):
            if self._steering.lost is not None:
                raise self._steering.lost
            self._steering.check()
            time.sleep(_POLL_S)
        self._ranks = join(0, self._count, str(self._place / MEETING), device)
        return self._ranks

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if self._folder is None:
            return
        if kind is None:
            self._part()
        elif issubclass(kind, RuntimeError):  # what talking to one that is gone ends in
            self._find_lost()
        self._leaving = True
        for process in self._processes:
            process.kill()  # all that is worth keeping is kept by the first process
            process.wait()
        self._ranks.break_off()
        self._folder.cleanup()
        lost = self._steering.lost
        if isinstance(error, RuntimeError) and lost is not None:
            # A checkpoint that was being written when the process was missed is whole by now.
            raise MachineError(lost.code, **lost.reason.args | {"again": self._again()}) from error

    def _part(self) -> None:
        """Leave together. The work is done, so that nothing that goes wrong here is anybody's trouble."""
        self._leaving = True
        parting = threading.Thread(target=self._leave, daemon=True)
        parting.start()
        deadline = time.monotonic() + LEAVING_S
        parting.join(LEAVING_S)
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))

    def _leave(self) -> None:
        with suppress(RuntimeError):
            self._ranks.leave()

    def _pass_stop(self) -> None:
        """Let the others end what they measure; a step is ended by all together anyway."""
        for process in self._processes:
            if process.stdin is not None:
                with suppress(OSError, ValueError):
                    process.stdin.write(STOP)
                    process.stdin.flush()

    def _watch(self, index: int) -> None:
        process = self._processes[index - 1]
        listener = threading.Thread(target=self._listen, args=(index,), daemon=True)
        listener.start()
        code = process.wait()
        listener.join(_DYING_S)
        if code and not self._leaving:
            self._steering.lose(self._lost(index, code))

    def _listen(self, index: int) -> None:
        """Pass on to the run's log what a companion says there, and remember the end of it."""
        pipe = self._processes[index - 1].stderr
        for line in pipe or ():
            self._said[index - 1].append(line)
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line)

    def _find_lost(self) -> None:
        """Tell of one that has ended by now, before the others are."""
        for index, process in enumerate(self._processes, 1):
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_DYING_S)
                if code:
                    self._steering.lose(self._lost(index, code))

    def _lost(self, index: int, code: int) -> MachineError:
        device = self._task.devices[index]
        which = Message("runs.process-of", number=index + 1, count=self._count)
        which = Message("runs.process-on", process=which, device=device) if device else which
        how = Message("runs.exit-code", code=code) if code > 0 else Message("runs.exit-signal", signal=-code)
        known = {"process": which, "how": how, "again": self._again()}
        if (reason := self._last_words(index, code).reason) is None:
            return MachineError("runs.process-lost", **known)
        return MachineError("runs.process-lost-because", **known, reason=reason)

    def _again(self) -> Message:
        """What resuming would do now."""
        kept = bool(self._run.complete_checkpoints())
        return Message("runs.resume-continues" if kept else "runs.resume-restarts")

    def _last_words(self, index: int, code: int) -> LastWords:
        """What the companion left for us; else what it said last, or that the system took its memory."""
        try:
            return msgspec.json.decode(words_file(self._place, index).read_bytes(), type=LastWords)
        except (OSError, msgspec.DecodeError):
            pass
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return LastWords(Message("runs.process-killed-for-ram"))
        if code == -signal.SIGKILL:  # somebody did: what it said before has nothing to do with that
            return LastWords()
        lines = [line for each in self._said[index - 1] if (line := each.decode("utf-8", "replace").strip())]
        fatal = [line for line in lines if line.startswith(_FATAL)]
        last = clean((fatal or lines or [""])[-1], 300)
        return LastWords(Message.literal(last) if last else None)


def ready_file(place: Path, index: int) -> Path:
    """Is there once process ``index`` is ready to join the others."""
    return place / f"ready-{index}"


def words_file(place: Path, index: int) -> Path:
    """The LastWords of process ``index``."""
    return place / f"words-{index}.json"


def share_processors(device: torch.device, count: int) -> None:
    """On the CPU all processes of a run have its cores in common."""
    if device.type == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // count))
