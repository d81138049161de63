"""The losses of the chosen run on home, read from its log in a thread, and gone on with as summaries come."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.strip import Strip

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from tui.home.columns import is_group
from tui.widgets.chart import Chart
from tui.widgets.line import wrap
from tui.widgets.pieces import toned

if TYPE_CHECKING:
    from engine.runs import events as ev
    from engine.runs.group_summary import Line
    from engine.runs.state import RunState
    from engine.runs.summary import RunSummary

_LONGEST_LOG = 8 * 2**20
"""Bytes of a log that is read whole, in half a second; of a longer one the end is shown."""
REST_S = 0.15
"""The cursor rests so long on a run before its log is read."""
_MOST_CURVES = 4
_MOST_LINES = 12


@dataclass
class Course:
    """One curve: its losses over the steps."""

    run: str
    label: str
    x: array[float]
    y: array[float]


@dataclass
class Story:
    """A curve a run; of a single run also the losses of its validation and its newest answer.

    ``steps``: how many the longest of the runs has in all, 0 where that is not known.
    """

    courses: list[Course]
    held_out: Course | None = None
    sample: ev.Sample | None = None
    steps: int = 0


class Curve(Chart, can_focus=False):
    """Losses to look at; the monitor has the chart to move in."""

    def __init__(self, unicode: bool) -> None:
        super().__init__("", unicode, id="curve")
        self.waiting = (text("widgets.no-steps"),)
        self._courses: list[Course] = []
        self._is_read = False

    def render_line(self, y: int) -> Strip:
        """Nothing before a log was read: axes without a curve would be sent in vain."""
        return super().render_line(y) if self._is_read else Strip.blank(self.size.width, self.rich_style)

    def show(self, story: Story) -> None:
        """The curves of other runs."""
        self._courses, held_out, self._is_read = list(story.courses), story.held_out, True
        self.limit = story.steps or None
        self.clear_series()
        for place, course in enumerate(self._courses):
            label = course.label if len(self._courses) > 1 else text("home.column-loss")
            dash = place if len(self._courses) > 1 else None
            self.set_series(course.run, course.x, course.y, label=label, dash=dash, note=_last(course.y))
        if held_out is not None:
            self.set_series("eval", held_out.x, held_out.y, kind="points", label=held_out.label)
        self.redraw()

    def go_on(self, line: Line) -> None:
        """Add what came since; nothing is drawn when nothing did."""
        came = False
        runs = {run.id: run for run in members(line)}
        for course in self._courses:
            for x, y in _newer(course, runs[course.run]) if course.run in runs else ():
                course.x.append(x)
                course.y.append(y)
                came = True
            self._curves[course.run].length = len(course.x)
        if came:
            self.redraw()


def members(line: Line) -> tuple[RunSummary, ...]:
    """The runs that a line of the list stands for."""
    return line.members if is_group(line) else (line,)


def known_of(line: Line) -> str:
    """What its story was read for: with each evaluation there are new points and a new answer, in the log alone."""
    return repr((line.id, *((run.eval_loss, run.test_loss) for run in members(line))))  # NaN is not itself


def read(line: Line) -> Story:
    """What the logs of the runs of ``line`` tell; meant for a thread."""
    from engine.runs.follow import load_state

    courses, held_out, sample = [], None, None
    for run in members(line)[:_MOST_CURVES]:
        name = clean(run.name, keep_newlines=False)
        state = load_state(run.run) if _is_short(run) else None
        if state is None:
            courses.append(Course(run.id, name, array("d", run.losses_at), array("d", run.losses)))
            continue
        courses.append(_course(state, "loss_average", run.id, name))
        if not is_group(line):
            found = _course(state, "eval_loss", "eval", text("home.fact-eval"))
            held_out = found if found.x else None
            sample = state.samples[-1] if state.samples else None
    return Story(courses, held_out, sample, max((run.total_steps or 0 for run in members(line)), default=0))


def answer_text(sample: ev.Sample | None, width: int) -> Content:
    """A prompt, what the model made of it last, and the answer of the data."""
    if sample is None:
        return toned(text("home.no-answer"), "muted")
    parts = [("home.prompt", sample.prompt), ("home.answered", sample.answer), ("home.expected", sample.reference)]
    lines: list[Content] = []
    for code, said in parts:
        if said:
            lines += [toned(text(code), "muted"), *map(Content, wrap(clean(said), width)[:_MOST_LINES]), Content("")]
    return Content("\n").join(lines)


def _course(state: RunState, series: str, run: str, label: str) -> Course:
    curve = state.series.get(series)
    length = curve.length if curve else 0
    x, y = (curve.x[:length], curve.y[:length]) if curve else ((), ())
    return Course(run, label, array("d", x), array("d", y))


def _is_short(run: RunSummary) -> bool:
    try:
        return run.run.events.stat().st_size <= _LONGEST_LOG
    except OSError:
        return False


def _newer(course: Course, run: RunSummary) -> list[tuple[float, float]]:
    last = course.x[-1] if course.x else -1.0
    return [(x, y) for x, y in zip(run.losses_at, run.losses, strict=True) if x > last]


def _last(values: Sequence[float]) -> str:
    return formats.loss(values[-1]) if values else ""
