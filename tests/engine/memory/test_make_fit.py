"""What to change so that a run fits, and what auto becomes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from engine.machine.gpu_specs import GIB, gpu_bytes
from engine.memory.auto import resolve
from engine.memory.budget import elsewhere
from engine.memory.fit import fit
from engine.memory.from_config import estimate_run
from engine.memory.make_fit import make_fit
from engine.memory.speed import seconds_per_token, slow_down
from tests.engine.memory.models import MISTRAL_7B, SMOLLM2_135M
from tests.engine.memory.runs import setup

SET = {"model__quantization": "none", "train__micro_batch_tokens": 8192, "train__optim": "adamw"}
ALL_AUTO = {"model__quantization": "auto"}  # the rest is auto by default


def test_changes_that_suffice_come_first_and_the_cheapest_of_them() -> None:
    plan = make_fit(setup(train__gradient_checkpointing=False), 24 * GIB)
    enough = [change.fits for change in plan.changes]
    assert enough == sorted(enough, reverse=True)
    assert enough[0]
    first = [change for change in plan.changes if change.fits and change.same_result]
    assert [change.slow_down for change in first] == sorted(change.slow_down for change in first)


def test_each_change_saves_what_it_says() -> None:
    run = setup(train__gradient_checkpointing=False, adapter__r=256, **SET)
    for change in make_fit(run, 24 * GIB).changes:
        after = estimate_run(run.with_settings(change.settings))
        assert estimate_run(run).needed_bytes - after.needed_bytes == pytest.approx(change.saved_bytes)
        assert change.saved_bytes > 0
        assert change.fits == (after.needed_bytes <= 24 * GIB)


def test_batch_size_and_data_are_never_touched() -> None:
    for gib in (80, 24, 12, 6, 3):
        plan = make_fit(setup(train__gradient_checkpointing=False, adapter__use_dora=True), gib * GIB)
        touched = {field for change in plan.changes for field in change.settings}
        touched |= set(plan.together.settings if plan.together else ())
        assert not any(field.startswith(("data", "dataset")) or field == "train.batch_size" for field in touched)


def test_changes_are_combined_when_none_suffices() -> None:
    run = setup(train__gradient_checkpointing=False, **SET)
    plan = make_fit(run, 9 * GIB)
    assert not any(change.fits for change in plan.changes)
    assert plan.together is not None
    assert len(plan.together.settings) > 1
    assert estimate_run(run.with_settings(plan.together.settings)).needed_bytes <= 9 * GIB


def test_the_impossible_has_no_plan() -> None:
    assert make_fit(setup(MISTRAL_7B), 2 * GIB).together is None


def test_recomputing_costs_a_forward_pass_in_three() -> None:
    before = estimate_run(setup(train__gradient_checkpointing=False))
    after = estimate_run(setup(train__gradient_checkpointing=True))
    assert slow_down(before, after, "A100-80GB") == pytest.approx(0.45, abs=0.08)


def test_unpacking_weights_costs_more_the_fewer_tokens_share_it() -> None:
    def cost(tokens: int) -> float:
        plain = estimate_run(setup(longest_row=tokens, train__micro_batch_tokens=tokens))
        packed = estimate_run(setup(longest_row=tokens, train__micro_batch_tokens=tokens, model__quantization="nf4"))
        return slow_down(plain, packed, "A100-80GB")

    assert cost(256) > cost(2048) > 0


def test_auto_takes_16_bit_without_recomputation_where_there_is_room() -> None:
    found = resolve(setup(**ALL_AUTO), 79 * GIB)
    assert found.fits
    assert found.settings["model.quantization"] == "none"
    assert found.settings["train.gradient_checkpointing"] is False
    assert found.settings["train.optim"] == "adamw"


def test_auto_packs_and_recomputes_where_there_is_little() -> None:
    found = resolve(setup(**ALL_AUTO), 12 * GIB)
    assert found.fits
    assert found.settings["model.quantization"] == "nf4"
    assert found.settings["train.gradient_checkpointing"] is True
    assert found.estimate.needed_bytes <= 12 * GIB


@pytest.mark.parametrize("gib", [79, 24, 12, 6, 2])
def test_every_resolved_field_has_a_reason(gib: int) -> None:
    found = resolve(setup(**ALL_AUTO), gib * GIB)
    assert set(found.reasons) == set(found.settings)
    assert set(found.settings) == {
        "model.quantization", "train.gradient_checkpointing", "train.micro_batch_tokens", "train.optim",
    }  # fmt: skip
    assert all(reason.code.startswith("memory.auto-") for reason in found.reasons.values())
    assert found.fits == (found.estimate.needed_bytes <= gib * GIB)


def test_what_the_user_set_is_not_resolved() -> None:
    run = setup(
        model__quantization="none", train__micro_batch_tokens=4096, train__gradient_checkpointing=True,
        train__optim="adamw",
    )  # fmt: skip
    assert resolve(run, 24 * GIB).settings == {}


def test_more_memory_never_makes_a_run_slower() -> None:
    found = [resolve(setup(**ALL_AUTO), gib * GIB).estimate for gib in (10, 16, 24, 40, 80)]
    costs = [seconds_per_token(each.job, each.profile, "A100-80GB") for each in found]
    assert all(later <= earlier * 1.04 for earlier, later in pairwise(costs))


def test_the_cpu_keeps_plain_adamw() -> None:
    found = resolve(setup(SMOLLM2_135M, device="cpu"), 3 * GIB)
    assert found.settings["train.optim"] == "adamw"
    assert found.fits


def test_eight_bit_states_are_chosen_when_they_matter() -> None:
    tables = resolve(setup(adapter__r=512, adapter__modules_to_save=["embed_tokens", "lm_head"]), 40 * GIB)
    assert tables.settings["train.optim"] == "adamw_8bit"


@pytest.mark.parametrize(("card", "tokens"), [("H100", 16_384), ("T4", 4096)])
def test_a_small_model_gets_pieces_large_enough_to_keep_the_card_busy(card: str, tokens: int) -> None:
    """A 135M model's kernels are over before the next one is started: there is memory to spare for larger ones."""
    run = replace(setup(SMOLLM2_135M, longest_row=512, train__batch_size=64), card=card)
    found = resolve(run, gpu_bytes(card)).settings["train.micro_batch_tokens"]
    assert isinstance(found, int)
    assert found >= tokens if card == "H100" else found <= tokens


