"""The curves of a report: losses, learning rate, gradient, and memory over time beside what was predicted."""

from __future__ import annotations

from collections.abc import Iterator

from engine.messages import formats
from engine.messages.catalogue import text
from engine.report import charts
from engine.runs.state import RunState

_GIB = 2**30


def curves(state: RunState) -> Iterator[charts.Chart]:
    series = state.series
    loss, average = charts.points_of(series.get("loss")), charts.points_of(series.get("loss_average"))
    held = charts.points_of(series.get("eval_loss"))
    curves = [
        charts.Curve(text("report.each-step"), *loss, kind="faint", hue=1),
        charts.Curve(text("report.average"), *average, hue=1),
        charts.Curve(text("report.eval-loss"), *held, kind="points", hue=2),
    ]  # fmt: skip
    alt = charts.in_words(text("report.loss-curve"), average, formats.loss)
    steps = text("report.step-axis")
    found = [charts.chart(text("report.loss"), curves, steps, alt, "{:g}".format, whole=True)]
    for name, code, write in (
        ("learning_rate", "report.learning-rate-curve", formats.rate), ("grad_norm", "report.gradient", formats.number),
    ):  # fmt: skip
        points = charts.points_of(series.get(name))
        kind = "faint" if name == "grad_norm" else "line"
        curve = charts.Curve(text(code), *points, kind=kind)
        alt = charts.in_words(text(code), points, write)
        shown = write if name == "learning_rate" else "{:g}".format
        found.append(charts.chart(text(code), [curve], steps, alt, shown, zero=True, whole=True))
    found.append(_memory_curve(state))
    yield from (each for each in found if each is not None)


def _memory_curve(state: RunState) -> charts.Chart | None:
    """Memory of the run over time, with what was predicted as a line."""
    gpu = state.own_gpu
    x, y = charts.points_of(state.series.get(f"reserved/{gpu.index}" if gpu else "rss"))
    if len(x) < 2:
        return None
    gib = [size / _GIB for size in y]
    curve, predicted = charts.Curve(text("report.memory"), x, gib, hue=3), state.predicted_bytes
    levels = [(predicted / _GIB, text("report.predicted"))] if predicted else []
    return charts.chart(
        text("report.memory-over-time"), [curve], text("report.time-axis"),
        charts.in_words(text("report.memory"), (x, y), formats.gib), "{:g} GiB".format, formats.rough_duration, levels,
        zero=True,
    )  # fmt: skip
