"""What ``auto`` becomes is decided before the weights are loaded, and stays so for the life of a run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.common.errors import DataError
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import read_host
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine
from engine.memory.auto import MOST_TOKENS
from engine.memory.budget import Budget
from engine.memory.job import padded_length
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.training import checkpoint, prepare
from engine.training.memory import plan as memory_plan
from tests.engine.training.making import Trained, stop_after, train, values

GIB = 2**30
AUTO = {
    "model": {"quantization": "auto"},
    "train": {"micro_batch_tokens": "auto", "gradient_checkpointing": "auto", "optim": "auto"},
}


def memory_of(monkeypatch: pytest.MonkeyPatch, free_gib: float) -> None:
    """A machine with so much RAM left for the run."""
    budget = Budget("cpu", "RAM", 64 * GIB, free_gib * GIB)
    monkeypatch.setattr(memory_plan, "own_budget", lambda device: budget)


def planned(trained: Trained) -> ev.MemoryPlan:
    (plan,) = trained.of(ev.MemoryPlan)
    return plan


def test_every_auto_is_settled_with_its_reason_before_the_weights_are_loaded(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, **AUTO))
    plan = planned(trained)
    assert set(plan.settings) == set(plan.reasons) == {
        "model.quantization", "train.micro_batch_tokens", "train.gradient_checkpointing", "train.optim",
        "dataset.packing",
    }  # fmt: skip
    assert plan.settings["model.quantization"] == "none"
    assert plan.settings["train.micro_batch_tokens"] == plan.micro_batch_tokens <= MOST_TOKENS["cpu"]
    assert (plan.device, plan.name) == ("cpu", "RAM")
    assert 0 < plan.allocated_bytes <= plan.needed_bytes <= plan.available_bytes <= plan.total_bytes
    assert plan.verdict is not None
    assert "fits" in text(plan.verdict)
    assert plan.peak_phase in plan.phases
    assert sum(plan.terms.values()) == pytest.approx(plan.phases[plan.peak_phase], abs=20)
    order = [event for event in trained.events if isinstance(event, ev.MemoryPlan | ev.Phase | ev.RunStarted)]
    names = [getattr(event, "name", "started") if not isinstance(event, ev.MemoryPlan) else "plan" for event in order]
    assert names.index("plan") < names.index("load")
    assert trained.of(ev.RunStarted)[0].method == "LoRA r4"


def test_what_is_not_auto_is_left_as_it_is(tiny: Path, rows: Path) -> None:
    chosen = {"optim": "adamw", "gradient_checkpointing": False}
    plan = planned(train(values(tiny, rows, train=chosen, model={"quantization": "none"}, dataset={"packing": False})))
    assert plan.settings == {}
    assert plan.micro_batch_tokens == 160


def test_wrong_rows_are_found_before_the_weights_are_loaded(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "load_base", lambda *args: pytest.fail("the weights were loaded"))
    with pytest.raises(DataError, match="Every row is longer"):
        train(values(tiny, rows, dataset={"max_length": 8}))


def test_the_plan_is_for_the_longest_row_that_is_there(tiny: Path, rows: Path) -> None:
    short = planned(train(values(tiny, rows, **AUTO)))
    assert short.longest_row < 128
    with rows.open("a") as file:
        file.write(json.dumps({"prompt": "tea " * 60, "completion": "no"}) + "\n")
    long = planned(train(values(tiny, rows, dataset={"max_length": 400, "eval_rows": 0})))
    assert long.longest_row > short.longest_row


def test_explicit_tokens_are_counted_as_they_will_be_cut(tiny: Path, rows: Path) -> None:
    """The longest row fits once into the budget, shorter ones more often: those take more."""
    longest = planned(train(values(tiny, rows))).longest_row
    budget = longest + longest // 2
    exact = planned(train(values(tiny, rows, train={"micro_batch_tokens": longest})))
    more = planned(train(values(tiny, rows, train={"micro_batch_tokens": budget})))
    assert more.phases["loss"] > exact.phases["loss"]


def test_where_memory_is_short_the_pieces_are_small(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = values(tiny, rows, **AUTO, eval={"metrics": [], "baseline": "none"})  # answers take memory of their own
    plenty = planned(train(settings))
    memory_of(monkeypatch, 0.3)
    scarce = planned(train(settings))
    assert scarce.longest_row is not None
    assert scarce.micro_batch_tokens == padded_length(scarce.longest_row) < plenty.micro_batch_tokens
    assert scarce.settings["train.gradient_checkpointing"] is True
    assert plenty.settings["train.gradient_checkpointing"] is False


def test_a_run_that_does_not_fit_by_the_estimate_is_warned_and_tried(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_of(monkeypatch, 0.3)
    trained = train(values(tiny, rows))
    (warning,) = trained.of(ev.Warn)
    assert warning.message.code == "events.does-not-fit"
    assert "RAM has 0.3" in part(warning.message, "message")
    assert part(warning.message, "hint")
    assert trained.of(ev.Finished)[0].outcome == "finished"


def test_a_resumed_run_keeps_what_its_first_start_chose(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(tiny, rows, **AUTO)
    straight = train(settings)
    stopped = train(settings, stop_after(3))
    chosen = planned(stopped).settings
    assert checkpoint.read_state(stopped.run.checkpoint(3)).settings == chosen | {"train.use_liger_kernel": False}
    memory_of(monkeypatch, 0.3)  # now a fresh start would choose other things
    resumed = Trained(stopped.run, resume=True)
    plan = planned(resumed)
    assert plan.settings == chosen
    assert {reason.code for reason in plan.reasons.values()} == {"events.setting-kept"}
    assert stopped.losses() + resumed.losses() == straight.losses()


def test_a_model_that_can_not_be_measured_starts_on_the_safe_side(tiny: Path, rows: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")

    def no_dimensions(path: Path) -> Any:
        raise memory_plan.TunedeckError("models.incomplete-config", model=path, fields=["vocab_size"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_plan, "from_folder", no_dimensions)
        trained = train(values(folder, rows, **AUTO))
    (warning,) = trained.of(ev.Warn)
    assert warning.message.code == "events.no-estimate"
    assert "has no vocab_size" in part(warning.message, "message")
    plan = planned(trained)
    assert plan.settings["train.gradient_checkpointing"] is True
    assert (plan.settings["model.quantization"], plan.settings["train.optim"]) == ("none", "adamw")
    assert plan.needed_bytes == 0
    measured = trained.of(ev.MemoryMeasured)[0]
    assert measured.predicted == {}
    assert measured.measured["loss"] > 0
    assert trained.of(ev.Finished)[0].outcome == "finished"


def test_an_unknown_kind_of_model_is_named(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = memory_plan.from_folder

    def of_another_family(folder: Path) -> Any:
        from dataclasses import replace

        return replace(read(folder), family="newarch", guessed=("architecture",))

    monkeypatch.setattr(memory_plan, "from_folder", of_another_family)
    (warning,) = train(values(tiny, rows)).of(ev.Warn)
    assert warning.message == Message("events.unknown-architecture", family="newarch")


def gpu(index: int, free_gib: int, *processes: GpuProcess) -> Gpu:
    return Gpu(index, f"Card {index}", f"GPU-{index}{index}", total_bytes=80 * GIB, free_bytes=free_gib * GIB,
               used_bytes=(80 - free_gib) * GIB, processes=processes)  # fmt: skip


def test_the_budget_is_of_the_gpu_that_torch_computes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of the freest: CUDA_VISIBLE_DEVICES leaves cards 1 and 0, and torch takes the first of them."""
    mine, theirs = GpuProcess(os.getpid(), 3 * GIB, "me"), GpuProcess(77, 20 * GIB, "ann", "python")
    gpus = (gpu(1, 10, mine, theirs), gpu(0, 70))
    monkeypatch.setattr(memory_plan, "read_machine_now", lambda: Machine(GpuReport(gpus), gpus, read_host(())))
    found = memory_plan.own_budget(torch.device("cuda", 0))
    assert (found.name, found.total_bytes, found.gpu) == ("Card 1", 80 * GIB, gpus[0])
    assert found.available_bytes == 13 * GIB  # what this process holds is its own to use
    assert [process.user for process in found.others] == ["ann"]


def test_without_an_answer_of_the_driver_torch_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_plan, "read_machine_now", lambda: None)
    asked = SimpleNamespace(mem_get_info=lambda device: (5 * GIB, 24 * GIB), get_device_name=lambda device: "L4")
    monkeypatch.setattr(memory_plan.torch, "cuda", asked)
    found = memory_plan.own_budget(torch.device("cuda", 0))
    assert (found.name, found.available_bytes, found.total_bytes) == ("L4", 5 * GIB, 24 * GIB)


def test_on_the_cpu_what_the_process_holds_already_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    host = read_host(())
    monkeypatch.setattr(memory_plan, "read_host", lambda folders: host)
    found = memory_plan.own_budget(torch.device("cpu"))
    assert host.ram_available_bytes < found.available_bytes <= host.ram_total_bytes
