"""Two runs or more side by side: metrics on the very same rows with a verdict, losses, settings, cost, curves.

A group of seeds stands for itself: its figures are means over the seeds, its verdict is over seeds and rows. What can't
be compared is said, never left out without a word.
"""

from __future__ import annotations

import statistics
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from engine.app.differences import Setting, settings_that_differ
from engine.common.errors import RunError, TunedeckError
from engine.config import toml
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.choose import Choice
from engine.metrics.result import Verdict
from engine.metrics.seeds import over_seeds
from engine.metrics.summary import summarize
from engine.metrics.verdict import holm
from engine.metrics.verdict import verdict as verdict_of
from engine.metrics.words import LOWER_IS_BETTER
from engine.runs import directory, evaluations, groups, story
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import TUNED, Answer, Evaluation
from engine.runs.follow import Tail, infer
from engine.runs.group_summary import RowKey, answers_by_row
from engine.runs.groups import Group
from engine.runs.state import RunReducer, RunState

MOST = 8
"""Runs that are compared; more curves and columns could not be told apart."""
Axis = Literal["steps", "tokens", "time"]
AXES: tuple[Axis, ...] = ("steps", "tokens", "time")
LOSS, EVAL_LOSS = "loss", "eval_loss"
_SERIES = {LOSS: "loss_average", EVAL_LOSS: "eval_loss"}
_TEXT_METRICS = frozenset(("bits_per_byte", "perplexity"))


@dataclass(frozen=True)
class Target:
    """What a person named: a run, or a group with its runs."""

    id: str
    name: str
    runs: tuple[RunDir, ...]
    group: Group | None = None


