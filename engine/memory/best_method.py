"""How a model is best trained within a budget: the method that ``auto`` would choose, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from engine.config.schema import RunConfig
from engine.memory.auto import Resolution, resolve
from engine.memory.budget import Budget
from engine.memory.from_config import Setup, estimate_run, setup_on
from engine.memory.matrix import MOST_TOKENS, largest_tokens
from engine.memory.profiles import GIB
from engine.memory.verdict import Verdict, judge
from engine.models.dims import ModelShape

AUTO: dict[str, object] = {
    "model.quantization": "auto",
    "train.gradient_checkpointing": "auto",
    "train.micro_batch_tokens": "auto",
}
SHORTEST_ROW = 8


@dataclass(frozen=True)
class BestMethod:
    """``setup`` is the run with every choice made, ``verdict`` what the budget says to it.

    When nothing fits, it is the smallest choice there is.
    """

    setup: Setup
    resolution: Resolution
    budget: Budget
    verdict: Verdict

    @property
    def name(self) -> str:
        """ "LoRA 16 bit", "QLoRA 4 bit"."""
        job = self.resolution.estimate.job
        kind = job.method.replace("lora", "LoRA").replace("dora", "DoRA")
        if job.quantization in ("nf4", "nf4-dq"):
            return f"Q{kind} 4 bit"
        bits = 8 if job.quantization == "int8" else round(8 * self.resolution.estimate.profile.frozen_bytes)
        return f"{kind} {bits} bit"

    @property
    def text(self) -> str:
        """The verdict in a column of 18: "LoRA 16 bit, fits", "3.1 GiB too much"."""
        if self.verdict.level == "too much":
            return f"{-self.verdict.spare_bytes / GIB:,.1f} GiB too much"
        return f"{self.name}, {self.verdict.level}"

    @property
    def recomputes(self) -> bool:
        return self.resolution.estimate.job.checkpointing != "none"

    @cached_property
    def largest_micro_batch(self) -> int:
        """Most padded tokens at once in rows of the run's length; 0 when not one such row fits."""
        return largest_tokens(self.setup, self.budget.available_bytes)

    @cached_property
    def longest_row(self) -> int:
        """Tokens of the longest row that can be trained on alone, its layers recomputed; 0 when even a short one
        is too much."""
        setup = replace(self.setup, longest_row=None)

        def fits(tokens: int) -> bool:
            alone: dict[str, object] = {"dataset.max_length": tokens, "train.micro_batch_tokens": tokens}
            run = setup.with_settings({**alone, "train.gradient_checkpointing": True})
            return estimate_run(run).needed_bytes <= self.budget.available_bytes

        if not fits(SHORTEST_ROW):
            return 0
        low, high = SHORTEST_ROW, 2 * SHORTEST_ROW
        while high < MOST_TOKENS and fits(high):
            low, high = high, high * 2
        while high - low > max(1, low // 64):
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low


def best_method(config: RunConfig, shape: ModelShape, budget: Budget, longest_row: int | None = None) -> BestMethod:
    """The best way to train ``shape`` with ``config``'s lengths, rank and batch; a millisecond or a few.

    Quantization, recomputation and micro-batch are chosen freely, whatever ``config`` says of them; the fastest
    choice with room to spare wins, else the fastest that fits at all. ``longest_row``: of the data, in tokens.
    """
    asked = setup_on(budget, config, shape, longest_row).with_settings(AUTO)
    resolution = resolve(asked, budget.available_bytes)
    setup = asked.with_settings(resolution.settings)
    return BestMethod(setup, resolution, budget, judge(resolution.estimate, budget.available_bytes))
