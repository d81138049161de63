"""Running out of memory, on a GPU or in RAM: told from other errors, said with numbers, and given back."""

from __future__ import annotations

import ctypes
import errno
import gc
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import psutil
import torch

from engine.common.errors import MachineError
from engine.distributed.own_gpu import others_on, own_gpu
from engine.machine.host import read_host
from engine.machine.snapshot import read_machine_now
from engine.memory.estimate import PHASES
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode
from engine.runs.phases import Sink
from engine.runs.writer import tail_lines

_WORDS = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "std::bad_alloc", "CUBLAS_STATUS_ALLOC_FAILED",
    "cudaErrorMemoryAllocation",
)  # fmt: skip
_UNITS = {"B": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_ASKED = re.compile(r"tried to allocate ([\d.]+) ?(bytes|[KMG]iB)", re.IGNORECASE)  # there is no memory for it later


class OutOfMemory(MachineError):
    """Memory ran out and smaller pieces don't help; the event that says so is in the log."""


@dataclass(frozen=True)
class Shortage:
    """One failure to get memory: in which phase (a name of ``PHASES``), and what was free then, in bytes."""

    cause: Message
    phase: str
    asked_bytes: int | None = None
    allocated_bytes: int | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` is a failure to get memory: CUDA's, Python's, or of torch's allocator for RAM."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words.lower() in str(error).lower() for words in _WORDS)


class MemoryGuard:
    """Knows in which phase the run is, and says what becomes of it when memory runs out there.

    ``phase`` (a name of ``PHASES``) and ``step`` are kept up to date by those who compute. ``remedies`` gives
    changes that would help, best first.
    """

    def __init__(
        self, device: torch.device, sink: Sink, remedies: Callable[[], list[Message]] = list, phase: str = "load"
    ) -> None:
        self.device, self.remedies = device, remedies
        self.phase = phase
        self.step: int | None = None
        self._sink = sink

    def shortage(self, error: BaseException) -> Shortage | None:
        """What ``error`` says, None if it is of another kind.

        To be called while the error is handled, before what failed is let go; all else after, as the error's
        traceback holds the failed work's memory.
        """
        if not is_out_of_memory(error):
            return None
        allocated, free, total = _figures(self.device)
        asked = _asked(error)
        return Shortage(_cause(error, asked), self.phase, asked, allocated, free, total)

    def repeats(self, shortage: Shortage, retry_tokens: int) -> None:
        """Give back what is free, and say that the work is repeated in micro-batches of ``retry_tokens``."""
        give_back(self.device)
        self._say(shortage, retry_tokens)

    def ends(self, shortage: Shortage, code: str = "runs.out-of-memory") -> OutOfMemory:
        """Say that the run ends for want of memory; returns the error to raise, of ``code``."""
        give_back(self.device)
        self._say(shortage, None)
        remedies = tuple(self.remedies()[:3])
        if shortage.phase == "load":
            helps = Message("runs.memory-to-load")
        else:
            helps = (
                Message("runs.memory-remedies", changes=remedies) if remedies else Message("runs.memory-last-resort")
            )
        phase = Message.from_json(PHASES.get(shortage.phase, shortage.phase))
        return OutOfMemory(code, phase=phase, cause=shortage.cause, help=helps)

    def _say(self, shortage: Shortage, retry_tokens: int | None) -> None:
        self._sink(
            ev.OutOfMemory(
                step=self.step, phase=shortage.phase, device=self.device.type, cause=shortage.cause,
                asked_bytes=shortage.asked_bytes, retry_tokens=retry_tokens,
                allocated_bytes=shortage.allocated_bytes, free_bytes=shortage.free_bytes,
                total_bytes=shortage.total_bytes, others=_others() if self.device.type == "cuda" else [],
            )
        )  # fmt: skip


def give_back(device: torch.device) -> None:
    """Return freed blocks to the GPU, or to the system."""
    # A backward pass that failed leaves its graph in this thread's queue until another one has run.
    with torch.enable_grad():
        torch.zeros((), requires_grad=True).mul(1).backward()
    gc.collect()
    free_cached()


def free_cached() -> None:
    """Give back what is kept for shapes that come no more soon, such as those of generated answers, to GPU or system.

    The heap of a CPU's run keeps what it freed, in blocks of the training's sizes; those of the answers would come on
    top.
    """
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):
            pass  # another C library


def _figures(device: torch.device) -> tuple[int | None, int | None, int | None]:
    """Bytes this process has, bytes that are free, and all there are."""
    try:
        if device.type == "cuda":
            return torch.cuda.memory_allocated(device), *torch.cuda.mem_get_info(device)
        host = read_host(())
        return psutil.Process().memory_info().rss, host.ram_available_bytes, host.ram_total_bytes
    except (RuntimeError, OSError, MemoryError, psutil.Error):
        return None, None, None


def _others() -> list[ev.ProcessUse]:
    machine = read_machine_now()
    gpu = own_gpu(machine.gpus) if machine else None
    return others_on(gpu) if gpu else []


def _asked(error: BaseException) -> int | None:
    """Bytes that could not be had, as torch's allocators say it; None where they don't."""
    wanted = _ASKED.search(" ".join(str(error).split()))
    return int(float(wanted[1].rstrip(".")) * _UNITS[wanted[2][0].upper()]) if wanted else None


def _cause(error: BaseException, asked: int | None) -> Message:
    """What could not be had, else the error's first sentence."""
    if asked is not None:
        return Message("events.memory-asked", bytes=asked)
    return Message.literal(" ".join(str(error).split()).split(". ")[0][:200] or type(error).__name__)


_TOLD = (b'"memory_plan"', b'"out_of_memory"', b'"phase"', b'"step"', b'"state"')


@dataclass(frozen=True)
class LastWords:
    """``budget_tokens`` were computed at once, ``phase`` was going on, and ``step`` was the last that was taken."""

    budget_tokens: int | None = None
    phase: str = ""
    step: int = 0

    @property
    def was_loading(self) -> bool:
        """Whether it was killed before there was anything to cut smaller."""
        return self.phase in ("", "import", "download", "read", "tokenise", "load")


def last_words(run: RunDir) -> LastWords:
    """Where the runner before this one stood: this one's own first word is its start."""
    now = before = LastWords()
    for line in tail_lines(run.events, 1 << 40):
        if not any(word in line for word in _TOLD):
            continue
        match decode(line):
            case ev.State(state="starting"):
                before = now
            case ev.MemoryPlan(micro_batch_tokens=tokens) if tokens:
                now = replace(now, budget_tokens=min(tokens, now.budget_tokens or tokens))
            case ev.OutOfMemory(retry_tokens=tokens, phase=phase) if tokens and phase != "evaluation":
                now = replace(now, budget_tokens=tokens)
            case ev.Phase(name=name):
                now = replace(now, phase=name)
            case ev.Step(step=step):
                now = replace(now, step=step)
    return before


def smaller_budget(run: RunDir, memory: MemoryGuard, longest_row: int, budget_tokens: int) -> int:
    """Half of what the killed runner computed at once, which is said. Raises OutOfMemory where that can't help."""
    words = last_words(run)
    memory.step = words.step + 1 if words.step else None
    shortage = Shortage(Message("events.killed-for-ram"), "load" if words.was_loading else "")
    tried = min(budget_tokens, words.budget_tokens or budget_tokens)
    if words.was_loading:
        raise memory.ends(shortage, "runs.model-beyond-ram")
    if tried <= longest_row:
        raise memory.ends(shortage, "runs.out-of-memory-row")
    memory.repeats(shortage, tried // 2)
    return tried // 2
