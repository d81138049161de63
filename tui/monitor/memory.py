"""Memory on the monitor: the machine's lines under the chart, and the table of predicted against measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import clauses, text
from engine.runs import events as ev
from engine.runs.state import RunState
from tui import fit_words, words
from tui.widgets.line import cut

TABLE = ("monitor.phase", "monitor.predicted-head", "monitor.measured", "monitor.difference")
_BAR_CELLS = 12
_GAP = "   "
_GIB = 2**30


def machine_lines(state: RunState, width: int, unicode: bool, most: int) -> list[Text]:
    """At most ``most`` lines: the run's own GPU (or RAM), who else is on it, the other GPUs."""
    own, *extras = _own(state, unicode)
    lines = [_joined([own, *extras], width)] if own else []
    others = _others(state.own_gpu)
    if others and lines and cell_len(lines[-1]) + len(_GAP) + cell_len(others) <= width:
        lines[-1] += _GAP + others
    elif others:
        lines.append(others)
    lines += (_joined(list(parts), width) for parts in _other_gpus(state))
    return [_fitted(line, width) for line in lines[: max(1, most)]] or [Text("", end="")]


def measured_table(state: RunState, muted: str) -> RenderableType | None:
    """Phase, predicted, measured and the difference, in GiB; None before anything was measured."""
    known = state.memory_measured
    found = known.get("run") or known.get("rehearsal") or next(iter(known.values()), None)
    if found is None or not found.measured:
        return None
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True, min_width=10)
    table.add_row(*(Text(text(code), style=muted) for code in TABLE))
    for name, size in found.measured.items():
        expected = found.predicted.get(name)
        table.add_row(
            Text(text(fit_words.MOMENTS[name]) if name in fit_words.MOMENTS else clean(name, False)[:12]),
            "-" if expected is None else f"{expected / _GIB:.2f}",
            f"{size / _GIB:.2f}",
            "-" if not expected else f"{100 * (size / expected - 1):+.0f}%",
        )
    head = "monitor.measured-run" if found.moment == "run" else "monitor.measured-test"
    return Group(Text(text(head), style=muted), table)


def who(others: Sequence[ev.ProcessUse], most: int = 3) -> str:
    """``python, user u17, 11.2 GiB; 2 more``: the largest first, as far as this user may know; cleaned."""
    ordered = sorted(others, key=lambda other: -(other.memory or 0))
    told = []
    for other in ordered[:most]:
        parts = [clean(other.program, False) if other.program else text("widgets.process", pid=str(other.pid))]
        parts += [text("widgets.user", user=other.user)] if other.user else []
        parts += [formats.gib(other.memory)] if other.memory else []
        told.append(words.commas(parts))
    if len(ordered) > most:
        told.append(text("monitor.more", more=len(ordered) - most))
    return clauses(*told)


def _own(state: RunState, unicode: bool) -> list[str]:
    """``memory 2.8 of 24.0 GiB [bar] predicted 2.9``, ``98% busy`` …; on the CPU resident memory of the RAM."""
    gpu, device, step = state.own_gpu, state.device, state.step
    predicted = state.predicted_bytes
    if gpu is not None and gpu.used is not None and gpu.total:
        others = sum(other.memory or 0 for other in gpu.others)
        name = f"GPU {gpu.index} " if device and len(device.gpus) > 1 else ""
        return [
            f"{text('monitor.memory')} {name}{_used(gpu.used, gpu.total, predicted, others, unicode)}",
            *_extras(gpu),
        ]
    if device is None or device.rss is None:
        allocated = step.memory_allocated if step else None
        return [
            f"{text('monitor.memory')} {formats.gib(allocated)}{_beside(predicted)}" if allocated is not None else ""
        ]
    held = formats.gib(device.rss) + _beside(predicted)
    if device.ram_total and gpu is None:
        held = _used(device.rss, device.ram_total, predicted, 0, unicode)
    line = f"{text('monitor.ram')} {held}"
    return [line, text("monitor.peak", bytes=state.peak_rss)] if state.peak_rss else [line]


def _used(used: int, total: int, predicted: int | None, others: int, unicode: bool) -> str:
    bar = words.bar(used / total, _BAR_CELLS, unicode)
    if predicted:
        # Where the run's own prediction ends, on top of what others hold.
        at = min(_BAR_CELLS - 1, round((predicted + others) / total * _BAR_CELLS))
        bar = bar[:at] + "|" + bar[at + 1 :]
    return f"{text('monitor.of', used=used, total=total)} {bar}{_beside(predicted)}"


def _beside(predicted: int | None) -> str:
    return f" {text('monitor.predicted', bytes=predicted)}" if predicted else ""


def _extras(gpu: ev.GpuUse) -> Iterator[str]:
    if gpu.utilization is not None:
        yield text("monitor.busy", share=gpu.utilization / 100)
    if gpu.temperature is not None:
        yield f"{gpu.temperature} C"
    if gpu.power is not None:
        yield f"{gpu.power:.0f} W"


def _others(gpu: ev.GpuUse | None) -> str:
    return text("monitor.others", who=who(gpu.others)) if gpu is not None and gpu.others else ""


def _other_gpus(state: RunState) -> Iterator[list[str]]:
    own = state.own_gpu
    for gpu in state.device.gpus if state.device and own else ():
        if gpu is own:
            continue
        size = text("monitor.of", used=gpu.used, total=gpu.total) if gpu.used is not None and gpu.total else "-"
        others = [_others(gpu)] if gpu.others else []
        yield [f"{text('monitor.memory')} GPU {gpu.index} {size}", *others, *_extras(gpu)]


def _joined(parts: Sequence[str], width: int) -> str:
    """The first part, and of the others as many as fit whole."""
    line = parts[0]
    for part in parts[1:]:
        if cell_len(line) + len(_GAP) + cell_len(part) > width:
            break
        line += _GAP + part
    return line


def _fitted(line: str, width: int) -> Text:
    fitted = Text(line, no_wrap=True, end="")
    cut(fitted, width)
    return fitted
