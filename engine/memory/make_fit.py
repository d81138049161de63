"""What to change so that a run fits: ranked changes with the memory they save and the time they cost.

Only settings that leave the mathematics of a step alone come first; ``batch_size`` and the data are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.machine.gpu_specs import GIB
from engine.memory.auto import resolve
from engine.memory.estimate import judge
from engine.memory.from_config import Setup, estimate_run, job_of
from engine.memory.speed import slow_down

SMALLEST_RANK = 8
LEAST_WORTH = 0.02 * GIB


@dataclass(frozen=True)
class Change:
    """Settings by dotted field, what they save at the peak, and the time they cost (0.5 = half as long again).

    ``same_result``: the trained adapter stays the same but for rounding. ``fits``: this change alone is enough.
    """

    title: str
    reason: str
    settings: dict[str, object]
    saved_bytes: float
    slow_down: float
    same_result: bool
    fits: bool

    @property
    def text(self) -> str:
        """One line: "Recompute layers: saves 7.1 GiB, about 50% slower"."""
        cost = f", about {self.slow_down:.0%} slower" if self.slow_down > 0.005 else ""
        return f"{self.title}: saves {self.saved_bytes / GIB:.1f} GiB{cost}"


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
    titles: list[str] = []
    same, now = True, start
    while judge(estimate_run(now), available_bytes).level == "too much":
        changed = asked.with_settings(settings)
        ranked = sorted(_worth(changed, now, available_bytes), key=_rank)
        if not ranked:
            return None
        # One that suffices if there is, else what costs no time, else the largest.
        best = ranked[0] if ranked[0].fits else max(ranked, key=lambda c: (c.same_result, c.saved_bytes))
        settings |= best.settings
        if best.title not in titles:
            titles.append(best.title)
        same = same and best.same_result
        now = _settled(asked.with_settings(settings), available_bytes)
    whole = Change("; ".join(titles), "Together they make it fit.", settings, 0, 0, same, True)
    return _measure(asked, start, whole, available_bytes)


def candidates(setup: Setup) -> Iterator[Change]:
    """Every change that can be made to this run, not yet measured."""
    config, job = setup.config, job_of(setup)
    if job.rows > 1:
        tokens = max(1, job.rows // 2) * setup.row_tokens
        yield _change(
            f"Compute {tokens:,} tokens at a time instead of {job.tokens:,}",
            "The step is cut into smaller pieces; its result is the same.",
            {"train.micro_batch_tokens": tokens},
        )
        if job.rows > 3:
            yield _change(
                "Compute one row at a time",
                "The smallest pieces a step can be cut into; its result is the same.",
                {"train.micro_batch_tokens": setup.row_tokens},
            )
    if job.checkpointing == "none":
        yield _change(
            "Recompute layers (gradient checkpointing)",
            "Each layer keeps only its input and is computed again in the backward pass.",
            {"train.gradient_checkpointing": True},
        )
    if job.attention == "eager" and not setup.shape.unfused_attention:
        yield _change(
            "Use fused attention",
            "Eager attention keeps a score for each pair of tokens.",
            {"model.attn_implementation": "sdpa"},
        )
    if job.quantization in ("none", "int8"):
        yield _change(
            "Store the frozen weights in 4 bit (NF4, QLoRA)",
            "A fourth of the memory of 16 bit; the adapter learns on slightly rounded weights.",
            {"model.quantization": "nf4"},
            same=False,
        )
    if job.quantization == "nf4":
        yield _change(
            "Quantize the constants too (double quantization)",
            "Saves 0.05 bytes for each weight.",
            {"model.double_quant": True},
            same=False,
        )
    if job.optimizer == "adamw" and setup.device == "cuda":
        yield _change(
            "Keep the optimizer's states in 8 bit",
            "A fourth of their memory; worth it at high rank or with word tables trained whole.",
            {"train.optim": "adamw_8bit"},
            same=False,
        )
    if config.adapter.use_dora:
        yield _change("Plain LoRA instead of DoRA", "DoRA keeps two outputs a layer.", {"adapter.use_dora": False},
                      same=False)  # fmt: skip
    if config.adapter.r > SMALLEST_RANK:
        yield _change(
            f"Rank {config.adapter.r // 2} instead of {config.adapter.r}",
            "Half the numbers are trained, so it can learn less.",
            {"adapter.r": max(SMALLEST_RANK, config.adapter.r // 2)},
            same=False,
        )


def _change(title: str, reason: str, settings: dict[str, object], same: bool = True) -> Change:
    return Change(title, reason, settings, 0, 0, same, False)
