"""What the answers lead to, in numbers: steps, size of a checkpoint, disk; pure functions over draft and facts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.errors import TunedeckError
from engine.config.rules import Issue
from engine.units import amount
from tui.draft.mix_sources import inspection_of, size_of
from tui.words import gibibytes

if TYPE_CHECKING:
    from engine.memory.disk import RunDisk
    from engine.models.dims import ModelShape
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

NOTHING_YET = "What your answers lead to is shown here."


@dataclass(frozen=True)
class Consequence:
    """Numbers that are known so far; None where an answer is missing. Disk is all that the run writes."""

    weights_bytes: int | None = None
    rows: int | None = None
    steps: int | None = None
    checkpoint_bytes: int | None = None
    disk_bytes: int | None = None


def consequence(draft: Draft, facts: Facts) -> Consequence:
    rows = sum(facts.rows.values()) if facts.rows else None
    train_rows = None
    inspection = inspection_of(draft, facts)
    if inspection is not None and inspection.rows:
        rows, train_rows = inspection.rows, inspection.train_rows
    elif rows is not None:
        becomes_more = len(facts.rows) > 1 or draft.get("dataset.too_long") == "split"
        mixed = size_of(draft, facts) if becomes_more else None
        train_rows = mixed.rows if mixed else rows - held_out(draft, rows)
    trained = lora_parameters(draft, facts)
    keep = draft.get("checkpoint.keep")
    kept = keep if isinstance(keep, int) and not isinstance(keep, bool) and keep > 0 else None
    disk = written(trained, kept or 1, draft, facts) if trained else None
    return Consequence(
        weights_bytes=facts.card.weight_bytes if facts.card else None,
        rows=rows,
        steps=steps(draft, train_rows),
        checkpoint_bytes=disk.checkpoint if disk else None,
        disk_bytes=disk.run if disk and kept else None,
    )


def written(trained: int, keep: int, draft: Draft, facts: Facts) -> RunDisk:
    """What the run writes, by the same arithmetic that refuses its start."""
    from engine.memory.disk import TOKENIZER_BYTES, beside_bytes, run_disk

    beside = beside_bytes(Path(facts.card.path)) if facts.card else TOKENIZER_BYTES
    found = run_disk(trained, keep, str(draft.get("train.optim")), beside=beside)
    model = shape_of(Path(facts.card.path)) if facts.card and draft.get("strategy.kind") == "merge" else None
    return replace(found, merging=2 * model.parameters) if model else found


def held_out(draft: Draft, rows: int) -> int:
    """Rows never trained on, of ``rows``: those of the validation and of the test."""
    return min(rows, sum(_part(draft, name, rows) for name in ("eval", "test")))


def _part(draft: Draft, name: str, rows: int) -> int:
    count, share = draft.get(f"dataset.{name}_rows"), draft.get(f"dataset.{name}_share")
    if isinstance(count, int):
        return count
    return round(rows * share) if _is_number(share) and 0 <= share < 1 else 0


def steps(draft: Draft, train_rows: int | None) -> int | None:
    """Optimizer steps of the run; None while rows or fields are missing or wrong."""
    most = draft.get("train.max_steps")
    if isinstance(most, int) and most > 0:
        return most
    batch: Any = draft.get("train.batch_size")
    epochs: Any = draft.get("train.num_train_epochs")
    if not train_rows or not isinstance(batch, int) or batch < 1 or not _is_number(epochs) or epochs <= 0:
        return None
    count: int = round(math.ceil(train_rows / batch) * epochs)
    return max(1, count)


def lora_parameters(draft: Draft, facts: Facts) -> int | None:
    """Trained numbers of the adapter; None while the model or the fields they follow from are missing or wrong."""
    rank, targets = draft.get("adapter.r"), draft.get("adapter.target_modules")
    shape = shape_of(Path(facts.card.path)) if facts.card else None
    if shape is None or not isinstance(rank, int) or rank < 1:
        return None
    from engine.memory.job import Job
    from engine.memory.model_states import adapter_numbers

    named = [targets] if isinstance(targets, str) else list(targets or ())
    wanted = ("all",) if named == ["all-linear"] else tuple(str(name).removesuffix("_proj") for name in named)
    return int(adapter_numbers(Job(shape, rows=1, row_tokens=8, rank=rank, targets=wanted))) or None


@lru_cache(maxsize=256)
def shape_of(model: Path) -> ModelShape | None:
    """Dimensions of the model in that folder; None where its config does not tell them."""
    from engine.models.dims import from_folder

    try:
        return from_folder(model)
    except TunedeckError:
        return None


def disk_issue(found: Consequence, free_bytes: int, place: Path) -> Issue | None:
    """The error for a disk that can't hold the checkpoints this run keeps, None when it can."""
    if found.disk_bytes is None or found.disk_bytes <= free_bytes:
        return None
    needed, free = gibibytes(found.disk_bytes), gibibytes(free_bytes)
    return Issue(
        "error",
        "checkpoint.keep",
        f"the disk is too small: {needed} of checkpoints, {free} free in {place}.",
        "Free space, keep fewer checkpoints, or set TUNEDECK_HOME to a larger disk.",
    )


def pieces(found: Consequence) -> tuple[str, ...]:
    """What follows the verdict in the fit bar, the most important first."""
    disk = f"disk {gibibytes(found.disk_bytes)}" if found.disk_bytes else ""
    counts = ((found.steps, "step"), (found.rows, "row"))
    return tuple(filter(None, (disk, *(_count(number, what) if number else "" for number, what in counts))))


def sentence(found: Consequence) -> str:
    """One line of at most 78 cells for the foot of the wizard, where there is no fit."""
    parts = [
        f"model {gibibytes(found.weights_bytes)}" if found.weights_bytes else "",
        _count(found.rows, "row") if found.rows else "",
        _count(found.steps, "step") if found.steps else "",
        f"checkpoint {gibibytes(found.checkpoint_bytes)}" if found.checkpoint_bytes else "",
        f"disk {gibibytes(found.disk_bytes)}" if found.disk_bytes else "",
    ]
    return "   ".join(part for part in parts if part) or NOTHING_YET


def _count(number: int, what: str) -> str:
    shown = amount(number) if number >= 1_000_000 else f"{number:,}"
    return f"{shown} {what}" + ("s" if number != 1 else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
