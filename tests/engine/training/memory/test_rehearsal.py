"""The rehearsal tries the largest pieces before the first step and leaves no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.memory import history, throughput
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.training import session as session_module
from engine.training.memory.rehearsal import Rehearsal, Rehearsed
from engine.training.objectives import sft
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, stop_after, train, values

WHOLE = {
    "adapter": {"lora_dropout": 0.3},
    "eval": {"every": 2, "metrics": ["exact_match"]},
    "sample": {"rows": 2, "prompts": ["Who are you?"]},
}


def without_rehearsal(patch: pytest.MonkeyPatch) -> None:
    class None_(Rehearsal):
        def run(self, budget_tokens: int, after_step: int = 0) -> Rehearsed:
            from engine.evaluation.assess import LargestWork

            return Rehearsed(budget_tokens, [], LargestWork())

    patch.setattr(session_module, "Rehearsal", None_)


@pytest.mark.parametrize(
    ("model", "dropout"),
    [({}, 0.3), ({"quantization": "nf4"}, 0.3), ({"dtype": "bfloat16"}, 0.0)],
    ids=["fp32", "nf4", "bf16"],
)
def test_every_number_of_a_run_is_as_it_would_be_without(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, model: dict[str, Any], dropout: float
) -> None:
    settings = values(tiny, rows, model=model, **WHOLE)
    settings["adapter"]["lora_dropout"] = dropout
    tried = train(settings)
    with monkeypatch.context() as patch:
        without_rehearsal(patch)
        plain = train(settings)
    assert [p.name for p in tried.of(ev.Phase) if p.name == "rehearsal"] == ["rehearsal"]
    assert tried.losses() == plain.losses()
    assert [step.grad_norm for step in tried.of(ev.Step)] == [step.grad_norm for step in plain.of(ev.Step)]
    assert [(e.loss, e.metrics) for e in tried.of(ev.Eval)] == [(e.loss, e.metrics) for e in plain.of(ev.Eval)]
    assert [s.answer for s in tried.of(ev.Sample)] == [s.answer for s in plain.of(ev.Sample)]
    for name in ("adapter_model.safetensors", "optimizer.pt", "rng_state_0.pth"):
        files = [run.run.checkpoint(6) / name for run in (tried, plain)]
        if name.endswith("safetensors"):
            assert files[0].read_bytes() == files[1].read_bytes()
        else:
            first, second = (torch.load(file, weights_only=True) for file in files)
            assert same(first, second)


def same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def test_it_is_tried_again_after_a_resume_with_the_same_losses(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, **WHOLE)
    stopped = train(settings, stop_after(3))
    resumed = Trained(stopped.run, resume=True)
    assert [phase.name for phase in resumed.of(ev.Phase)].count("rehearsal") == 1
    assert stopped.losses() + resumed.losses() == train(settings).losses()


class Watched(SupervisedLoss):
    """Notes the padded tokens of every forward pass, in training and in evaluation."""

    seen: list[tuple[bool, int]]

    def forward(self, input_ids: torch.Tensor, *rest: torch.Tensor) -> Any:
        self.seen.append((torch.is_grad_enabled(), input_ids.numel()))
        return super().forward(input_ids, *rest)


def test_the_largest_micro_batch_of_the_whole_run_comes_first(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Watched.seen = []
    monkeypatch.setattr(sft, "SupervisedLoss", Watched)
    at_start: list[int] = []

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.MemoryMeasured) and event.moment == "rehearsal":
            at_start.append(len(Watched.seen))

    train(values(tiny, rows, train={"max_steps": 10}, eval={"every": 3}), react)
    tried, computed = Watched.seen[: at_start[0]], Watched.seen[at_start[0] :]
    for trained in (True, False):
        assert max(n for grad, n in tried if grad is trained) == max(n for grad, n in computed if grad is trained)
    assert len(tried) <= 3


def test_a_stop_is_heard_in_the_rehearsal(tiny: Path, rows: Path) -> None:
    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Phase) and event.name == "rehearsal":
            steering.stop(said("asked to stop"))

    stopped = train(values(tiny, rows), react)
    (finished,) = stopped.of(ev.Finished)
    assert (finished.outcome, finished.step) == ("stopped", 0)
    assert stopped.of(ev.MemoryMeasured) == []


def test_predicted_and_measured_are_told_by_phase_and_remembered(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, **WHOLE))
    plan = trained.of(ev.MemoryPlan)[0]
    rehearsal, run = trained.of(ev.MemoryMeasured)
    assert (rehearsal.moment, run.moment) == ("rehearsal", "run")
    assert set(rehearsal.measured) == {"load", "loss", "backward", "step", "evaluation"}
    assert set(rehearsal.predicted) == set(rehearsal.measured)
    assert {"evaluation", "save"} < set(run.measured)
    assert rehearsal.of == "resident"
    assert all(size > 50 << 20 for size in rehearsal.measured.values())
    seen = history.read_history()
    assert {(s.gpu, s.model, s.method) for s in seen} == {("RAM", "tiny", "none")}
    assert {s.run for s in seen} == {trained.run.path.name}
    assert {s.phase: s.predicted_bytes for s in seen if s.phase == "load"} == {"load": rehearsal.predicted["load"]}
    assert history.calibrate(seen, plan.name, "tiny", "none") is not None


def test_the_pace_of_a_run_is_remembered_and_that_of_two_steps_is_not(tiny: Path, rows: Path) -> None:
    train(values(tiny, rows, train={"max_steps": 2}))
    assert throughput.read() == []
    trained = train(values(tiny, rows))
    (found,) = throughput.read()
    steps = trained.of(ev.Step)
    assert (found.model, found.method, found.device, found.kind) == ("tiny", "lora none", throughput.CPU, "run")
    slowest, fastest = (choose(s.tokens_per_second for s in steps) for choose in (min, max))
    assert slowest * 0.5 <= found.tokens_per_second <= fastest * 1.01
    assert found.micro_batch_tokens == 160
