"""An estimate, and a model's matrix, as plain text and as JSON values."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from engine.common.columns import aligned
from engine.machine.gpu_specs import GIB
from engine.memory.estimate import GROUPS, LABELS, Estimate, Phase, Verdict, judge
from engine.memory.history import Calibration
from engine.memory.make_fit import Change, Plan
from engine.memory.methods import MOST_TOKENS, Matrix
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
    each = f" on each of {result.job.gpus} GPUs" if result.job.gpus > 1 else ""
    lines = [f"Peak: {result.peak.title}, {_gib(result.allocated_bytes)} of live tensors{each}", ""]
    lines += [f"  {title:28} {_gib(size):>10}  {share:4.0%}" for title, size, share in _rows(result.peak)]
    lines += ["", "Phases"]
    for phase in result.phases:
        mark = "  <- peak" if phase is result.peak else ""
        lines.append(f"  {phase.title[:44]:44} {_gib(phase.bytes):>10}{mark}")
    context, tool = ("the GPU context", "nvidia-smi") if on_gpu else ("the libraries", "The system")
    lines += ["", f"Needed at least      {_gib(result.needed_bytes):>10}   live tensors, 3% and {context}"]
    shown = max(result.needed_bytes, result.shown_bytes(available_bytes))
    lines.append(f"{tool + ' may show':20} {_gib(shown):>10}   freed blocks are kept for reuse")
    if calibration is not None:
        calibrated = calibration.apply(result.needed_bytes)
        lines.append(f"Calibrated           {_gib(calibrated):>10}   {calibration.text} on this device")
    if available_bytes is not None:
        verdict = judge(result, available_bytes)
        lines += [
            f"Available            {_gib(available_bytes):>10}",
            "",
            *wrapped(verdict.text[0].upper() + verdict.text[1:]),
        ]
        if plan is not None and verdict.level != "fits":
            lines += plan_lines(plan)
    return "\n".join([*lines, *(line for note in uncertain(result) for line in wrapped(note))])


def wrapped(text: str, first: str = "", after: str = "") -> list[str]:
    """``text`` in lines of at most 80 columns, the first indented by ``first``, the others by ``after``."""
    return textwrap.wrap(text, COLUMNS, initial_indent=first, subsequent_indent=after, break_long_words=False)


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
        "calibration": calibration.text if calibration else None,
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
        "uncertain": uncertain(result),
    }


def bar_groups(phase: Phase) -> dict[str, float]:
    """Bytes by letter for the fit bar, in the order of the letters."""
    groups = dict.fromkeys(GROUPS, 0.0)
    for name, size in phase.terms.items():
        groups[LABELS[name].letter] += size
    return groups


def matrix_text(matrix: Matrix) -> str:
    """Methods down, row lengths across; each cell the largest micro-batch in padded tokens."""
    head = ["longest row", *(f"{length:,}" for length in matrix.lengths)]
    body = [[method, *(_cell(cells[length]) for length in matrix.lengths)] for method, cells in matrix.tokens.items()]
    lines = [
        f"{matrix.model} within {_gib(matrix.available_bytes)}, rank {matrix.rank}",
        "Most padded tokens computed at once, by the longest row's tokens",
        "",
        *("  " + line for line in aligned([head, *body], right=True)),
    ]
    return "\n".join([*lines, "", "  -: not even one row of that length fits"])


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
            yield LABELS[name].title, size, size / phase.bytes


def plan_lines(plan: Plan) -> list[str]:
    """What would help, a line each; those that suffice are marked."""
    if not plan.changes:
        return ["", "Nothing in the settings would save enough; take a smaller model or a larger GPU."]
    lines = ["", "What would help"]
    for change in plan.changes:
        lines += wrapped(change.text, "  * " if change.fits else "    ", "      ")
    if any(change.fits for change in plan.changes):
        lines.append("  * enough by itself")
    elif plan.together is not None:
        lines += wrapped(f"Together enough: {plan.together.text}", "  ", "      ")
    else:
        lines.append("  Not enough even together: take a smaller model or a larger GPU.")
    return lines


def uncertain(result: Estimate) -> list[str]:
    """What the figures rest on that was not known."""
    notes = assumed(result.job.shape)
    if result.job.shape.fused_experts and result.job.is_quantized:
        notes.append("The experts are fused tensors, which bitsandbytes does not quantize: they stay in 16 bit.")
    return notes


def assumed(shape: ModelShape) -> list[str]:
    """What was not known of the model."""
    notes = []
    if shape.guessed:
        notes.append(f"Uncertain: {', '.join(shape.guessed)} of this model not known, taken as in Llama-like models.")
    if shape.is_moe:
        notes.append("Uncertain: memory of experts' activations depends on how tokens spread over them.")
    return notes


def _verdict_json(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"level": verdict.level, "spare_bytes": round(verdict.spare_bytes), "text": verdict.text}


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "title": change.title,
        "reason": change.reason,
        "settings": change.settings,
        "saved_bytes": round(change.saved_bytes),
        "slow_down": round(change.slow_down, 3),
        "same_result": change.same_result,
        "fits": change.fits,
    }


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB" if size >= 0.1 * GIB or not size else f"{size / 2**20:.1f} MiB"


def _cell(tokens: int) -> str:
    return "-" if not tokens else f"{tokens:,}" if tokens < MOST_TOKENS else "> 1M"