@dataclass(frozen=True)
class Curve:
    """A course of a figure over one axis: optimizer steps, trained tokens, or seconds since the run's first event."""

    x: array[float]
    y: array[float]


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds in all and tokens trained on; of a group the sums. ``peak_bytes`` of GPU or RAM."""

    seconds: float | None
    tokens: int | None
    steps: int
    peak_bytes: int | None
    device: str


@dataclass(frozen=True)
class Side:
    """One column: a run, or a group as one. ``seeds`` of it that began; ``result_step`` is the kept checkpoint's.

    ``logged`` are figures of a run that kept no answers (of an earlier version): what its log says.
    """

    letter: str
    target: Target
    state: str
    model: str
    kind: Literal["text", "chat", ""]
    seeds: int
    cost: Cost
    result_step: int | None
    losses: Mapping[str, float]
    curves: Mapping[str, Mapping[Axis, Curve]] = field(default_factory=dict)
    logged: Sequence[RowSet] = ()

    @property
    def name(self) -> str:
        return self.target.name


@dataclass(frozen=True)
class Value:
    """A metric of one side with its 95 % interval, or over ``seeds`` its mean with the range."""

    value: float
    low: float | None
    high: float | None
    n: int
    seeds: int = 1


@dataclass(frozen=True)
class Versus:
    """``side`` against ``against``, by letter. ``test`` says how: seeds, or as in ``engine.metrics.result``."""

    side: str
    against: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    adjusted_p: float | None
    test: str
    n: int
    verdict: Verdict


@dataclass(frozen=True)
class Figure:
    """One metric of the sides that have it, by letter, and how they compare."""

    metric: str
    values: Mapping[str, Value]
    versus: tuple[Versus, ...] = ()


@dataclass(frozen=True)
class RowSet:
    """Figures on the very same ``n`` rows; ``part`` is test, validation or file (``data``)."""

    part: str
    data: str
    n: int
    figures: tuple[Figure, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(letter for figure in self.figures for letter in figure.values))

    @property
    def is_shared(self) -> bool:
        return len(self.letters) > 1


@dataclass(frozen=True)
class Compared:
    """``row_sets``: first those that several sides answered. ``notes`` say what can't be compared, and why.

    ``looked_at`` comparisons were made; their p-values are corrected for that (Holm). ``read`` configs could be read.
    """

    sides: tuple[Side, ...]
    row_sets: tuple[RowSet, ...]
    settings: tuple[Setting, ...]
    notes: tuple[Message, ...]
    looked_at: int
    read: int


def targets(names: Sequence[str], root: Path | None = None) -> list[Target]:
    """What ``names`` mean: runs and groups. One group alone means each of its runs. Raises RunError."""
    found = [_target(name, root) for name in names]
    return spread_out(found)


def spread_out(found: Sequence[Target]) -> list[Target]:
    """``found`` as the sides of a comparison. Raises RunError for too few, too many, or the same twice."""
    found = list(found)
    if len(found) == 1 and found[0].group is not None:
        found = [of_run(run) for run in found[0].runs]
    ids = [each.id for each in found]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise RunError("compare.same-twice", run=twice)
    if len(found) < 2:
        raise RunError("compare.too-few", runs=len(found))
    if len(found) > MOST:
        raise RunError("compare.too-many", runs=len(found), most=MOST)
    return found


def of_run(run: RunDir) -> Target:
    return Target(run.id, str(run.read_run_json().get("name") or run.id), (run,))


def of_group(group: Group) -> Target:
    return Target(group.id, group.name, tuple(group.runs), group)


def _target(name: str, root: Path | None) -> Target:
    group = groups.find(name, root)
    if group is not None and group.runs:
        return of_group(group)
    return of_run(directory.find(name, root))


def compare(found: Sequence[Target], by: str = "") -> Compared:
    """The targets side by side, each against the first that was measured on the same rows; ``by`` one metric alone.

    Reads whole logs and answers: takes from a moment to some seconds. No state of a run is a fault. Raises RunError
    for a metric that none of them has.
    """
    letters = "ABCDEFGH"
    sides = tuple(_side(letter, target) for letter, target in zip(letters, found, strict=False))
    row_sets, looked_at = _row_sets(sides, by)
    measured = {letter for each in row_sets for letter in each.letters}
    row_sets += tuple(each for side in sides if side.letter not in measured and not by for each in side.logged)
    settings, problems = settings_that_differ([side.target.runs[0] for side in sides])
    if any(side.target.group for side in sides):
        settings = [each for each in settings if each.field not in ("run.seed", "run.split_seed")]
    notes = [*_notes(sides, row_sets, looked_at), *problems]
    return Compared(sides, row_sets, tuple(settings), tuple(notes), looked_at, len(sides) - len(problems))


def _side(letter: str, target: Target) -> Side:
    read = [_state_of(run) for run in target.runs]
    states = [state for state, _ in read]
    begun = [(state, course) for state, course in read if state.state != "created"] or read
    first = begun[0][0]
    config = _config(target.runs[0])
    started = first.started
    model = started.model if started and started.model else str(target.runs[0].read_run_json().get("model") or "")
    return Side(
        letter, target, _whole_state(states, target), model, _kind(target.runs[0], config), len(begun),
        _cost([state for state, _ in begun]), _result_step(first), _losses(states),
        {name: _mean_curves([course[name] for _, course in begun if name in course]) for name in _SERIES},
        _logged(letter, first) if len(begun) == 1 else (),
    )  # fmt: skip


def _whole_state(states: Sequence[RunState], target: Target) -> str:
    if target.group is None or len({state.state for state in states}) == 1:
        return states[0].state
    going = next((state.state for state in states if state.state in ("running", "starting", "paused")), None)
    return going or ("failed" if any(state.state in ("failed", "crashed") for state in states) else "stopped")


def _state_of(run: RunDir) -> tuple[RunState, dict[str, dict[Axis, Curve]]]:
    """The state of a run, and its curves over each axis."""
    alive = run.is_alive()
    found = Tail(run.events).read(max_events=1 << 62, max_seconds=float("inf"))
    state = infer(run, RunReducer().apply_all(found).snapshot(), alive)
    tokens: dict[float, float] = {}
    times: dict[float, float] = {}
    first_t = state.first_t or 0.0
    for event in found:
        if isinstance(event, ev.Step):
            tokens[event.step], times[event.step] = event.num_tokens, max(0.0, event.t - first_t)
    return state, {name: _over_axes(state, series, tokens, times) for name, series in _SERIES.items()}


def _over_axes(
    state: RunState, series: str, tokens: Mapping[float, float], times: Mapping[float, float]
) -> dict[Axis, Curve]:  # fmt: skip
    curve = state.series.get(series)
    if curve is None:
        return {}
    x, y = curve.x[: curve.length], curve.y[: curve.length]
    steps = sorted(tokens)

    def along(measure: Mapping[float, float]) -> array[float]:
        """``measure`` at each x: at the step itself or the last before it, 0 before the first."""
        places = (bisect_right(steps, at) - 1 for at in x)
        return array("d", (measure[steps[place]] if place >= 0 else 0.0 for place in places))

    return {"steps": Curve(x, y), "tokens": Curve(along(tokens), y), "time": Curve(_rising(along(times)), y)}


def _rising(x: array[float]) -> array[float]:
    """``x`` without steps back, as after a clock that was put back."""
    highest = 0.0
    return array("d", (highest := max(highest, value) for value in x))


def _mean_curves(curves: Sequence[Mapping[Axis, Curve]]) -> dict[Axis, Curve]:
    """Of one run its curves; of several the mean at the steps that all of them have."""
    curves = [each for each in curves if each]
    if len(curves) < 2:
        return dict(curves[0]) if curves else {}
    common = sorted(set.intersection(*(set(each["steps"].x) for each in curves)))
    found: dict[Axis, Curve] = {}
    places = [{step: at for at, step in enumerate(each["steps"].x)} for each in curves]
    pairs = [[(each, place[step]) for each, place in zip(curves, places, strict=True)] for step in common]
    y = array("d", (statistics.fmean(each["steps"].y[at] for each, at in some) for some in pairs))
    for axis in AXES:
        found[axis] = Curve(array("d", (statistics.fmean(each[axis].x[at] for each, at in some) for some in pairs)), y)
    return found


def _config(run: RunDir) -> RunConfig | None:
    try:
        return toml.load(run.config).config
    except TunedeckError:
        return None


def _kind(run: RunDir, config: RunConfig | None) -> Literal["text", "chat", ""]:
    kept = evaluations.all_of(run)
    metrics = {metric for each in kept for metric in each.metrics}
    if metrics & _TEXT_METRICS:
        return "text"
    if metrics:
        return "chat"
    return "" if config is None else "text" if config.dataset.train_on == "all" else "chat"


def _cost(states: Sequence[RunState]) -> Cost:
    seconds = [each for state in states if (each := _seconds(state)) is not None]
    tokens = [state.step.num_tokens for state in states if state.step]
    peaks = [peak for state in states if (peak := _peak_bytes(state)) is not None]
    devices = list(dict.fromkeys(state.started.device for state in states if state.started and state.started.device))
    return Cost(
        sum(seconds) if seconds else None, sum(tokens) if tokens else None, sum(state.done_steps for state in states),
        max(peaks) if peaks else None, ", ".join(devices),
    )  # fmt: skip


def _seconds(state: RunState) -> float | None:
    if state.finished is not None and state.finished.seconds:
        return state.finished.seconds
    return state.last_t - state.first_t if state.first_t is not None else None


def _peak_bytes(state: RunState) -> int | None:
    """The most that the run held: reserved on its GPU, else resident in RAM."""
    gpu = state.own_gpu
    series = state.series.get(f"reserved/{gpu.index}") if gpu else None
    if series is not None and series.length:
        return round(max(series.y[: series.length]))
    return None if gpu else state.peak_rss


def _result_step(state: RunState) -> int | None:
    finished = state.finished
    return finished.result_step if finished is not None and finished.result_step is not None else None


def _losses(states: Sequence[RunState]) -> dict[str, float]:
    """Means over the runs that have them: validation and test after training, else the newest validation."""
    found: dict[str, list[float]] = {}
    for state in states:
        test, after = state.evals_at("after", "test"), state.evals_at("after")
        newest = after or (state.evals[-1] if state.evals else None)
        for name, event in (("validation", newest), ("test", test)):
            if event is not None and event.loss is not None:
                found.setdefault(name, []).append(event.loss)
    return {name: statistics.fmean(values) for name, values in found.items()}


def _logged(letter: str, state: RunState) -> list[RowSet]:
    """Metrics that a run's log has from after the training, of rows that nobody can tell."""
    found = []
    for part in ("test", "validation"):
        event = state.evals_at("after", part)
        if event is not None and event.metrics:
            figures = [
                Figure(name, {letter: Value(value, None, None, event.n)}) for name, value in event.metrics.items()
            ]
            found.append(RowSet(part, "", event.n, tuple(figures)))
    return found


