"""A run on several devices is the same run: every strategy, stop, resume and want of memory mean what they meant."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from engine.distributed.ranks import ALONE, Ranks
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import events as ev
from engine.training.loop import NotFinite
from tests.engine.training.making import Trained, stop_after, train, values
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.usefixtures("warm")

TWO = {"gpus": "cpu,cpu"}
LAUNCH = {"train": {"max_steps": 5}, "eval": {"every": 3}}


def adapter(trained: Trained) -> dict[str, Any]:
    return load_file(trained.run.adapter / "adapter_model.safetensors")


def same(one: Trained, other: Trained) -> None:
    """Losses, held-out losses, counts and the adapter agree as far as sums in another order do."""
    assert other.losses() == pytest.approx(one.losses(), rel=1e-5)
    assert [e.loss for e in other.of(ev.Eval)] == pytest.approx([e.loss for e in one.of(ev.Eval)], rel=1e-5)
    assert [e.num_tokens for e in other.of(ev.Step)] == [e.num_tokens for e in one.of(ev.Step)]
    assert [e.supervised_tokens for e in other.of(ev.Step)] == [e.supervised_tokens for e in one.of(ev.Step)]
    weights = adapter(one)
    for name, tensor in adapter(other).items():
        assert tensor.numpy() == pytest.approx(weights[name].numpy(), abs=2e-5)


def test_two_processes_train_what_one_does(tiny: Path, rows: Path) -> None:
    one = train(values(tiny, rows, **LAUNCH))
    two = train(values(tiny, rows, launch=TWO, **LAUNCH))
    same(one, two)
    assert two.of(ev.RunStarted)[0].world_size == 2
    assert two.of(ev.RunStarted)[0].device.startswith("2 x CPU")


def test_continue_and_merge_go_on_from_the_same_adapter_in_the_same_way(tiny: Path, rows: Path) -> None:
    old = train(values(tiny, rows))
    for kind in ("continue", "merge"):
        strategy = {"kind": kind, "adapter": str(old.run.path)}
        settings = values(tiny, rows, strategy=strategy, **LAUNCH)
        same(train(settings), train(settings | {"launch": TWO}))


def test_stopped_and_resumed_two_processes_have_the_losses_of_a_straight_run(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, adapter={"lora_dropout": 0.2}, launch=TWO, train={"max_steps": 6})
    straight = train(settings)
    stopped = train(settings, stop_after(2))
    assert stopped.of(ev.Finished)[0].outcome == "stopped"
    resumed = Trained(stopped.run, resume=True)
    assert stopped.losses() + resumed.losses() == straight.losses()


def test_sources_and_weights_add_up_over_processes(tiny: Path, rows: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    lines = [{"prompt": f"say {n}", "completion": "so " * (n % 5 + 1)} for n in range(12)]
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = values(tiny, rows, train={"max_steps": 4})
    settings["data"] = [{"path": str(rows), "weight": 2.0}, {"path": str(other)}]
    one, two = train(settings), train(settings | {"launch": TWO})
    same(one, two)
    for alone, together in zip(one.of(ev.Step), two.of(ev.Step), strict=True):
        assert together.loss_by_source == pytest.approx(alone.loss_by_source, rel=1e-5)


def test_fewer_rows_than_processes_in_a_pass_s_last_step_are_no_trouble(tiny: Path, rows: Path) -> None:
    # 21 rows: after two steps of ten, one is left.
    settings = values(tiny, rows, dataset={"eval_rows": 3}, train={"max_steps": 3, "batch_size": 10})
    same(train(settings), train(settings | {"launch": TWO}))


def test_all_halve_when_memory_runs_out_in_one_of_them(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"eval_rows": 4, "packing": False}  # several rows a micro-batch, which can be told from one
    settings = values(tiny, rows, dataset=plain, train={"max_steps": 4, "batch_size": 8, "micro_batch_tokens": 160})
    one = train(settings)
    forward, calls = SupervisedLoss.forward, []

    def short_once(self: Any, *arguments: Any) -> Any:
        if self.training:
            calls.append(len(arguments[0]))
            if len(calls) == 6 and len(arguments[0]) > 1:  # in this process alone, in the middle of the training
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, *arguments)

    monkeypatch.setattr(SupervisedLoss, "forward", short_once)
    two = train(settings | {"launch": TWO})
    (shortage,) = two.of(ev.OutOfMemory)
    assert shortage.step is not None
    assert shortage.retry_tokens is not None
    assert shortage.retry_tokens < 160
    same(one, two)


def measured(**launch: Any) -> dict[str, Any]:
    return {
        "dataset": {"eval_rows": 8, "test_rows": 4}, "train": {"max_steps": 2, "micro_batch_tokens": 100},
        "eval": {"every": 1, "metrics": ["exact_match"], "generate_rows": 4}, "sample": {"rows": 2},
    } | launch  # fmt: skip


def test_what_two_processes_measure_before_training_is_what_one_does_to_the_last_bit(tiny: Path, rows: Path) -> None:
    one, two = train(values(tiny, rows, **measured())), train(values(tiny, rows, **measured(launch=TWO)))
    assert [(e.step, e.moment, e.part, e.n) for e in two.of(ev.Eval)] == [
        (e.step, e.moment, e.part, e.n) for e in one.of(ev.Eval)
    ]
    before = [[(e.part, e.loss, e.metrics) for e in run.of(ev.Eval) if e.moment == "before"] for run in (one, two)]
    assert before[0] == before[1]
    assert len(before[0]) == 2
    said = [[e.answer for e in run.of(ev.Sample) if e.moment == "before"] for run in (one, two)]
    assert said[0] == said[1]


def test_what_all_processes_come_to_is_told_as_such_and_not_as_a_loss_of_one(rows: Path, tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model", tie=False)
    weights = load_file(model / "model.safetensors")
    text = "".join(json.loads(line)["prompt"] for line in rows.read_text().splitlines())
    asked = [token for token in AutoTokenizer.from_pretrained(model)(text)["input_ids"] if token % 37 != 11]
    weights["model.embed_tokens.weight"][max(set(asked), key=asked.count)] = math.nan  # no token of the proofs at load
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(NotFinite, match="loss is not a number"):
        train(values(model, rows, launch=TWO, dataset={"eval_rows": 0, "packing": False}))


@pytest.mark.parametrize("order", [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float32)])
def test_gradients_of_several_dtypes_are_added_in_the_order_of_the_parameters(
    monkeypatch: pytest.MonkeyPatch, order: tuple[torch.dtype, ...]
) -> None:
    added: list[tuple[torch.dtype, int]] = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda flat, group=None: added.append((flat.dtype, len(flat))))
    parameters = [torch.nn.Parameter(torch.zeros(size, dtype=dtype)) for size, dtype in zip((2, 3), order, strict=True)]
    parameters.append(torch.nn.Parameter(torch.zeros(4, dtype=order[0])))
    pair = Ranks(1, 2)
    pair.add_gradients(parameters)
    pair.rehearse(parameters)
    assert added == [(order[0], 6), (order[1], 3)] * 2


def test_what_is_dealt_comes_back_in_its_order() -> None:
    for count in (1, 2, 3):
        shares = [Ranks(index, count).dealt("abcde") for index in range(count)]
        assert ALONE.collected(shares) == list("abcde")
