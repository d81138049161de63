"""``tunedeck estimate``: the memory, time and disk of a config, or what a model can do on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.run import Settings
from engine.cli.console import json_line, one_line, out
from engine.common.errors import ConfigError
from engine.messages.catalogue import sentences, text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.estimate import Estimated
    from engine.memory.budget import Budget
    from engine.memory.disk import RunDisk
    from engine.memory.duration import Duration
    from engine.memory.fit import Fit
    from engine.memory.make_fit import Plan
    from engine.models.named_dims import Found

METHODS = {
    "none": "estimate.lora", "int8": "estimate.lora-int8", "nf4": "estimate.qlora", "nf4-dq": "estimate.qlora-dq",
}  # fmt: skip


def estimate(
    what: Annotated[str, typer.Argument(metavar="[CONFIG|MODEL]")] = "",
    gpu: Annotated[str, typer.Option(metavar="24GiB|NAME")] = "",
    rank: Annotated[int, typer.Option(min=1, max=1024)] = 16,
    shape: Annotated[str, typer.Option(metavar="hidden=N,...")] = "",
    settings: Settings = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Estimate memory, time and disk, without loading anything."""
    from engine.app import estimate as estimating
    from engine.models import named_dims

    if bool(what) == bool(shape):
        raise ConfigError("cli.two-estimates" if what else "cli.nothing-to-estimate", example=named_dims.EXAMPLE)
    file = None if shape else _config_file(what)
    if file is None:
        found = named_dims.typed(shape) if shape else named_dims.find(what)
        if settings:
            raise ConfigError("cli.set-needs-config", given=what or shape)
        _matrix(found, estimating.budget_for(gpu, estimating.machine_for(gpu)), rank, as_json)
        return
    from engine.config import toml

    _config(estimating.estimate(toml.load(file, settings or []), gpu), as_json)


def _config_file(what: str) -> Path | None:
    """The config that is meant: a TOML file, or that of a run's folder; None for a model."""
    try:
        path = Path(what).expanduser()
        inside = path / "config.toml"
        is_run = inside.is_file() and not (path / "config.json").exists()
    except (OSError, ValueError, RuntimeError):
        return None  # no path at all; what it is, the model's part says
    if path.suffix == ".toml":
        return path
    return inside if is_run else None


def _matrix(found: Found, budget: Budget, rank: int, as_json: bool) -> None:
    from engine.memory.methods import method_matrix
    from engine.memory.report import assumed, matrix_json, matrix_text, wrapped

    made = method_matrix(found.shape, budget, rank)
    notes = [*found.notes, *assumed(found.shape)]
    if as_json:
        json_line({**matrix_json(made), "device": budget.name, "uncertain": notes})
        return
    for line in wrapped(_place(budget), "", "  "):
        out(line)
    out(matrix_text(made))
    for note in map(text, notes):
        for line in wrapped(one_line(note)):
            out(line)


def _config(found: Estimated, as_json: bool) -> None:
    made, time, disk = found.planned.fit, found.planned.duration, found.planned.disk
    assert made is not None
    assert disk is not None
    plan = made.plan() if made.verdict.level != "fits" else None
    if as_json:
        json_line(_as_json(made, found.found, plan, time, disk))
        return
    if time is not None:
        duration = text(time.message)
    elif found.planned.size is None:
        duration = text("estimate.rows-unreadable")
    else:
        duration = text("estimate.device-unknown")
    _print(made, found.found, plan, duration, disk)


def _print(made: Fit, found: Found, plan: Plan | None, duration: str, disk: RunDisk) -> None:
    from engine.memory.report import estimate_text, wrapped

    job = made.estimate.job
    how: list[str | Message] = [Message(METHODS[job.quantization]), *(["DoRA"] if job.method == "dora" else [])]
    how += [Message("estimate.rank", rank=job.rank), Message("estimate.rows", rows=job.rows, tokens=job.row_tokens)]
    how += [] if job.checkpointing == "none" else [Message("estimate.recomputed")]
    lines = wrapped(text("estimate.job", model=found.shape.name, how=[*how, job.optimizer]), "", "  ")
    lines += [*wrapped(_place(made.budget), "", "  "), ""]
    if made.resolution.settings:
        lines.append(text("estimate.settled"))
        for field, value in made.resolution.settings.items():
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            said = text("estimate.setting", field=field, value=shown, reason=made.resolution.reasons[field])
            lines += wrapped(said, "  ", "      ")
        lines.append("")
    on_gpu = made.budget.device == "cuda"
    lines += estimate_text(
        made.estimate, made.budget.available_bytes, plan, made.calibration, on_gpu
    ).splitlines()  # fmt: skip
    lines.append("")
    lines += wrapped(text("estimate.time", time=duration), "", "      ")
    on_disk = [disk.message, *([disk.later] if disk.later is not None else [])]
    lines += wrapped(text("estimate.disk", parts=on_disk), "", "      ")
    for note in found.notes:
        lines += wrapped(text(note))
    for line in lines:
        out(one_line(line))


def _as_json(
    made: Fit, found: Found, plan: Plan | None, time: Duration | None, disk: RunDisk
) -> dict[str, Any]:  # fmt: skip
    from engine.memory.report import estimate_json

    figures = estimate_json(made.estimate, made.budget.available_bytes, plan, made.calibration)
    resolution = made.resolution
    return {
        **figures,
        "uncertain": [*found.notes, *figures["uncertain"]],
        "device": made.budget.name,
        "total_bytes": round(made.budget.total_bytes),
        "settled": {
            field: {"value": value, "reason": resolution.reasons[field].as_json()}
            for field, value in resolution.settings.items()
        },
        "time": None if time is None else {
            "seconds": round(time.seconds, 1), "tokens": time.tokens, "exact_tokens": time.exact_tokens,
            "tokens_per_second": round(time.tokens_per_second, 2), "origin": time.origin.as_json(), "basis": time.basis,
        },
        "disk": {
            "run_bytes": disk.run, "checkpoint_bytes": disk.checkpoint, "adapter_bytes": disk.adapter,
            "merged_bytes": disk.merged, "export_bytes": disk.export,
        },
    }  # fmt: skip


def _place(budget: Budget) -> str:
    """The device and its free memory, who has the rest, and why it is no GPU where there are some."""
    name = budget.name if budget.gpu is None else f"GPU {budget.gpu.index}, {budget.name}"
    parts = [Message("estimate.free", name=name, free=budget.available_bytes, total=budget.total_bytes)]
    for other in budget.others[:3]:
        program = other.program or Message("estimate.process", pid=str(other.pid))
        whose = Message("estimate.of-user", program=program, user=other.user) if other.user else program
        if other.memory_bytes:
            parts.append(Message("estimate.held", memory=other.memory_bytes, whose=whose))
        else:
            parts.append(Message("estimate.some-held", whose=whose))
    where = text("estimate.place", parts=parts)
    return one_line(sentences(where, text(budget.unused)) if budget.unused else where)
