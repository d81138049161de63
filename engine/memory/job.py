"""One training job as memory sees it: model, method, batch and GPUs, and the mechanism of the trainer that runs it.

A profile says nothing about a model or a card. Our own trainer's is exact, because its loop is ours; those of
other trainers live with the benchmark that scores this estimate against published figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.machine.gpu_specs import GIB
from engine.models.card import PADDING
from engine.models.dims import Linear, ModelShape

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

    No row is padded beyond them: they are a multiple of it, or ``engine.models.checks`` keeps rows to eights.
    """
    if device != "cpu":
        return PADDING
    return max(PADDING, min(COARSEST, positions & -positions)) if positions else COARSEST


def room_for(rows: int) -> int:
    """Rows to compute for so many whose answers go on: kernels are made and kept for each number, so these are few."""
    return rows if rows <= 4 else -(-rows // 4) * 4 if rows <= 16 else -(-rows // 8) * 8


@dataclass(frozen=True)
class Job:
    """``rows`` sequences of ``row_tokens`` padded tokens go through the model at once, on each GPU.

    ``targets`` are linear names of ``ModelShape.linears``, or ("all",). ``trained_tables``: embedding and head
    trained whole beside the adapter (0, 1 or 2 matrices). ``supervised_share``: of the tokens, those with a loss.
    ``gptq_group``: weights that share a scale, 0 for a whole column.
    ``answer_tokens``: tokens of prompts and answers that an evaluation generates side by side.
    ``packed_tokens``: of one sequence in which all rows lie end to end, the longest of them of ``row_tokens``; 0 where
    each is padded to that. ``beside_base``: each micro-batch goes through the base too, without a gradient.
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
    beside_base: bool = False

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


@dataclass(frozen=True)
class LossKernel:
    """How head and cross-entropy are computed.

    ``bytes_per_logit``: live bytes for each of tokens x vocabulary at the loss's peak.
    ``hidden_bytes``: live bytes for each of tokens x hidden beside them, final norm included;
    ``supervised_hidden_bytes`` the same for supervised tokens only.
    ``chunk_tokens``: when set, logits exist only for so many supervised tokens at a time.
    """

    name: str
    bytes_per_logit: float
    hidden_bytes: float
    supervised_hidden_bytes: float = 0
    chunk_tokens: int | None = None


@dataclass(frozen=True)
class Profile:
    """A trainer's mechanism. Sizes are bytes per number."""

    name: str
    loss: LossKernel

    frozen_bytes: float = 2
    """Frozen weights that are not quantized."""
    table_bytes: float = 2
    """Embedding, head, norms and biases when frozen; some preparations for 4 bit raise them to 4."""
    trained_bytes: float = 2
    """Weights of a full fine-tuning."""
    adapter_bytes: float = 4
    copy_bytes: float = 2
    """Embedding and head that are trained whole beside an adapter."""
    quantized_head: bool = False
    untied_head: bool = False
    """Embedding and head are two tensors even where the model ties them."""

    gradient_bytes: float | None = None
    """None: the dtype of what is trained. The same for ``optimizer_state_bytes``, per trained number."""
    optimizer_state_bytes: float | None = None
    gradients_persist: bool = False
    """Gradients are there from the forward pass on: accumulation, or zeroed in place."""
    gradients_freed_early: bool = False
    """Each gradient is applied and freed in the backward pass; there is no optimizer step's peak."""
    foreach_workspace: bool = True
    """The optimizer writes the update of all parameters before it applies them."""
    autocast_cache: bool = False
    """Float32 weights are cast to 16 bit once a step and the copies kept."""
    casts_head: bool = False
    """A float32 head is cast to 16 bit for its product."""

    residual_bytes: float = 2
    """The stream between layers, hence each stored checkpoint."""
    linear_output_bytes: float = 2
    """Outputs of linears: 4 where they come back in a float32 residual's dtype."""
    attention_bytes: float = 2
    """Queries, keys and values as attention reads them."""
    repeats_kv: bool = False
    """Keys and values are expanded to all heads before attention."""
    fused_qkv: bool = False
    """One linear makes q, k and v: one input for its adapter, and values that keep the whole output alive."""
    adapter_input: Literal["shared", "copy16", "copy32"] = "shared"
    """Adapters read the layer's own input, or a cast copy of their own per module."""
    mask_bytes: float = 1
    """Dropout's mask, for each number of an adapter's input: a byte on a GPU, a float32 factor on the CPU."""
    drops_again: bool = False
    """Adapters share their input with dropout too: they keep the mask and drop it again in the backward pass."""
    fused_norm: bool = False
    fused_mlp: bool = False
    """The gated product is computed again in the backward pass."""
    fused_adapter: bool = False
    """Kernels that keep no copy of the output projection's input."""
    keeps_quantized_input: bool = False
    """Quantized linears keep their input though they are frozen (bitsandbytes before 0.43)."""
    holds_layer_inputs: bool = False
    """Sharding's hooks on frozen layers hold every recomputed layer's input to the end of the backward pass."""

    varied_lengths: bool = False
    """Batches differ in length, so that cached blocks of other lengths lie beside the live ones."""
    context_bytes: float = 0.65 * GIB
    """CUDA context, libraries and what they exchange between GPUs: seen by nvidia-smi, not by torch."""
    compiled_bytes: float = 0
    """Kernels compiled for the shapes of a run's micro-batches, see ``compiled``."""


EXCHANGE_BYTES = 0.75 * GIB
"""NCCL's buffers on each of several GPUs: 0.3 to 1 GiB by their links."""

CHUNK_POSITIONS = {"cpu": 128, "cuda": 512}
"""Supervised positions whose logits our loop forms at a time."""


def chunked_loss(
    chunk_tokens: int, softcapped: bool = False, full_precision: bool = False, beside_base: bool = False
) -> LossKernel:
    """Our head: the logits of ``chunk_tokens`` supervised positions at a time, turned in place into their gradient.

    Per logit of a chunk: the 16-bit product 2 and its float32 copy 4 (with a soft cap the float32 product and the
    cap's slope; in float32 the product alone). Per token: the final norm's float32 input, 4. Per supervised token:
    its hidden state and the gradient of that.

    ``beside_base``: the divergence from the base forms the logits of both for half as many positions, their logarithms
    and the base's probabilities, 16 in all; it keeps the base's states and a second gradient.
    """
    per_logit = 8 if softcapped else 4 if full_precision else 6
    supervised = 8 if full_precision else 4
    if beside_base:
        per_logit, supervised = max(per_logit, 10 if softcapped else 8), 2 * supervised
    return LossKernel("chunked", per_logit, 4, supervised, chunk_tokens)


A_SHAPE = 14 << 20
MOST_SHAPES = 30


def compiled(shapes: int) -> float:
    """Bytes by which a process grows that computes so many ``shapes`` of micro-batches and answers in 16 bit on a CPU.

    A shape takes oneDNN some 25 kernels, and the heap is scattered by them. Measured on a Xeon with AVX-512 and bf16,
    with 128 kernels kept: 0.1M weights grew by 212 MB over 15 shapes, 3M by 204 over 15, 187 over 12, and in eights by
    350 over 29 and 425 over 63. It depends on the shapes met and hardly on the model. 135M weights that answered 50
    rows side by side, which end one by one, used 144 MB more of the heap after it, and 220 MB more were resident in
    the training that followed.
    """
    return float(A_SHAPE * min(shapes, MOST_SHAPES))


def tunedeck(
    device: Literal["cpu", "cuda"] = "cuda",
    *,
    softcapped: bool = False,
    lean: bool = True,
    full_precision: bool = False,
    fused_norm: bool = True,
    gpus: int = 1,
    beside_base: bool = False,
) -> Profile:
    """Our own loop: frozen base in 16 bit, float32 adapters on the layer's own inputs, logits never kept, fused AdamW.

    ``lean``: plain LoRA layers, which share the layer's input. With DoRA the library's own layers run under autocast
    and keep a 16-bit copy each. ``full_precision``: everything in float32, without autocast. ``fused_norm``: the
    model's norms are plain ones, for which a GPU has an operator. ``beside_base``: the loss holds
    the model to its base.
    """
    size = 4.0 if full_precision else 2.0
    exchange = EXCHANGE_BYTES if device == "cuda" and gpus > 1 else 0.0
    return Profile(
        name="tunedeck",
        loss=chunked_loss(CHUNK_POSITIONS[device], softcapped, full_precision, beside_base),
        frozen_bytes=size,
        table_bytes=size,
        trained_bytes=size,
        copy_bytes=4,
        residual_bytes=size,
        linear_output_bytes=size,
        attention_bytes=size,
        adapter_input="shared" if lean or full_precision else "copy16",
        mask_bytes=1 if device == "cuda" or lean else 4,
        drops_again=lean,
        fused_norm=fused_norm and device == "cuda",
        gradients_persist=True,
        foreach_workspace=False,
        context_bytes=(0.65 if device == "cuda" else 0.55) * GIB + exchange,
    )
