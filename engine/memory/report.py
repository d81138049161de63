"""An estimate, and a model's matrix, as plain text and as JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import wcwidth

from engine.common.columns import aligned
from engine.machine.gpu_specs import GIB
from engine.memory.estimate import GROUPS, LABELS, Estimate, Phase, Verdict, judge
from engine.memory.history import Calibration
from engine.memory.make_fit import Change, Plan
from engine.memory.methods import METHODS, MOST_TOKENS, Matrix
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.models.dims import ModelShape

HIDDEN_BELOW = 0.005
"""Share of the peak."""
COLUMNS = 80


def estimate_text(
    result: Estimate,
    available_bytes: float | None,
    plan: Plan | None = None,
    calibration: Calibration | None = None,
    on_gpu: bool = True,
) -> str:
    """The peak's terms, the phases, the verdict and what to change, in 80 columns."""
    peak, gpus = result.peak, result.job.gpus
    head = Message("memory-report.peak", phase=peak.title, bytes=result.allocated_bytes)
    if gpus > 1:
        head = Message("memory-report.peak-on-each", gpus=gpus, **head.args)
    lines = [text(head), ""]
    lines += [f"  {wcwidth.ljust(title, 28)} {_gib(size):>10}  {share:4.0%}" for title, size, share in _rows(peak)]
    lines += ["", text("memory-report.phases")]
    for phase in result.phases:
        mark = f"  <- {text('memory-report.peak-mark')}" if phase is peak else ""
        lines.append(f"  {wcwidth.ljust(text(phase.title), 44)} {_gib(phase.bytes):>10}{mark}")
    why = text("memory-report.needed-gpu" if on_gpu else "memory-report.needed-cpu")
    lines += ["", _figure(text("memory-report.needed"), result.needed_bytes, why)]
    shown = max(result.needed_bytes, result.shown_bytes(available_bytes))
    tool = text("memory-report.shown-gpu" if on_gpu else "memory-report.shown-cpu")
    lines.append(_figure(tool, shown, text("memory-report.shown-why")))
    if calibration is not None:
        calibrated = calibration.apply(result.needed_bytes)
        why = text("memory-report.calibrated-why", spread=calibration.message)
        lines.append(_figure(text("memory-report.calibrated"), calibrated, why))
    if available_bytes is not None:
        verdict = judge(result, available_bytes)
        lines += [_figure(text("memory-report.available"), available_bytes), ""]
        lines += wrapped(text("memory-report.verdict", verdict=verdict.message))
        if plan is not None and verdict.level != "fits":
            lines += plan_lines(plan)
    return "\n".join([*lines, *(line for note in uncertain(result) for line in wrapped(text(note)))])


def wrapped(told: str, first: str = "", after: str = "") -> list[str]:
    """``told`` in lines of at most 80 columns, the first indented by ``first``, the others by ``after``."""
    return wcwidth.wrap(
        told, COLUMNS, initial_indent=first, subsequent_indent=after, break_long_words=not told.isascii(),
        break_on_hyphens=False,
    )  # fmt: skip


def estimate_json(
    result: Estimate, available_bytes: float | None, plan: Plan | None = None, calibration: Calibration | None = None
) -> dict[str, Any]:
    """The same as plain values; sizes in bytes."""
    verdict = judge(result, available_bytes) if available_bytes is not None else None
    return {
        "model": result.job.shape.name,
        "peak_phase": result.peak.name,
        "allocated_bytes": round(result.allocated_bytes),
        "needed_bytes": round(result.needed_bytes),
        "nvidia_smi_bytes": round(result.shown_bytes(available_bytes)),
        "calibrated_bytes": round(calibration.apply(result.needed_bytes)) if calibration else None,
        "calibration": calibration.message.as_json() if calibration else None,
        "available_bytes": round(available_bytes) if available_bytes is not None else None,
        "verdict": _verdict_json(verdict),
        "phases": {
            phase.name: {
                "bytes": round(phase.bytes),
                "terms": {name: round(size) for name, size in phase.terms.items()},
            }
            for phase in result.phases
        },
        "changes": [_change_json(change) for change in (plan.changes if plan else ())],
        "together": _change_json(plan.together) if plan and plan.together else None,
        "uncertain": [note.as_json() for note in uncertain(result)],
    }


