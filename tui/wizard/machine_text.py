"""The machine as lines: who uses the memory, every GPU with its figures, the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages import formats
from engine.messages.catalogue import sentences, text
from tui.widgets.bars import fit
from tui.widgets.line import wrap
from tui.wizard.breakdown_text import Line, heading

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.machine.snapshot import Machine
    from engine.memory.budget import Budget


def others(budget: Budget, width: int) -> Iterator[Line]:
    """Who holds memory of ``budget``: pid, user, program and GiB of each process."""
    where = "breakdown.others-ram" if budget.gpu is None else "breakdown.others-gpu"
    yield heading(text(where, used=budget.used_bytes))
    if budget.gpu is not None and budget.gpu.processes is None:
        yield ((text("breakdown.processes-unknown"), "$muted"),)
    elif budget.gpu is not None and not budget.others:
        yield ((text("breakdown.no-process"), "$muted"),)
    if budget.others:
        user, program = text("breakdown.user"), text("breakdown.program")
        yield ((f"{text('breakdown.pid'):>8}  {fit(user, 12)}{fit(program, 18)}{'GiB':>6}", "$muted"),)
    for process in budget.others:
        user = shorten(process.user or _not_available(), 11)
        program = shorten(process.program or _not_available(), 17)
        held = _not_available() if process.memory_bytes is None else formats.gib(process.memory_bytes, unit=0)
        yield ((f"{process.pid:>8}  {fit(user, 12)}{fit(program, 18)}{held:>6}"[:width], ""),)


def gpus(machine: Machine, chosen: Gpu | None, width: int) -> Iterator[Line]:
    """Every GPU of the machine, the chosen one marked; without one, why there is none."""
    driver = machine.report.driver
    if machine.report.gpus:
        yield heading(text("breakdown.gpus-driver", driver=driver) if driver else text("breakdown.gpus"))
    for gpu in machine.report.gpus:
        yield from _gpu(gpu, _is(gpu, chosen), gpu in machine.gpus, width)
    if machine.no_gpu is not None:
        for line in wrap(sentences(text(machine.no_gpu)), width):
            yield ((line, "$warning"),)


def _gpu(gpu: Gpu, is_chosen: bool, is_visible: bool, width: int) -> Iterator[Line]:
    mark = "*" if is_chosen else " "
    name = shorten((gpu.name or _not_available()).removeprefix("NVIDIA "), width - 14)
    note = text("breakdown.of-this-run") if is_chosen else "" if is_visible else text("breakdown.hidden")
    yield ((f"{mark} {gpu.index}  {name}{note}", "bold" if is_chosen else ""),)
    if gpu.trouble:
        for line in wrap(sentences(text(gpu.trouble)), width - 5):
            yield ((f"     {line}", "$error"),)
        return
    used, total, free = (_not_available() if size is None else formats.gib(size, unit=0) for size in _memory(gpu))
    yield ((f"     {text('breakdown.gpu-memory', used=used, total=total, free=free)}", ""),)
    busy = gpu.utilization_percent
    load = _not_available() if busy is None else formats.percent(busy / 100)
    facts = (_unit(gpu.temperature_celsius, "C"), text("breakdown.load", load=load), _power(gpu))
    yield (("     " + "   ".join(facts), "$muted"),)


def host(machine: Machine) -> Iterator[Line]:
    """RAM and cores."""
    here = machine.host
    yield heading(text("breakdown.host"))
    ram = text("breakdown.ram", free=here.ram_available_bytes, total=here.ram_total_bytes, cores=here.cores)
    yield ((ram, ""),)


def _memory(gpu: Gpu) -> tuple[int | None, int | None, int | None]:
    return gpu.used_bytes, gpu.total_bytes, gpu.free_bytes


def _is(gpu: Gpu, chosen: Gpu | None) -> bool:
    return chosen is not None and (gpu.index, gpu.uuid) == (chosen.index, chosen.uuid)


def _unit(value: float | None, unit: str) -> str:
    return f"{_not_available()} {unit}" if value is None else f"{value:.0f} {unit}"


def _power(gpu: Gpu) -> str:
    limit = "" if gpu.power_limit_watts is None else f"/{gpu.power_limit_watts:.0f}"
    return (
        text("breakdown.power", watts=_not_available())
        if gpu.power_watts is None
        else f"{gpu.power_watts:.0f}{limit} W"
    )


def _not_available() -> str:
    return text("breakdown.not-available")
