"""Why memory ran out and what helps: by the estimate where it was right, by what was measured where it was not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu
from engine.memory.estimate import PHASES
from engine.memory.from_config import Setup, estimate_run
from engine.memory.out_of_memory import (
    Failure,
    Remedy,
    carries,
    measure,
    named,
    phase_of,
    remedies,
    shortage,
    title,
    what_did_not_fit,
)
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs.events import ProcessUse
from tests.engine.memory.models import LLAMA_3_8B, MISTRAL_7B, SMOLLM2_135M
from tests.engine.memory.runs import setup

FORBIDDEN = ("data", "dataset", "run", "eval", "sample", "checkpoint", "train.batch_size", "train.learning_rate",
             "train.num_train_epochs", "train.max_steps")  # fmt: skip
OTHER = ProcessUse(pid=7, user="u17", program="python", memory=int(11.2 * GIB))


def plain(**fields: Any) -> Setup:
    """An 8B model in 16 bit, four rows of 2,048 tokens at once, nothing recomputed."""
    settings: dict[str, Any] = {
        "train__micro_batch_tokens": 8192,
        "train__gradient_checkpointing": False,
        "train__optim": "adamw",
    }
    return setup(LLAMA_3_8B, **(settings | fields))


def ran_out(run: Setup, phase: str = "backward", room: float = 0.9, **more: Any) -> Failure:
    """It needed more than ``room`` times its estimate."""
    there = estimate_run(run).needed_bytes * room
    values: dict[str, Any] = {"device": run.device, "step": 118, "phase": phase, "total_bytes": there,
                                 "room_bytes": there, "gpu": 0}  # fmt: skip
    return Failure(**(values | more))


def after(run: Setup, remedy: Remedy) -> float:
    return estimate_run(run.with_settings(remedy.settings)).needed_bytes


@pytest.mark.parametrize("phase", [*PHASES, "", "nonsense"])
@pytest.mark.parametrize("room", [0.3, 0.9, 1.0, 1.7, 4.0])
def test_whatever_failed_where_three_ways_at_most_and_never_batch_or_data(phase: str, room: float) -> None:
    run = plain(adapter__r=256, adapter__use_dora=True)
    failure = ran_out(run, phase, room)
    found = remedies(failure, run)
    assert len(found) <= 3
    assert text(title(failure))
    assert text(what_did_not_fit(failure, run))
    for remedy in found:
        assert remedy.saved_bytes > 0
        assert not any(field.startswith(FORBIDDEN) for field in remedy.settings)


@pytest.mark.parametrize("room", [1.0, 1.3, 2.5])
def test_an_estimate_that_said_it_fits_is_put_right_by_the_failure(room: float) -> None:
    run = plain()
    found = measure(ran_out(run, room=room), run)
    result = estimate_run(run)
    assert found.factor > 1
    assert found.needed_bytes(result) > found.room_bytes
    smaller = estimate_run(run.with_settings({"train.micro_batch_tokens": 4096}))
    saved = found.needed_bytes(result) - found.needed_bytes(smaller)
    assert saved > result.needed_bytes - smaller.needed_bytes, "what was too small by so much saves as much more"


def test_weights_are_not_scaled_by_what_activations_were_off() -> None:
    run = plain(train__micro_batch_tokens=2048)
    found = measure(ran_out(run, room=1.5), run)
    packed = run.with_settings({"model.quantization": "nf4"})
    saved = found.needed_bytes(estimate_run(run)) - found.needed_bytes(estimate_run(packed))
    plainly = sum(
        estimate_run(each).phase("load").terms["block_weights"] * sign for each, sign in ((run, 1), (packed, -1))
    )
    assert saved < plainly * 1.1


def test_an_estimate_that_was_high_enough_is_not_made_larger() -> None:
    run = plain()
    found = measure(ran_out(run, room=0.6), run)
    assert found.factor == 1
    assert found.needed_bytes(estimate_run(run)) == pytest.approx(estimate_run(run).needed_bytes)


def test_what_the_run_held_and_asked_for_counts_where_it_is_known() -> None:
    run = plain()
    predicted = estimate_run(run).phase("backward").bytes
    failure = ran_out(run, room=3.0, held_bytes=predicted * 1.2, asked_bytes=predicted * 0.1)
    found = measure(failure, run)
    context = estimate_run(run).profile.context_bytes
    assert found.room_bytes == pytest.approx(predicted * 1.3 + context), "more than this could not be had"
    assert found.needed_bytes(estimate_run(run)) > found.room_bytes


def test_remedies_that_suffice_come_first_and_those_that_keep_the_checkpoint_before_others() -> None:
    run = plain(model__quantization="none")
    found = remedies(ran_out(run), run)
    assert found[0].enough
    assert found[0].carries == "all"
    assert found[0].settings in ({"train.micro_batch_tokens": 4096}, {"train.gradient_checkpointing": True},
                                 {"train.micro_batch_tokens": 2048})  # fmt: skip
    assert [remedy.enough for remedy in found] == sorted((remedy.enough for remedy in found), reverse=True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["train.micro_batch_tokens"], "all"), (["train.gradient_checkpointing"], "all"), (["launch.gpus"], "all"),
        ([], "all"), (["train.optim"], "without optimizer"), (["model.quantization"], "nothing"),
        (["adapter.r"], "nothing"), (["train.gradient_checkpointing", "train.optim"], "without optimizer"),
        (["train.optim", "adapter.use_dora"], "nothing"), (["some.new_field"], "nothing"),
    ],
)  # fmt: skip
def test_each_change_says_what_of_a_checkpoint_it_can_go_on_with(settings: list[str], expected: str) -> None:
    assert carries(dict.fromkeys(settings)) == expected


def test_when_no_change_suffices_the_fewest_that_do_together_lead() -> None:
    run = plain()
    failure = ran_out(run, room=0.3)
    found = remedies(failure, run)
    assert len(found[0].settings) > 1
    assert found[0].enough
    assert after(run, found[0]) <= (failure.room_bytes or 0)
    assert found[1].gain[-1].code == "memory.not-enough"


def test_the_impossible_is_not_promised() -> None:
    run = setup(MISTRAL_7B, model__quantization="nf4", train__micro_batch_tokens=8, dataset__max_length=64)
    assert not any(remedy.enough for remedy in remedies(ran_out(run, "load", room=0.2), run))


def test_where_others_hold_the_memory_waiting_and_a_freer_gpu_are_ways_on_too() -> None:
    run = plain()
    total = estimate_run(run).needed_bytes * 1.2
    failure = ran_out(run, total_bytes=total, room_bytes=total - 11.2 * GIB, others=(OTHER,))
    gpus = [Gpu(0, "NVIDIA L40S", free_bytes=int(total)), Gpu(1, "NVIDIA A100", free_bytes=int(total)), Gpu(2)]
    elsewhere, change, wait = remedies(failure, run, gpus)
    assert elsewhere.settings == {"launch.gpus": "1"}
    assert elsewhere.what == Message("memory.other-gpu", gpu=1, name="NVIDIA A100", free=int(total))
    assert change.settings
    assert wait.settings == {}
    assert text(wait.what) == "Start again when python, user u17 is done"
    assert wait.wait_bytes is not None
    assert all(remedy.carries == "all" for remedy in (elsewhere, wait))
    assert [text(each) for each in named(failure.others)] == ["python, user u17, 11.2 GiB"]


def test_nobody_is_waited_for_where_the_run_is_too_large_for_the_whole_gpu() -> None:
    run = plain()
    total = estimate_run(run).needed_bytes * 0.9
    failure = ran_out(run, total_bytes=total, room_bytes=total - 2 * GIB, others=(OTHER,))
    assert all(remedy.wait_bytes is None for remedy in remedies(failure, run))


def test_without_the_models_dimensions_only_another_gpu_can_be_named() -> None:
    failure = Failure("cuda", 3, "backward", total_bytes=24 * GIB, room_bytes=20 * GIB, gpu=0)
    found = remedies(failure, None, [Gpu(1, "NVIDIA A100", free_bytes=70 * GIB)])
    assert [remedy.settings for remedy in found] == [{"launch.gpus": "1"}]
    assert remedies(failure, None) == ()
    assert Message("memory.gpu-has-others", total=24 * GIB, others=4 * GIB) in shortage(failure, None)


def test_killed_on_the_cpu_smaller_pieces_help() -> None:
    run = setup(SMOLLM2_135M, device="cpu", train__micro_batch_tokens=16_384, train__gradient_checkpointing=False,
                dataset__max_length=1024)  # fmt: skip
    failure = ran_out(run, "", room=0.7, killed=True, held_bytes=2 * GIB, gpu=None)
    assert title(failure) == Message("memory.killed", when=Message("memory.at-step", step=118))
    assert Message("memory.held-last", held=2 * GIB) in shortage(failure, run)
    found = remedies(failure, run)
    assert found[0].enough
    assert found[0].carries == "all"
    assert all("optim" not in field for remedy in found for field in remedy.settings), "8-bit states need a GPU"


def test_phase_and_term_are_told_in_the_runs_own_numbers() -> None:
    run = plain()
    told = what_did_not_fit(ran_out(run, "loss"), run)
    assert told.args["phase"] == PHASES["loss"]
    batch = Message("memory.batch", rows=4, tokens=2048)
    assert told.args["term"] == Message("memory.of-activations", layers=32, batch=batch)
    assert what_did_not_fit(ran_out(run, "load"), run).args["term"].code == "memory.of-weights"
    assert what_did_not_fit(ran_out(run, "step"), run).args["term"].code in ("memory.of-adapter", "memory.of-weights")
    assert what_did_not_fit(ran_out(run, ""), run).code == "memory.most-likely"
    small = setup(SMOLLM2_135M, train__micro_batch_tokens=2048)
    assert what_did_not_fit(ran_out(small, "loss"), small).args["term"].args["vocab"] == 49_152


def test_every_phase_and_its_largest_term_can_be_told() -> None:
    for run in (
        plain(),
        setup(SMOLLM2_135M, train__micro_batch_tokens=2048, sample__rows=3),
        plain(model__quantization="int8"),
    ):
        for phase in estimate_run(run).phases:
            failure = ran_out(run, phase.name)
            assert phase_of(failure, estimate_run(run)) is not None
            assert "GiB" in text(what_did_not_fit(failure, run))
            assert dataclasses.replace(failure, step=None).when.code == "memory.before-first-step"
