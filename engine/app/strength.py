"""How strong a run's adapter acts: measured at several scales by a child process, and one of them kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.app.evaluate import checked_name
from engine.common.errors import ConfigError, RunError
from engine.config import toml
from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics import words
from engine.models.adapter import strength
from engine.models.adapter.card import read_adapter
from engine.models.adapter.config import CONFIG_FILE
from engine.runs import evaluations, strength_curve
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.strength_curve import NAME, Point, StrengthCurve

SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
MOST_SCALES = 20
_BAR = 8


@dataclass(frozen=True)
class Kept:
    """The adapter of ``run`` acts at ``scale`` from now on. ``full`` is where its config at full strength is kept.

    ``told`` is what of it acts in full all the same.
    """

    run: RunDir
    scale: float
    full: Path | None
    told: tuple[Message, ...] = ()


def request(
    run: RunDir, scales: Sequence[float] = SCALES, *, rows: int | None = None, general: str = "", answers: bool = True,
    trust_base: bool = False, name: str = NAME,
) -> EvaluationRequest:  # fmt: skip
    """What to ask the child for. Raises ConfigError for senseless scales, ModelError for an adapter without a scale."""
    chosen = tuple(sorted({*scales, 0.0, 1.0}))
    bad = [scale for scale in chosen if not math.isfinite(scale) or not 0 <= scale <= strength.STRONGEST]
    if bad or len(chosen) > MOST_SCALES:
        raise ConfigError("strength.bad-scales", scales=list(scales), most=strength.STRONGEST, count=MOST_SCALES)
    _adapter_of(run)
    strength.require_scalable(run.adapter)
    config = toml.load(run.config).config
    return EvaluationRequest(
        run=str(run.path.absolute()), name=checked_name(name), scales=chosen, general=general, answers=answers,
        rows=config.eval.generate_rows if rows is None else rows, trust_base=trust_base,
    )  # fmt: skip


def keep(run: RunDir, scale: float) -> Kept:
    """Make the run's adapter act at ``scale``; 1 brings the full strength back. Raises RunError, ModelError."""
    _adapter_of(run)
    measured = NAME if strength_curve.read(evaluations.folder(run, NAME)) is not None else ""
    full = strength.keep(run.adapter, scale, measured)
    return Kept(run, scale, full, strength.not_scaled(read_adapter(str(run.adapter))) if scale != 1 else ())


def _adapter_of(run: RunDir) -> None:
    """Raise RunError for a run that has no result yet: its checkpoints are what it resumes from, and stay so."""
    if not (run.adapter / CONFIG_FILE).is_file():
        raise RunError("strength.no-result", run=run.id)


def curve_of(run: RunDir, name: str = NAME) -> StrengthCurve | None:
    """What was measured last, None before."""
    return strength_curve.read(evaluations.folder(run, name))


def table(curve: StrengthCurve, kept: float) -> list[list[str]]:
    """A line for each strength under a head; the loss on general text with its rise over the base model."""
    head = ["strength.column-strength", "strength.column-task-loss", "strength.column-general", "strength.column-rise"]
    counted: list[dict[str, int]] = [{}, {"rows": curve.n}, {"rows": curve.general_rows}, {}]
    cells = [text(code, **given) for code, given in zip(head, counted, strict=True)]
    if curve.metric:
        cells.insert(1, text(words.metric(curve.metric)))
    base = curve.at(0.0)
    lines = [cells]
    for point in curve.points:
        rise = None
        if base is not None and None not in (point.general_loss, base.general_loss):
            rise = (point.general_loss or 0.0) - (base.general_loss or 0.0)
        line = [
            formats.number(point.scale), formats.loss(point.task_loss), formats.loss(point.general_loss),
            "-" if rise is None else words.difference("loss", rise),
        ]  # fmt: skip
        if curve.metric:
            line.insert(1, _figure(curve.metric, point))
        lines.append([*line, text(_mark(point.scale, curve, kept))])
    lines[0].append("")
    return lines


def short_table(curve: StrengthCurve, kept: float, full: str) -> list[list[str]]:
    """The same in less room: the task and general text, each with a bar of the character ``full``.

    The longer the bar the better the task is done, or the more is forgotten.
    """
    columns = table(curve, kept)
    task = [point.task if curve.metric else _negative(point.task_loss) for point in curve.points]
    bars = zip(_bars(task, full), _bars([point.general_loss for point in curve.points], full), strict=True)
    short = []
    columns[0][-3] = text("strength.column-general-short")  # of how many rows and texts stands in ``about``
    if not curve.metric:
        columns[0][1] = text("strength.column-task-loss-short")
    for at, (line, (done, lost)) in enumerate(zip(columns, [("", ""), *bars], strict=True)):
        figure = line[1] if at == 0 or not curve.metric else words.value(curve.metric, curve.points[at - 1].task)
        short.append([line[0], figure, done, *line[-3:-2], lost, *line[-2:]])
    return short


def about(curve: StrengthCurve, point: Point) -> Message:
    """What the short table leaves out of one strength."""
    if not curve.metric or point.low is None or point.high is None:
        return Message("strength.about-losses", rows=curve.n, general=curve.general_rows)
    return Message(
        "strength.about", metric=words.metric(curve.metric),
        interval=words.interval(curve.metric, point.low, point.high),
        loss=words.value("loss", point.task_loss), rows=curve.n, general=curve.general_rows,
    )  # fmt: skip


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _bars(values: list[float | None], full: str) -> list[str]:
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low
    return [full * max(1, round(_BAR * (value - low) / span)) if value is not None and span else "" for value in values]


def _figure(metric: str, point: Point) -> str:
    value = words.value(metric, point.task)
    if point.low is None or point.high is None:
        return value
    return text("metric-words.beside", value=value, about=words.interval(metric, point.low, point.high))


def _mark(scale: float, curve: StrengthCurve, kept: float) -> Message:
    if scale == kept:
        return Message("strength.kept")
    if scale == curve.suggested and curve.n >= strength_curve.LEAST_ROWS:
        return Message("strength.suggested")
    return Message("strength.is-base") if scale == 0 else Message.literal("")


def verdict(curve: StrengthCurve) -> Message:
    """What the curve says, in a sentence."""
    if any(point.general_loss is None for point in curve.points):
        return Message("strength.unmeasured")
    full, base = curve.at(1.0), curve.at(0.0)
    assert full is not None
    assert base is not None
    rise = (full.general_loss or 0.0) - (base.general_loss or 0.0)
    if rise < strength_curve.LOSES_NOTHING:
        return Message("strength.nothing-lost", rise=words.difference("loss", rise), general=curve.general_rows)
    told: dict[str, object] = {"rise": words.difference("loss", rise), "general": curve.general_rows}
    if curve.n < strength_curve.LEAST_ROWS:
        return Message("strength.too-few-rows", rows=curve.n, least=strength_curve.LEAST_ROWS, **told)
    if curve.suggested is None:
        return Message("strength.keep-full", **told)
    point = curve.at(curve.suggested)
    assert point is not None
    less = (point.general_loss or 0.0) - (base.general_loss or 0.0)
    return Message("strength.weaker-does", scale=curve.suggested, less=words.difference("loss", less), **told)
