"""Changes of a run's mix that people asked for while it trained: kept beside it, so that a resumed run repeats them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.common.files import read_json, write_atomic
from engine.runs.directory import RunDir


@dataclass(frozen=True)
class MixChange:
    """After optimizer step ``step`` the replayed sources make up ``replay`` (0 to 1) of the mix."""

    step: int
    replay: float


def read(run: RunDir) -> list[MixChange]:
    """In the order of their steps; of two after one step the later one counts."""
    listed = read_json(_file(run)).get("changes")
    found = [change for each in (listed if isinstance(listed, list) else []) if (change := _change(each)) is not None]
    return sorted(found, key=lambda change: change.step)


def add(run: RunDir, change: MixChange) -> None:
    """Keep ``change``; what was to come after its step is no more. Raises OSError."""
    kept = [each for each in read(run) if each.step < change.step]
    _write(run, [*kept, change])


def drop_after(run: RunDir, step: int) -> list[MixChange]:
    """Forget the changes after ``step``, and return them. Raises OSError."""
    found = read(run)
    dropped = [each for each in found if each.step > step]
    if dropped:
        _write(run, [each for each in found if each.step <= step])
    return dropped


def _write(run: RunDir, changes: Sequence[MixChange]) -> None:
    write_atomic(_file(run), json.dumps({"changes": [asdict(each) for each in changes]}, indent=1))


def _file(run: RunDir) -> Path:
    return run.path / "mix_changes.json"


def _change(record: Any) -> MixChange | None:
    try:
        step, replay = record["step"], float(record["replay"])
    except (TypeError, KeyError, ValueError):
        return None
    is_sound = isinstance(step, int) and step >= 0 and math.isfinite(replay) and 0 < replay < 1
    return MixChange(step, replay) if is_sound else None
