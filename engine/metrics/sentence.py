"""The verdict as one sentence: what the rows show of the result against each alternative, the base model first.

What it says follows from the verdicts alone, and of few-shot prompting whether training was needed at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.result import BASE, FEW_SHOT, OLD_ADAPTER, TUNED, Comparison, Mean

SAME_WITHIN = 0.05
"""A share or score that differs by less than this for certain is as good."""
_ORDER = (BASE, FEW_SHOT, OLD_ADAPTER)
_FIRST = {"better": "metrics.first-better", "worse": "metrics.first-worse", "unclear": "metrics.first-unclear"}
_THEN = {"better": "metrics.then-better", "worse": "metrics.then-worse", "unclear": "metrics.then-unclear"}

_OF_FILES = {"better": "proof.worse", "worse": "proof.better", "unclear": "proof.unclear"}
_CANDIDATES = {
    BASE: "metrics.base", FEW_SHOT: "metrics.few-shot", OLD_ADAPTER: "metrics.old-adapter", TUNED: "metrics.tuned",
    "mix": "metrics.mix", "full": "metrics.full",
}  # fmt: skip
_CHANGES = {
    ("share", "bracketed"): "metrics.points", ("share", "comma"): "metrics.points-comma",
    ("share", "alone"): "metrics.points-alone",
    ("score", "bracketed"): "metrics.score-points", ("score", "comma"): "metrics.score-points-comma",
    ("score", "alone"): "metrics.score-points-alone",
    ("number", "bracketed"): "metrics.change", ("number", "comma"): "metrics.change-comma",
    ("number", "alone"): "metrics.change-alone",
}  # fmt: skip


def sentence(metric: str, of: str, means: Sequence[Mean], comparisons: Sequence[Comparison], rows: int) -> Message:
    """The verdict of ``of`` by ``metric``, the one that decides; "" for ``metric`` where none can be told."""
    if not metric:
        return Message("metrics.nothing-measured", rows=rows)
    compared = sorted(
        (each for each in comparisons if each.metric == metric and each.candidate == of),
        key=lambda each: _ORDER.index(each.against) if each.against in _ORDER else len(_ORDER),
    )
    if not compared:
        own = [each for each in means if each.metric == metric]
        first = next((each for each in own if each.candidate == of), own[0])
        said = Message("metrics.alone", candidate=candidate(first.candidate), metric=words.metric(metric),
                       figure=_figure(first), rows=first.n)  # fmt: skip
        for other in own:
            if other is not first:
                then = Message("metrics.then-alone", candidate=candidate(other.candidate), figure=_figure(other))
                said = Message("metrics.and", first=said, then=then)
        return said
    said = _first(compared[0])
    for each in compared[1:]:
        said = Message("metrics.and", first=said, then=_then(each, compared[0]))
    return said


def proof_sentence(metric: str, means: Sequence[Mean], comparisons: Sequence[Comparison]) -> Message | None:
    """How exported files answer beside the adapter they were made of, by ``metric``; None where nothing was compared.

    Here "as well" is what one hopes for, so a comparison tells of the file and not of the adapter.
    """
    figures = {each.candidate: words.value(metric, each.value) for each in means if each.metric == metric}
    said: Message | None = None
    for each in comparisons:
        if each.metric == metric and each.candidate == TUNED and {TUNED, each.against} <= figures.keys():
            code = "proof.as-good" if is_as_good(each) else _OF_FILES[each.verdict]
            then = Message(
                code, name=Message.literal(each.against), theirs=figures[each.against], ours=figures[TUNED], rows=each.n
            )
            said = then if said is None else Message("metrics.and", first=said, then=then)
    return said


def candidate(name: str) -> Message:
    """A candidate as it is called in a sentence; another run by its id."""
    if name.startswith(words.AT_STRENGTH):
        return words.candidate(name)
    return Message(_CANDIDATES[name]) if name in _CANDIDATES else Message("metrics.run", id=name)


def change(metric: str, difference: float, low: float | None, high: float | None, bracketed: bool = True) -> Message:
    """A difference with its interval: "71 points (64 to 78)" of a share or a score, else in the metric's own unit.

    With a comma where it stands in brackets itself.
    """
    scale = _scale(metric)
    known = "bracketed" if bracketed else "comma"
    form = "alone" if low is None or high is None else known
    figures: list[float | None] = [difference, low, high]
    if scale != "number":
        most = max(abs(each) for each in figures if each is not None)
        figures = [None if each is None else _rounded(100 * each, 0 if most >= 0.1 else 1) for each in figures]
    return Message(_CHANGES[scale, form], difference=figures[0], low=figures[1], high=figures[2])


def is_as_good(each: Comparison) -> bool:
    """Whether a comparison that decides nothing shows at least that the difference is small."""
    if each.verdict != "unclear" or _scale(each.metric) == "number" or each.low is None or each.high is None:
        return False
    return each.low > -SAME_WITHIN and each.high < SAME_WITHIN


def _scale(metric: str) -> str:
    return "share" if words.is_share(metric) else "score" if metric in words.SCORES else "number"


def _rounded(points: float, digits: int) -> float:
    """Rounded, and never -0."""
    return round(points, digits) + 0.0 if digits else round(points)


def _figure(mean: Mean) -> Message:
    value = words.value(mean.metric, mean.value)
    if mean.low is None or mean.high is None:
        return Message.literal(value)
    low, high = words.value(mean.metric, mean.low), words.value(mean.metric, mean.high)
    return Message("metrics.with-interval", value=value, low=low, high=high)


def _first(each: Comparison) -> Message:
    against = candidate(each.against)
    if each.n == 1:
        return Message("metrics.first-one-row", against=against)
    if each.test == "none":
        return Message("metrics.first-one-group", against=against, rows=each.n)
    if each.against == FEW_SHOT and each.verdict == "worse":
        return Message("metrics.first-few-shot-better", change=_size(each), rows=each.n)
    if _is_beyond_its_interval(each):
        return Message("metrics.first-not-certain", against=against, change=_size(each), rows=each.n)
    return Message(_FIRST[each.verdict], against=against, change=_size(each), rows=each.n)


def _then(each: Comparison, first: Comparison) -> Message:
    """A further clause. Of few-shot prompting it also says what that means, where the base model was beaten."""
    against = candidate(each.against)
    if each.test == "none":
        return Message("metrics.then-untold", against=against)
    if _is_beyond_its_interval(each):
        return Message("metrics.then-not-certain", against=against, change=_size(each))
    beats_base = first.against == BASE and first.verdict == "better"
    if each.against == FEW_SHOT and each.verdict == "worse":
        return Message("metrics.few-shot-better", change=_size(each))
    if each.against == FEW_SHOT and beats_base:
        code = "metrics.few-shot-as-good" if is_as_good(each) else "metrics.few-shot-maybe"
        return Message(
            "metrics.few-shot-not-enough" if each.verdict == "better" else code, change=_size(each, bracketed=False)
        )
    return Message(_THEN[each.verdict], against=against, change=_size(each))


def _is_beyond_its_interval(each: Comparison) -> bool:
    """Whether the interval leaves 0 out, by much, and the verdict is open all the same: few rows, many comparisons.

    "No clear difference: -97 points (-100 to -87)" would read as if it contradicted itself.
    """
    if each.verdict != "unclear" or each.low is None or each.high is None or is_as_good(each):
        return False
    return each.low > 0 or each.high < 0


def _size(each: Comparison, bracketed: bool = True) -> Message:
    """How large a difference is: as an amount where it is better or worse, with its sign where it is unclear."""
    if each.verdict == "unclear" or each.difference >= 0:
        return change(each.metric, each.difference, each.low, each.high, bracketed)
    low, high = (None if bound is None else -bound for bound in (each.high, each.low))
    return change(each.metric, -each.difference, low, high, bracketed)