@pytest.mark.parametrize("gib", [3, 6, 10, 14, 18, 24, 40])
@pytest.mark.parametrize(
    "fields",
    [
        {},  # all that can be is auto
        {"model__quantization": "auto"},
        {"train__gradient_checkpointing": False},
        {"train__micro_batch_tokens": 32_768, "adapter__r": 256},
        {"adapter__use_dora": True, "adapter__modules_to_save": ["embed_tokens", "lm_head"]},
    ],
)
def test_what_a_remedy_promises_is_what_comes_once_it_is_applied(fields: dict[str, object], gib: int) -> None:
    """Where fields are auto, others change with it: the promise is of all of them together."""
    run, budget = setup(**fields), elsewhere(gib * GIB, "card")
    before = fit(run.config, run.shape, budget)
    plan = before.plan()
    for change in (*plan.changes, *([plan.together] if plan.together else [])):
        after = fit(before.asked.with_settings(change.settings).config, run.shape, budget)
        came = before.verdict.needed_bytes - after.verdict.needed_bytes
        assert came == pytest.approx(change.saved_bytes), change.what.code
        assert change.fits == (after.verdict.level != "too much")
        before_rate, after_rate = (
            seconds_per_token(found.estimate.job, found.estimate.profile, "card") for found in (before, after)
        )
        assert after_rate / before_rate - 1 == pytest.approx(change.slow_down)
