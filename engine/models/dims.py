"""Dimensions of a model, which the memory of a run depends on: from a config.json, or from a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from engine.common.errors import ModelError

QkNorm = Literal["", "head", "full"]

UNFUSED = frozenset({
    "big_bird", "bigbird_pegasus", "bloom", "codegen", "cpmant", "deepseek_v4", "falcon_mamba", "flint", "gemma2",
    "git", "got_ocr2", "gpt_neo", "gpt_neox_japanese", "gpt_oss", "gptj", "granite_swa", "granitemoe_swa", "hy_v4",
    "inkling2_text", "mamba", "mamba2", "megatron-bert", "mimo_v2_flash", "mpt", "mvp", "openai-gpt", "prophetnet",
    "reformer", "rembert", "roformer", "rwkv", "trocr", "vaultgemma", "xglm", "xlm", "xlnet", "xlstm",
})  # fmt: skip
"""Families without fused attention in transformers 5.23. A run asks the class; an estimate can't load it."""
_NORMS = {"gemma2": 4, "gemma3_text": 4, "gemma3": 4, "glm4": 4, "phi": 1, "falcon": 1, "gpt_neox": 2, "cohere": 1}
_TIED = {"gemma", "gemma2", "gemma3", "gemma3_text", "falcon", "cohere", "cohere2"}
_QKV_BIAS = {"qwen", "qwen2", "qwen2_moe", "glm", "glm4", "chatglm", "gpt2", "phi", "gpt_oss", "gpt_neox"}
_OUTPUT_BIAS = {"gpt2", "phi", "gpt_oss", "gpt_neox"}
_MLP_BIAS = {"gpt2", "phi", "gpt_neox"}
_PLAIN_MLP = {"gpt2", "phi", "falcon", "gpt_neox", "starcoder2"}
_LAYER_NORM = {"gpt2", "phi", "falcon", "gpt_neox", "phimoe", "starcoder2", "cohere", "stablelm"}
_QK_NORM: dict[str, QkNorm] = {
    "qwen3": "head", "qwen3_moe": "head", "gemma3": "head", "gemma3_text": "head", "olmo2": "full", "olmo3": "full",
}  # fmt: skip
_FUSED_QKV = {"phi3"}
_FUSED_GATE_UP = {"phi3", "glm", "glm4"}
_ADAPTED_EXPERTS = {
    "mixtral", "minimax", "minimax_m2", "qwen3_moe", "qwen3_next", "deepseek_v2", "deepseek_v3", "glm4_moe", "olmoe",
    "flex_olmo", "ernie4_5_moe", "hunyuan_v1_moe", "dots1", "afmoe", "exaone_moe",
}  # fmt: skip
_EVERY = {"gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4, "gpt_oss": 2}
"""Of so many layers one sees everything, the others through a sliding window."""
_STEPWISE_GELU = {"gelu_new", "gelu_fast", "gelu_accurate"}
KNOWN_FAMILIES = frozenset(
    {"llama", "mistral", "mixtral", "qwen3", "phi3", "olmo2", "granite", "smollm3", "gemma", "gpt_oss", "phimoe"}
    | set(_NORMS) | _TIED | _QKV_BIAS | _PLAIN_MLP | set(_QK_NORM)
)  # fmt: skip
_ALIASES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "vocab": ("vocab_size", "padded_vocab_size"),
}


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


