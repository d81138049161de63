"""Whether memory is predicted, and whether a run that is refused some goes on in smaller pieces, to the same result."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from engine.common.errors import own_words
from engine.distributed.device import return_freed_memory
from engine.machine.selftest_result import Check
from engine.messages.message import Message
from engine.modeling.memory_peaks import highest_bytes, restart_peak
from engine.modeling.out_of_memory import OutOfMemory
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.selftest.trial import Trial, known_trial, run_session

_MIB = 1 << 20
_GPU_BOUND, _GPU_FLOOR = 0.05, 64 * _MIB
_CPU_BOUND = 0.5
"""Of a process's resident memory, most of which is libraries where the model is so small."""
_LITTLE = 0.65
_SAME = 1e-3
"""Losses of the same steps, cut into other pieces."""


def check_peak(trial: Trial) -> Iterator[Check]:
    """Three steps of a run, its predicted peak beside the measured one."""
    found: list[ev.MemoryMeasured] = []

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.MemoryMeasured):
            found.append(event)

    run_session(trial, trial.config(), "peak", react)
    last = next((event for event in reversed(found) if event.predicted and event.measured), None)
    if last is None:
        yield Check(
            Message("selftest.peak"), Message("selftest.a-prediction"), Message("selftest.none"), "failed",
            Message("selftest.report"),
        )  # fmt: skip
        return
    predicted, measured = (max(each.values()) for each in (last.predicted, last.measured))
    bound = _CPU_BOUND * measured if trial.device.type == "cpu" else max(_GPU_BOUND * measured, _GPU_FLOOR)
    yield Check(
        Message("selftest.peak"), Message("selftest.within", bound=bound),
        Message("selftest.peaks", predicted=predicted, measured=measured),
        "passed" if abs(predicted - measured) <= bound else "failed", Message("selftest.peak-advice"),
    )  # fmt: skip


def check_shortage(trial: Trial) -> Iterator[Check]:
    """A run with all the memory it wants, and the same run with little more than half of what that took."""
    name, expected = Message("selftest.out-of-memory"), Message("selftest.same-losses")
    plenty = _trained(trial, None)
    little = _trained(trial, round(_LITTLE * plenty.took_bytes))
    if not little.shortages:
        found = Message("selftest.enough", share=_LITTLE, memory=plenty.took_bytes)
        yield Check(name, expected, found, "skipped", Message("selftest.no-limit"))
        return
    pairs = zip(little.losses, plenty.losses, strict=False)
    apart = max((abs(a - b) / b for a, b in pairs), default=1.0)
    passed = len(little.losses) == len(plenty.losses) and apart <= _SAME
    if little.ended:
        found = Message("selftest.halved-and-ended", times=little.shortages, reason=little.ended)
    else:
        found = Message("selftest.halved", times=little.shortages, apart=apart)
    yield Check(name, expected, found, "passed" if passed else "failed", Message("selftest.shortage-advice"))


@dataclass(frozen=True)
class _Trained:
    """Losses of the steps, how often memory ran out, bytes that the run took, and the error that ended it."""

    losses: list[float]
    shortages: int
    took_bytes: int
    ended: str = ""


def _trained(trial: Trial, limit_bytes: int | None) -> _Trained:
    """Two steps of 24 rows, all at once if ``limit_bytes`` beyond what is taken before them allow that."""
    if trial.device.type == "cuda":
        return _train(trial, limit_bytes)
    # A limit on a process can't be felt in memory that it had once: each run is a process of its own.
    command = [sys.executable, "-P", "-m", "engine.selftest.memory", str(trial.folder), json.dumps(limit_bytes)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=one_thread)
    try:
        return _Trained(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        raise RuntimeError(f"the training ended without an answer (exit code {done.returncode})") from None


def _train(trial: Trial, limit_bytes: int | None) -> _Trained:
    config = trial.config(
        dataset={"max_length": 2048, "packing": False, "eval_rows": 0, "eval_share": 0.0},
        train={"max_steps": 2, "batch_size": 24, "micro_batch_tokens": 1 << 17}, model={"dtype": "float32"},
    )  # fmt: skip
    events: list[ev.Event] = []
    before = 0

    def react(event: ev.Event, steering: Steering) -> None:
        nonlocal before
        events.append(event)
        if isinstance(event, ev.Phase) and event.name == "rehearsal" and not before:
            before = _restart(trial.device)
            if limit_bytes is not None:
                _limit(trial.device, limit_bytes)

    ended = ""
    try:
        run_session(trial, config, "shortage", react)
    except OutOfMemory as error:
        ended = own_words(error, 200)
    finally:
        if trial.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)
    highest = torch.cuda.max_memory_reserved() if trial.device.type == "cuda" else highest_bytes()
    losses = [event.loss for event in events if isinstance(event, ev.Step)]
    shortages = sum(isinstance(event, ev.OutOfMemory) for event in events)
    return _Trained(losses, shortages, highest - before, ended)


def _restart(device: torch.device) -> int:
    """Bytes taken now, reserved by torch on a GPU, resident on the CPU; the peak is counted from here."""
    if device.type == "cpu":
        return restart_peak()
    torch.cuda.empty_cache()
    return torch.cuda.memory_reserved()


def _limit(device: torch.device, more_bytes: int) -> None:
    """Let this process have ``more_bytes`` beyond what it has."""
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + more_bytes) / total))
        return
    status = Path("/proc/self/status").read_text("ascii")
    has = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:")) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (has + more_bytes, resource.RLIM_INFINITY))


if __name__ == "__main__":
    return_freed_memory()
    cpu = torch.device("cpu")
    print(json.dumps(asdict(_train(known_trial(Path(sys.argv[1]), cpu, ("cpu",)), json.loads(sys.argv[2])))))