Kept = list[tuple[Evaluation, dict[RowKey, Answer]]]
"""One evaluation of each run of a side, with the answers of its result."""


def _row_sets(sides: Sequence[Side], by: str) -> tuple[tuple[RowSet, ...], int]:
    """Figures by the rows they are of, and how many comparisons were made."""
    sets: list[tuple[dict[str, Kept], Evaluation]] = []
    for side in sides:
        for kept in _evaluations(side):
            others = (each for each, _ in sets if side.letter not in each)
            home = next((each for each in others if _same_rows(next(iter(each.values())), kept)), None)
            if home is None:
                sets.append(({side.letter: kept}, kept[0][0]))
            else:
                home[side.letter] = kept
    known = list(dict.fromkeys(name for members, _ in sets for name in _metrics(members)))
    if by and by not in known:
        if not known:
            raise RunError("compare.no-metric-at-all", metric=by)
        raise RunError("compare.no-such-metric", metric=by, known=known)
    drafts = [_figures(members, [by] if by else _metrics(members)) for members, _ in sets]
    every = [versus for figures in drafts for figure in figures for versus in figure.versus]
    adjusted = dict(zip(map(id, every), holm([each.p for each in every]), strict=True))

    def settled(figure: Figure) -> Figure:
        lower = figure.metric in LOWER_IS_BETTER
        versus = tuple(
            replace(each, adjusted_p=p, verdict=verdict_of(each.difference, p, lower))
            for each in figure.versus
            for p in (adjusted[id(each)],)
        )
        return replace(figure, versus=versus)

    found = [
        RowSet(evaluation.part, evaluation.data, evaluation.n, tuple(settled(figure) for figure in figures))
        for (_, evaluation), figures in zip(sets, drafts, strict=True)
        if figures
    ]
    return tuple(sorted(found, key=lambda each: -len(each.letters))), sum(each.p is not None for each in every)


