"""What metrics, candidates and verdicts are called, and how a metric's value is written: the same on every screen."""

from __future__ import annotations

from engine.config.metric_names import USER_METRIC
from engine.messages import formats
from engine.messages.message import Message
from engine.metrics.result import Verdict

_METRICS = {
    "accuracy": "metric-words.accuracy", "macro_f1": "metric-words.macro-f1", "precision": "metric-words.precision",
    "recall": "metric-words.recall", "f1": "metric-words.f1", "exact_match": "metric-words.exact-match",
    "token_f1": "metric-words.token-f1", "json_valid": "metric-words.json-valid",
    "json_keys": "metric-words.json-keys", "json_values": "metric-words.json-values",
    "json_exact": "metric-words.json-exact", "exact_number": "metric-words.exact-number",
    "chrf": "metric-words.chrf", "bleu": "metric-words.bleu", "rouge_l": "metric-words.rouge-l",
    "tool_name": "metric-words.tool-name", "tool_arguments": "metric-words.tool-arguments",
    "loss": "metric-words.loss", "perplexity": "metric-words.perplexity",
    "bits_per_byte": "metric-words.bits-per-byte", USER_METRIC: "metric-words.user-metric",
    "answered": "forgetting.metric-answered", "ended": "forgetting.metric-ended",
    "no_loops": "forgetting.metric-no-loops", "language_kept": "forgetting.metric-language",
    "distinct": "forgetting.metric-distinct", "answer_tokens": "forgetting.metric-length",
}  # fmt: skip
_CANDIDATES = {
    "base": "metric-words.base", "few-shot": "metric-words.few-shot", "old-adapter": "metric-words.old-adapter",
    "tuned": "metric-words.tuned", "mix": "metric-words.mix", "full": "metric-words.full",
}  # fmt: skip
AT_STRENGTH = "strength-"
"""What the name of a run's own adapter at another strength begins with: "strength-0.5"."""
_VERDICTS = {"better": "metric-words.better", "worse": "metric-words.worse", "unclear": "metric-words.unclear"}
LOWER_IS_BETTER = frozenset(("loss", "perplexity", "bits_per_byte"))
SCORES = frozenset(("chrf", "bleu", "rouge_l"))
"""Metrics of 0 to 1 that are written as 0 to 100, as is usual for them."""
SHARES = frozenset(_METRICS) - LOWER_IS_BETTER - SCORES - {USER_METRIC, "answer_tokens"}
"""Metrics of 0 to 1, written as per cent. What is in none of these sets has a unit of its own."""


def metric(name: str) -> Message:
    """What a metric is called; a user's own by its name. ``recall/refund`` is of one class."""
    kind, _, label = name.partition("/")
    if label and kind in _METRICS:
        return Message("metric-words.of-class", metric=Message(_METRICS[kind]), label=label)
    return Message(_METRICS[name]) if name in _METRICS else Message.literal(name.replace("_", " "))


def ranked(name: str, decides: bool) -> Message:
    """What a metric is called among others: one that decides nothing is named as secondary."""
    return metric(name) if decides else Message("metric-words.secondary", metric=metric(name))


def candidate(name: str) -> Message:
    """What a candidate is called; another run by its id."""
    if name.startswith(AT_STRENGTH):
        return Message("metric-words.at-strength", scale=name.removeprefix(AT_STRENGTH))
    return Message(_CANDIDATES[name]) if name in _CANDIDATES else Message.literal(name)


def verdict(found: Verdict) -> Message:
    return Message(_VERDICTS[found])


def is_share(name: str) -> bool:
    return name.partition("/")[0] in SHARES


def value(metric: str, figure: float | None, digits: int = 1) -> str:
    """A mean as text: ``97%``, ``0.421``, ``38.4`` (of a chrF of 0.384); "-" where it is not known.

    ``digits`` of a share, 0 where there is little room.
    """
    if is_share(metric):
        return formats.percent(figure, digits)
    if metric in SCORES:
        return formats.number(figure if figure is None else 100 * figure, digits=1)
    return formats.loss(figure) if metric in LOWER_IS_BETTER else formats.number(figure)


def interval(metric: str, low: float | None, high: float | None) -> Message:
    """The bounds of a mean's interval: ``91.5% to 99%``; "-" where it can't be told."""
    if low is None or high is None:
        return Message.literal("-")
    return Message("metric-words.interval", low=value(metric, low), high=value(metric, high))


def difference_interval(metric: str, low: float | None, high: float | None) -> Message:
    """The bounds of a difference's interval: ``+3.1 to +9.8``; "-" where it can't be told."""
    if low is None or high is None:
        return Message.literal("-")
    return Message("metric-words.interval", low=difference(metric, low), high=difference(metric, high))


def difference(metric: str, figure: float) -> str:
    """A difference with its sign, of shares and scores in points of 100: ``+12.5``, ``-0.31``."""
    points = is_share(metric) or metric in SCORES
    digits = 1 if points else 3
    shown = round(figure * (100 if points else 1), digits)
    return f"{shown:+,.{digits}f}" if shown else f"{0:.{digits}f}"  # never -0.0
