"""A model's dimensions give its exact number of parameters, and bad ones are refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import ModelError
from engine.models.dims import UNFUSED, ModelShape, from_config, from_folder
from tests.benchmarks.published_files import from_row
from tests.codes import raises
from tests.engine.memory.models import GEMMA_2_2B, LLAMA_3_8B, MISTRAL_7B, QWEN3_30B_A3B, SMOLLM2_135M

QWEN2_5_7B = {
    "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064, "tie_word_embeddings": False,
}  # fmt: skip
PHI_2 = {
    "model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
    "intermediate_size": 10240, "vocab_size": 51200, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "published"),
    [
        (LLAMA_3_8B, 8_030_261_248),
        (MISTRAL_7B, 7_241_732_096),
        (SMOLLM2_135M, 134_515_008),
        (GEMMA_2_2B, 2_614_341_888),
        (QWEN3_30B_A3B, 30_532_122_624),
        (from_config(QWEN2_5_7B), 7_615_616_512),
        (from_config(PHI_2), 2_779_683_840),
    ],
)
def test_parameters_are_counted_as_published(shape: ModelShape, published: int) -> None:
    assert shape.parameters == published


def test_a_multimodal_models_text_part_counts() -> None:
    nested = from_config({"model_type": "gemma3", "text_config": {**QWEN2_5_7B, "model_type": "qwen2"}})
    assert nested.parameters == from_config(QWEN2_5_7B).parameters


def test_older_names_of_the_same_fields_are_understood() -> None:
    shape = from_config({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257})
    assert (shape.hidden, shape.layers, shape.intermediate) == (768, 12, 3072)
    assert "intermediate_size" in shape.guessed


def test_half_a_config_names_what_is_missing() -> None:
    with pytest.raises(ModelError, match="num_hidden_layers, num_attention_heads"):
        from_config({"model_type": "llama", "hidden_size": 64, "vocab_size": 100})


@pytest.mark.parametrize("value", [-4096, 0, "4096", 1.5, True])
def test_senseless_sizes_are_refused(value: object) -> None:
    with pytest.raises(ModelError, match="hidden"):
        from_config({**QWEN2_5_7B, "hidden_size": value})


def test_an_unknown_architecture_is_estimated_and_marked() -> None:
    shape = from_config({**QWEN2_5_7B, "model_type": "brandnew"})
    assert shape.guessed == ("architecture",)
    assert from_config(QWEN2_5_7B).guessed == ()


def test_a_folder_without_a_readable_config_says_so(tmp_path: Path) -> None:
    with raises(ModelError, "models.no-config"):
        from_folder(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with raises(ModelError, "models.broken-config"):
        from_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(QWEN2_5_7B))
    assert from_folder(tmp_path).parameters == 7_615_616_512


def test_a_table_row_gives_the_same_shape() -> None:
    row = {
        "model": "Mistral-7B-v0.1", "hf_id": "mistralai/Mistral-7B-v0.1", "hidden": "4096", "layers": "32",
        "heads": "32", "kv_heads": "8", "head_dim": "128", "intermediate": "14336", "vocab": "32000",
        "tied": "False", "mlp": "gated", "mlp_bias": "False", "attn_bias": "none", "norms_per_layer": "2",
        "norm": "rmsnorm", "qk_norm": "", "n_experts": "0", "experts_per_tok": "0", "moe_intermediate": "0",
        "shared_intermediate": "0", "head_bias": "False", "published_params": "7241732096",
    }  # fmt: skip
    shape = from_row(row)
    assert shape.parameters == int(row["published_params"]) == MISTRAL_7B.parameters


def test_families_without_fused_attention_are_those_that_transformers_has_none_for() -> None:
    import transformers
    from transformers.models.auto.configuration_auto import model_type_to_module_name
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    folder = Path(transformers.__file__).parent / "models"
    lacking = set()
    for family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        module = model_type_to_module_name(family)
        source = folder / module / f"modeling_{module}.py"
        if source.is_file() and "_supports_sdpa = True" not in source.read_text("utf-8"):
            lacking.add(family)
    assert lacking - UNFUSED == set()
    assert UNFUSED - lacking == {"inkling2_text"}, "its file holds others that have it"
