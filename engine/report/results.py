"""An evaluation as a report shows it: candidates with their intervals, comparisons, classes, and rows worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.result import Confusion, Mean, of_classes
from engine.report.facts import Evaluated
from engine.report.tables import Cell, Table
from engine.runs.evaluations import BASE, TRAINING, TUNED, Answer, Cost, Evaluation, earlier_run

MOST_WORST, MOST_SHOWN = 10, 4
_PARTS = {"test": "report.part-test", "validation": "report.part-validation", "file": "report.part-file",
          "general": "report.part-general", "old": "report.part-old", "tasks": "report.part-tasks"}  # fmt: skip
_TESTS = {
    "mcnemar": "report.test-mcnemar", "bootstrap": "report.test-bootstrap", "clustered": "report.test-clustered",
    "none": "report.test-none",
}  # fmt: skip
_TONES = {"better": "good", "worse": "bad", "unclear": "look"}
COST_HEAD = ("evaluate.column-candidate", "proof.column-size", "proof.column-speed", "proof.column-at-once")
"""Of ``cost_cells``."""
_LONGEST = 1500
"""Characters shown of a prompt or an answer."""


@dataclass(frozen=True)
class Bar:
    """One candidate's value on the common axis, all places in per cent of its width."""

    label: str
    value: str
    interval: str
    n: int
    at: float
    low: float
    high: float
    is_tuned: bool


@dataclass(frozen=True)
class Said:
    """What one candidate answered, None where it was not asked; ``scores`` in words."""

    label: str
    answer: str | None
    scores: str = ""
    tone: str = ""
    is_endless: bool = False


@dataclass(frozen=True)
class Row:
    """A row with its answers side by side; ``number`` counts from 1, 0 for a prompt of the config."""

    number: int
    prompt: str
    reference: str | None
    said: list[Said]


@dataclass(frozen=True)
class Grid:
    """A confusion matrix: per row of counts the shares of the row, which shade the cells."""

    candidate: str
    labels: list[str]
    counts: list[list[int]]
    shares: list[list[float]]
    has_other: bool


@dataclass(frozen=True)
class Result:
    """All of one evaluation, in words; ``name`` is what its folder is called."""

    name: str
    title: str
    about: str
    reason: str
    sentence: str
    primary: str
    tone: str
    axis: tuple[str, str]
    bars: list[Bar]
    means: Table | None
    comparisons: Table | None
    costs: Table | None
    classes: Table | None
    grids: list[Grid]
    notes: list[str]
    changes: str
    low_is_bad: bool
    worst: list[Row] = field(default_factory=list)
    shown: list[Row] = field(default_factory=list)


def result(found: Evaluated) -> Result:
    """``found`` in the language of the process."""
    summary = found.summary
    primary = summary.metrics[0] if summary.metrics else ""
    decided = [each for each in summary.comparisons if (each.candidate, each.metric) == (TUNED, primary)]
    against_base = next((each for each in decided if each.against == BASE), decided[0] if decided else None)
    axis, bars = _bars([each for name in summary.candidates if (each := summary.mean(name, primary))], primary)
    part = text(_PARTS[summary.part]) if summary.part in _PARTS else summary.part
    return Result(
        summary.name, _title(summary),
        text("report.about", rows=summary.n, part=part, data=summary.data) if summary.data
        else text("report.about-own", rows=summary.n, part=part),
        text("report.chosen", reason=summary.reason) if summary.reason else "",
        text(summary.sentence) if summary.sentence else "", named(words.metric(primary)),
        _TONES.get(against_base.verdict, "") if against_base else "", axis, bars,
        _means(found), _comparisons(found, primary), _costs(found), _classes(found),
        [_grid(each) for each in _sound(found)],
        [named(each) for each in summary.notes], _changes(found, primary), primary not in words.LOWER_IS_BETTER,
        _worst(found, primary), _first(found),
    )  # fmt: skip


def _title(summary: Evaluation) -> str:
    if summary.name == TRAINING:
        return text("report.by-the-run")
    if summary.part == "general":
        return text("report.general")
    return text("report.old-run", run=earlier_run(summary.name)) if summary.part == "old" else summary.name


