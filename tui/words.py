"""Numbers and times as people read them: units said once, large counts with separators."""

from __future__ import annotations

import functools
import math
import time

from engine.common import paths
from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.messages.message import Message


def said(value: Message | str | None) -> str:
    """A text that came with data: a message's sentence, or plain words; cleaned, in one line."""
    return clean(text(value) if isinstance(value, Message) else value or "", keep_newlines=False)


@functools.lru_cache(maxsize=256)
def source_name(name: str) -> str:
    """A source of rows as people call it: for the rows of an earlier run its name, not its id; cleaned."""
    run_id = next((name.removeprefix(prefix) for prefix in ("run:", "run-") if name.startswith(prefix)), "")
    from engine.runs.directory import RunDir  # the first frame needs no run

    known = RunDir(paths.runs_dir() / run_id).read_run_json().get("name") if run_id else None
    return clean(str(known or name), keep_newlines=False)


def duration(seconds: float | None) -> str:
    """``38 s``, ``6:12``, ``1 h 04 min``, ``2 d 3 h``; "-" when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def about(seconds: float | None) -> str:
    """A rough length of time: ``40 s``, ``6 min``, ``3 h``; "-" when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size):,} {unit}"
    return f"{max(0, round(seconds))} s"


def ago(then: float, now: float) -> str:
    """When something was, said by a person: ``just now``, ``12 min ago``, ``yesterday``, ``3 Nov``."""
    if not then:
        return ""
    passed = now - then
    if passed < 60:
        return "just now"
    if passed < 5400:
        return f"{round(passed / 60)} min ago"
    days = (_midnight(now) - _midnight(then)) / 86_400
    if days < 0.5:
        return time.strftime("%H:%M", time.localtime(then))
    if days < 1.5:
        return "yesterday"
    if days < 6.5:
        return f"{round(days)} days ago"
    local = time.localtime(then)
    return f"{local.tm_mday} {time.strftime('%b', local)}"


def clock_time(t: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(t))


def loss(value: float | None) -> str:
    """A loss with three decimals, in e-notation where that would hide it."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf"
    if value and abs(value) < 1e-3:
        return rate(value)
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def rate(value: float | None) -> str:
    """A learning rate: ``3.1e-4``."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return loss(value)
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def number(value: float | None) -> str:
    """A measured quantity with about three digits: ``0.82``, ``294``, ``12,300``."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return loss(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if value and abs(value) < 0.01:
        return rate(value)
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def gib(size_bytes: float | None) -> str:
    """Bytes as GiB without the unit, one decimal (two under 1)."""
    if size_bytes is None:
        return "-"
    value = size_bytes / 2**30
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"


def gibibytes(size_bytes: float) -> str:
    """Bytes with the unit that leaves a readable number."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= size:
            number = size_bytes / size
            return (
                f"{number:.2f} {unit}"
                if number < 10
                else f"{number:.1f} {unit}"
                if number < 100
                else f"{number:,.0f} {unit}"
            )
    return f"{size_bytes:.0f} B"


def size(size_bytes: float) -> str:
    """A file's size with its unit, decimal as disks are sold: ``19 MB``."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= limit:
            value = size_bytes / limit
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size_bytes:.0f} B"


def bar(share: float, width: int, unicode: bool) -> str:
    """A gauge of ``width`` cells, ``share`` of it full."""
    full = round(min(1.0, max(0.0, share)) * width)
    return ("█" if unicode else "#") * full + ("░" if unicode else ".") * (width - full)


def sparkline(values: tuple[float, ...], width: int, unicode: bool) -> str:
    """The course of ``values`` in ``width`` cells, lowest to highest, oldest left."""
    levels = "▁▂▃▄▅▆▇█" if unicode else "_.-=^"
    if not values or width < 1:
        return " " * width
    count = min(width, len(values))
    picked = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(picked), max(picked)
    span = high - low
    top = len(levels) - 1
    drawn = "".join(levels[round((value - low) / span * top) if span else 0] for value in picked)
    return drawn.ljust(width)


def _midnight(t: float) -> float:
    local = time.localtime(t)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))
