"""The machine as lines: who uses the memory, every GPU with its figures, the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages.catalogue import sentences, text
from engine.messages.formats import percent
from tui.widgets.line import wrap
from tui.wizard.breakdown_text import Line, heading
from tui.words import gib

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.machine.snapshot import Machine
    from engine.memory.budget import Budget

NOT_AVAILABLE = "n/a"


def others(budget: Budget, width: int) -> Iterator[Line]:
    """Who holds memory of ``budget``: pid, user, program and GiB of each process."""
    where = "in RAM" if budget.gpu is None else "on this GPU"
    yield heading(f"Others {where}: {gib(budget.used_bytes)} GiB")
    if budget.gpu is not None and budget.gpu.processes is None:
        yield (("The driver does not tell which processes.", "$muted"),)
    elif budget.gpu is not None and not budget.others:
        yield (("No process.", "$muted"),)
    if budget.others:
        yield ((f"{'pid':>8}  {'user':<12}{'program':<18}{'GiB':>6}", "$muted"),)
    for process in budget.others:
        user = shorten(process.user or NOT_AVAILABLE, 11)
        program = shorten(process.program or NOT_AVAILABLE, 17)
        held = NOT_AVAILABLE if process.memory_bytes is None else gib(process.memory_bytes)
        yield ((f"{process.pid:>8}  {user:<12}{program:<18}{held:>6}"[:width], ""),)


def gpus(machine: Machine, chosen: Gpu | None, width: int) -> Iterator[Line]:
    """Every GPU of the machine, the chosen one marked; without one, why there is none."""
    driver = f", driver {machine.report.driver}" if machine.report.driver else ""
    if machine.report.gpus:
        yield heading(f"GPUs of this machine{driver}")
    for gpu in machine.report.gpus:
        yield from _gpu(gpu, _is(gpu, chosen), gpu in machine.gpus, width)
    if machine.no_gpu is not None:
        for line in wrap(sentences(text(machine.no_gpu)), width):
            yield ((line, "$warning"),)


def _gpu(gpu: Gpu, is_chosen: bool, is_visible: bool, width: int) -> Iterator[Line]:
    mark = "*" if is_chosen else " "
    name = shorten((gpu.name or NOT_AVAILABLE).removeprefix("NVIDIA "), width - 14)
    note = "  this run's" if is_chosen else "" if is_visible else "  hidden"
    yield ((f"{mark} {gpu.index}  {name}{note}", "bold" if is_chosen else ""),)
    if gpu.trouble:
        for line in wrap(sentences(text(gpu.trouble)), width - 5):
            yield ((f"     {line}", "$error"),)
        return
    used, total, free = (NOT_AVAILABLE if size is None else gib(size) for size in _memory(gpu))
    yield ((f"     used {used} of {total} GiB, free {free}", ""),)
    busy = gpu.utilization_percent
    load = NOT_AVAILABLE if busy is None else percent(busy / 100)
    facts = (_unit(gpu.temperature_celsius, "C"), f"load {load}", _power(gpu))
    yield (("     " + "   ".join(facts), "$muted"),)


def host(machine: Machine) -> Iterator[Line]:
    """RAM and cores."""
    here = machine.host
    yield heading("This machine")
    free, total = gib(here.ram_available_bytes), gib(here.ram_total_bytes)
    yield ((f"RAM {free} of {total} GiB free, {here.cores} cores", ""),)


def _memory(gpu: Gpu) -> tuple[int | None, int | None, int | None]:
    return gpu.used_bytes, gpu.total_bytes, gpu.free_bytes


def _is(gpu: Gpu, chosen: Gpu | None) -> bool:
    return chosen is not None and (gpu.index, gpu.uuid) == (chosen.index, chosen.uuid)


def _unit(value: float | None, unit: str) -> str:
    return f"{NOT_AVAILABLE} {unit}" if value is None else f"{value:.0f} {unit}"


def _power(gpu: Gpu) -> str:
    limit = "" if gpu.power_limit_watts is None else f" of {gpu.power_limit_watts:.0f}"
    return f"power {NOT_AVAILABLE}" if gpu.power_watts is None else f"{gpu.power_watts:.0f}{limit} W"
