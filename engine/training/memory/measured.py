"""Predicted beside measured memory of a run, told to the log and remembered for the next estimates here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from engine.memory import history, throughput
from engine.memory.estimate import Estimate, estimate
from engine.modeling.memory_peaks import Peaks
from engine.runs import events as ev
from engine.runs.phases import Sink
from engine.training.checkpoint import TrainerState
from engine.training.memory.plan import RunMemory
from engine.training.memory.rehearsal import Rehearsed

TRAINING = ("loss", "backward", "step")
FEWEST_STEPS = 3
"""A run of fewer says nothing about its speed: the first ones warm up."""


class MemoryStory:
    """Follows ``peaks`` from the rehearsal to the end of the run ``name``; ``plan`` says what was expected."""

    def __init__(self, name: str, plan: RunMemory, peaks: Peaks, sink: Sink) -> None:
        self._name, self._plan, self._peaks, self._sink = name, plan, peaks, sink
        self._predicted: dict[str, int] = {}

    def rehearsed(self, tried: Rehearsed) -> None:
        """All phases have been tried: compare, and begin to measure the run itself."""
        self._predicted = predict(self._plan, tried)
        self._tell("rehearsal")
        self._peaks.measured.clear()
        self._peaks.restart()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What happens inside is ``name`` (of ``PHASES``), what came before was training."""
        self._take_training()
        try:
            yield
        finally:
            self._peaks.take(name)

    def trained(self, before: TrainerState, after: TrainerState, micro_batch_tokens: int) -> None:
        """The loop has gone from one state to the other: let estimates of time here know how fast."""
        self._take_training()
        plan, steps = self._plan, after.step - before.step
        seconds = after.train_seconds - before.train_seconds
        if plan.fit is None or plan.budget is None or steps < FEWEST_STEPS or seconds <= 0:
            return
        job, tokens = plan.fit.estimate.job, after.num_tokens - before.num_tokens
        rate = tokens / seconds / job.gpus  # estimates begin with what one device does
        throughput.record(job.shape.name, throughput.method_of(job), plan.budget.name, rate, micro_batch_tokens)

    def ended(self) -> None:
        """The run is over: compare what it took with what was expected."""
        self._tell("run")

    def _take_training(self) -> None:
        """Forward, backward and step alternate too fast to be told apart: theirs is the one that takes most."""
        self._peaks.take(max(TRAINING, key=lambda name: self._predicted.get(name, 0)))

    def _tell(self, moment: str) -> None:
        measured, predicted = dict(self._peaks.measured), self._predicted
        if moment == "run":  # the rehearsal met a shape or two
            predicted = {name: size + self._compiled() for name, size in predicted.items()}
        predicted = {name: size for name, size in predicted.items() if name in measured}
        self._sink(ev.MemoryMeasured(moment=moment, of=self._peaks.of, predicted=predicted, measured=measured))
        if self._plan.fit is None or self._plan.budget is None:
            return
        job, gpu = self._plan.fit.estimate.job, self._plan.budget.name
        history.record(
            history.Observation(
                self._name, gpu, job.shape.name, job.quantization, phase, size, measured[phase], time.time()
            )
            for phase, size in predicted.items()
        )

    def _compiled(self) -> int:
        """Bytes of kernels for the shapes that only the run itself meets."""
        return int(self._plan.estimate.profile.compiled_bytes) if self._plan.estimate else 0


def predict(plan: RunMemory, tried: Rehearsed) -> dict[str, int]:
    """Bytes by phase for the very pieces that were tried, counted as ``Peaks`` measures; {} without an estimate."""
    expected = plan.estimate_of(tried.batches)
    if expected is None:
        return {}
    phases = {
        "load": expected.phase("load").bytes,
        "loss": expected.phase("loss").bytes,
        "backward": max(expected.phase("backward").bytes, expected.phase("backward_end").bytes),
        "step": expected.phase("step").bytes,
        "save": expected.phase("save").bytes,
        "evaluation": _evaluation(expected, tried).phase("evaluation").bytes,
    }
    if plan.budget is not None and plan.budget.device == "cpu":
        phases = _as_resident(phases, expected, plan)
    return {name: int(size) for name, size in phases.items()}


def _as_resident(phases: dict[str, float], expected: Estimate, plan: RunMemory) -> dict[str, float]:
    """The same as a process's resident memory: libraries beside tensors, and the heap, which never shrinks.

    Weights that are computed with as they are in their file are mapped, and come in with the first pass over them.
    Others are read whole; a quantized model's file stays mapped for its word tables.
    """
    if plan.weights_mapped:
        load, file_bytes = expected.phase("load").terms["adapters"], 0
    else:
        load, file_bytes = expected.phase("load").bytes + plan.file_bytes, plan.file_bytes
    stays = file_bytes if expected.job.is_quantized else 0
    highest, resident = 0.0, {}
    for name, size in phases.items():
        highest = max(highest, load if name == "load" else size + stays)
        resident[name] = expected.profile.context_bytes + highest
    return resident


def _evaluation(expected: Estimate, tried: Rehearsed) -> Estimate:
    work = tried.evaluation
    job = replace(expected.job, rows=max(1, work.rows), row_tokens=max(1, work.row_tokens),
                  supervised_share=work.supervised_tokens / max(1, work.packed_tokens or work.rows * work.row_tokens),
                  answer_tokens=work.answer_tokens, packed_tokens=work.packed_tokens)  # fmt: skip
    return estimate(job, expected.profile)
