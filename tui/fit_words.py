"""A fit in words: what it needs, the verdict, who else holds memory. Units are said once, figures in GiB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from tui.words import gib

if TYPE_CHECKING:
    from engine.machine.processes import GpuProcess
    from engine.memory.budget import Budget
    from engine.memory.fit import Fit
    from engine.memory.history import Calibration

PHASES = {
    "load": "loading",
    "loss": "the loss",
    "backward": "a layer's backward",
    "backward_end": "the backward's end",
    "step": "the optimizer's step",
    "evaluation": "evaluation",
    "save": "saving",
    "merge": "merging",
}
MOMENTS = {**dict(zip(PHASES, PHASES, strict=True)), "load": "loading", "backward_end": "backward", "save": "saving"}
"""The same in one word, for the bar."""
STYLES = {"fits": "success", "tight": "warning", "too much": "error"}
"""The theme's colour of a verdict's level; the words say the same."""
WORTH_NAMING_SHARE = 0.02


def needs(fit: Fit) -> str:
    """``needs 14.2 of 23.6 GiB free``: of what others leave of the GPU or the RAM, so that the rest is spare."""
    kind = " RAM" if fit.budget.device == "cpu" else ""
    return f"needs {gib(fit.verdict.needed_bytes)} of {gib(fit.budget.available_bytes)} GiB{kind} free"


def verdict(fit: Fit) -> str:
    """``fits, 9.4 spare``; where it gets close, at which phase."""
    spare = gib(abs(fit.verdict.spare_bytes))
    at = PHASES[fit.estimate.peak.name]
    if fit.verdict.level == "too much":
        return f"does not fit, {spare} too much at {at}"
    return f"fits, {spare} spare" if fit.verdict.level == "fits" else f"tight, {spare} spare at {at}"


def calibrated(fit: Fit, unicode: bool) -> str:
    """``calibrated 13.9, ± 2% from 3 runs``; "" before the first run on this device."""
    if fit.calibration is None:
        return ""
    figure = gib(fit.calibration.apply(fit.verdict.needed_bytes))
    return f"calibrated {figure}, {calibration(fit.calibration, unicode)}"


def calibration(found: Calibration, unicode: bool) -> str:
    told = text(found.message)
    return told if unicode else told.replace("±", "+-")


def others(budget: Budget, short: bool = False) -> str:
    """Who holds the rest: ``python, user u17, 11.2 GiB``, the largest by name; "" when it is next to nothing."""
    if budget.used_bytes < WORTH_NAMING_SHARE * budget.total_bytes:
        return ""
    if not budget.others:
        return f"others {gib(budget.used_bytes)}" + ("" if short else " GiB")
    first, rest = budget.others[0], budget.others[1:]
    named = _short(first) if short else owner(first)
    if not rest:
        return named
    held = gib(sum(process.memory_bytes or 0 for process in rest))
    return f"{named} +{len(rest)}" if short else f"{named}, and {len(rest)} more, {held} GiB"


def owner(process: GpuProcess) -> str:
    """``python, user u17, 11.2 GiB``; what can't be told of another container's process is left out."""
    held = "n/a" if process.memory_bytes is None else f"{gib(process.memory_bytes)} GiB"
    return ", ".join(part for part in (_program(process), process.user and f"user {process.user}", held) if part)


def _short(process: GpuProcess) -> str:
    held = "n/a" if process.memory_bytes is None else gib(process.memory_bytes)
    parts = (shorten(_program(process), 12), shorten(process.user or "", 10), held)
    return " ".join(part for part in parts if part)


def _program(process: GpuProcess) -> str:
    return process.program or f"process {process.pid}"
