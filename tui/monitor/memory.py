"""Memory on the monitor: the machine's lines under the chart, and the table of predicted against measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.common.clean_text import clean
from engine.runs import events as ev
from engine.runs.state import RunState
from tui import fit_words, words
from tui.widgets.line import cut

_BAR_CELLS = 12
_GAP = "   "
_GIB = 2**30


def machine_lines(state: RunState, width: int, unicode: bool, most: int) -> list[Text]:
    """At most ``most`` lines: the run's own GPU (or RAM), who else is on it, the loss by source, the other GPUs."""
    own, *extras = _own(state, unicode)
    lines = [_joined([own, *extras], width)] if own else []
    for text in (_others(state.own_gpu), _sources(state)):
        if text and lines and cell_len(lines[-1]) + len(_GAP) + cell_len(text) <= width:
            lines[-1] += _GAP + text
        elif text:
            lines.append(text)
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
    table.add_row(*(Text(head, style=muted) for head in ("phase", "predicted", "measured", "difference")))
    for name, size in found.measured.items():
        expected = found.predicted.get(name)
        table.add_row(
            Text(fit_words.MOMENTS.get(name) or clean(name, keep_newlines=False)[:12]),
            "-" if expected is None else f"{expected / _GIB:.2f}",
            f"{size / _GIB:.2f}",
            "-" if not expected else f"{100 * (size / expected - 1):+.0f}%",
        )
    return Group(Text(f"memory of the {clean(found.moment, keep_newlines=False)}, GiB", style=muted), table)


def who(others: Sequence[ev.ProcessUse], most: int = 3) -> str:
    """``python, user u17, 11.2 GiB; 2 more``: the largest first, as far as this user may know; cleaned."""
    ordered = sorted(others, key=lambda other: -(other.memory or 0))
    told = []
    for other in ordered[:most]:
        parts = [other.program or f"process {other.pid}"]
        parts += [f"user {other.user}"] if other.user else []
        parts += [f"{words.gib(other.memory)} GiB"] if other.memory else []
        told.append(clean(", ".join(parts), keep_newlines=False))
    if len(ordered) > most:
        told.append(f"{len(ordered) - most} more")
    return "; ".join(told)


def _own(state: RunState, unicode: bool) -> list[str]:
    """``memory 2.8 of 24.0 GiB [bar] predicted 2.9``, ``98% busy`` …; on the CPU resident memory of the RAM."""
    gpu, device, step = state.own_gpu, state.device, state.step
    predicted = state.predicted_bytes
    if gpu is not None and gpu.used is not None and gpu.total:
        others = sum(other.memory or 0 for other in gpu.others)
        name = f"GPU {gpu.index} " if device and len(device.gpus) > 1 else ""
        text = f"memory {name}{_used(gpu.used, gpu.total, predicted, others, unicode)}"
        return [text, *_extras(gpu)]
    if device is None or device.rss is None:
        allocated = step.memory_allocated if step else None
        return [f"memory {words.gib(allocated)} GiB{_beside(predicted)}" if allocated is not None else ""]
    if device.ram_total and gpu is None:
        text = f"memory {_used(device.rss, device.ram_total, predicted, 0, unicode)}"
    else:
        text = f"memory {words.gib(device.rss)} GiB RAM{_beside(predicted)}"
    return [text, f"peak {words.gib(state.peak_rss)}"] if state.peak_rss else [text]


def _used(used: int, total: int, predicted: int | None, others: int, unicode: bool) -> str:
    bar = words.bar(used / total, _BAR_CELLS, unicode)
    if predicted:
        # Where the run's own prediction ends, on top of what others hold.
        at = min(_BAR_CELLS - 1, round((predicted + others) / total * _BAR_CELLS))
        bar = bar[:at] + "|" + bar[at + 1 :]
    return f"{words.gib(used)} of {words.gib(total)} GiB {bar}{_beside(predicted)}"


def _beside(predicted: int | None) -> str:
    return f" predicted {words.gib(predicted)}" if predicted else ""


def _extras(gpu: ev.GpuUse) -> Iterator[str]:
    if gpu.utilization is not None:
        yield f"{gpu.utilization}% busy"
    if gpu.temperature is not None:
        yield f"{gpu.temperature} C"
    if gpu.power is not None:
        yield f"{gpu.power:.0f} W"


def _others(gpu: ev.GpuUse | None) -> str:
    return f"others: {who(gpu.others)}" if gpu is not None and gpu.others else ""


def _sources(state: RunState) -> str:
    sources = state.step.loss_by_source if state.step else {}
    if len(sources) < 2:
        return ""
    each = "  ".join(f"{clean(name, keep_newlines=False)} {words.loss(value)}" for name, value in sources.items())
    return f"loss by source: {each}"


def _other_gpus(state: RunState) -> Iterator[list[str]]:
    own = state.own_gpu
    for gpu in state.device.gpus if state.device and own else ():
        if gpu is own:
            continue
        size = f"{words.gib(gpu.used)} of {words.gib(gpu.total)} GiB" if gpu.used is not None and gpu.total else "-"
        others = [_others(gpu)] if gpu.others else []
        yield [f"memory GPU {gpu.index} {size}", *others, *_extras(gpu)]


def _joined(parts: Sequence[str], width: int) -> str:
    """The first part, and of the others as many as fit whole."""
    line = parts[0]
    for part in parts[1:]:
        if cell_len(line) + len(_GAP) + cell_len(part) > width:
            break
        line += _GAP + part
    return line


def _fitted(line: str, width: int) -> Text:
    text = Text(line, no_wrap=True, end="")
    cut(text, width)
    return text