def _bars(means: Sequence[Mean], metric: str) -> tuple[tuple[str, str], list[Bar]]:
    """Shares on an axis of 0 to 1, other metrics on one as long as their intervals."""
    if not means:
        return ("", ""), []
    bounds = [at for each in means for at in (each.low, each.value, each.high) if at is not None]
    low, high = min(bounds), max(bounds)
    low, high = (0.0, 1.0) if words.is_share(metric) and low >= 0 and high <= 1 else (low, high)
    room = (high - low) or 1.0

    def place(figure: float) -> float:
        return round(100 * (figure - low) / room, 2)

    return (words.value(metric, low), words.value(metric, high)), [
        Bar(
            named(words.candidate(each.candidate)), words.value(metric, each.value),
            text(words.interval(metric, each.low, each.high)), each.n,
            place(each.value), place(each.value if each.low is None else each.low),
            place(each.value if each.high is None else each.high), each.candidate == TUNED,
        )
        for each in means
    ]  # fmt: skip


def _means(found: Evaluated) -> Table | None:
    """Every metric of every candidate; none where the bars say all there is."""
    summary = found.summary
    metrics = [name for name in summary.metrics if "/" not in name]
    if len(metrics) < 2:
        return None
    rows = []
    for metric in metrics:
        counts = {mean.n for mean in summary.means if mean.metric == metric}
        n = "" if counts == {summary.n} else text("report.counted", rows=max(counts))
        cells = [Cell(named(words.metric(metric)), kind="head", note=n)]
        for candidate in summary.candidates:
            mean = summary.mean(candidate, metric)
            note = text(words.interval(metric, mean.low, mean.high)) if mean else ""
            cells.append(Cell(words.value(metric, mean.value if mean else None), kind="number", note=note))
        rows.append(cells)
    head = [text("report.metric"), *(named(words.candidate(each)) for each in summary.candidates)]
    return Table(text("report.all-metrics"), head, rows)


def cost_cells(cost: Cost) -> list[str]:
    """Who answers, the size of what it loads, tokens a second, and answers side by side."""
    pace = "-" if cost.tokens_per_second is None else formats.number(cost.tokens_per_second)
    return [text(words.candidate(cost.candidate)), formats.size(cost.size_bytes), pace, formats.number(cost.at_once)]


def _costs(found: Evaluated) -> Table | None:
    """Size and speed of each exported file."""
    rows = []
    for each in found.summary.costs:
        who, *figures = cost_cells(each)
        rows.append([Cell(who, kind="head"), *(Cell(figure, kind="number") for figure in figures)])
    head = [text(code) for code in COST_HEAD]
    return Table(text("proof.costs"), head, rows) if rows else None


def _comparisons(found: Evaluated, primary: str) -> Table | None:
    rows = []
    for each in found.summary.comparisons:
        bounds = text(words.difference_interval(each.metric, each.low, each.high))
        test = text(_TESTS[each.test]) if each.test in _TESTS else each.test
        p = each.adjusted_p if each.adjusted_p is not None else each.p
        pair = Message("report.against", first=words.candidate(each.candidate), second=words.candidate(each.against))
        said = f"p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}" if p is not None else ""
        rows.append(
            [
                Cell(named(pair), kind="head", note=text(words.ranked(each.metric, each.metric == primary))),
                Cell(text(words.verdict(each.verdict)), tone=_TONES[each.verdict]),
                Cell(words.difference(each.metric, each.difference), kind="number", note=bounds),
                Cell(test, note=said),
                Cell(formats.number(each.n), kind="number"),
            ]
        )  # fmt: skip
    head = [text(code) for code in ("report.comparison", "report.verdict", "report.difference", "report.test")]
    return Table(text("report.comparisons"), [*head, text("report.rows")], rows) if rows else None


def _sound(found: Evaluated) -> list[Confusion]:
    """The confusions that have a row of counts for each class; without a reference there is none."""
    return [each for each in found.summary.confusions if len(each.counts) == len(each.labels)]


def _grid(confusion: Confusion) -> Grid:
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion.counts]
    has_other = any(len(row) > len(confusion.labels) for row in confusion.counts)
    return Grid(text(words.candidate(confusion.candidate)), confusion.labels, confusion.counts, shares, has_other)


