"""A run's config becomes the job that the engine will really run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.machine.gpu_specs import GIB
from engine.memory.estimate import estimate, judge
from engine.memory.from_config import Setup, estimate_run, job_of, profile_of
from engine.memory.job import compiled
from engine.messages.message import Message
from engine.models.dims import from_config
from tests.engine.memory.models import GEMMA_2_2B, LLAMA_3_8B, SMOLLM2_135M
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
    gpt_oss = replace(LLAMA_3_8B, family="gpt_oss")  # has sinks, which no fused kernel of torch knows
    assert job_of(setup(gpt_oss)).attention == job_of(setup(gpt_oss, device="cpu")).attention == "eager"
    assert job_of(setup()).attention == "sdpa"
    assert job_of(setup(device="cpu")).attention == "cpu"
    assert job_of(setup(device="cpu", model__attn_implementation="sdpa")).attention == "sdpa"
    assert job_of(setup(model__attn_implementation="flash_attention_2")).attention == "flash"


def test_dropout_costs_a_byte_for_each_number_of_a_linears_input() -> None:
    lean, dropped = (setup(adapter__lora_dropout=p, train__gradient_checkpointing=False) for p in (0.0, 0.1))
    assert profile_of(dropped).adapter_input == "shared"
    job = job_of(dropped)
    masks = sum(linear.inputs for linear in job.adapted()) * job.tokens * LLAMA_3_8B.layers
    more = estimate_run(dropped).allocated_bytes - estimate_run(lean).allocated_bytes
    assert more == pytest.approx(masks, rel=0.05)


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


def test_prompts_with_examples_take_more_memory_and_only_where_they_are_asked() -> None:
    short = replace(setup(), answer_tokens=20.0)
    long = replace(setup(), answer_tokens=2_000.0)
    assert job_of(short).answer_tokens > job_of(long).answer_tokens == job_of(setup()).answer_tokens
    asked = replace(setup(eval__baseline="few_shot"), answer_tokens=2_000.0)
    plain = replace(setup(eval__baseline="zero_shot", eval__generate_rows=1), answer_tokens=2_000.0)
    assert job_of(asked).answer_tokens > job_of(plain).answer_tokens


def test_settings_of_a_change_do_not_touch_the_original() -> None:
    before = setup()
    after = before.with_settings({"train.gradient_checkpointing": False, "adapter.r": 8})
    assert (after.config.adapter.r, before.config.adapter.r) == (8, 16)
    assert job_of(after).checkpointing == "none"


def test_the_verdict_says_by_how_much_and_where() -> None:
    result = estimate_run(setup(model__quantization="nf4"))
    assert judge(result, 24 * GIB).message == Message("memory.fits", spare=24 * GIB - result.needed_bytes)
    assert judge(result, result.needed_bytes + 1e8).level == "tight"
    short = judge(result, 6 * GIB)
    assert short.level == "too much"
    assert short.message == Message("memory.too-much", missing=-short.spare_bytes, phase=result.peak.title)
    assert short.spare_bytes < 0


def test_sharding_wastes_what_its_own_stream_has_cached() -> None:
    two = Setup(setup(launch__distributed="fsdp").config, setup().shape, gpus=2)
    job, profile = job_of(two), profile_of(two)
    result = estimate(job, profile)
    assert job.sharding == "fsdp"
    assert result.needed_bytes > result.allocated_bytes * 1.03 + profile.context_bytes


@pytest.mark.parametrize(
    ("card", "dtype", "attention"),
    [
        ("A100-80GB", "auto", "sdpa"), ("RTX 4090", "bfloat16", "sdpa"), ("A100-80GB", "float32", "efficient"),
        ("Tesla T4", "auto", "efficient"), ("Tesla V100-SXM2-16GB", "float16", "efficient"),
        ("Tesla T4", "bfloat16", "math"), ("24GiB", "auto", "sdpa"),
    ],
)  # fmt: skip
def test_attention_runs_as_what_the_card_has_for_the_dtype(card: str, dtype: str, attention: str) -> None:
    run = replace(setup(model__dtype=dtype), card=card)
    assert job_of(run).attention == attention


def test_what_the_driver_says_of_a_card_counts_before_its_name() -> None:
    assert job_of(replace(setup(), card="Some Card", capability=(7, 5))).attention == "efficient"


def test_math_attention_keeps_every_score_in_float32() -> None:
    """As torch's math kernel does, tracked: 4 bytes a score, and twice as much again in its backward pass."""
    kernels = {"sdpa": "A100-80GB", "math": "Tesla T4"}
    runs = {
        kernel: replace(setup(longest_row=1024, model__dtype="bfloat16", train__batch_size=1), card=card)
        for kernel, card in kernels.items()
    }
    assert {kernel: job_of(run).attention for kernel, run in runs.items()} == {k: k for k in kernels}
    scores = 32 * 1024 * 1024
    math, fused = (estimate_run(runs[kernel]).phase("backward").terms for kernel in ("math", "sdpa"))
    assert math["layer"] - fused["layer"] > 4 * scores
    assert math["layer"] + math["backward"] - fused["layer"] - fused["backward"] > 6 * scores


