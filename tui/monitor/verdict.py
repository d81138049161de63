"""Whether it worked: the verdict in one sentence, each candidate with its interval, and answers side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages.catalogue import sentences, text
from engine.metrics import words
from engine.metrics.result import Comparison
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluations import BASE, FEW_SHOT, OLD_ADAPTER, TRAINING, TUNED, Answer, Evaluation
from tui.monitor.change import ByWidth, Change
from tui.words import label

STYLES = {"better": "success", "worse": "error", "unclear": "warning"}
"""The theme's colour of each verdict."""
MOST_ANSWERS = 3
_PARTS = {"test": "monitor.on-test", "validation": "monitor.on-validation", "file": "monitor.on-file"}
_BESIDE = (BASE, OLD_ADAPTER, FEW_SHOT)
"""What the tuned model's answers stand beside: the first of these that answered."""
_WIDE = 68  # cells in which a candidate's whole line has room


@dataclass(frozen=True)
class Outcome:
    """An evaluation, and the answers to its first rows as (other, tuned); ``other`` is a candidate, "" for none."""

    summary: Evaluation
    other: str = ""
    answers: tuple[tuple[Answer | None, Answer], ...] = ()

    @property
    def verdict(self) -> Comparison | None:
        """What the sentence begins with: the comparison with the base model by the metric that decides."""
        metric = self.summary.metrics[0] if self.summary.metrics else ""
        found = [each for each in self.summary.comparisons if (each.candidate, each.metric) == (TUNED, metric)]
        return next((each for each in found if each.against == BASE), found[0] if found else None)


def read(run: RunDir) -> Outcome | None:
    """What the run itself measured, else the first evaluation there is. Not for the screen's own thread."""
    where = evaluations.folder(run, TRAINING)
    summary = evaluations.read(where)
    if summary is None:
        found = [each for each in evaluations.all_of(run) if _is_of_task(each.name)]
        if not found:
            return None
        try:
            summary, where = found[0], evaluations.folder(run, found[0].name)
        except ValueError:  # a summary that somebody edited
            return Outcome(found[0])
    by_candidate: dict[str, dict[int, Answer]] = {}
    for answer in evaluations.answers(where):
        by_candidate.setdefault(answer.candidate, {})[answer.row] = answer
    tuned = by_candidate.get(TUNED, {})
    other = next((name for name in _BESIDE if name in by_candidate), "")
    rows = sorted(row for row, answer in tuned.items() if answer.was_asked)[:MOST_ANSWERS]
    return Outcome(summary, other, tuple((by_candidate.get(other, {}).get(row), tuned[row]) for row in rows))


def _is_of_task(name: str) -> bool:
    """Whether an evaluation tells how well the task is done: the proof of an export tells of files."""
    return not evaluations.is_elsewhere(name) and not evaluations.is_export(name)


def banner(found: Outcome, style: Callable[[str], str], unicode: bool) -> RenderableType:
    """The verdict in a frame, both in the colour of what it says; ``style`` gives the theme's colour of a name."""
    verdict = found.verdict
    said = text(found.summary.sentence) if found.summary.sentence else text("monitor.no-verdict")
    colour = style(STYLES[verdict.verdict]) if verdict else ""
    words = Text(sentences(clean(said, keep_newlines=False)), style=f"bold {colour}")
    return Panel(words, box=box.ROUNDED if unicode else box.ASCII, border_style=colour, padding=(0, 1))


def table(found: Outcome, style: Callable[[str], str]) -> RenderableType:
    """Each candidate with its value, its interval, and how the tuned model differs from it."""
    return ByWidth(lambda width: _table(found, style, width >= _WIDE))


def _table(found: Outcome, style: Callable[[str], str], wide: bool) -> RenderableType:
    summary, muted = found.summary, style("muted")
    metric = summary.metrics[0] if summary.metrics else ""
    part = text(_PARTS[summary.part], rows=summary.n) if summary.part in _PARTS else summary.part
    head = Text.assemble((_named(metric), "bold"), (f"  {part}", muted))
    grid = Table.grid(padding=(0, 2 if wide else 1))
    more = ["monitor.interval", "monitor.tuned-differs"] if wide else ["monitor.short-difference"]
    columns = ["", "monitor.value", *more, ""]
    for at in range(len(columns)):
        grid.add_column(justify="right" if 0 < at < len(columns) - 1 else "left", no_wrap=at > 0)
    grid.add_row(*(Text(text(code) if code else "", style=muted) for code in columns))
    for name in summary.candidates:
        mean, compared = summary.mean(name, metric), summary.comparison(TUNED, name, metric)
        strong = "bold" if name == TUNED else ""
        interval = text(words.interval(metric, mean.low, mean.high)) if mean else "-"
        cells = [Text(clean(text(words.candidate(name)), keep_newlines=False), style=strong)]
        cells.append(Text(words.value(metric, mean.value if mean else None), style=strong))
        cells += [Text(interval, style=muted)] if wide else []
        if compared is None:
            cells += [Text(), Text()]
        else:
            cells.append(Text(words.difference(metric, compared.difference)))
            cells.append(Text(text(words.verdict(compared.verdict)), style=style(STYLES[compared.verdict])))
        grid.add_row(*cells)
    return Group(head, grid)


def _named(metric: str) -> str:
    """A metric at the beginning of a line: with a capital."""
    said = clean(text(words.metric(metric)), keep_newlines=False)
    return said[:1].upper() + said[1:]


def changes(found: Outcome) -> list[Change]:
    """Every metric before and after, the one that decides first."""
    summary, told = found.summary, []
    for metric in summary.metrics:
        ours, theirs = summary.mean(TUNED, metric), summary.mean(found.other or BASE, metric)
        if ours is not None and "/" not in metric:
            told.append(Change.of_metric(_named(metric), metric, theirs.value if theirs else None, ours.value))
    return told


def notes(found: Outcome, muted: str) -> RenderableType | None:
    """What a reader must know of the figures."""
    said = [clean(text(each), keep_newlines=False) for each in found.summary.notes]
    return Text("\n".join(said), style=muted) if said else None


def answers(found: Outcome, muted: str, short: Callable[[str], str]) -> list[RenderableType]:
    """The first rows: what was asked, the answers side by side, and what was wanted."""
    blocks: list[RenderableType] = []
    for other, tuned in found.answers:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(*(Text(text(words.candidate(name)), style=muted) for name in (found.other or BASE, TUNED)))
        grid.add_row(_answer(other, short), _answer(tuned, short))
        right = next(iter(tuned.scores.values()), 0.0) >= 1 and words.is_share(next(iter(tuned.scores), ""))
        wanted = Text.assemble((label("monitor.reference"), muted), short(tuned.reference))
        wanted.append(f"  {text('monitor.right')}" if right else "", style="bold")
        blocks += [Text(short(tuned.prompt), style="bold"), grid, wanted, Text()]
    return blocks


def _answer(answer: Answer | None, short: Callable[[str], str]) -> Text:
    if answer is None:
        return Text("-")
    return Text(short(answer.answer) or text("monitor.empty-answer"))
