"""How a model is best trained on a GPU, and what one step more of a setting costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import wcwidth

from engine.machine.gpu_specs import GIB
from engine.memory.budget import Budget, elsewhere
from engine.memory.estimate import estimate, judge
from engine.memory.fit import fit
from engine.memory.from_config import estimate_run, job_of
from engine.memory.methods import best_method, each_method
from engine.memory.setting_costs import step_costs
from engine.messages import language
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.memory.models import GEMMA_2_2B, LLAMA_3_8B, MISTRAL_7B, QWEN3_30B_A3B, SMOLLM2_135M
from tests.engine.memory.runs import setup

ANY = setup().config

LORA_16, QLORA = Message("memory.method", kind="LoRA", bits=16), Message("memory.method", kind="QLoRA", bits=4)


def gpu(gib: float) -> Budget:
    return elsewhere(gib * GIB, f"{gib} GiB")


def test_a_large_gpu_takes_the_weights_as_they_are_and_a_small_one_packs_them() -> None:
    assert best_method(ANY, LLAMA_3_8B, gpu(80)).message == Message("memory.column-fits", method=LORA_16)
    assert best_method(ANY, LLAMA_3_8B, gpu(16)).message == Message("memory.column-fits", method=QLORA)
    assert best_method(ANY, LLAMA_3_8B, gpu(8)).message == Message("memory.column-tight", method=QLORA)


def test_what_can_not_fit_says_by_how_much() -> None:
    found = best_method(ANY, QWEN3_30B_A3B, gpu(24))
    assert found.verdict.level == "too much"
    assert found.message == Message("memory.column-short", missing=-found.verdict.spare_bytes)
    assert (found.largest_micro_batch, found.longest_row) == (0, 0)


def test_the_method_is_chosen_whatever_the_run_says_of_it() -> None:
    asked = setup(model__quantization="none", train__gradient_checkpointing=False).config
    assert best_method(asked, LLAMA_3_8B, gpu(16)).name == QLORA
    assert asked.model.quantization == "none"


def test_the_verdict_is_that_of_a_run_that_leaves_all_to_auto() -> None:
    alone = setup(model__quantization="auto").config
    for gib in (80, 24, 12, 4):
        assert best_method(alone, LLAMA_3_8B, gpu(gib)).verdict == fit(alone, LLAMA_3_8B, gpu(gib)).verdict


def test_every_verdict_fits_its_column() -> None:
    dora = setup(adapter__use_dora=True).config
    for spoken in language.LANGUAGES:
        language.use(spoken)
        for shape in (LLAMA_3_8B, QWEN3_30B_A3B):
            assert all(wcwidth.width(text(best_method(dora, shape, gpu(gib)).message)) <= 18 for gib in (4, 8, 16, 80))


@pytest.mark.parametrize("gib", [80, 16, 8])
def test_the_largest_micro_batch_fits_and_one_row_more_does_not(gib: int) -> None:
    found = best_method(ANY, LLAMA_3_8B, gpu(gib))
    job, profile = job_of(found.setup), found.resolution.estimate.profile
    rows = found.largest_micro_batch // job.row_tokens
    assert estimate(replace(job, rows=rows), profile).needed_bytes <= gib * GIB
    assert estimate(replace(job, rows=rows + 1), profile).needed_bytes > gib * GIB


@pytest.mark.parametrize("gib", [80, 16])
def test_the_longest_row_fits_and_a_thirtieth_more_does_not(gib: int) -> None:
    found = best_method(ANY, LLAMA_3_8B, gpu(gib))

    def level(tokens: int) -> str:
        alone = {"dataset.max_length": tokens, "train.micro_batch_tokens": tokens, "train.gradient_checkpointing": True}
        return judge(estimate_run(found.setup.with_settings(alone)), gib * GIB).level

    assert level(found.longest_row) != "too much"
    assert level(found.longest_row * 31 // 30) == "too much"


def test_shorter_rows_may_fit_where_the_runs_own_are_too_long() -> None:
    found = best_method(setup(dataset__max_length=8192).config, LLAMA_3_8B, gpu(8))
    assert found.verdict.level == "too much"
    assert 1000 < found.longest_row < 8192


def test_every_method_is_judged_by_itself_and_the_best_is_among_them() -> None:
    found = {method.name: each for method, each in each_method(ANY, LLAMA_3_8B, gpu(16))}
    best = best_method(ANY, LLAMA_3_8B, gpu(16))
    assert found["lora-16bit"].verdict.level == "too much"
    assert found["qlora-4bit-recomputed"].verdict.level == "fits"
    assert (best.name, best.recomputes) in [(each.name, each.recomputes) for each in found.values()]
    names = [method.name for method, _ in each_method(ANY, SMOLLM2_135M, replace(gpu(16), device="cpu"))]
    assert names == ["lora-16bit", "lora-16bit-recomputed"], "no packed weights without a GPU"


def test_4_bit_is_not_called_the_only_way_where_16_bit_fits_too() -> None:
    faster = best_method(ANY, LLAMA_3_8B, gpu(24)).resolution.reasons["model.quantization"]
    only = best_method(ANY, LLAMA_3_8B, gpu(12)).resolution.reasons["model.quantization"]
    assert faster.args["why"].code == "memory.auto-4-bit-faster"
    assert only.args["why"].code == "memory.auto-4-bit-needed"


def test_weights_are_not_packed_for_a_gain_that_nobody_notices() -> None:
    assert best_method(ANY, GEMMA_2_2B, gpu(140)).name == LORA_16
    assert best_method(setup(train__batch_size=256).config, MISTRAL_7B, gpu(140)).name == LORA_16


def test_a_step_costs_what_the_estimate_says_of_the_changed_run() -> None:
    run = fit(setup(model__quantization="nf4").config, LLAMA_3_8B, gpu(24)).setup
    before = estimate_run(run)
    for cost in step_costs(run, 24 * GIB).values():
        after = estimate_run(run.with_settings({cost.field: cost.value}))
        assert after.needed_bytes - before.needed_bytes == pytest.approx(cost.extra_bytes)
        assert (after.needed_bytes > 24 * GIB) == (cost.lacks_bytes > 0)


def test_twice_the_rank_costs_memory_and_twice_the_batch_none() -> None:
    costs = step_costs(setup(train__micro_batch_tokens=4096), 80 * GIB)
    assert costs["adapter.r"].extra_bytes > 0.3 * GIB
    assert costs["adapter.r"].step == Message("memory.rank-to", value=32)
    assert text(costs["adapter.r"].short).startswith("rank 32: +")
    assert text(costs["train.batch_size"].message) == "batch 32: no extra memory, split automatically"


def test_longer_rows_cost_nothing_where_the_data_has_none() -> None:
    short = setup(longest_row=300, train__micro_batch_tokens=4096)
    assert step_costs(short, 24 * GIB)["dataset.max_length"].why == Message("memory.no-longer-row", tokens=300)
    alone = setup(train__micro_batch_tokens=2048)
    assert step_costs(alone, 24 * GIB)["dataset.max_length"].extra_bytes > 0


def test_recomputing_goes_either_way() -> None:
    on = step_costs(setup(train__gradient_checkpointing=True), 80 * GIB)["train.gradient_checkpointing"]
    off = step_costs(setup(train__gradient_checkpointing=False), 80 * GIB)["train.gradient_checkpointing"]
    assert on.value is False
    assert on.step.code == "memory.recomputing-off"
    assert (on.memory.code, on.time and on.time.code) == ("memory.costs-more", "memory.less-time")
    assert -0.36 < on.slow_down < -0.25
    assert off.time == Message("memory.slower", share=off.slow_down)
    assert off.extra_bytes == pytest.approx(-on.extra_bytes)


def test_a_step_too_far_says_so() -> None:
    cost = step_costs(setup(model__quantization="nf4", train__gradient_checkpointing=True), 12 * GIB)
    assert cost["model.quantization"].message.args["parts"][-1].code == "memory.would-not-fit"
    assert cost["adapter.r"].lacks_bytes == 0


def test_there_is_no_step_beyond_what_a_field_may_be() -> None:
    assert "adapter.r" not in step_costs(setup(SMOLLM2_135M, adapter__r=1024), 24 * GIB)
    cpu = step_costs(setup(SMOLLM2_135M, device="cpu"), 4 * GIB)
    assert "train.optim" not in cpu
    assert "train.micro_batch_tokens" not in cpu  # still auto: nothing to double
