"""What goes wrong is said, and never costs what was learnt before."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.common.errors import DataError, MachineError, ModelError, RunError
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import events as ev
from engine.runs.directory import RunLock
from engine.training import checkpoint, result, runner
from engine.training.loop import NotFinite
from engine.training.objectives import sft
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, create_run, stop_after, train, values

Losses = tuple[Tensor, Tensor]
PADDED = {"packing": False}  # one forward is rehearsed then


def with_losses(monkeypatch: pytest.MonkeyPatch, change: Callable[[int, Tensor, Losses], Losses]) -> None:
    """Let ``change`` (number of the training forward, input ids, losses) decide what each forward gives.

    The forward of the rehearsal is number 0.
    """

    class Changed(SupervisedLoss):
        forwards = -1

        def forward(self, input_ids: Tensor, *rest: Tensor) -> Losses:
            found = super().forward(input_ids, *rest)
            if not torch.is_grad_enabled():
                return found
            self.forwards += 1
            return change(self.forwards, input_ids, found)

    monkeypatch.setattr(sft, "SupervisedLoss", Changed)


def lost_loss(losses: Losses) -> Losses:
    return losses[0] * math.nan, losses[1]


def lost_gradient(losses: Losses) -> Losses:
    """The loss is finite, its slope is not."""
    return losses[0] + (losses[0] - losses[0].detach()) * 1e38 * 1e38, losses[1]


@pytest.mark.parametrize(("spoil", "what"), [(lost_loss, "loss"), (lost_gradient, "gradient")])
def test_a_number_that_is_lost_ends_the_run_with_the_last_finite_adapter(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Losses], Losses], what: str
) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 10_000}, dataset=PADDED)  # one forward a step
    run, seen = create_run(settings), []
    with monkeypatch.context() as patch:
        with_losses(patch, lambda number, ids, losses: spoil(losses) if number == 4 else losses)
        with pytest.raises(NotFinite) as caught:
            Trained(run, lambda event, steering: seen.append(event))
    assert caught.value.code == f"training.{what}-not-finite"
    assert caught.value.reason.args["step"] == 4
    assert "tunedeck rollback --lower-rate" in caught.value.hint
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-3"]
    saved = next(event for event in seen if isinstance(event, ev.Checkpoint))
    assert (saved.step, saved.reason) == (3, "not-finite")
    weights = load_file(run.checkpoint(3) / "adapter_model.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())
    straight = train(settings, stop_after(3))
    expected = load_file(straight.run.checkpoint(3) / "adapter_model.safetensors")
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    resumed = Trained(run, resume=True)
    assert resumed.losses() == train(settings).losses()[3:]


def test_a_loss_that_is_lost_at_once_leaves_no_adapter_behind(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_losses(monkeypatch, lambda number, ids, losses: lost_loss(losses))
    run = create_run(values(tiny, rows))
    with pytest.raises(NotFinite) as caught:
        Trained(run)
    assert caught.value.reason.args["step"] == 1
    assert run.complete_checkpoints() == []
    assert not run.adapter.exists()


def memory_for(tokens: int) -> Callable[[int, Tensor, Losses], Losses]:
    """A machine that holds ``tokens`` padded tokens and no more."""

    def change(number: int, ids: Tensor, losses: Losses) -> Losses:
        if ids.numel() > tokens:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {ids.numel()} tokens.")
        return losses

    return change


def test_running_out_of_memory_halves_the_micro_batch_and_keeps_the_losses(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 10_000, "max_steps": 10})
    plenty = train(settings)
    with_losses(monkeypatch, memory_for(150))
    scarce = train(settings)
    assert scarce.losses() == pytest.approx(plenty.losses(), abs=1e-5)
    shortages = scarce.of(ev.OutOfMemory)
    shortage = shortages[-1]
    assert {(each.step, each.phase, each.device) for each in shortages} == {(None, "loss", "cpu")}, "in the rehearsal"
    assert shortage.cause == said("CUDA out of memory")
    assert shortage.retry_tokens <= 150
    assert 0 < shortage.free_bytes < shortage.total_bytes
    assert shortage.allocated_bytes > 0


def test_memory_that_runs_out_in_a_later_step_has_that_step_repeated(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(
        tiny, rows, train={"micro_batch_tokens": 10_000}, adapter={"lora_dropout": 0.3}, dataset=PADDED
    )  # fmt: skip
    plenty = train(settings)

    def from_step_3_on(number: int, ids: Tensor, losses: Losses) -> Losses:
        return memory_for(170)(number, ids, losses) if number >= 3 else losses

    with_losses(monkeypatch, from_step_3_on)
    scarce = train(settings)
    (shortage,) = scarce.of(ev.OutOfMemory)
    assert (shortage.step, shortage.phase) == (3, "loss")
    assert [step.step for step in scarce.of(ev.Step)] == [1, 2, 3, 4, 5, 6]
    assert scarce.losses()[:2] == plenty.losses()[:2]
    # Dropout draws for other micro-batches from here on, so only what is without it can be equal.
    assert scarce.of(ev.Step)[-1].num_tokens == plenty.of(ev.Step)[-1].num_tokens


def test_after_running_out_of_memory_stop_and_resume_still_give_the_same_losses(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(
        tiny, rows, train={"micro_batch_tokens": 10_000, "max_steps": 8}, adapter={"lora_dropout": 0.3}
    )  # fmt: skip
    with monkeypatch.context() as patch:
        with_losses(patch, memory_for(150))
        straight = train(settings)
        stopped = train(settings, stop_after(4))
    resumed = Trained(stopped.run, resume=True)  # now there is memory, and it must not matter
    assert stopped.losses() + resumed.losses() == straight.losses()


def test_no_memory_for_a_single_row_is_an_error_with_remedies(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_losses(monkeypatch, memory_for(20))
    seen: list[ev.Event] = []
    with pytest.raises(MachineError, match="Out of memory with a single row") as caught:
        train(values(tiny, rows), lambda event, steering: seen.append(event))
    assert caught.value.message == "CUDA out of memory."
    assert "max_length" in caught.value.hint
    *repeated, last = [event for event in seen if isinstance(event, ev.OutOfMemory)]
    assert 1 <= len(repeated) <= 3
    assert all(event.retry_tokens for event in repeated)
    assert last.retry_tokens is None


def test_no_memory_for_a_single_row_hours_later_costs_nothing_that_was_learnt(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 10_000}, dataset=PADDED)
    run = create_run(settings)
    with monkeypatch.context() as patch:
        with_losses(patch, lambda number, ids, losses: memory_for(0 if number >= 4 else 10_000)(number, ids, losses))
        with pytest.raises(MachineError, match="Out of memory with a single row"):
            Trained(run)
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-3"]
    assert Trained(run, resume=True).losses() == pytest.approx(train(settings).losses()[3:], abs=1e-5)


def test_a_disk_too_small_for_the_checkpoints_is_found_before_training(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=1, used=0, free=10 << 20))
    seen: list[ev.Event] = []
    with pytest.raises(MachineError, match="disk is too small") as caught:
        train(values(tiny, rows), lambda event, steering: seen.append(event))
    assert "10 MB free" in caught.value.message
    assert not [event for event in seen if isinstance(event, ev.Step)]


def test_a_disk_that_fills_up_ends_the_run_with_the_last_good_checkpoint(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkpoint.save_adapter

    def fills_up(folder: Path, model: Any, tokenizer: Any) -> None:
        if "checkpoint-4" in folder.name:
            raise OSError(28, "No space left on device")
        whole(folder, model, tokenizer)

    settings = values(tiny, rows, checkpoint={"every": 2})
    run = create_run(settings)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_adapter", fills_up)
        with pytest.raises(MachineError, match="No space left on device"):
            Trained(run)
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-2"]
    resumed = Trained(run, resume=True)
    assert resumed.losses() == train(settings).losses()[2:]


def test_a_disk_that_fills_up_at_the_result_leaves_the_earlier_one_and_says_where_the_adapter_is(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = train(values(tiny, rows), stop_after(2))
    earlier = {path.name: path.read_bytes() for path in stopped.run.adapter.iterdir()}

    def no_space(*args: Any) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(result, "_record", no_space)
        with pytest.raises(MachineError, match="The adapter can't be written") as caught:
            Trained(stopped.run, resume=True)
    assert "No space left on device" in caught.value.message
    assert "checkpoint-6" in caught.value.hint
    assert {path.name: path.read_bytes() for path in stopped.run.adapter.iterdir()} == earlier
    assert not (stopped.run.path / "adapter.partial").exists()
    Trained(stopped.run, resume=True)
    assert json.loads((stopped.run.adapter / "tunedeck.json").read_text())["step"] == 6


def test_a_second_runner_of_the_same_run_is_turned_away(tiny: Path, rows: Path, capfd: Any) -> None:
    run = create_run(values(tiny, rows))
    lock = RunLock(run.lock)
    lock.acquire()
    try:
        code = runner.main([str(run.path)])
    finally:
        lock.release()
    assert code == RunError.exit_code
    said = capfd.readouterr().err
    assert "already running" in said
    assert "tunedeck attach" in said
    assert not run.events.exists()


def test_rows_that_can_not_be_used_are_an_error_before_any_step(tiny: Path, tmp_path: Path, rows: Path) -> None:
    with pytest.raises(DataError, match="Every row is longer"):
        train(values(tiny, rows, dataset={"max_length": 8}))
    missing = values(tiny, rows) | {"data": [{"path": str(tmp_path / "nowhere.jsonl")}]}
    with pytest.raises(DataError):
        train(missing)
    with pytest.raises(ModelError):
        train(values(tmp_path / "no-model", rows))
