"""What is trained is an objective's alone: another one goes through preparation, loop, measuring and resume."""

from __future__ import annotations

import copy
import math
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.config import toml
from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.distributed.ranks import ALONE
from engine.modeling.batches import StepPlan
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.steering import Steering
from engine.training.checkpoint import TrainerState
from engine.training.objectives.objective import Objective
from engine.training.prepare import Context, prepare
from tests.engine.evaluation.test_assess_shared import Thread
from tests.engine.training.bare_loop import bare_loop
from tests.engine.training.making import Trained, create_run, stop_after, train, values
from tests.engine.training.objectives.pairs import PairLoss, Pairs

PAIRS: Objective = Pairs()
LAUNCH = {"train": {"max_steps": 8, "learning_rate": 2e-2}, "eval": {"every": 3}}


def preferred(settings: dict[str, Any], react: Any = None) -> Trained:
    return Trained(create_run(settings), react, objective=PAIRS)


def test_a_preference_is_trained_measured_and_rehearsed(tiny: Path, rows: Path) -> None:
    trained = preferred(values(tiny, rows, **LAUNCH))
    assert trained.losses()[0] == pytest.approx(math.log(2), abs=1e-6), "an adapter that adds nothing prefers nothing"
    assert trained.losses()[-1] < 0.5
    before, *_, after = trained.of(ev.Eval)
    assert before.loss == pytest.approx(math.log(2), abs=1e-6)
    assert after.loss < 0.6
    assert {event.moment for event in trained.of(ev.MemoryMeasured)} == {"rehearsal", "run"}
    assert trained.of(ev.Step)[-1].supervised_tokens > 0


def test_stopped_and_resumed_it_has_the_losses_of_a_straight_run(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, adapter={"lora_dropout": 0.2}, **LAUNCH)
    straight, stopped = preferred(settings), preferred(settings, stop_after(3))
    resumed = Trained(stopped.run, resume=True, objective=PAIRS)
    assert stopped.losses() + resumed.losses() == straight.losses()


def test_memory_that_runs_out_halves_its_batches_and_changes_no_loss(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = values(tiny, rows, train={"max_steps": 3, "micro_batch_tokens": 100_000})
    whole = preferred(settings)
    forward = PairLoss.forward

    def short(self: PairLoss, ids: Any, *rest: Any) -> Any:
        if self.training and ids.shape[1] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, ids, *rest)

    monkeypatch.setattr(PairLoss, "forward", short)
    parts = preferred(settings)
    assert parts.of(ev.OutOfMemory)
    assert parts.losses() == pytest.approx(whole.losses(), abs=1e-5)


class Summing(Thread):
    """A rank in a thread whose sums go through the same table."""

    def totals(self, numbers: Any) -> list[float]:
        return [sum(column) for column in zip(*self.everyone(list(numbers)), strict=True)]

    def largest(self, number: int) -> int:
        return max(self.everyone(number))

    def add_gradients(self, parameters: Any) -> None:
        mine = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        sums = [sum(parts) for parts in zip(*self.everyone([grad.clone() for grad in mine]), strict=True)]
        for parameter, total in zip(parameters, sums, strict=True):
            parameter.grad = torch.as_tensor(total).clone()


def test_weights_and_losses_add_up_over_processes(tiny: Path, rows: Path, home: Path) -> None:
    settings = values(tiny, rows, dataset={"eval_rows": 0}, train={"max_steps": 3, "batch_size": 5})
    settings["data"] = [{"path": str(rows), "weight": 3.0, "max_rows": 9}, {"path": str(rows)}]
    config = RunConfig.model_validate(settings)
    training = prepare(Context(config, Phases(lambda event: None), Steering(), objective=PAIRS))

    def looped(ranks: Any) -> list[ev.Step]:
        steps: list[ev.Step] = []
        built = training.built
        model = copy.deepcopy(built.model)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-3)
        parts = SimpleNamespace(net=PairLoss(model), optimizer=optimizer, accelerator=built.accelerator)
        plan = StepPlan(Shuffle(len(training.rows.train), 0), 5, 1.0, 3)
        loop = bare_loop(
            training.config, plan, training.rows.train, parts, 200,
            lambda event: steps.append(event) if isinstance(event, ev.Step) else None, training.rows.sources, PAIRS,
            ranks,
        )  # fmt: skip
        loop.run(TrainerState(0))
        return steps

    alone = looped(ALONE)
    told, barrier = [None, None], threading.Barrier(2)
    found: dict[int, list[ev.Step]] = {}
    threads = [
        threading.Thread(target=lambda at=at: found.update({at: looped(Summing(at, told, barrier))}))
        for at in range(2)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for rank in range(2):
        assert [step.loss for step in found[rank]] == pytest.approx([step.loss for step in alone], rel=1e-5)
        assert [step.num_tokens for step in found[rank]] == [step.num_tokens for step in alone]
        assert found[rank][0].loss_by_source == pytest.approx(alone[0].loss_by_source, rel=1e-5)


def test_what_the_config_asks_for_is_supervised_fine_tuning(tiny: Path, rows: Path, home: Path) -> None:
    config = toml.load(create_run(values(tiny, rows)).config).config
    training = prepare(Context(config, Phases(lambda event: None), Steering()))
    (batch, *_) = training.objective.largest(training.rows.train, training.steps, 100_000, training.layout)
    loss, losses = training.built.net(*batch.inputs(torch.device("cpu")))
    assert len(losses) == batch.weight == batch.supervised_tokens == len(batch.sources)
    assert float(loss.detach()) == pytest.approx(float(losses.sum()), rel=1e-6)
    assert train(values(tiny, rows)).losses()[0] < 10