def _evaluations(side: Side) -> list[Kept]:
    """The evaluations that all runs of a side which have any have by the same name, on the same rows."""
    by_run = [(run, {each.name: each for each in evaluations.all_of(run)}) for run in side.target.runs]
    by_run = [(run, kept) for run, kept in by_run if kept]
    found = []
    for name in by_run[0][1] if by_run else ():
        having = [(run, kept[name]) for run, kept in by_run if name in kept]
        kept = [(each, answers_by_row(evaluations.folder(run, name)).get(TUNED, {})) for run, each in having]
        kept = [(each, answers) for each, answers in kept if answers]
        if kept and all(_same_rows([kept[0]], [each]) for each in kept):
            found.append(kept)
    return found


def _same_rows(ours: Kept, theirs: Kept) -> bool:
    """Whether both were asked the very same rows: prompts and references alike, in any order.

    What the prompts don't show (a system prompt, tools) is in the hash of the rows, where both kept one.
    """
    (first, left), (second, right) = ours[0], theirs[0]
    if first.rows_sha256 and first.rows_sha256 == second.rows_sha256:
        return True
    if set(left) != set(right):
        return False
    in_order = [*left] == [*right]
    return not (in_order and first.rows_sha256 and second.rows_sha256)


def _metrics(members: Mapping[str, Kept]) -> list[str]:
    return list(dict.fromkeys(metric for kept in members.values() for each, _ in kept for metric in each.metrics))


