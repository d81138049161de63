"""Resolve ``auto`` for micro_batch_tokens, gradient_checkpointing, quantization and optim, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from engine.memory.estimate import Estimate, Level, judge
from engine.memory.from_config import Setup, estimate_run, job_of
from engine.memory.speed import seconds_per_token
from engine.messages.message import Message

MOST_TOKENS = {"cpu": 1024, "cuda": 16_384}
"""More at once makes nothing faster."""
NOTICEABLE = 0.03
"""A choice must be this much faster to be worth more memory."""
EIGHT_BIT_WORTH = 0.05
"""Share of the available memory that 8-bit states must save to be chosen."""


@dataclass(frozen=True)
class Resolution:
    """What ``auto`` becomes: ``settings`` by dotted field, the reason for each, and the estimate that results.

    When nothing fits, the smallest choice is taken and ``fits`` is False.
    """

    settings: dict[str, object]
    reasons: dict[str, Message]
    estimate: Estimate
    fits: bool


def resolve(setup: Setup, available_bytes: float) -> Resolution:
    """The fastest choice that fits without being tight, else the fastest that fits, else the smallest."""
    tried = [(settings, estimate_run(setup.with_settings(settings))) for settings in _choices(setup)]
    comfortable = [entry for entry in tried if judge(entry[1], available_bytes).level == "fits"]
    fitting = comfortable or [entry for entry in tried if judge(entry[1], available_bytes).level == "tight"]
    if fitting:
        costs = [seconds_per_token(e.job, e.profile, setup.device_name) for _, e in fitting]
        fastest = min(costs)
        close = [entry for entry, cost in zip(fitting, costs, strict=True) if cost <= fastest * (1 + NOTICEABLE)]
        settings, result = min(close, key=lambda entry: (_is_packed(entry[0]), entry[1].needed_bytes))
    else:
        settings, result = min(tried, key=lambda entry: entry[1].needed_bytes)
    settings = {**settings, **_optimizer(setup.with_settings(settings), result, available_bytes)}
    result = estimate_run(setup.with_settings(settings))
    fits = judge(result, available_bytes).level != "too much"
    plain = [judge(other, available_bytes).level for choice, other in tried if not _is_packed(choice)]
    return Resolution(settings, _reasons(setup, settings, result, available_bytes, plain), result, fits)


def _is_packed(settings: dict[str, object]) -> bool:
    return settings.get("model.quantization") == "nf4"


def _choices(setup: Setup) -> Iterator[dict[str, object]]:
    """Every combination of the fields that are ``auto``; one empty choice when none is."""
    train, model = setup.config.train, setup.config.model
    options: dict[str, list[object]] = {}
    if model.quantization == "auto":
        options["model.quantization"] = ["none", "nf4"]
    if train.gradient_checkpointing == "auto":
        options["train.gradient_checkpointing"] = [False, True]
    if train.micro_batch_tokens == "auto":
        options["train.micro_batch_tokens"] = list(_token_budgets(setup))
    for values in product(*options.values()):
        yield dict(zip(options, values, strict=True))


def _token_budgets(setup: Setup) -> Iterator[int]:
    """One row, two, four ... and all that the step's share of this GPU holds, or the most that helps."""
    row, most = setup.row_tokens, MOST_TOKENS[setup.device]
    whole = row * -(-setup.config.train.batch_size // setup.gpus)
    largest = max(row, min(whole, most) // row * row)
    budget = row
    while budget < largest:
        yield budget
        budget *= 2
    yield largest


def _optimizer(setup: Setup, result: Estimate, available_bytes: float) -> dict[str, object]:
    if setup.config.train.optim != "auto":
        return {}
    if setup.device == "cpu":
        return {"train.optim": "adamw"}
    smaller = estimate_run(setup.with_settings({"train.optim": "adamw_8bit"}))
    saved = result.needed_bytes - smaller.needed_bytes
    rescues = result.needed_bytes > available_bytes
    return {"train.optim": "adamw_8bit" if rescues or saved > EIGHT_BIT_WORTH * available_bytes else "adamw"}


def _reasons(
    setup: Setup, settings: dict[str, object], result: Estimate, available_bytes: float, plain: list[Level]
) -> dict[str, Message]:  # fmt: skip
    """The reason for each of ``settings``; ``plain`` are the verdicts on the choices with weights as they are."""
    verdict = judge(result, available_bytes)
    room = Message("memory.of-free", verdict=verdict.message, available=available_bytes)
    if verdict.level == "too much":
        room = Message("memory.still-short", missing=-verdict.spare_bytes)
    reasons: dict[str, Message] = {}
    for field, value in settings.items():
        if field == "train.micro_batch_tokens":
            rows = job_of(setup.with_settings(settings)).rows
            reasons[field] = Message("memory.auto-micro-batch", rows=rows, room=room)
        elif field == "train.gradient_checkpointing":
            code = "memory.auto-recompute" if value else "memory.auto-no-recompute"
            reasons[field] = Message(code, room=room)
        elif field == "model.quantization":
            reasons[field] = Message("memory.auto-16-bit", room=room)
            if value != "none":
                reasons[field] = Message("memory.auto-4-bit", why=_why_4_bit(plain), room=room)
        elif value == "adamw":
            states = result.phase("step").terms.get("optimizer", 0.0)
            reasons[field] = Message("memory.auto-32-bit-states", states=states)
        else:
            reasons[field] = Message("memory.auto-8-bit-states")
    return reasons


def _why_4_bit(plain: list[Level]) -> Message:
    """What the weights as they are would lead to, given the verdicts on all choices with them."""
    if "fits" in plain:
        return Message("memory.auto-4-bit-faster")
    return Message("memory.auto-4-bit-tight" if "tight" in plain else "memory.auto-4-bit-needed")
