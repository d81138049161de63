"""The whole machine as one frozen value, read once or once a second by a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.common import paths
from engine.common.errors import MachineError
from engine.machine.gpus import Gpu, GpuReader, GpuReport, Unusable, visible
from engine.machine.host import Host, read_host
from engine.machine.torch_build import installed, judged
from engine.messages.message import Message


@dataclass(frozen=True)
class Machine:
    """GPUs and host at a moment. ``gpus`` are those this process may use."""

    report: GpuReport
    gpus: tuple[Gpu, ...]
    host: Host

    @property
    def no_gpu(self) -> Message | None:
        """Why no GPU is used; None when there is one."""
        if self.gpus:
            return self.unused
        return self.report.problem or Message("machine.gpus-hidden")

    @property
    def unused(self) -> Message | None:
        """Why a run takes none of the visible GPUs, and what to do; None when it does, or when there is none."""
        barred = self.barred
        if barred is None:
            return None
        return Message("machine.gpus-not-used", reason=barred.reason, advice=barred.advice)

    @property
    def barred(self) -> Unusable | None:
        """Why a run takes none of the visible GPUs; None when it does, or when there is none."""
        return None if self.freest else next((gpu.unusable for gpu in self.gpus if gpu.unusable), None)

    @property
    def freest(self) -> Gpu | None:
        """The GPU with the most free memory of those that a run can use."""
        readable = [gpu for gpu in self.gpus if gpu.free_bytes is not None and gpu.unusable is None]
        return max(readable, key=lambda gpu: gpu.free_bytes or 0, default=None)

    def gpu(self, wanted: str) -> Gpu:
        """The visible GPU named by index, by the beginning of its UUID, or by part of its name.

        Raises MachineError for one that is not there, is hidden by CUDA_VISIBLE_DEVICES, or is one of several so named.
        """
        text = wanted.strip().lower()
        found = [gpu for gpu in self.gpus if _is_called(gpu, text)]
        if len(found) == 1:
            return found[0]
        choice = [gpu.label for gpu in self.gpus]
        if found:
            raise MachineError("machine.gpu-ambiguous", name=wanted, found=[gpu.label for gpu in found], choice=choice)
        if any(_is_called(gpu, text) for gpu in self.report.gpus):
            code = "machine.gpu-hidden" if choice else "machine.all-gpus-hidden"
        else:
            code = "machine.no-such-gpu" if choice else "machine.no-gpu-here"
        raise MachineError(code, name=wanted, choice=choice)


def _is_called(gpu: Gpu, text: str) -> bool:
    """Whether ``text``, in lower case, is ``gpu``'s index, begins its UUID or is part of its name."""
    if text.isdigit():
        return int(text) == gpu.index
    return bool(text) and ((gpu.uuid or "").lower().startswith(text) or text in (gpu.name or "").lower())


def read_machine(runs: Path, models: Path, reader: GpuReader | None = None) -> Machine:
    """One reading. With a ``reader`` of the caller's the NVML session stays open between readings."""
    own = reader is None
    reader = reader or GpuReader()
    try:
        report = judged(reader.read(), installed())
    finally:
        if own:
            reader.close()
    return Machine(report, visible(report.gpus, os.environ), read_host((runs, models)))


READING_S = 5.0
"""A driver that takes longer to answer is left alone."""


class MachineWatch:
    """Reads the machine every ``interval_s`` seconds in a daemon thread, so that a hanging driver blocks nobody.

    ``latest`` is the newest reading (None before the first); ``on_reading`` is called in the watch's thread.
    ``pace`` changes the interval while it runs.
    """

    def __init__(
        self, runs: Path, models: Path, interval_s: float = 1.0, on_reading: Callable[[Machine], None] | None = None
    ) -> None:
        self._folders = (runs, models)
        self._interval_s = interval_s
        self._on_reading = on_reading
        self._stopped = threading.Event()
        self._roused = threading.Event()
        self._first = threading.Event()
        self._latest: Machine | None = None
        self._thread = threading.Thread(target=self._run, name="machine-watch", daemon=True)

    @property
    def latest(self) -> Machine | None:
        return self._latest

    def start(self) -> None:
        self._thread.start()

    def pace(self, interval_s: float) -> None:
        """Read every ``interval_s`` seconds from now on; a shorter wait than before begins with a reading."""
        shorter = interval_s < self._interval_s
        self._interval_s = interval_s
        if shorter:
            self._roused.set()

    def wait_first(self, timeout_s: float) -> Machine | None:
        """The first reading, waited for at most ``timeout_s``."""
        self._first.wait(timeout_s)
        return self._latest

    def stop(self, timeout_s: float = 0.5) -> None:
        """Ask the thread to end and wait a moment; one that hangs in the driver is left behind."""
        self._stopped.set()
        self._roused.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        reader = GpuReader()
        while not self._stopped.is_set():
            try:
                self._latest = read_machine(*self._folders, reader)
            except (
                OSError,
                psutil.Error,
            ):  # the host is between two states, e.g. a folder's disk was unmounted: keep the last one
                pass
            else:
                self._first.set()
                if self._on_reading is not None:
                    self._on_reading(self._latest)
            self._roused.wait(self._interval_s)
            self._roused.clear()
        reader.close()


def read_machine_now() -> Machine | None:
    """One reading within five seconds; None when the driver hangs."""
    watch = MachineWatch(paths.runs_dir(), paths.models_dir())
    watch.start()
    found = watch.wait_first(READING_S)
    watch.stop(0.0)
    return found
