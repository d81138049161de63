"""What past runs measured, kept as JSON lines, and what the next estimate of memory learns from it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.common import paths
from engine.messages.message import Message

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)


def append_lines(file: Path, records: Iterable[DataclassInstance]) -> None:
    """Add a line for each of ``records``. A file that can't be written is no reason to fail."""
    lines = "".join(json.dumps(asdict(each)) + "\n" for each in records)
    try:
        paths.private_dir(file.parent)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(lines)
    except OSError:
        pass


def read_lines(file: Path, kind: type[Record], makes_sense: Callable[[Record], bool]) -> list[Record]:
    """All records of ``kind``, oldest first; lines that can't be read or make no sense are passed over."""
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            record = kind(**json.loads(line))
        except (ValueError, TypeError, RecursionError):
            continue
        if makes_sense(record):
            found.append(record)
    return found


NAME = "memory.jsonl"
ENOUGH_RUNS = 1


@dataclass(frozen=True)
class Observation:
    """One phase of one run: bytes predicted and measured, on which GPU, and what it was. ``at``: epoch seconds."""

    run: str
    gpu: str
    model: str
    method: str
    phase: str
    predicted_bytes: float
    measured_bytes: float
    at: float = 0.0

    @property
    def ratio(self) -> float:
        return self.measured_bytes / self.predicted_bytes


@dataclass(frozen=True)
class Calibration:
    """``factor``: measured over predicted, the median of ``runs`` runs; ``spread`` the median distance from it."""

    factor: float
    spread: float
    runs: int

    @property
    def message(self) -> Message:
        """ "± 2% from 3 runs"."""
        return Message("memory.calibrated", spread=max(self.spread, 0.01), runs=self.runs)

    def apply(self, predicted_bytes: float) -> float:
        return predicted_bytes * self.factor


def history_file() -> Path:
    return paths.home() / NAME


def record(observations: Iterable[Observation], file: Path | None = None) -> None:
    """Append to the history; senseless values are left out. A history that can't be written is no reason to fail."""
    append_lines(file or history_file(), [seen for seen in observations if _makes_sense(seen)])


def read_history(file: Path | None = None) -> list[Observation]:
    """All observations; lines that can't be read are skipped."""
    return read_lines(file or history_file(), Observation, _makes_sense)


def calibrate(history: Sequence[Observation], gpu: str, model: str = "", method: str = "") -> Calibration | None:
    """What runs on ``gpu`` say: those of the same model and method if there are any, else of the method, else all.

    Each run counts once, by the phase with the largest measured figure. None without a run on this GPU.
    """
    here = [seen for seen in history if seen.gpu == gpu]
    same_method = [seen for seen in here if seen.method == method]
    same_model = [seen for seen in same_method if seen.model == model]
    chosen = same_model or same_method or here
    peaks: dict[str, Observation] = {}
    for seen in chosen:
        if seen.run not in peaks or seen.measured_bytes > peaks[seen.run].measured_bytes:
            peaks[seen.run] = seen
    if len(peaks) < ENOUGH_RUNS:
        return None
    ratios = [seen.ratio for seen in peaks.values()]
    factor = statistics.median(ratios)
    return Calibration(factor, statistics.median(abs(ratio / factor - 1) for ratio in ratios), len(ratios))


def _makes_sense(seen: Observation) -> bool:
    return (
        isinstance(seen.predicted_bytes, (int, float))
        and isinstance(seen.measured_bytes, (int, float))
        and seen.predicted_bytes > 0
        and 0.05 < seen.measured_bytes / seen.predicted_bytes < 20
    )
