"""How a model can be trained within a budget: the best method, and the largest micro-batch of every method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from engine.config.schema import AdapterSection, DatasetSection, DataSource, ModelSection, RunConfig, TrainSection
from engine.memory.auto import Resolution, resolve
from engine.memory.budget import Budget
from engine.memory.estimate import Verdict, estimate, judge
from engine.memory.from_config import Setup, estimate_run, job_of, profile_of, setup_on
from engine.messages.message import Message
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
    def name(self) -> Message:
        """ "LoRA 16-bit", "QLoRA 4-bit"."""
        job = self.resolution.estimate.job
        kind = "DoRA" if job.method == "dora" else "LoRA"
        if job.quantization in ("nf4", "nf4-dq"):
            return Message("memory.method", kind=f"Q{kind}", bits=4)
        bits = 8 if job.quantization == "int8" else round(8 * self.resolution.estimate.profile.frozen_bytes)
        return Message("memory.method", kind=kind, bits=bits)

    @property
    def message(self) -> Message:
        """The verdict in a column of 18: "LoRA 16-bit, fits", "3.1 GiB short"."""
        if self.verdict.level == "too much":
            return Message("memory.column-short", missing=-self.verdict.spare_bytes)
        return Message(
            "memory.column-fits" if self.verdict.level == "fits" else "memory.column-tight", method=self.name
        )

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


def best_method(config: RunConfig, shape: ModelShape, budget: Budget) -> BestMethod:
    """The best way to train ``shape`` with ``config``'s lengths, rank and batch; a millisecond or a few.

    Quantization, recomputation and micro-batch are chosen freely, whatever ``config`` says of them; the fastest
    choice with room to spare wins, else the fastest that fits at all.
    """
    return _resolved(setup_on(budget, config, shape).with_settings(AUTO), budget)


def _resolved(asked: Setup, budget: Budget) -> BestMethod:
    resolution = resolve(asked, budget.available_bytes)
    setup = asked.with_settings(resolution.settings)
    return BestMethod(setup, resolution, budget, judge(resolution.estimate, budget.available_bytes))


LENGTHS = (512, 1024, 2048, 4096, 8192, 16_384)
MOST_TOKENS = 1 << 20


@dataclass(frozen=True)
class Method:
    """A row of the matrix: name, ``[model] quantization`` and whether layers are recomputed."""

    name: str
    quantization: Literal["none", "nf4", "int8"]
    checkpointing: bool

    @property
    def message(self) -> Message:
        plain = {
            "none": Message("memory.method", kind="LoRA", bits=16),
            "nf4": Message("memory.method", kind="QLoRA", bits=4),
            "int8": Message("memory.method-int8"),
        }[self.quantization]
        return Message("memory.method-recomputed", method=plain) if self.checkpointing else plain


METHODS = (
    Method("lora-16bit", "none", False),
    Method("lora-16bit-recomputed", "none", True),
    Method("lora-int8-recomputed", "int8", True),
    Method("qlora-4bit", "nf4", False),
    Method("qlora-4bit-recomputed", "nf4", True),
)


def each_method(config: RunConfig, shape: ModelShape, budget: Budget) -> list[tuple[Method, BestMethod]]:
    """``METHODS`` with what the budget says to each, its micro-batch chosen freely; without a GPU the 16-bit ones."""
    setup = setup_on(budget, config, shape)
    found = []
    for method in METHODS:
        if budget.device == "cuda" or method.quantization == "none":
            settings = {
                "model.quantization": method.quantization, "train.gradient_checkpointing": method.checkpointing,
            }  # fmt: skip
            found.append((method, _resolved(setup.with_settings(AUTO | settings), budget)))
    return found


@dataclass(frozen=True)
class Matrix:
    """``tokens[method][length]``, by a method's name: most padded tokens at once, 0 where not one such row fits."""

    model: str
    available_bytes: float
    lengths: tuple[int, ...]
    rank: int
    tokens: dict[str, dict[int, int]]


def method_matrix(shape: ModelShape, budget: Budget, rank: int = 16, lengths: tuple[int, ...] = LENGTHS) -> Matrix:
    """All methods at all ``lengths`` within ``budget``; lengths in tokens."""
    available = budget.available_bytes
    tokens = {
        method.name: {
            length: largest_tokens(_setup(shape, method, length, rank, budget), available) for length in lengths
        }
        for method in METHODS
    }
    return Matrix(shape.name, available, lengths, rank, tokens)


def largest_tokens(setup: Setup, available_bytes: float) -> int:
    """Most padded tokens at once, in whole rows of ``setup.row_tokens``; 0 when one row is too much, and
    ``MOST_TOKENS`` or a little more where that fits."""
    job, profile = job_of(setup), profile_of(setup)

    def fits(rows: int) -> bool:
        return estimate(replace(job, rows=rows), profile).needed_bytes <= available_bytes

    low, high = 0, 1
    while fits(high):
        if high * setup.row_tokens >= MOST_TOKENS:
            return high * setup.row_tokens
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low * setup.row_tokens


def _setup(shape: ModelShape, method: Method, length: int, rank: int, budget: Budget) -> Setup:
    config = RunConfig(
        model=ModelSection(name_or_path=shape.name, quantization=method.quantization),
        adapter=AdapterSection(r=rank),
        data=[DataSource(path="-")],
        dataset=DatasetSection(max_length=length),
        train=TrainSection(gradient_checkpointing=method.checkpointing, micro_batch_tokens=length),
    )
    return setup_on(budget, config, shape)
