"""What the training cost elsewhere, as a report shows it: the gauge with its curves, and what the end showed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics import forgetting as limits
from engine.report import charts
from engine.report.results import Result
from engine.report.tables import Cell, Table
from engine.runs import events as ev
from engine.runs import story
from engine.runs.state import RunState, rise

_OF_GENERAL = ("forgetting.by-divergence", "forgetting.by-general-loss")
TONES = {"fine": "good", "look": "look", "stop": "bad"}


@dataclass(frozen=True)
class Cost:
    """The newest reading of the gauge, "" and None where it never read; ``reasons`` say by what it is marked.

    ``measured`` are the evaluations of general text and of earlier runs' rows.
    """

    measured: list[Result]
    mark: str = ""
    tone: str = ""
    reasons: list[str] = field(default_factory=list)
    about: str = ""
    figures: Table | None = None
    curves: list[charts.Chart] = field(default_factory=list)


def cost(state: RunState, measured: list[Result]) -> Cost | None:
    """None where nothing was measured."""
    if not state.forgetting:
        return Cost(measured) if measured else None
    newest = state.forgetting[-1]
    return Cost(
        measured, text(story.named(story.MARKS, newest.mark)), TONES.get(newest.mark, ""),
        [_reason(each, newest) for each in newest.reasons],
        text("report.gauge-of", task=newest.task_rows, general=newest.general_rows), _figures(newest),
        [*_curves(state)],
    )  # fmt: skip


def _reason(reason: Message, event: ev.Forgetting) -> str:
    """Why it is marked so; of general text with how many texts that is of."""
    if reason.code not in _OF_GENERAL:
        return text(reason)
    return text("report.of-texts", reason=reason, rows=event.general_rows)


def _figures(event: ev.Forgetting) -> Table:
    """Each measure of the base, at the start and now, its rise since the start, and from which rise on it is marked.

    An adapter that is continued is away from its base at the start already: its mark is about what came since.
    """
    divergence = (limits.LOOK_DIVERGENCE, limits.STOP_DIVERGENCE)
    rows = []
    for code, base, before, after, marks, n in (
        ("report.general-loss", event.base_loss, event.general_before, event.general_loss,
         (limits.LOOK_LOSS, limits.STOP_LOSS), event.general_rows),
        ("report.old-loss", None, event.old_before, event.old_loss, (limits.LOOK_OLD, limits.STOP_OLD), 0),
        ("report.kl-general", None, event.kl_before, event.kl_general, divergence, event.general_rows),
        ("report.kl-task", None, None, event.kl_task, None, event.task_rows),
    ):  # fmt: skip
        if after is not None:
            change = rise(after, before)
            tone = "" if marks is None or change is None else _tone(change, marks)
            rows.append(
                [
                    Cell(text(code), kind="head", note=text("report.counted", rows=n) if n else ""),
                    Cell("" if base is None else formats.loss(base), kind="number"),
                    Cell("" if before is None else formats.loss(before), kind="number"),
                    Cell(formats.loss(after), kind="number"),
                    Cell("" if change is None else f"{change:+.3f}", kind="number", tone=tone),
                    Cell(f"{marks[0]:g}" if marks else "", kind="number"),
                    Cell(f"{marks[1]:g}" if marks else "", kind="number"),
                ]
            )  # fmt: skip
    codes = ("report.measure", "report.base", "report.at-start", "report.newest", "report.change", "report.look-from",
             "report.stop-from")  # fmt: skip
    return Table(text("report.gauge-caption"), [text(code) for code in codes], rows)


def _tone(change: float, marks: tuple[float, float]) -> str:
    return "bad" if change >= marks[1] else "look" if change >= marks[0] else "good"


def _curves(state: RunState) -> Iterator[charts.Chart]:
    """The divergence on general text with its limits, which count from the start, and that on the task, without."""
    start = state.forgetting[-1].kl_before or 0.0
    for name, code, hue in (("general", "report.kl-general", 2), ("task", "report.kl-task", 4)):
        points = charts.points_of(state.series.get(f"forgetting/{name}"))
        if len(points[0]) < 2:
            continue
        known = ((limits.LOOK_DIVERGENCE, "report.limit-look"), (limits.STOP_DIVERGENCE, "report.limit-stop"))
        # A limit far above would flatten the curve.
        levels = [(start + at, text(word)) for at, word in known if name == "general"]
        levels = [(at, word) for at, word in levels if at < 2 * max(points[1])]
        drawn = charts.chart(
            text(code), [charts.Curve(text(code), *points, hue=hue)], text("report.step-axis"),
            charts.in_words(text(code), points, "{:.3g}".format), "{:g}".format, levels=levels, zero=True, whole=True,
        )  # fmt: skip
        if drawn is not None:
            yield drawn