def _classes(found: Evaluated) -> Table | None:
    """Precision, recall and F1 of each class, from the counts of the tuned model."""
    confusion = next((each for each in _sound(found) if each.candidate == TUNED), None)
    if confusion is None:
        return None
    rows = []
    for each in of_classes(confusion):
        figures = [Cell(formats.percent(share), kind="number") for share in (each.precision, each.recall, each.f1)]
        rows.append([Cell(each.label, kind="head"), *figures, Cell(formats.number(each.n), kind="number")])
    head = [text("report.class"), *(named(words.metric(name)) for name in ("precision", "recall", "f1"))]
    return Table(text("report.classes"), [*head, text("report.rows")], rows)


def _changes(found: Evaluated, metric: str) -> str:
    """How many rows got better and worse against the base; "" where either has no answers."""
    base, tuned = found.answers.get(BASE, {}), found.answers.get(TUNED, {})
    pairs = [
        (base[row].scores[metric], tuned[row].scores[metric])
        for row in tuned if row in base and metric in base[row].scores and metric in tuned[row].scores
    ]  # fmt: skip
    if not pairs:
        return ""
    sign = -1 if metric in words.LOWER_IS_BETTER else 1
    up = sum(sign * (after - before) > 0 for before, after in pairs)
    down = sum(sign * (after - before) < 0 for before, after in pairs)
    return text("report.changes", up=up, down=down, same=len(pairs) - up - down)


def _worst(found: Evaluated, metric: str) -> list[Row]:
    """The rows with the lowest score of the tuned model; of equal ones first those that the base had better."""
    tuned, base = found.answers.get(TUNED, {}), found.answers.get(BASE, {})
    scored = {row: answer.scores[metric] for row, answer in tuned.items() if metric in answer.scores}
    sign = -1 if metric in words.LOWER_IS_BETTER else 1
    best = max((sign * score for score in scored.values()), default=0.0)
    below = [row for row, score in scored.items() if sign * score < (1.0 if words.is_share(metric) else best)]

    def badness(row: int) -> tuple[float, float, int]:
        before = base[row].scores.get(metric) if row in base else None
        lost = sign * (scored[row] - before) if before is not None else 0.0
        return sign * scored[row], lost, row

    return _rows(found, sorted(below, key=badness)[:MOST_WORST])


def _first(found: Evaluated) -> list[Row]:
    rows = sorted({row for answers in found.answers.values() for row in answers})
    return _rows(found, rows[:MOST_SHOWN])


def _rows(found: Evaluated, rows: Sequence[int]) -> list[Row]:
    """Those of which there is something to read: earlier versions kept nothing but the loss of those not asked."""
    shown = [_row(found, row) for row in rows]
    return [row for row in shown if row.prompt or row.reference is not None]


def _row(found: Evaluated, row: int) -> Row:
    metric = found.summary.metrics[0] if found.summary.metrics else ""
    there = [answers[row] for answers in found.answers.values() if row in answers]
    names = [*found.summary.candidates, *(name for name in found.answers if name not in found.summary.candidates)]
    said = [_said(found.answers[name][row], metric) for name in names if row in found.answers.get(name, {})]
    reference = short(there[0].reference)
    return Row(row + 1, short(there[0].prompt), reference if reference or there[0].was_asked else None, said)


def _said(answer: Answer, metric: str) -> Said:
    told, tone = "", ""
    if metric in answer.scores:
        score, is_share = answer.scores[metric], words.is_share(metric)
        tone = ("good" if score >= 1 else "bad" if score <= 0 else "look") if is_share else ""
        codes = {"good": "report.right", "bad": "report.wrong"}
        told = text(codes[tone]) if tone in codes else f"{text(words.metric(metric))} {words.value(metric, score)}"
    answered = short(answer.answer) if answer.was_asked else None
    return Said(named(words.candidate(answer.candidate)), answered, told, tone, not answer.ended)


def named(message: Message) -> str:
    """A name at the beginning of a line: with a capital."""
    said = text(message)
    return said[:1].upper() + said[1:]


def short(long: str) -> str:
    """``long`` cut to what a report shows, saying how long it is."""
    if len(long) <= _LONGEST:
        return long
    return f"{long[:_LONGEST].rstrip()} ... {text('report.characters', count=len(long))}"
