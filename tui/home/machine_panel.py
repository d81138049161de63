"""The machine on home: each GPU with its memory by whom, heat and load; without one RAM and what that means."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from textual.content import Content

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from tui.home.machine_line import short_name
from tui.widgets.line import cut_cells, wrap
from tui.widgets.pieces import row, toned
from tui.words import commas, gauge_parts

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.machine.snapshot import Machine

_MOST_USERS = 3


def machine_text(machine: Machine, width: int, unicode: bool) -> Content:
    """As many lines as there is to say, of ``width`` cells each."""
    lines: list[Content] = []
    for gpu in machine.gpus:
        lines += _gpu(gpu, width, unicode)
    host = machine.host
    lines += _memory(text("home.ram"), host.ram_total_bytes, host.ram_available_bytes, 0, width, unicode)
    about = [text("home.cores", cores=host.cores)]
    disk = host.disks[0] if host.disks else None
    if disk is not None and disk.free_bytes is not None:
        about.append(text("home.disk-free", free=disk.free_bytes))
    lines.append(toned(cut_cells("  ".join(about), width), "muted"))
    if machine.no_gpu is not None:
        code = "home.gpu-unused-means" if machine.gpus else "home.no-gpu-means"
        lines += [Content(""), *map(Content, wrap(text(code, why=text(machine.no_gpu)), width))]
    return Content("\n").join(lines)


def _gpu(gpu: Gpu, width: int, unicode: bool) -> list[Content]:
    state = [f"{gpu.utilization_percent}%" if gpu.utilization_percent is not None else ""]
    state.append(f"{gpu.temperature_celsius} C" if gpu.temperature_celsius is not None else "")
    right = "  ".join(filter(None, state))
    name = cut_cells(f"{gpu.index} {short_name(gpu)}", width - len(right) - 2)
    head = Content.assemble((name, "bold"), " " * max(1, width - Content(name).cell_length - len(right)), right)
    if gpu.trouble is not None:
        return [Content.styled(name, "bold"), *(toned(line, "lost") for line in wrap(text(gpu.trouble), width))]
    if not gpu.total_bytes or gpu.free_bytes is None:
        return [head]
    mine = sum(each.memory_bytes or 0 for each in gpu.processes or () if each.user == getpass.getuser())
    lines = [head, *_memory("", gpu.total_bytes, gpu.free_bytes, mine, width, unicode)]
    users = _users(gpu)
    return [*lines, toned(cut_cells(users, width), "muted")] if users else lines


def _memory(label: str, total: int, free: int, mine: int, width: int, unicode: bool) -> list[Content]:
    """A bar in three parts (yours, others', free) and the figure, which is said once."""
    told = text("home.free-of", free=free, total=total)
    cells = max(8, width - Content(f"{label} " if label else "").cell_length - Content(told).cell_length - 2)
    used = max(0, total - free)
    own = round(min(mine, used) / total * cells)
    others = max(0, round(used / total * cells) - own)
    fill, rest = gauge_parts(unicode)
    other = fill if unicode else "="  # ASCII may mean no colours either
    bar = Content.assemble(
        (fill * own, "$accent"), (other * others, "$muted"), (rest * (cells - own - others), "$border-blurred")
    )
    return [row(Content.assemble(f"{label} " if label else "", bar), Content(told))]


def _users(gpu: Gpu) -> str:
    """``you 3.0 GiB, u17 11.2 GiB``; processes whose user can't be known count as others."""
    held: dict[str, int] = {}
    for process in gpu.processes or ():
        me = process.user == getpass.getuser()
        name = text("home.you") if me else clean(process.user or text("home.others"), keep_newlines=False)
        held[name] = held.get(name, 0) + (process.memory_bytes or 0)
    ordered = sorted(held.items(), key=lambda item: -item[1])
    told = [f"{name} {formats.gib(size)}" for name, size in ordered[:_MOST_USERS]]
    more = len(ordered) - _MOST_USERS
    return commas([*told, *([text("home.more-users", more=more)] if more > 0 else [])])