GEMMA_3_1B = {
    "model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 6912, "vocab_size": 262144, "sliding_window": 512,
    "sliding_window_pattern": 6,
}  # fmt: skip
MISTRAL = {
    "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "window"),
    [
        (GEMMA_3_1B, 512), ({**MISTRAL, "sliding_window": 4096}, 4096), ({**MISTRAL, "sliding_window": None}, 0),
        ({**MISTRAL, "model_type": "phi3", "sliding_window": 2047}, 2047),
        ({**MISTRAL, "model_type": "qwen2", "sliding_window": 32768}, 0),
        ({**MISTRAL, "model_type": "qwen2", "sliding_window": 32768, "use_sliding_window": True}, 32768),
        ({**MISTRAL, "layer_types": ["full_attention"] * 32, "sliding_window": 4096}, 0),
    ],
)  # fmt: skip
def test_a_mask_over_all_pairs_of_tokens_is_made_for_rows_longer_than_the_window(
    config: dict[str, Any], window: int
) -> None:
    shape = from_config(config, "m")
    assert shape.window == window
    short, long = (
        setup(shape, longest_row=rows, dataset__max_length=65536, train__batch_size=1) for rows in (504, 40_000)
    )
    assert not job_of(short).is_masked
    assert job_of(long).is_masked is bool(window)
    without = replace(long, shape=replace(shape, window=0))
    extra = estimate_run(long).allocated_bytes - estimate_run(without).allocated_bytes
    assert extra >= 4 * 40_000**2 if window else extra == 0


def test_a_window_in_five_layers_of_six_is_counted_so() -> None:
    assert from_config(GEMMA_3_1B, "m").windowed_share == pytest.approx(5 / 6)


def test_a_part_for_images_takes_memory_though_it_is_not_trained() -> None:
    """Gemma 3 4B: 417 M of its 4.3 G weights see images."""
    text = {**GEMMA_3_1B, "hidden_size": 2560, "num_hidden_layers": 34, "num_attention_heads": 8,
            "num_key_value_heads": 4, "intermediate_size": 10240}  # fmt: skip
    tower = {"hidden_size": 1152, "num_hidden_layers": 27, "intermediate_size": 4304, "patch_size": 14,
             "image_size": 896}  # fmt: skip
    whole = from_config({"model_type": "gemma3", "text_config": text, "vision_config": tower}, "m")
    alone = from_config(text, "m")
    assert whole.tower_linears + whole.tower_other == pytest.approx(417e6, rel=0.02)
    for quantization, each in (("none", 2.0), ("nf4", 0.52)):
        more = [
            estimate_run(setup(shape, model__quantization=quantization)).phase("load").bytes for shape in (whole, alone)
        ]
        assert more[0] - more[1] == pytest.approx(each * whole.tower_linears + 2 * whole.tower_other, rel=0.02)
    assert job_of(setup(whole)).adapted() == job_of(setup(alone)).adapted()


def test_several_gpus_take_room_for_their_exchange() -> None:
    one, two = setup(), replace(setup(), gpus=2)
    outside = profile_of(two).context_bytes - profile_of(one).context_bytes
    assert 0.3 * GIB <= outside <= GIB
    assert profile_of(replace(setup(device="cpu"), gpus=2)) == profile_of(setup(device="cpu"))


def test_a_cpu_keeps_kernels_for_each_number_of_rows_that_are_answered_at_once() -> None:
    few = setup(SMOLLM2_135M, device="cpu", eval__generate_rows=4, longest_row=94)
    few = replace(few, answer_tokens=20.0)
    many = replace(few, config=few.config.with_settings({"eval.generate_rows": 50}))
    assert profile_of(few).compiled_bytes == compiled(4)
    assert profile_of(many).compiled_bytes == compiled(len({1, 2, 3, 4, 8, 12, 16, 24, 32}))  # with examples
    long = replace(many, longest_row=2048)
    assert profile_of(long).compiled_bytes < profile_of(many).compiled_bytes, "fewer fit side by side"
    exact = replace(many, config=many.config.with_settings({"model.dtype": "float32"}))
    silent = replace(many, answer_tokens=0.0, config=many.config.with_settings({"eval.metrics": [], "sample.rows": 0}))
    assert [profile_of(each).compiled_bytes for each in (exact, silent, replace(many, device="cuda"))] == [0, 0, 0]


def test_the_demo_run_is_told_what_it_held_at_its_peak() -> None:
    """135M weights in bfloat16 that answer 100 rows: 1.91 GB in training and 1.95 GB in the few-shot baseline."""
    demo = setup(
        SMOLLM2_135M, device="cpu", longest_row=94, train__micro_batch_tokens=1024,
        train__batch_size=10, eval__generate_rows=100, eval__max_new_tokens=64, dataset__max_length=256,
    )  # fmt: skip
    assert estimate_run(replace(demo, answer_tokens=25.0)).needed_bytes == pytest.approx(1.93e9, rel=0.1)
