"""The numbers of now: one line where rows are few, else tiles with what each is above it."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs import story
from engine.runs.curves import Series
from engine.runs.state import RunState

_ALL = 100  # cells in which all figures have room
_RECENT = 5  # steps that a figure of now is the mean of
_PADDING = 1  # blank cells at each side of a tile


def figures(state: RunState, roomy: bool, steers: bool = True) -> list[tuple[str, str]]:
    """What is said and its value, the weightiest first."""
    step = state.step
    held_out = next((e for e in reversed(state.evals) if e.loss is not None), None)
    found = [("app.loss", formats.loss(state.loss))]
    found.append(("monitor.eval", formats.loss(held_out.loss if held_out else None)))
    is_grave = bool(state.forgetting) and state.forgetting[-1].mark in ("look", "stop")
    if is_grave:
        found.append(("forgetting.gauge", _forgetting(state, steers)))
    if step and (roomy or not is_grave):  # how long it still takes must not give way
        found.append(("monitor.speed", formats.number(_recent(state.series.get("tokens_per_second")))))
    if state.ended:
        found.append(("monitor.took", formats.duration(took(state))))
    elif state.eta_s:  # 0: it is over at any moment, or takes longer than before
        found.append(("monitor.left", formats.duration(state.eta_s)))
    held = _memory(state, roomy)
    found += [held] if held else []
    if step:
        found.append(("monitor.rate", formats.rate(step.learning_rate)))
        found.append(("monitor.gradient", formats.number(step.grad_norm)))
    if state.forgetting and not is_grave:
        found.append(("forgetting.gauge", _forgetting(state, steers)))
    if step and roomy:
        found.append(("monitor.epoch", f"{step.epoch:.2f}"))
        found.append(("monitor.tokens", formats.number(step.num_tokens)))
    return [(text(code), value) for code, value in found]


def strip(state: RunState, width: int, muted: str = "", steers: bool = True) -> Text:
    """As many as ``width`` holds whole, in one line."""
    told = figures(state, width > _ALL, steers)
    gap = "   " if cell_len("   ".join(f"{name} {value}" for name, value in told)) <= width else "  "
    line = Text(end="", no_wrap=True)
    for index, (name, value) in enumerate(told):
        if cell_len(f"{line.plain}{gap}{name} {value}") > width:
            break
        line.append(f"{gap if index else ''}{name} ", style=muted)
        line.append(value, style="bold")
    return line


def tiles(state: RunState, width: int, muted: str = "", tone: str = "", steers: bool = True) -> Text:
    """Two lines: what each figure is, and the figure; each on a background of ``tone``."""
    above, below, used = Text(end="", no_wrap=True), Text(end="", no_wrap=True), 0
    ground = Style(bgcolor=tone or None)
    for name, value in figures(state, True, steers):
        cells = max(cell_len(name), cell_len(value)) + 2 * _PADDING
        gap = 1 if used else 0
        if used + gap + cells > width:
            break
        used += gap + cells
        for line, words, style in ((above, name, muted), (below, value, "bold")):
            line.append(" " * gap)
            line.append(set_cell_size(f"{' ' * _PADDING}{words}", cells), style=Style.parse(style) + ground)
    return Text("\n", end="").join([above, below])


def took(state: RunState) -> float | None:
    """Seconds from the run's first start to its last event."""
    if state.finished and state.finished.seconds:
        return state.finished.seconds
    return state.last_t - state.started_t if state.started_t else None


def _memory(state: RunState, roomy: bool) -> tuple[str, str] | None:
    """Of the run's own GPU what is used and what there is; on the CPU resident memory; else what torch allocated."""
    gpu, device = state.own_gpu, state.device
    if gpu is not None and gpu.used is not None and gpu.total:
        return "monitor.memory", text("monitor.of", used=gpu.used, total=gpu.total)
    if device is not None and device.rss is not None:
        if roomy and device.ram_total:
            return "monitor.ram", text("monitor.of", used=device.rss, total=device.ram_total)
        return "monitor.ram", formats.gib(device.rss)
    allocated = state.step.memory_allocated if state.step else None
    return ("monitor.memory", formats.gib(allocated)) if allocated is not None else None


def _forgetting(state: RunState, steers: bool) -> str:
    """The newest mark, and for whom can still help it the keys for that."""
    newest = state.forgetting[-1]
    said = text(story.named(story.MARKS, newest.mark))
    can_help = steers and not state.ended and newest.mark in ("look", "stop")
    return f"{said} {text('forgetting.keys')}" if can_help else said


def _recent(series: Series | None) -> float | None:
    """Mean of the newest values: single steps jump too much to read."""
    if series is None or not series.length:
        return None
    values = series.y[max(0, series.length - _RECENT) : series.length]
    return sum(values) / len(values)
