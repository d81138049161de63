"""What to change so that a run fits: ranked changes with the memory they save and the time they cost.

Only settings that leave the mathematics of a step alone come first; ``batch_size`` and the data are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.machine.gpu_specs import GIB
from engine.memory.auto import resolve
from engine.memory.estimate import judge
from engine.memory.from_config import Setup, estimate_run, job_of
from engine.memory.speed import slow_down
from engine.messages.message import Message

SMALLEST_RANK = 8
LEAST_WORTH = 0.02 * GIB
SLOWER = 0.005
"""A smaller share of the time is not worth telling."""


@dataclass(frozen=True)
class Change:
    """Settings by dotted field, what they save at the peak, and the time they cost (0.5 = half as long again).

    ``same_result``: the trained adapter stays the same but for rounding. ``fits``: this change alone is enough.
    The part ``why`` of ``what`` says what it does.
    """

    what: Message
    settings: dict[str, object]
    saved_bytes: float
    slow_down: float
    same_result: bool
    fits: bool

    @property
    def message(self) -> Message:
        """ "Gradient checkpointing: saves 7.1 GiB, 50% slower"."""
        return Message("memory.change-line", what=self.what, gain=gain_of(self.saved_bytes, self.slow_down))


def gain_of(saved_bytes: float, slow_down: float) -> list[Message]:
    gain = [Message("memory.saves", bytes=saved_bytes)]
    return [*gain, Message("memory.slower", share=slow_down)] if slow_down > SLOWER else gain


def all_of(made: Mapping[str, Message]) -> Message:
    """Changes by the field that they set as one; one alone is itself."""
    changes = list(dict.fromkeys(made.values()))
    return changes[0] if len(changes) == 1 else Message("memory.all-of", count=len(changes), changes=changes)


@dataclass(frozen=True)
class Plan:
    """Changes alone, best first; and ``together``, the fewest that fit when no single one does."""

    changes: tuple[Change, ...]
    together: Change | None


def make_fit(asked: Setup, available_bytes: float) -> Plan:
    """Changes that save memory, those that suffice within ``available_bytes`` first, then the cheapest.

    ``asked`` may have fields that are ``auto``: they are settled anew after each change, as they will be once it is
    made, so that what a change is said to save is what comes of it.
    """
    now = _settled(asked, available_bytes)
    changes = sorted(_worth(asked, now, available_bytes), key=_rank)
    if not changes or changes[0].fits or judge(estimate_run(now), available_bytes).level != "too much":
        return Plan(tuple(changes), None)
    return Plan(tuple(changes), _combine(asked, now, available_bytes))


def _settled(asked: Setup, available_bytes: float) -> Setup:
    return asked.with_settings(resolve(asked, available_bytes).settings)


def _rank(change: Change) -> tuple[bool, bool, float, float]:
    return (not change.fits, not change.same_result, round(change.slow_down, 2), -change.saved_bytes)


def _worth(asked: Setup, now: Setup, available_bytes: float) -> Iterator[Change]:
    for candidate in candidates(now):
        change = _measure(asked, now, candidate, available_bytes)
        if change.saved_bytes >= LEAST_WORTH:
            yield change


def _measure(asked: Setup, now: Setup, candidate: Change, available_bytes: float) -> Change:
    changed = _settled(asked.with_settings(candidate.settings), available_bytes)
    before, after = estimate_run(now), estimate_run(changed)
    return replace(
        candidate,
        saved_bytes=before.needed_bytes - after.needed_bytes,
        slow_down=slow_down(before, after, asked.device_name),
        fits=after.needed_bytes <= available_bytes,
    )


def _combine(asked: Setup, start: Setup, available_bytes: float) -> Change | None:
    """Changes added one by one, each the best for what is still missing."""
    settings: dict[str, object] = {}
    made: dict[str, Message] = {}
    same, now = True, start
    while judge(estimate_run(now), available_bytes).level == "too much":
        changed = asked.with_settings(settings)
        ranked = sorted(_worth(changed, now, available_bytes), key=_rank)
        if not ranked:
            return None
        # One that suffices if there is, else what costs no time, else the largest.
        best = ranked[0] if ranked[0].fits else max(ranked, key=lambda c: (c.same_result, c.saved_bytes))
        settings |= best.settings
        made |= dict.fromkeys(best.settings, best.what)
        same = same and best.same_result
        now = _settled(asked.with_settings(settings), available_bytes)
    whole = Change(all_of(made), settings, 0, 0, same, True)
    return _measure(asked, start, whole, available_bytes)


def candidates(setup: Setup) -> Iterator[Change]:
    """Every change that can be made to this run, not yet measured."""
    config, job = setup.config, job_of(setup)
    if job.rows > 1:
        tokens = max(1, job.rows // 2) * setup.row_tokens
        smaller = Message("memory.smaller-micro-batch", tokens=tokens, now=job.tokens)
        yield _change(smaller, {"train.micro_batch_tokens": tokens})
        if job.rows > 3:
            yield _change(Message("memory.one-row"), {"train.micro_batch_tokens": setup.row_tokens})
    if job.checkpointing == "none":
        yield _change(Message("memory.recompute"), {"train.gradient_checkpointing": True})
    if job.attention == "eager" and not setup.shape.unfused_attention:
        yield _change(Message("memory.fused-attention"), {"model.attn_implementation": "sdpa"})
    if job.quantization in ("none", "int8"):
        yield _change(Message("memory.nf4"), {"model.quantization": "nf4"}, same=False)
    if job.quantization == "nf4":
        yield _change(Message("memory.double-quantization"), {"model.double_quant": True}, same=False)
    if job.optimizer == "adamw" and setup.device == "cuda":
        yield _change(Message("memory.states-8-bit"), {"train.optim": "adamw_8bit"}, same=False)
    if config.adapter.use_dora:
        yield _change(Message("memory.plain-lora"), {"adapter.use_dora": False}, same=False)
    if config.adapter.r > SMALLEST_RANK:
        rank = max(SMALLEST_RANK, config.adapter.r // 2)
        lower = Message("memory.lower-rank", rank=rank, now=config.adapter.r)
        yield _change(lower, {"adapter.r": rank}, same=False)


def _change(what: Message, settings: dict[str, object], same: bool = True) -> Change:
    return Change(what, settings, 0, 0, same, False)
