"""A run's config becomes the job that the engine will really run."""

from __future__ import annotations

import pytest

from engine.memory.estimate import estimate
from engine.memory.of_run import Setup, estimate_run, job_of, profile_of
from engine.memory.profiles import GIB
from engine.memory.verdict import judge
from tests.engine.memory.models import GEMMA_2_2B, SMOLLM2_135M
from tests.engine.memory.runs import setup


def test_rows_are_what_the_token_budget_holds_of_the_longest_row() -> None:
    assert job_of(setup(train__micro_batch_tokens=8192)).rows == 4
    assert job_of(setup(train__micro_batch_tokens=100)).tokens == 2048  # a longer row goes alone
    assert job_of(setup(train__micro_batch_tokens=8192, train__batch_size=2)).rows == 2
    assert job_of(setup(train__micro_batch_tokens=8192, longest_row=500)).row_tokens == 504  # as it is padded
    assert job_of(setup(longest_row=9000)).row_tokens == 2048  # cut at max_length


@pytest.mark.parametrize(
    ("fields", "quantization"),
    [
        ({}, "none"),
        ({"model__quantization": "nf4"}, "nf4-dq"),
        ({"model__quantization": "nf4", "model__double_quant": False}, "nf4"),
        ({"model__quantization": "int8"}, "int8"),
    ],
)
def test_quantization_follows_the_config(fields: dict[str, object], quantization: str) -> None:
    assert job_of(setup(**fields)).quantization == quantization


def test_targets_by_name_and_the_safe_side_for_patterns() -> None:
    assert job_of(setup(adapter__target_modules=["q_proj", "v_proj"])).targets == ("q", "v")
    assert job_of(setup(adapter__target_modules="all-linear")).targets == ("all",)
    assert job_of(setup(adapter__target_modules=["q_proj", "experts.0"])).targets == ("all",)


def test_auto_checkpointing_is_on_on_a_gpu_and_off_on_the_cpu() -> None:
    assert job_of(setup()).checkpointing == "layers"
    assert job_of(setup(device="cpu")).checkpointing == "none"
    assert job_of(setup(train__gradient_checkpointing=False)).checkpointing == "none"


def test_capped_scores_force_eager_attention() -> None:
    assert job_of(setup(GEMMA_2_2B)).attention == "eager"
    assert job_of(setup(GEMMA_2_2B, device="cpu")).attention == "eager"
    assert job_of(setup()).attention == "sdpa"
    assert job_of(setup(device="cpu")).attention == "cpu"
    assert job_of(setup(device="cpu", model__attn_implementation="sdpa")).attention == "sdpa"
    assert job_of(setup(model__attn_implementation="flash_attention_2")).attention == "flash"


def test_dropout_leaves_the_lean_layers_and_costs_copies() -> None:
    lean, dropped = setup(), setup(adapter__lora_dropout=0.1)
    assert profile_of(lean).adapter_input == "shared"
    assert profile_of(dropped).adapter_input == "copy16"
    assert estimate_run(dropped).needed_bytes > estimate_run(lean).needed_bytes


def test_word_tables_trained_whole_are_two_even_where_the_model_ties_them() -> None:
    both = ["embed_tokens", "lm_head"]
    assert job_of(setup(adapter__modules_to_save=both)).trained_tables == 2
    assert job_of(setup(SMOLLM2_135M, adapter__modules_to_save=both)).trained_tables == 2
    assert job_of(setup(SMOLLM2_135M, adapter__modules_to_save=both[:1])).trained_tables == 1


def test_float32_needs_about_twice_as_much() -> None:
    half, full = estimate_run(setup()), estimate_run(setup(model__dtype="float32"))
    assert 1.6 < full.allocated_bytes / half.allocated_bytes < 2.4


def test_generated_answers_are_part_of_evaluation() -> None:
    asking = setup(eval__metrics=["exact_match"])
    silent = setup(sample__rows=0)
    assert job_of(asking).answer_tokens > 10_000
    assert job_of(silent).answer_tokens == 0
    assert estimate_run(asking).phase("evaluation").terms["kv_cache"] > GIB


def test_settings_of_a_change_do_not_touch_the_original() -> None:
    before = setup()
    after = before.with_settings({"train.gradient_checkpointing": False, "adapter.r": 8})
    assert (after.config.adapter.r, before.config.adapter.r) == (8, 16)
    assert job_of(after).checkpointing == "none"


def test_the_verdict_says_by_how_much_and_where() -> None:
    result = estimate_run(setup(model__quantization="nf4"))
    assert judge(result, 24 * GIB).text == f"fits, {24 - result.needed_bytes / GIB:.1f} GiB spare"
    assert judge(result, result.needed_bytes + 1e8).level == "tight"
    short = judge(result, 6 * GIB)
    assert short.level == "too much"
    assert result.peak.title in short.text
    assert short.spare_bytes < 0


def test_sharding_wastes_what_its_own_stream_has_cached() -> None:
    two = Setup(setup(launch__distributed="fsdp").config, setup().shape, gpus=2)
    job, profile = job_of(two), profile_of(two)
    result = estimate(job, profile)
    assert job.sharding == "fsdp"
    assert result.needed_bytes > result.allocated_bytes * 1.03 + profile.context_bytes