def bar_groups(phase: Phase) -> dict[str, float]:
    """Bytes by letter for the fit bar, in the order of the letters."""
    groups = dict.fromkeys(GROUPS, 0.0)
    for name, size in phase.terms.items():
        groups[LABELS[name][0]] += size
    return groups


def matrix_text(matrix: Matrix) -> str:
    """Methods down, row lengths across; each cell the largest micro-batch in padded tokens."""
    head = [text("memory-report.longest-row"), *(f"{length:,}" for length in matrix.lengths)]
    names = {method.name: text(method.message) for method in METHODS}
    body = [
        [names[name], *(_cell(cells[length]) for length in matrix.lengths)] for name, cells in matrix.tokens.items()
    ]
    title = Message(
        "memory-report.matrix-title", model=matrix.model, available=matrix.available_bytes, rank=matrix.rank
    )
    lines = [text(title), text("memory-report.matrix-about"), ""]
    lines += ["  " + line for line in aligned([head, *body], right=True)]
    return "\n".join([*lines, "", f"  {text('memory-report.matrix-none')}"])


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    return {
        "model": matrix.model,
        "available_bytes": round(matrix.available_bytes),
        "rank": matrix.rank,
        "micro_batch_tokens": {
            method: {str(length): tokens for length, tokens in cells.items()} for method, cells in matrix.tokens.items()
        },
    }


def _rows(phase: Phase) -> Iterable[tuple[str, float, float]]:
    """Title, bytes and share of each term that is large enough to show, the largest first."""
    for name, size in sorted(phase.terms.items(), key=lambda item: -item[1]):
        if size >= HIDDEN_BELOW * phase.bytes and size > 0:
            yield text(LABELS[name][1]), size, size / phase.bytes


def plan_lines(plan: Plan) -> list[str]:
    """What would help, a line each; those that suffice are marked."""
    if not plan.changes:
        return ["", text("memory-report.nothing-helps")]
    lines = ["", text("memory-report.what-helps")]
    for change in plan.changes:
        lines += wrapped(text(change.message), "  * " if change.fits else "    ", "      ")
    if any(change.fits for change in plan.changes):
        lines.append(f"  {text('memory-report.enough-alone')}")
    elif plan.together is not None:
        together = f"{text('memory-report.together', change=plan.together.message)} ({part(plan.together.what, 'why')})"
        lines += wrapped(together, "  ", "      ")
    else:
        lines.append(f"  {text('memory-report.not-even-together')}")
    return lines


def uncertain(result: Estimate) -> list[Message]:
    """What the figures rest on that was not known."""
    notes = assumed(result.job.shape)
    if result.job.shape.fused_experts and result.job.is_quantized:
        notes.append(Message("memory-report.fused-experts"))
    return notes


def assumed(shape: ModelShape) -> list[Message]:
    """What was not known of the model."""
    notes = []
    if shape.guessed:
        notes.append(Message("memory-report.guessed", fields=shape.guessed))
    if shape.is_moe:
        notes.append(Message("memory-report.experts-vary"))
    return notes


def _verdict_json(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "level": verdict.level, "spare_bytes": round(verdict.spare_bytes), "message": verdict.message.as_json(),
    }  # fmt: skip


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "what": change.what.as_json(),
        "settings": change.settings,
        "saved_bytes": round(change.saved_bytes),
        "slow_down": round(change.slow_down, 3),
        "same_result": change.same_result,
        "fits": change.fits,
    }


def _figure(name: str, size: float, why: str = "") -> str:
    return f"{wcwidth.ljust(name, 20)} {_gib(size):>10}   {why}".rstrip()


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB" if size >= 0.1 * GIB or not size else f"{size / 2**20:.1f} MiB"


def _cell(tokens: int) -> str:
    return "-" if not tokens else f"{tokens:,}" if tokens < MOST_TOKENS else "> 1M"
