"""One training job as memory sees it: model, method, batch, and how many GPUs share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.models.dims import Linear, ModelShape
from engine.models.positions import PADDING

Method = Literal["full", "lora", "dora"]
Quantization = Literal["none", "nf4", "nf4-dq", "int8", "gptq4"]
Checkpointing = Literal["none", "layers", "offload"]
Attention = Literal["flash", "sdpa", "efficient", "math", "eager", "cpu"]
"""``flash`` is the library of that name, which takes packed rows one by one; ``sdpa`` is torch's own flash kernel,
``efficient`` and ``math`` what torch has where that can't run. ``cpu`` is our own kernel for short rows, which keeps
the scores in the compute dtype."""
Optimizer = Literal["adamw", "adamw_8bit", "paged_adamw_8bit", "sgd"]
Sharding = Literal["none", "ddp", "fsdp", "zero2", "zero3"]


COARSEST = 64
"""The longest are padded to a multiple of this on a CPU, where kernels are compiled and kept for each shape. A model of
3M weights met 12 shapes instead of 63 in 80 steps, took 0.77 GB instead of 1.01 and a sixth less time."""


def padded_length(tokens: int, coarsest: int = PADDING) -> int:
    """Tokens that a row of ``tokens`` is computed with when it is the longest of its micro-batch.

    A multiple of an eighth of the next power of two, at least ``PADDING`` and at most ``coarsest``, a power of two.
    """
    step = min(coarsest, max(PADDING, 1 << max(0, (tokens - 1).bit_length() - 3)))
    return -(-tokens // step) * step


def coarsest_on(device: str, positions: int = 0) -> int:
    """``coarsest`` of ``padded_length`` on ``device``, for a model with so many ``positions`` (0: without an end).

    No row is padded beyond them: they are a multiple of it, or ``engine.models.position_check`` keeps rows to eights.
    """
    if device != "cpu":
        return PADDING
    return max(PADDING, min(COARSEST, positions & -positions)) if positions else COARSEST


@dataclass(frozen=True)
class Job:
    """``rows`` sequences of ``row_tokens`` padded tokens go through the model at once, on each GPU.

    ``targets`` are linear names of ``ModelShape.linears``, or ("all",). ``trained_tables``: embedding and head
    trained whole beside the adapter (0, 1 or 2 matrices). ``supervised_share``: of the tokens, those with a loss.
    ``gptq_group``: weights that share a scale, 0 for a whole column.
    ``answer_tokens``: tokens of prompts and answers that an evaluation generates side by side.
    ``packed_tokens``: of one sequence in which all rows lie end to end, the longest of them of ``row_tokens``; 0 where
    each is padded to that.
    """

    shape: ModelShape
    rows: int
    row_tokens: int
    method: Method = "lora"
    quantization: Quantization = "none"
    rank: int = 16
    targets: tuple[str, ...] = ("all",)
    dropout: float = 0.0
    trained_tables: int = 0
    adapter_on_head: bool = False
    supervised_share: float = 1.0
    checkpointing: Checkpointing = "layers"
    attention: Attention = "sdpa"
    optimizer: Optimizer = "adamw"
    gpus: int = 1
    sharding: Sharding = "none"
    cpu_offload: bool = False
    gptq_group: int = 128
    answer_tokens: int = 0
    packed_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Padded tokens of one micro-batch on one GPU."""
        return self.packed_tokens or self.rows * self.row_tokens

    @property
    def is_masked(self) -> bool:
        """Whether attention is given a mask over all pairs of tokens: it parts packed rows, or hides what lies behind
        a sliding window."""
        return self.attention != "flash" and (self.parts_rows_by_mask or 0 < self.shape.window < self.row_tokens)

    @property
    def parts_rows_by_mask(self) -> bool:
        """Whether packed rows are computed as one, each pair of tokens with its score."""
        return self.packed_tokens > self.row_tokens and self.attention not in ("flash", "cpu")

    @property
    def scored_tokens(self) -> int:
        """Tokens that each token's attention scores are computed for."""
        return self.packed_tokens if self.parts_rows_by_mask else self.row_tokens

    @property
    def keeps_scores(self) -> bool:
        """Whether a GPU's attention writes down a score for each pair of tokens."""
        return self.attention in ("math", "eager")

    @property
    def is_full(self) -> bool:
        return self.method == "full"

    @property
    def is_quantized(self) -> bool:
        return self.quantization != "none"

    @property
    def weight_shards(self) -> int:
        """Into how many parts the weights are cut."""
        return self.gpus if self.sharding in ("fsdp", "zero3") else 1

    @property
    def state_shards(self) -> int:
        """Into how many parts gradients and optimizer states are cut."""
        return self.gpus if self.sharding in ("fsdp", "zero2", "zero3") else 1

    @property
    def adapts_experts(self) -> bool:
        """Whether adapters go onto experts that are fused into one tensor."""
        wanted = "all" in self.targets or "down" in self.targets
        return wanted and self.shape.adapted_experts and not self.is_full

    def adapted(self) -> tuple[Linear, ...]:
        """The linears of one block that carry an adapter; experts' and routers' are counted apart."""
        if self.is_full:
            return ()
        return tuple(
            linear
            for linear in self.shape.linears
            if not linear.name.startswith("expert_")
            and linear.name != "router"
            and ("all" in self.targets or linear.name.removeprefix("shared_") in self.targets)
        )