def _figures(members: Mapping[str, Kept], metrics: Sequence[str]) -> list[Figure]:
    """Each of ``metrics`` of the sides, and each side against the first that has it too."""
    figures = []
    for metric in metrics:
        values = {letter: value for letter, kept in members.items() if (value := _value(kept, metric)) is not None}
        if not values:
            continue
        first, *others = values
        versus = [_versus(members[letter], members[first], metric, letter, first) for letter in others]
        figures.append(Figure(metric, values, tuple(each for each in versus if each is not None)))
    return figures


def _value(kept: Kept, metric: str) -> Value | None:
    means = [mean for each, _ in kept if (mean := each.mean(TUNED, metric)) is not None]
    if not means:
        return None
    if len(means) == 1:
        return Value(means[0].value, means[0].low, means[0].high, means[0].n)
    values = [mean.value for mean in means]
    return Value(statistics.fmean(values), min(values), max(values), means[0].n, len(means))


def _versus(ours: Kept, theirs: Kept, metric: str, letter: str, against: str) -> Versus | None:
    if len(ours) == len(theirs) == 1:
        return _paired(ours[0], theirs[0], metric, letter, against)
    keys = [key for key in ours[0][1] if all(metric in rows.get(key, _NO_ANSWER).scores for _, rows in ours + theirs)]
    if not keys:
        return None
    left, right = (
        np.array([[rows[key].scores[metric] for key in keys] for _, rows in kept]) for kept in (ours, theirs)
    )
    found = over_seeds(left, right, [ours[0][1][key].group for key in keys])
    return Versus(
        letter, against, found.difference, found.low, found.high, found.p, None, "seeds", found.n, "unclear"
    )  # fmt: skip


_NO_ANSWER = Answer(candidate="", row=0, prompt="", reference="", answer="")


def _paired(
    ours: tuple[Evaluation, Mapping[RowKey, Answer]], theirs: tuple[Evaluation, Mapping[RowKey, Answer]], metric: str,
    letter: str, against: str,
) -> Versus | None:  # fmt: skip
    """One run against another, row by row, as an evaluation compares its candidates."""
    (evaluation, left), (_, right) = ours, theirs
    answers = [
        msgspec.structs.replace(rows[key], candidate=name, row=at)
        for at, key in enumerate(left)
        for name, rows in ((letter, left), (against, right))
        if key in rows
    ]
    labels = tuple(evaluation.confusions[0].labels) if evaluation.confusions else ()
    labels = labels or tuple(dict.fromkeys(answer.reference for answer in left.values()))
    summary = summarize(answers, Choice("short", (metric,), Message("metrics.set-by-you"), labels), of=letter)
    found = next(iter(summary.comparisons), None)
    if found is None:
        return None
    return Versus(
        letter, against, found.difference, found.low, found.high, found.p, None, found.test, found.n, found.verdict
    )  # fmt: skip


