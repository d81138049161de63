"""A fit in words: what it needs, the verdict, who else holds memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages import formats
from engine.messages.catalogue import text
from tui import words

if TYPE_CHECKING:
    from engine.machine.processes import GpuProcess
    from engine.memory.budget import Budget
    from engine.memory.fit import Fit
    from engine.memory.history import Calibration

PHASES = {
    "load": "widgets.at-load", "loss": "widgets.at-loss", "backward": "widgets.at-backward",
    "backward_end": "widgets.at-backward-end", "step": "widgets.at-step-phase",
    "evaluation": "widgets.at-evaluation", "save": "widgets.at-save", "merge": "widgets.at-merge",
}  # fmt: skip
"""Where a peak is, in a sentence."""
MOMENTS = {
    "load": "widgets.load", "loss": "app.loss", "backward": "widgets.backward", "backward_end": "widgets.backward",
    "step": "widgets.optimizer", "evaluation": "widgets.evaluation", "save": "widgets.save", "merge": "widgets.merge",
}  # fmt: skip
"""The same in one word, for the bar."""
STYLES = {"fits": "success", "tight": "warning", "too much": "error"}
"""The theme's colour of a verdict's level; the words say the same."""
WORTH_NAMING_SHARE = 0.02
GIB = 2**30


def needs(fit: Fit) -> str:
    """``needs 14.2 of 23.6 GiB free``: of what others leave of the GPU or the RAM, so that the rest is spare."""
    code = "widgets.needs-ram" if fit.budget.device == "cpu" else "widgets.needs"
    return text(code, needed=fit.verdict.needed_bytes, free=fit.budget.available_bytes)


def spare_shown(fit: Fit) -> float:
    """Bytes to spare (or lacking) so that the figures add up as they are rounded: free less needed."""
    shown = _shown(fit.budget.available_bytes) - _shown(fit.verdict.needed_bytes)
    return abs(shown) if shown * fit.verdict.spare_bytes > 0 else abs(fit.verdict.spare_bytes)


def _shown(size_bytes: float) -> float:
    """As ``formats.gib`` rounds it."""
    return round(size_bytes / GIB, 2 if size_bytes < GIB else 1) * GIB


def verdict(fit: Fit) -> str:
    """``fits, 9.4 GiB spare``; where it gets close, at which phase."""
    level, spare = fit.verdict.level, spare_shown(fit)
    if level == "fits":
        return text("widgets.fits", spare=spare)
    code = "widgets.too-much" if level == "too much" else "widgets.tight"
    return text(code, spare=spare, moment=text(PHASES[fit.estimate.peak.name]))


def calibrated(fit: Fit, unicode: bool) -> str:
    """``calibrated 13.9, ± 2% from 3 runs``; "" before the first run on this device."""
    if fit.calibration is None:
        return ""
    figure = fit.calibration.apply(fit.verdict.needed_bytes)
    return text("widgets.calibrated", needed=figure, spread=calibration(fit.calibration, unicode))


def calibration(found: Calibration, unicode: bool) -> str:
    told = text(found.message)
    return told if unicode else told.replace("±", "+-")


def others(budget: Budget, short: bool = False) -> str:
    """Who holds the rest: ``python, user u17, 11.2 GiB``, the largest by name; "" when it is next to nothing."""
    if budget.used_bytes < WORTH_NAMING_SHARE * budget.total_bytes:
        return ""
    if not budget.others:
        return text("widgets.others-hold", used=budget.used_bytes)
    first, rest = budget.others[0], budget.others[1:]
    named = _short(first) if short else owner(first)
    if not rest:
        return named
    held = sum(process.memory_bytes or 0 for process in rest)
    return f"{named} +{len(rest)}" if short else text("widgets.and-more", first=named, more=len(rest), held=held)


def owner(process: GpuProcess) -> str:
    """``python, user u17, 11.2 GiB``; what can't be told of another container's process is left out."""
    user = text("widgets.user", user=process.user) if process.user else ""
    return words.commas(part for part in (_program(process), user, formats.gib(process.memory_bytes)) if part)


def _short(process: GpuProcess) -> str:
    held = formats.gib(process.memory_bytes, unit=0)
    parts = (shorten(_program(process), 12), shorten(process.user or "", 10), held)
    return " ".join(part for part in parts if part)


def _program(process: GpuProcess) -> str:
    return process.program or text("widgets.process", pid=str(process.pid))
