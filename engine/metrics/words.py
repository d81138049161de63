"""What metrics, candidates and verdicts are called, and how a metric's value is written: the same on every screen."""

from __future__ import annotations

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
    "bits_per_byte": "metric-words.bits-per-byte",
}  # fmt: skip
_CANDIDATES = {
    "base": "metric-words.base", "few-shot": "metric-words.few-shot", "old-adapter": "metric-words.old-adapter",
    "tuned": "metric-words.tuned",
}  # fmt: skip
_VERDICTS = {"better": "metric-words.better", "worse": "metric-words.worse", "unclear": "metric-words.unclear"}
LOWER_IS_BETTER = frozenset(("loss", "perplexity", "bits_per_byte"))
SHARES = frozenset(_METRICS) - LOWER_IS_BETTER - {"chrf", "bleu", "rouge_l"}
"""Metrics of 0 to 1, written as per cent; chrF, BLEU and ROUGE-L count to 100 as in the literature."""


def metric(name: str) -> Message:
    """What a metric is called; a user's own by its name. ``recall/refund`` is of one class."""
    kind, _, label = name.partition("/")
    if label and kind in _METRICS:
        return Message("metric-words.of-class", metric=Message(_METRICS[kind]), label=label)
    return Message(_METRICS[name]) if name in _METRICS else Message.literal(name.replace("_", " "))


def candidate(name: str) -> Message:
    """What a candidate is called; another run by its id."""
    return Message(_CANDIDATES[name]) if name in _CANDIDATES else Message.literal(name)


def verdict(found: Verdict) -> Message:
    return Message(_VERDICTS[found])


def is_share(name: str) -> bool:
    return name.partition("/")[0] in SHARES


def value(metric: str, figure: float | None) -> str:
    """A mean as text: ``97%``, ``0.421``, ``38.4``; "-" where it is not known."""
    if is_share(metric):
        return formats.percent(figure, digits=1)
    return formats.loss(figure) if metric in LOWER_IS_BETTER else formats.number(figure)


def interval(metric: str, low: float, high: float) -> Message:
    """The bounds of a mean's interval: ``91.5% to 99%``."""
    return Message("metric-words.interval", low=value(metric, low), high=value(metric, high))


def difference_interval(metric: str, low: float, high: float) -> Message:
    """The bounds of a difference's interval: ``+3.1 to +9.8``."""
    return Message("metric-words.interval", low=difference(metric, low), high=difference(metric, high))


def difference(metric: str, figure: float) -> str:
    """A difference with its sign, of shares in percentage points: ``+12.5``, ``-0.31``."""
    digits = 1 if is_share(metric) else 3 if metric in LOWER_IS_BETTER else 2
    shown = round(figure * (100 if is_share(metric) else 1), digits)
    return f"{shown:+,.{digits}f}" if shown else f"{0:.{digits}f}"  # never -0.0
