"""A run before its start: every ``auto`` that can be resolved now, the fit, the time and the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.common.errors import MachineError, TunedeckError
from engine.config.presets import Resolved
from engine.config.schema import RunConfig
from engine.config.toml import located
from engine.machine.gpu_specs import GIB
from engine.machine.snapshot import Machine
from engine.memory import throughput
from engine.memory.budget import Budget, budget_of
from engine.memory.disk import RunDisk, disk_of
from engine.memory.duration import DataSize, Duration, duration_of, guess_size, seconds_beside
from engine.memory.fit import Fit, fit
from engine.memory.history import Observation, read_history
from engine.memory.speed import CPU
from engine.models.adapter.adopt import adopt
from engine.models.dims import from_folder
from engine.models.local import model_folder

READING_S = 5.0
"""A driver that takes longer to answer is left alone."""


@dataclass(frozen=True)
class Planned:
    """``resolved`` has a value and its reason for each ``auto`` that could be resolved. None: not known yet."""

    resolved: Resolved
    fit: Fit | None = None
    duration: Duration | None = None
    disk: RunDisk | None = None

    @property
    def line(self) -> str:
        """ "needs 14.2 of 23.6 GiB free on GPU 0, NVIDIA L4; fits, 9.4 GiB spare; about 38 min"; "" when not known."""
        if self.fit is None:
            return ""
        budget, verdict = self.fit.budget, self.fit.verdict
        count = self.fit.setup.gpus
        where = f" of {budget.name}" if budget.gpu is None else f" on GPU {budget.gpu.index}, {budget.name}"
        where += f", in each of {count} processes" if count > 1 else ""
        known = [f"needs {verdict.needed_bytes / GIB:.1f} of {budget.available_bytes / GIB:.1f} GiB free{where}"]
        if budget.used_bytes > 0.02 * budget.total_bytes:
            known[0] += f" ({budget.used_bytes / GIB:.1f} of {budget.total_bytes / GIB:.1f} in use)"
        known.append(verdict.text)
        if self.duration is not None:
            known.append(self.duration.short)
        return "; ".join(known)


def settle(
    resolved: Resolved, machine: Machine | None, *, longest_row: int | None = None, supervised_share: float = 1.0
) -> Resolved:
    """``resolved`` with each ``auto`` that memory decides replaced by its value, source "auto: <reason>", with what the
    adapter of strategy "continue" fixes, and with absolute paths.

    What depends on a model or machine that is not known stays ``auto``: the runner resolves it by the same rules.
    ``longest_row`` (tokens) and ``supervised_share`` are those of the rows, where they were read.
    Raises MachineError for GPUs that are not there or can't be used, ConfigError and ModelError for an adapter that
    can't be used.
    """
    resolved = adopt(located(resolved))
    found = _fit(resolved.config, machine, longest_row, supervised_share)
    return resolved if found is None else filled_in(resolved, found)


def plan(resolved: Resolved, machine: Machine | None) -> Planned:
    """The same with fit, expected time and disk; reads the heads of the data files. Raises MachineError."""
    resolved = adopt(located(resolved))
    found = _fit(resolved.config, machine, None, 1.0)
    if found is None or machine is None:
        return Planned(resolved)
    size = guess_size(resolved.config)
    time = expected_time(found, size, machine) if size else None
    folder = model_folder(resolved.config)
    return Planned(filled_in(resolved, found), found, time, disk_of(found.setup.config, found.setup.shape, folder))


def expected_time(found: Fit, size: DataSize, machine: Machine | None) -> Duration | None:
    """Time of a run over rows of ``size``; None on a GPU whose speed nothing is known of."""
    job = found.estimate.job
    cores = machine.host.cores if machine else 1
    rate = throughput.expected(job, found.estimate.profile, _device(found.budget), throughput.read(), cores)
    if rate is None:
        return None
    config, on_cpu = found.setup.config, found.budget.device == "cpu"
    beside_s = seconds_beside(config, job, size, rate.tokens_per_second, cores if on_cpu else None)
    return duration_of(config.train, size, rate.times(found.setup.gpus), beside_s)


def filled_in(resolved: Resolved, found: Fit) -> Resolved:
    """``resolved`` with the settings that ``found`` chose for its ``auto`` fields."""
    resolution = found.resolution
    sources = {field: f"auto: {resolution.reasons.get(field, '')}" for field in resolution.settings}
    return Resolved(_with(resolved.config, resolution.settings), {**resolved.sources, **sources})


def device_budget(config: RunConfig, machine: Machine) -> Budget:
    """``budget_of`` the devices of ``config``. Raises MachineError too where they would compute in different dtypes.

    Gradients of one dtype can't be added to those of another: those of float16 are scaled.
    """
    budget = budget_of(machine, config.launch.gpus)
    if config.model.dtype == "auto" and not {"auto", "cpu"} & set(config.launch.devices):
        gpus = [machine.gpu(name) for name in config.launch.devices]
        without = [gpu.label for gpu in gpus if gpu.has_bf16 is False]
        if without and len(without) < len(gpus):
            raise MachineError(
                "These GPUs have no dtype in common by themselves",
                f"launch.gpus = {config.launch.gpus}: GPU {', '.join(without)} has no bfloat16, the others have.",
                'Set model.dtype = "float16" for all of them, or name GPUs of one kind.',
            )
    return budget


def read_machine_now() -> Machine | None:
    """One reading within five seconds; None when the driver hangs."""
    from engine.common import paths
    from engine.machine.snapshot import MachineWatch

    watch = MachineWatch(paths.runs_dir(), paths.models_dir())
    watch.start()
    found = watch.wait_first(READING_S)
    watch.stop(0.0)
    return found


def _fit(
    config: RunConfig, machine: Machine | None, longest_row: int | None, supervised_share: float
) -> Fit | None:  # fmt: skip
    folder = model_folder(config)
    unseen = not {"auto", "cpu"}.issuperset(config.launch.devices) and machine is not None and not machine.report.gpus
    if machine is None or unseen:
        return None
    budget = device_budget(config, machine)
    if folder is None:
        return None
    try:
        shape = from_folder(folder)
    except TunedeckError:
        return None
    history: Sequence[Observation] = read_history()
    return fit(
        config, shape, budget, longest_row=longest_row, supervised_share=supervised_share, history=history
    )  # fmt: skip


def _device(budget: Budget) -> str:
    return CPU if budget.device == "cpu" else budget.name


def _with(config: RunConfig, settings: Mapping[str, object]) -> RunConfig:
    changed = config.model_copy(deep=True)
    for dotted, value in settings.items():
        section, field = dotted.split(".")
        setattr(getattr(changed, section), field, value)
    return changed
