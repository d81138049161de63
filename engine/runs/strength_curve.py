"""What an adapter does at several strengths, kept beside the evaluation that asked: task and general text by scale."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.common.files import read_struct, write_atomic
from engine.runs.evaluations import BASE, TUNED, Evaluation

FILE = "strength.json"
NAME = "strength"
"""Name of the evaluation that measures an adapter at several strengths."""
MARGIN = 0.02
"""Task loss in nats a token, or a share of the deciding metric, that a weaker adapter may lose and still be as good."""

LEAST_ROWS = 30
"""Rows of the task below which no strength is advised: they show differences of 23 points and more, and no smaller."""
LOSES_NOTHING = 0.005
"""A smaller rise of the loss on general text, in nats a token, is nothing to weaken an adapter for."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter at ``scale`` of its full strength. Losses are means a token, None where they were not measured.

    ``task`` is the value of the metric that decides, with the bounds of its 95 % interval.
    """

    scale: float
    task_loss: float | None = None
    general_loss: float | None = None
    task: float | None = None
    low: float | None = None
    high: float | None = None


class StrengthCurve(msgspec.Struct, frozen=True, kw_only=True):
    """The points by scale. ``metric`` is what ``task`` is, "" for none. ``n`` rows of the task, ``general`` of text.

    ``suggested`` is the scale that keeps the task and forgets least, None where none is better than the full strength.
    """

    points: list[Point]
    metric: str = ""
    n: int = 0
    general_rows: int = 0
    general: str = ""
    suggested: float | None = None

    def at(self, scale: float) -> Point | None:
        return next((point for point in self.points if point.scale == scale), None)


def candidate(scale: float) -> str:
    """The name in an evaluation of the adapter at ``scale``."""
    return BASE if scale == 0 else TUNED if scale == 1 else f"strength-{scale:g}"


def with_metric(curve: StrengthCurve, evaluation: Evaluation) -> StrengthCurve:
    """``curve`` with what ``evaluation`` found of each strength by the metric that decides, and a suggestion."""
    metric = next(iter(evaluation.metrics), "")
    points = []
    for point in curve.points:
        mean = evaluation.mean(candidate(point.scale), metric) if metric else None
        found = {} if mean is None else {"task": mean.value, "low": mean.low, "high": mean.high}
        points.append(msgspec.structs.replace(point, **found))
    made = msgspec.structs.replace(curve, points=points, metric=metric, n=evaluation.n)
    return msgspec.structs.replace(made, suggested=suggested(made, evaluation))


def suggested(curve: StrengthCurve, evaluation: Evaluation | None = None) -> float | None:
    """The scale with the least loss on general text among those that do the task as well as the full strength.

    As well: within ``MARGIN`` of its metric (else of its task loss), and not worse by the test over rows. None where
    that is the full strength itself, it forgot nothing that general text shows, or the rows are too few to tell.
    """
    full, base = curve.at(1.0), curve.at(0.0)
    if full is None or full.general_loss is None or curve.n < LEAST_ROWS:
        return None
    if base is not None and base.general_loss is not None and full.general_loss - base.general_loss < LOSES_NOTHING:
        return None
    good = [point for point in curve.points if point.scale > 0 and _does_as_well(point, full, curve.metric, evaluation)]
    best = min(good, key=lambda point: (point.general_loss or 0.0, -point.scale), default=full)
    return None if best.scale == 1 or (best.general_loss or 0.0) >= full.general_loss else best.scale


def _does_as_well(point: Point, full: Point, metric: str, evaluation: Evaluation | None) -> bool:
    if point.scale == 1:
        return True
    if point.general_loss is None:
        return False
    if point.task is not None and full.task is not None:
        compared = evaluation.comparison(TUNED, candidate(point.scale), metric) if evaluation else None
        worse = compared is not None and compared.verdict == "better"
        return not worse and point.task >= full.task - MARGIN
    if point.task_loss is not None and full.task_loss is not None:
        return point.task_loss <= full.task_loss + MARGIN
    return False


def keep(where: Path, curve: StrengthCurve) -> None:
    """Write it into the evaluation's folder. Raises OSError."""
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(where / FILE, msgspec.json.encode(curve).decode("utf-8"))


def read(where: Path) -> StrengthCurve | None:
    """What is kept, None where there is none that can be read."""
    return read_struct(where / FILE, StrengthCurve)
