"""A run before its start: every ``auto`` that can be resolved now, the fit, the time and the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.app.evaluation_plan import EvaluationPlan, device_of, evaluation_plan
from engine.common.errors import TunedeckError
from engine.config import provenance
from engine.config.presets import Resolved
from engine.config.schema import RunConfig
from engine.config.toml import located
from engine.machine.cpu_specs import Cpu
from engine.machine.snapshot import Machine
from engine.memory import throughput
from engine.memory.budget import Budget, device_budget
from engine.memory.disk import RunDisk, disk_of
from engine.memory.duration import DataSize, Duration, duration_of, guess_size, seconds_beside
from engine.memory.fit import Fit, fit
from engine.memory.history import Observation, read_history
from engine.memory.speed import CPU, as_trained
from engine.messages.message import Message
from engine.models.adapter.adopt import adopt
from engine.models.dims import ModelShape, from_folder
from engine.models.local import model_folder

if TYPE_CHECKING:
    from engine.app.examine import Inspection


@dataclass(frozen=True)
class Planned:
    """``resolved`` has a value and its reason for each ``auto`` that could be resolved. None: not known yet.

    ``size`` is of its rows, ``evaluation`` what its evaluation can show; ``refusal`` is what the machine, or the
    adapter that is continued, has against the run.
    """

    resolved: Resolved
    fit: Fit | None = None
    duration: Duration | None = None
    disk: RunDisk | None = None
    size: DataSize | None = None
    evaluation: EvaluationPlan | None = None
    refusal: TunedeckError | None = None

    @property
    def parts(self) -> list[Message]:
        """ "needs 14.2 GiB of 23.6 GiB free on GPU 0, NVIDIA L4", "fits, 9.4 GiB spare", "about 38 min"; [] when not
        known."""
        if self.fit is None:
            return []
        budget, verdict, count = self.fit.budget, self.fit.verdict, self.fit.setup.gpus
        device: str | Message = budget.name
        if budget.gpu is not None:
            device = Message("memory.device-gpu", gpu=budget.gpu.index, name=budget.name)
        if count > 1:
            device = Message("memory.device-each", device=device, count=count)
        needs = Message(
            "memory.needs", needed=verdict.needed_bytes, available=budget.available_bytes, device=device
        )  # fmt: skip
        used = Message("memory.in-use", used=budget.used_bytes, total=budget.total_bytes)
        taken = [used] if budget.used_bytes > 0.02 * budget.total_bytes else []
        return [needs, *taken, verdict.message, *([self.duration.short] if self.duration is not None else [])]


def plan(
    resolved: Resolved,
    machine: Machine | None,
    rows: Inspection | None = None,
    budget: Budget | None = None,
    shape: ModelShape | None = None,
) -> Planned:
    """``resolved`` settled for ``machine``, with fit, expected time and disk: each ``auto`` that memory decides has its
    value and as its source the reason, what the adapter of strategy "continue" fixes stands there, paths are absolute.

    What depends on a model or machine that is not known stays ``auto``: the runner resolves it by the same rules.
    ``rows`` are the figures of its rows, where they were examined; else the heads of the data files are read.
    ``budget`` is that of another machine, ``shape`` that of a model that is not here.
    Raises MachineError for GPUs that are not there or can't be used, ConfigError and ModelError for an adapter that
    can't be used.
    """
    resolved = adopt(located(resolved))
    found = fit_on(resolved.config, machine, rows, budget=budget, shape=shape)
    if found is None:
        return Planned(resolved)
    counted = rows is not None and bool(rows.tokens_total)
    size = rows.size if rows and counted else guess_size(resolved.config)
    time = expected_time(found, size, machine) if size else None
    folder = model_folder(resolved.config)
    return Planned(
        filled_in(resolved, found), found, time, disk_of(found.setup.config, found.setup.shape, folder), size,
        evaluation_plan(resolved.config, size, device_of(found)) if size else None,
    )  # fmt: skip


def fit_on(
    config: RunConfig,
    machine: Machine | None,
    rows: Inspection | None = None,
    *,
    budget: Budget | None = None,
    shape: ModelShape | None = None,
    history: Sequence[Observation] | None = None,
) -> Fit | None:
    """The fit of ``config`` on ``machine``, or within ``budget``; None while model or machine can't be told.

    ``shape`` and ``history`` are read where they are not given. Raises MachineError for devices that are not there or
    can't be used.
    """
    if budget is None:
        budget = budget_on(config, machine) if machine is not None else None
    shape = shape or shape_of(model_folder(config))
    if budget is None or shape is None:
        return None
    return fit(
        config,
        shape,
        budget,
        longest_row=rows.tokens_max if rows and rows.tokens_max else None,
        supervised_share=rows.supervised_share if rows and rows.supervised_share else 1.0,
        answer_tokens=rows.answer_tokens if rows else 0.0,
        history=read_history() if history is None else history,
    )


def budget_on(config: RunConfig, machine: Machine) -> Budget | None:
    """The memory that each process of ``config`` can have; None where GPUs are named and no driver tells of any.

    Raises MachineError for devices that are not there, can't be used, or don't go together.
    """
    if not machine.report.gpus and not {"auto", "cpu"}.issuperset(config.launch.devices):
        return None
    return device_budget(config, machine)


def shape_of(folder: Path | None) -> ModelShape | None:
    """Dimensions of the model in that folder; None where its config does not tell them."""
    try:
        return from_folder(folder) if folder is not None else None
    except TunedeckError:
        return None


def expected_time(found: Fit, size: DataSize, machine: Machine | None) -> Duration | None:
    """Time of a run over rows of ``size``; None on a GPU whose speed nothing is known of."""
    job = found.estimate.job
    cpu = as_trained(machine.host.cpu if machine else Cpu(), found.estimate.profile)
    device = CPU if found.budget.device == "cpu" else found.budget.name
    rate = throughput.expected(job, found.estimate.profile, device, throughput.read(), cpu)
    if rate is None:
        return None
    config, on_cpu = found.setup.config, found.budget.device == "cpu"
    beside_s = seconds_beside(config, job, size, rate.tokens_per_second, cpu if on_cpu else None)
    return duration_of(config.train, size, rate.times(found.setup.gpus), beside_s)


def filled_in(resolved: Resolved, found: Fit) -> Resolved:
    """``resolved`` with the settings that ``found`` chose for its ``auto`` fields."""
    resolution = found.resolution
    sources = {field: provenance.auto(resolution.reasons[field]) for field in resolution.settings}
    return Resolved(resolved.config.with_settings(resolution.settings), {**resolved.sources, **sources})