def _notes(sides: Sequence[Side], row_sets: Sequence[RowSet], looked_at: int) -> list[Message]:
    """What a reader must know, the most serious first."""
    notes: list[Message] = []
    kinds = {side.kind for side in sides if side.kind}
    if len(kinds) > 1:
        texts = [side.letter for side in sides if side.kind == "text"]
        notes.append(Message("compare.other-kinds", texts=texts))
    models = {side.model for side in sides if side.model}
    if len(models) > 1:
        notes.append(Message("compare.other-bases", models=sorted(models)))
    for side in sides:
        if side.state not in ("finished", "stopped"):
            state = Message(story.state(side.state).code)
            notes.append(Message("compare.not-finished", side=side.letter, state=state, steps=side.cost.steps))
    measured = {letter for each in row_sets for letter in each.letters}
    notes += [_not_measured(side) for side in sides if side.letter not in measured or _is_logged(side, row_sets)]
    measured -= {side.letter for side in sides if _is_logged(side, row_sets)}
    apart = [side for side in sides if side.letter in measured and not _shares(side.letter, row_sets)]
    if apart and len(measured) > 1:
        first, second = (apart[0], next(side for side in sides if side is not apart[0] and side.letter in measured))
        notes.append(
            Message(
                "compare.different-rows", sides=[side.letter for side in apart], run=first.target.runs[0].id,
                other=second.target.runs[0].id,
            )
        )  # fmt: skip
    untold = [
        words.metric(figure.metric)
        for each in row_sets
        for figure in each.figures
        if len(figure.versus) < len(figure.values) - 1
    ]
    if untold:
        notes.append(Message("compare.no-verdict", metrics=untold))
    if looked_at > 1:
        notes.append(Message("metrics.looked-at", comparisons=looked_at))
    if any(versus.test == "seeds" for each in row_sets for figure in each.figures for versus in figure.versus):
        notes.append(Message("compare.over-seeds"))
    notes += _about_losses(sides)
    alone = [side.letter for side in sides if side.target.group is None]
    if alone and looked_at:
        notes.append(_one_seed(alone, sides, row_sets))
    return notes


def _is_logged(side: Side, row_sets: Sequence[RowSet]) -> bool:
    return any(each is logged for each in row_sets for logged in side.logged)


def _not_measured(side: Side) -> Message:
    """That a side has no answers, and what makes some."""
    able = next((run for run in side.target.runs if run.has_adapter), None)
    if able is None:
        return Message("compare.no-adapter", side=side.letter)
    return Message("compare.no-answers" if side.logged else "compare.no-evaluation", side=side.letter, run=able.id)


def _shares(letter: str, row_sets: Sequence[RowSet]) -> bool:
    return any(each.is_shared and letter in each.letters for each in row_sets)


def _about_losses(sides: Sequence[Side]) -> list[Message]:
    """Whether the losses of the held-out rows are of the same rows; of other tokenizers they don't compare anyway."""
    having = [side for side in sides if side.losses]
    if len(having) < 2 or len({side.model for side in having}) > 1:
        return []
    held_out = [_held_out(side.target.runs[0]) for side in having]
    if any(each is None for each in held_out):
        return [Message("compare.losses-unknown")]
    return [] if len(set(held_out)) == 1 else [Message("compare.losses-of-other-rows")]


def _held_out(run: RunDir) -> bytes | None:
    try:
        return np.sort(np.load(run.held_out, allow_pickle=False), axis=0).tobytes()
    except (OSError, ValueError, EOFError):
        return None


def _one_seed(letters: Sequence[str], sides: Sequence[Side], row_sets: Sequence[RowSet]) -> Message:
    """That a run of one seed tells nothing of other seeds; with how much groups vary here, once there are any."""
    from engine.runs.group_summary import usual_range

    metric = next((figure.metric for each in row_sets for figure in each.figures if figure.versus), "")
    usual = usual_range(sides[0].target.runs[0].path.parent, metric)
    if usual is None:
        return Message("compare.one-seed", sides=letters)
    told: Message | str = words.difference(metric, usual.width / 2).lstrip("+")
    told = Message("compare.points", difference=told) if words.is_share(metric) else told
    return Message("compare.one-seed-varies", sides=letters, groups=usual.groups, by=told, metric=words.metric(metric))
