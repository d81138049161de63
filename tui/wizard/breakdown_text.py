"""What the breakdown says, as lines of styled pieces: the peak's terms, the phases, the figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.messages.catalogue import part, text
from engine.messages.formats import percent
from tui import fit_words
from tui.widgets.bars import fit as cells
from tui.widgets.fitbar import NAMES
from tui.widgets.line import cut_cells, wrap
from tui.words import gib

if TYPE_CHECKING:
    from engine.memory.fit import Fit

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with a style of the theme ("" for none)."""

WHY_PEAK = {
    "load": "Nothing else happens while the weights come in, so training itself takes no more than this.",
    "loss": "All layers keep what they need for the way back, and the scores for every word come on top.",
    "backward": "All layers still keep their part while one is computed again with its gradients.",
    "backward_end": "Every gradient is there by then, beside the last layer's own work.",
    "step": "Weights, gradients and the optimizer's memory are there together, and the batch hardly counts.",
    "evaluation": "Answers are written side by side, and each remembers what it has read.",
    "save": "What is there through every step decides; a batch takes next to nothing.",
    "merge": "One matrix at a time is put together, and a batch takes less than that.",
}
CONTEXT = "The driver's own memory on the GPU, and 3% for what no term counts."
MARGIN = "3% for what no term counts, and the process itself."
HIDDEN_BELOW_BYTES = 0.005 * 2**30


def heading(text: str) -> Line:
    return ((text, "bold"),)


def peak(fit: Fit, width: int) -> Iterator[Line]:
    """The moment that needs most, why it does, and every term of it: letter, name, GiB, share, one sentence."""
    from engine.memory.estimate import LABELS

    top = fit.estimate.peak
    yield heading(f"The peak: {text(top.title)}")
    for line in wrap(f"{WHY_PEAK[top.name]} {_lead(fit)}".strip(), width):
        yield ((line, ""),)
    yield ()
    needed = fit.verdict.needed_bytes
    for name, size in sorted(top.terms.items(), key=lambda item: -item[1]):
        if size >= HIDDEN_BELOW_BYTES or size >= 0.01 * needed:
            letter, label = LABELS[name]
            yield from _term(letter, text(label), size, size / needed, part(label, "about"), width)
    rest = needed - top.bytes
    title, sentence = ("Context and margin", CONTEXT) if fit.budget.device == "cuda" else ("Margin", MARGIN)
    yield from _term("C", title, rest, rest / needed, sentence, width)


def _lead(fit: Fit) -> str:
    top = fit.estimate.peak
    second = max((phase for phase in fit.estimate.phases if phase is not top), key=lambda phase: phase.bytes)
    ahead = top.bytes - second.bytes
    much = f"{gib(ahead)} GiB more than" if ahead >= HIDDEN_BELOW_BYTES else "Hardly more than"
    return f"{much} {text(second.title)}."


def _term(letter: str, title: str, size: float, share: float, sentence: str, width: int) -> Iterator[Line]:
    name = cells(title, max(20, min(32, width - 22)))
    yield (letter, f"reverse $term-{NAMES[letter]}"), (f"  {name}{gib(size):>7} GiB {percent(share):>6}", "bold")
    for line in wrap(sentence, width - 3):
        yield ((f"   {line}", "$muted"),)


def phases(fit: Fit, width: int) -> Iterator[Line]:
    """Every moment of the run with the bytes alive in it, in the order they come."""
    yield heading("The moments of the run, live tensors in GiB")
    room = width - 18
    for phase in fit.estimate.phases:
        is_peak = phase is fit.estimate.peak
        title = cut_cells(text(phase.title), room)
        mark = "  <- peak" if is_peak else ""
        yield ((f"{cells(title, room)}{gib(phase.bytes):>8}{mark}", "bold" if is_peak else ""),)


def figures(fit: Fit, width: int, unicode: bool) -> Iterator[Line]:
    """The least it needs, what tools may show, what earlier runs say, and what there is."""
    verdict, budget = fit.verdict, fit.budget
    yield heading(f"On {budget.name}" if budget.gpu else "On the CPU, in RAM")
    margin = "with context, margin" if budget.device == "cuda" else "with margin"
    rows = [("Needed at least", gib(verdict.needed_bytes), margin)]
    if budget.device == "cuda":
        shown = fit.estimate.shown_bytes(budget.available_bytes)
        rows.append(("nvidia-smi may show", gib(shown), "freed blocks are kept"))
    if fit.calibration is not None:
        measured = gib(fit.calibration.apply(verdict.needed_bytes))
        rows.append(("Calibrated", measured, fit_words.calibration(fit.calibration, unicode)))
    rows.append(("Available", gib(budget.available_bytes), f"of {gib(budget.total_bytes)} GiB"))
    for name, figure, note in rows:
        yield ((f"{cells(name, 20)}{figure:>7} GiB  {note}"[:width].rstrip(), ""),)
    yield ((fit_words.verdict(fit), f"bold ${fit_words.STYLES[verdict.level]}"),)
    if fit.calibration is None:
        for line in wrap("Not calibrated yet: no run has been measured on this device.", width):
            yield ((line, "$muted"),)


def uncertain(fit: Fit, width: int) -> Iterator[Line]:
    """What the figures rest on that was not known; nothing when all was."""
    from engine.memory.report import uncertain as notes

    for note in notes(fit.estimate):
        for line in wrap(text(note), width):
            yield ((line, "$warning"),)
