"""What of a run's held-out rows is answered, and which baselines it is compared with: one rule for plan and runner."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.choose import named

SHORT_TOKENS = {"cpu": 64, "cuda": 256}
"""Mean tokens of an answer up to which baselines are asked without being told to: a minute or two of a small run."""
MOST_PROMPT_TOKENS = 4096
"""Of a prompt with examples: more would cost more time than examples are worth, on models with many positions."""
_LEAST_NEW = 32
_NOT_WORSE = 2.0
"""Times the longest reference, where baselines were not asked for by name: what is longer is not what was wanted."""


@dataclass(frozen=True)
class Asked:
    """``rows`` are answered before and after training, by ``new_tokens`` at most; 0 where only losses are measured.

    ``base``: the untouched base answers too, where the run begins with an adapter. ``examples`` stand in the prompts of
    the few-shot baseline, 0 where there is none. ``reason`` says why.
    """

    rows: int
    new_tokens: int
    base: bool
    examples: int
    reason: Message


def by_metric(config: RunConfig) -> bool:
    """Whether a metric of answers says which step is the best; perplexity and bits per byte go with the loss."""
    return config.eval.best_by not in words.LOWER_IS_BETTER


def asked(config: RunConfig, rows: int, mean_tokens: float, longest_tokens: float, device: str) -> Asked:
    """What a run of ``config`` on ``device`` (cpu or cuda) asks of ``rows`` held-out rows that end with an answer.

    The answers that they should have are ``mean_tokens`` long on average (infinite: not known), ``longest_tokens`` at
    most.
    """
    section = config.eval
    names, baseline, most = bool(named(section) or section.metric_file), section.baseline, section.max_new_tokens
    if not rows:
        return Asked(0, most, False, 0, Message("baselines.no-rows"))
    if not names and section.metrics != "auto":
        return Asked(0, most, False, 0, Message("baselines.only-loss"))
    count, short = min(rows, section.generate_rows), mean_tokens <= SHORT_TOKENS[device]
    if baseline == "few_shot":
        return Asked(count, most, True, section.few_shot, Message("baselines.asked-few-shot"))
    if baseline == "zero_shot":
        return Asked(count, most, True, 0, Message("baselines.asked-zero-shot"))
    if baseline == "none":
        return Asked(count if names else 0, most, False, 0, Message("baselines.asked-none"))
    if not short:
        told = Message("baselines.unknown-length")
        if math.isfinite(mean_tokens):
            told = Message("baselines.long", tokens=round(mean_tokens), most=SHORT_TOKENS[device])
        return Asked(count if names else 0, most, False, 0, told)
    if not names:
        most = min(most, max(_LEAST_NEW, round(_NOT_WORSE * longest_tokens)))
    return Asked(count, most, True, section.few_shot, Message("baselines.short", tokens=round(mean_tokens)))
