"""A model's dimensions from the fields of a ``config.json``, from a model folder, or from a row of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.common.errors import ModelError
from engine.models.dims import ModelShape, QkNorm

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
        raise ModelError(
            "The model's config is incomplete",
            f"{name or 'config.json'} lacks {', '.join(missing)}",
            "Fetch the model again, or give the dimensions by hand.",
        )
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
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError("The model's config can't be read", f"{path}: {error}", "Fetch the model again.") from None
    if not isinstance(config, dict):
        raise ModelError("The model's config can't be read", f"{path} is no JSON object", "Fetch the model again.")
    from engine.models.card import model_name

    return from_config(config, model_name(folder))


def from_row(row: Mapping[str, str]) -> ModelShape:
    """A shape from a row of a ``model_configs.csv``."""
    return ModelShape(
        name=row["model"],
        hidden=int(row["hidden"]),
        layers=int(row["layers"]),
        heads=int(row["heads"]),
        kv_heads=int(row["kv_heads"]),
        head_dim=int(row["head_dim"]),
        intermediate=int(row["intermediate"]),
        vocab=int(row["vocab"]),
        tied=row["tied"] == "True",
        gated_mlp=row["mlp"] == "gated",
        mlp_bias=row["mlp_bias"] == "True",
        qkv_bias=row["attn_bias"] in ("qkv", "all"),
        output_bias=row["attn_bias"] == "all",
        norms_per_layer=int(row["norms_per_layer"]),
        layer_norm=row["norm"] == "layernorm",
        qk_norm=row["qk_norm"] if row["qk_norm"] in ("head", "full") else "",  # type: ignore[arg-type]
        experts=int(row["n_experts"]),
        experts_per_token=int(row["experts_per_tok"]),
        expert_intermediate=int(row["moe_intermediate"]),
        shared_intermediate=int(row["shared_intermediate"]),
        head_bias=row["head_bias"] == "True",
        family=row["hf_id"].split("/")[-1].split("-")[0].lower(),
        published_parameters=int(row["published_params"]) if row["published_params"] else None,
    )


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if config.get(name) is not None), None)


def _int(value: Any, default: int) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _positive(value: Any, what: str, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ModelError(
            "The model's config makes no sense",
            f"{name or 'config.json'}: {what} is {value!r}, which is no positive whole number",
            "Fetch the model again, or give the dimensions by hand.",
        )
    return value