def from_config(config: Mapping[str, Any], name: str = "") -> ModelShape:
    """A shape from the fields of a ``config.json``; a multimodal one's text part is used.

    Raises ModelError that lists the missing or senseless fields. What can be assumed is, and is named in
    ``guessed``, as is an architecture this program does not know.
    """
    text, towers = config.get("text_config"), _towers(config)
    if isinstance(text, Mapping):
        config = {**{key: value for key, value in config.items() if key == "tie_word_embeddings"}, **text}
    family = str(config.get("model_type") or "").lower()
    window, windowed = _window(config, family)
    guessed: list[str] = [] if family in KNOWN_FAMILIES else ["architecture"]
    needed = {ours: _first(config, names) for ours, names in _ALIASES.items()}
    missing = [f"{_ALIASES[ours][0]}" for ours, value in needed.items() if value is None]
    if missing:
        raise ModelError("models.incomplete-config", model=name or "config.json", fields=missing)
    hidden, layers, heads, vocab = (_positive(needed[key], key, name) for key in ("hidden", "layers", "heads", "vocab"))
    intermediate = _first(config, ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"))
    if intermediate is None:
        intermediate = 4 * hidden
        guessed.append("intermediate_size")
    kv_heads = _first(config, ("num_key_value_heads", "num_kv_heads", "multi_query_group_num"))
    if family == "falcon" and config.get("multi_query"):
        kv_heads = 1
    experts = _int(_first(config, ("num_local_experts", "num_experts", "n_routed_experts")), 0)
    expert_width = _int(_first(config, ("moe_intermediate_size",)), 0) or _positive(intermediate, "intermediate", name)
    shared = _int(config.get("shared_expert_intermediate_size"), 0)
    if not shared and config.get("n_shared_experts"):
        shared = _int(config.get("n_shared_experts"), 0) * expert_width
    bias = config.get("attention_bias")
    tied = config.get("tie_word_embeddings")
    return ModelShape(
        name=name or str(config.get("_name_or_path") or family or "model"),
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=_positive(kv_heads if kv_heads is not None else heads, "kv_heads", name),
        head_dim=_positive(config.get("head_dim") or max(1, hidden // heads), "head_dim", name),
        intermediate=_positive(intermediate, "intermediate", name),
        vocab=vocab,
        tied=bool(tied) if tied is not None else family in _TIED,
        gated_mlp=family not in _PLAIN_MLP,
        mlp_bias=bool(config.get("mlp_bias", family in _MLP_BIAS)),
        qkv_bias=bool(bias) if bias is not None else family in _QKV_BIAS,
        output_bias=bool(bias) if bias is not None and family not in {"glm4", "glm"} else family in _OUTPUT_BIAS,
        norms_per_layer=_NORMS.get(family, 2),
        layer_norm=family in _LAYER_NORM,
        qk_norm=_QK_NORM.get(family, "head" if config.get("use_qk_norm") or config.get("qk_layernorm") else ""),
        experts=experts,
        experts_per_token=_int(_first(config, ("num_experts_per_tok", "num_experts_per_token")), 2) if experts else 0,
        expert_intermediate=expert_width if experts else 0,
        shared_intermediate=shared,
        dense_layers=_int(config.get("first_k_dense_replace"), 0) if experts else 0,
        head_bias=family in {"phi", "phimoe"},
        fused_experts=experts > 0,
        adapted_experts=experts > 0 and family in _ADAPTED_EXPERTS,
        fused_qkv=family in _FUSED_QKV,
        fused_gate_up=family in _FUSED_GATE_UP,
        stepwise_gelu=_first(config, ("hidden_act", "activation_function")) in _STEPWISE_GELU,
        softcapped_attention=bool(config.get("attn_logit_softcapping")),
        softcapped_head=bool(config.get("final_logit_softcapping")),
        window=window,
        windowed_share=windowed,
        tower_linears=towers[0],
        tower_other=towers[1],
        family=family,
        guessed=tuple(guessed),
    )


def _window(config: Mapping[str, Any], family: str) -> tuple[int, float]:
    """Tokens that a layer with a sliding window sees, and the share of such layers; 0 where none has one.

    Qwen's configs name one that is off; Gemma's older ones say how often a layer has none.
    """
    kinds, every = config.get("layer_types"), _int(config.get("sliding_window_pattern"), _EVERY.get(family, 0))
    if isinstance(kinds, list) and kinds:
        share = kinds.count("sliding_attention") / len(kinds)
    else:
        used = config.get("use_sliding_window", not family.startswith("qwen"))
        share = (1 - 1 / every if every else 1.0) if used else 0.0
    tokens = _int(config.get("sliding_window"), 0)
    return (tokens, share) if tokens and share else (0, 1.0)


def _towers(config: Mapping[str, Any]) -> tuple[int, int]:
    """Weights of the linears, and all others, of a model's parts for images and sound, from their dimensions."""
    linears = other = 0
    for name in ("vision_config", "audio_config"):
        part = config.get(name)
        if not isinstance(part, Mapping):
            continue
        hidden = _int(_first(part, ("hidden_size", "embed_dim", "d_model")), 0)
        layers = _int(_first(part, ("num_hidden_layers", "depth", "encoder_layers", "conf_num_hidden_layers")), 0)
        width = _int(_first(part, ("intermediate_size", "encoder_ffn_dim")), 4 * hidden)
        linears += layers * (4 * hidden**2 + 2 * hidden * width)
        patch = _int(part.get("patch_size"), 14)
        positions = (_int(part.get("image_size"), 0) // patch) ** 2 if patch else 0
        other += hidden * (3 * patch**2 + positions) + layers * (9 * hidden + width)
    return linears, other


def from_folder(folder: Path) -> ModelShape:
    """The shape of the model in ``folder``. Raises ModelError: no config.json, or not a JSON object."""
    from engine.models.card import model_name, read_config

    config = read_config(folder / "config.json")
    if config is None:
        raise ModelError("models.no-config", folder=folder)
    return from_config(config, model_name(folder))


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if config.get(name) is not None), None)


def _int(value: Any, default: int) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _positive(value: Any, what: str, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ModelError(
            "models.senseless-config", model=name or "config.json", field=what, value=repr(value)[:80]
        )  # fmt: skip
    return value
