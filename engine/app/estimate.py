"""Memory, time and disk of a config or a model on a GPU that is here or only named."""

from __future__ import annotations

from dataclasses import dataclass

from engine.app.plan import Planned, budget_on, plan
from engine.common.errors import MachineError
from engine.config.presets import Resolved
from engine.machine import snapshot
from engine.machine.gpu_specs import gpu_bytes
from engine.machine.snapshot import Machine
from engine.memory.budget import Budget, budget_of, elsewhere
from engine.models import named_dims
from engine.models.named_dims import Found


@dataclass(frozen=True)
class Estimated:
    """``planned`` has a fit; ``found`` is the model, ``budget`` what it is judged by."""

    found: Found
    budget: Budget
    planned: Planned


def estimate(resolved: Resolved, gpu: str = "") -> Estimated:
    """The estimate of a config on this machine, or on the GPU called ``gpu`` (a size, a name, "cpu").

    Raises ModelError, and MachineError for a GPU that is not known or can't be used.
    """
    model = resolved.config.model
    found = named_dims.find(model.name_or_path, model.revision)
    machine = machine_for(gpu)
    if gpu:
        budget = budget_for(gpu, machine)
    elif machine is None:
        raise _no_answer()
    else:
        budget = budget_on(resolved.config, machine) or budget_of(machine, resolved.config.launch.gpus)
    return Estimated(found, budget, plan(resolved, machine, budget=budget, shape=found.shape))


def machine_for(gpu: str) -> Machine | None:
    """This machine, where it is asked about; a size or a name does without."""
    if gpu and gpu.lower() != "cpu":
        try:
            gpu_bytes(gpu)
            return None
        except MachineError:
            pass  # perhaps one of this machine's
    return snapshot.read_machine_now()


def budget_for(gpu: str, machine: Machine | None) -> Budget:
    """The memory of the GPU called ``gpu``, "" for this machine's freest. Raises MachineError for one not known."""
    if machine is not None and (gpu.lower() in ("", "cpu") or _is_here(gpu, machine)):
        return budget_of(machine, gpu.lower() or "auto")
    if gpu:
        return elsewhere(gpu_bytes(gpu), gpu.strip())  # the names that are known say more
    raise _no_answer()


def _is_here(gpu: str, machine: Machine) -> bool:
    """Whether it is one of this machine's GPUs, usable or not."""
    try:
        machine.gpu(gpu)
    except MachineError:
        return False
    return True


def _no_answer() -> MachineError:
    return MachineError("cli.gpus-unknown")
