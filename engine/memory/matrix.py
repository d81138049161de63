"""The largest micro-batch that fits, for each method and row length: what a model can do on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.config.schema import AdapterSection, DatasetSection, DataSource, ModelSection, RunConfig, TrainSection
from engine.memory.budget import Budget
from engine.memory.estimate import estimate
from engine.memory.from_config import Setup, job_of, profile_of, setup_on
from engine.models.dims import ModelShape

LENGTHS = (512, 1024, 2048, 4096, 8192, 16_384)
MOST_TOKENS = 1 << 20


@dataclass(frozen=True)
class Method:
    """A row of the matrix: name, ``[model] quantization`` and whether layers are recomputed."""

    name: str
    quantization: Literal["none", "nf4", "int8"]
    checkpointing: bool


METHODS = (
    Method("LoRA, 16 bit", "none", False),
    Method("LoRA, 16 bit, recomputed", "none", True),
    Method("LoRA, int8, recomputed", "int8", True),
    Method("QLoRA, 4 bit", "nf4", False),
    Method("QLoRA, 4 bit, recomputed", "nf4", True),
)


@dataclass(frozen=True)
class Matrix:
    """``tokens[method][length]``: most padded tokens at once, 0 where not even one row of that length fits."""

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
