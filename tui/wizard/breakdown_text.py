"""What the breakdown says, as lines of styled pieces: the peak's terms, the phases, the figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.messages import formats
from engine.messages.catalogue import part, text
from tui import fit_words
from tui.widgets.bars import fit as cells
from tui.widgets.fitbar import NAMES
from tui.widgets.line import cut_cells, wrap

if TYPE_CHECKING:
    from engine.memory.fit import Fit

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with a style of the theme ("" for none)."""

WHY_PEAK = {
    "load": "breakdown.why-load", "loss": "breakdown.why-loss", "backward": "breakdown.why-backward",
    "backward_end": "breakdown.why-backward-end", "step": "breakdown.why-step",
    "evaluation": "breakdown.why-evaluation", "save": "breakdown.why-save", "merge": "breakdown.why-merge",
}  # fmt: skip
HIDDEN_BELOW_BYTES = 0.005 * 2**30


def heading(words: str) -> Line:
    return ((words, "bold"),)


def peak(fit: Fit, width: int) -> Iterator[Line]:
    """The moment that needs most, why it does, and every term of it: letter, name, GiB, share, one sentence."""
    from engine.memory.estimate import LABELS

    top = fit.estimate.peak
    yield heading(text("breakdown.peak", phase=top.title))
    for line in wrap(_why(fit), width):
        yield ((line, ""),)
    yield ()
    needed = fit.verdict.needed_bytes
    for name, size in sorted(top.terms.items(), key=lambda item: -item[1]):
        if size >= HIDDEN_BELOW_BYTES or size >= 0.01 * needed:
            letter, label = LABELS[name]
            yield from _term(letter, text(label), size, size / needed, part(label, "about"), width)
    rest = needed - top.bytes
    title, about = "breakdown.margin", "breakdown.margin-about"
    if fit.budget.device == "cuda":
        title, about = "breakdown.context-and-margin", "breakdown.context-about"
    yield from _term("C", text(title), rest, rest / needed, text(about), width)


def _why(fit: Fit) -> str:
    top = fit.estimate.peak
    second = max((phase for phase in fit.estimate.phases if phase is not top), key=lambda phase: phase.bytes)
    ahead = top.bytes - second.bytes
    why = text(WHY_PEAK[top.name])
    if ahead >= HIDDEN_BELOW_BYTES:
        return text("breakdown.more-than", why=why, ahead=ahead, phase=second.title)
    return text("breakdown.hardly-more", why=why, phase=second.title)


def _term(letter: str, title: str, size: float, share: float, sentence: str, width: int) -> Iterator[Line]:
    name = cells(title, max(20, min(32, width - 21)))
    yield (
        (letter, f"reverse $term-{NAMES[letter]}"),
        (f"  {name}{_gib(size):>7} GiB {formats.percent(share):>6}", "bold"),
    )
    for line in wrap(sentence, width - 3):
        yield ((f"   {line}", "$muted"),)


def _gib(size: float) -> str:
    return formats.gib(size, unit=0)


def phases(fit: Fit, width: int) -> Iterator[Line]:
    """Every moment of the run with the bytes alive in it, in the order they come."""
    yield heading(text("breakdown.phases"))
    room = width - 18
    for phase in fit.estimate.phases:
        is_peak = phase is fit.estimate.peak
        title = cut_cells(text(phase.title), room)
        mark = text("breakdown.is-peak") if is_peak else ""
        yield ((f"{cells(title, room)}{_gib(phase.bytes):>8}{mark}", "bold" if is_peak else ""),)


def figures(fit: Fit, width: int, unicode: bool) -> Iterator[Line]:
    """The least it needs, what tools may show, what earlier runs say, and what there is."""
    verdict, budget = fit.verdict, fit.budget
    yield heading(text("breakdown.on", device=budget.name) if budget.gpu else text("breakdown.on-cpu"))
    margin = "breakdown.with-context" if budget.device == "cuda" else "breakdown.with-margin"
    rows = [("breakdown.needed", _gib(verdict.needed_bytes), text(margin))]
    if budget.device == "cuda":
        shown = fit.estimate.shown_bytes(budget.available_bytes)
        rows.append(("breakdown.nvidia-smi", _gib(shown), text("breakdown.blocks-kept")))
    if fit.calibration is not None:
        measured = _gib(fit.calibration.apply(verdict.needed_bytes))
        rows.append(("breakdown.calibrated", measured, fit_words.calibration(fit.calibration, unicode)))
    rows.append(
        ("breakdown.available", _gib(budget.available_bytes), text("breakdown.of-total", total=budget.total_bytes))
    )
    for name, figure, note in rows:
        yield ((f"{cells(text(name), 20)}{figure:>7} GiB  {note}"[:width].rstrip(), ""),)
    yield ((fit_words.verdict(fit), f"bold ${fit_words.STYLES[verdict.level]}"),)
    if fit.calibration is None:
        for line in wrap(text("breakdown.not-calibrated"), width):
            yield ((line, "$muted"),)


def uncertain(fit: Fit, width: int) -> Iterator[Line]:
    """What the figures rest on that was not known; nothing when all was."""
    from engine.memory.report import uncertain as notes

    for note in notes(fit.estimate):
        for line in wrap(text(note), width):
            yield ((line, "$warning"),)
