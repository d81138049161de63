"""Dimensions of a model: what the memory of a training run depends on, whatever they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

QkNorm = Literal["", "head", "full"]

UNFUSED = frozenset({
    "big_bird", "bigbird_pegasus", "bloom", "codegen", "cpmant", "deepseek_v4", "falcon_mamba", "flint", "gemma2",
    "git", "got_ocr2", "gpt_neo", "gpt_neox_japanese", "gpt_oss", "gptj", "granite_swa", "granitemoe_swa", "hy_v4",
    "inkling2_text", "mamba", "mamba2", "megatron-bert", "mimo_v2_flash", "mpt", "mvp", "openai-gpt", "prophetnet",
    "reformer", "rembert", "roformer", "rwkv", "trocr", "vaultgemma", "xglm", "xlm", "xlnet", "xlstm",
})  # fmt: skip
"""Families without fused attention in transformers 5.23. A run asks the class; an estimate can't load it."""


@dataclass(frozen=True)
class Linear:
    """One kind of linear layer. ``count`` is how many of it a layer of the model has (experts count each)."""

    name: str
    inputs: int
    outputs: int
    count: int = 1
    bias: bool = False

    @property
    def weights(self) -> int:
        return self.inputs * self.outputs * self.count


@dataclass(frozen=True)
class ModelShape:
    """A decoder-only transformer's dimensions.

    ``fused_experts``: one tensor for all experts of a layer, which bitsandbytes does not quantize;
    ``adapted_experts``: PEFT's "all-linear" adapts it nevertheless. ``fused_qkv``, ``fused_gate_up``: one linear
    makes them. ``stepwise_gelu``: the activation is computed in steps that are each kept. ``window``: tokens back
    that a ``windowed_share`` of the layers see, 0 where all see everything. ``tower_linears`` and ``tower_other``
    are weights of a part for images or sound that is loaded and not trained: its linears, and what is never
    quantized. ``guessed`` names what was not given and is assumed.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool = False
    gated_mlp: bool = True
    mlp_bias: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    norms_per_layer: int = 2
    layer_norm: bool = False
    qk_norm: QkNorm = ""
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_intermediate: int = 0
    dense_layers: int = 0
    head_bias: bool = False
    fused_experts: bool = False
    adapted_experts: bool = False
    fused_qkv: bool = False
    fused_gate_up: bool = False
    stepwise_gelu: bool = False
    softcapped_attention: bool = False
    softcapped_head: bool = False
    window: int = 0
    windowed_share: float = 1.0
    tower_linears: int = 0
    tower_other: int = 0
    family: str = ""
    published_parameters: int | None = None
    guessed: tuple[str, ...] = field(default=())

    @property
    def unfused_attention(self) -> bool:
        """Whether only the model's own code computes its attention, with a score for each pair of tokens."""
        return self.softcapped_attention or self.family in UNFUSED

    @property
    def norms_by_one_more(self) -> bool:
        """Norms that scale by 1 + weight, which is done in float32."""
        return self.family.startswith("gemma")

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def is_moe(self) -> bool:
        return self.experts > 0

    @property
    def is_parallel(self) -> bool:
        """Attention and MLP read the same normed input (Phi-1/2, Falcon)."""
        return self.norms_per_layer == 1

    @cached_property
    def linears(self) -> tuple[Linear, ...]:
        """Every linear of one (expert-bearing, if any) block; the router is a linear too."""
        h, q, kv = self.hidden, self.query_width, self.kv_width
        found = [
            *(
                (Linear("qkv", h, q + 2 * kv, 1, self.qkv_bias),)
                if self.fused_qkv
                else (
                    Linear("q", h, q, 1, self.qkv_bias),
                    Linear("k", h, kv, 1, self.qkv_bias),
                    Linear("v", h, kv, 1, self.qkv_bias),
                )
            ),
            Linear("o", q, h, 1, self.output_bias),
        ]
        if self.is_moe:
            found.append(Linear("router", h, self.experts))
            found += self._mlp(self.expert_intermediate, self.experts, "expert_")
            if self.shared_intermediate:
                found += self._mlp(self.shared_intermediate, 1, "shared_")
        else:
            found += self._mlp(self.intermediate, 1, "")
        return tuple(found)

    def _mlp(self, width: int, count: int, prefix: str) -> list[Linear]:
        if self.fused_gate_up and self.gated_mlp:
            into = [Linear(prefix + "gate_up", self.hidden, 2 * width, count, self.mlp_bias)]
        else:
            names = ("gate", "up") if self.gated_mlp else ("up",)
            into = [Linear(prefix + name, self.hidden, width, count, self.mlp_bias) for name in names]
        return [*into, Linear(prefix + "down", width, self.hidden, count, self.mlp_bias)]

    @property
    def active_mlp_width(self) -> int:
        """MLP units one token passes through: experts per token times their width, plus shared ones."""
        if not self.is_moe:
            return self.intermediate
        return self.experts_per_token * self.expert_intermediate + self.shared_intermediate

    @cached_property
    def block_weights(self) -> int:
        """Weights of all blocks' linears, the part that is quantized. The router counts as other."""
        layer = sum(linear.weights for linear in self.linears if linear.name != "router")
        if not self.dense_layers:
            return layer * self.layers
        dense = sum(linear.weights for linear in self._mlp(self.intermediate, 1, ""))
        attention = sum(linear.weights for linear in self.linears if linear.name in ("q", "k", "v", "qkv", "o"))
        return layer * (self.layers - self.dense_layers) + (dense + attention) * self.dense_layers

    @property
    def expert_weights(self) -> int:
        """Weights that sit in routed experts, over all layers."""
        routed = sum(linear.weights for linear in self.linears if linear.name.startswith("expert_"))
        return routed * (self.layers - self.dense_layers)

    @property
    def embedding_weights(self) -> int:
        return self.vocab * self.hidden

    @property
    def head_weights(self) -> int:
        """Weights of the output head of its own; 0 when it is the embedding (tied)."""
        return 0 if self.tied else self.vocab * self.hidden

    @cached_property
    def other_weights(self) -> int:
        """Norms, biases and routers."""
        norm = self.hidden * (2 if self.layer_norm else 1)
        layer = self.norms_per_layer * norm
        layer += sum(linear.outputs * linear.count for linear in self.linears if linear.bias)
        layer += sum(linear.weights for linear in self.linears if linear.name == "router")
        if self.qk_norm:
            layer += 2 * self.head_dim if self.qk_norm == "head" else self.query_width + self.kv_width
        return layer * self.layers + norm + (self.vocab if self.head_bias else 0)

    @property
    def parameters(self) -> int:
        return self.block_weights + self.embedding_weights + self.head_weights + self.other_weights

    @property
    def layer_weights(self) -> int:
        """Weights of one block's linears, on average."""
        return self.block_weights // self.layers

    @property
    def largest_linear(self) -> int:
        """Weights of the largest single matrix a block has (one expert's, not all of them)."""
        return max(linear.inputs * linear.outputs for linear in self.linears)
