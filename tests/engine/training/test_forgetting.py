"""Forgetting in whole runs: the gauge changes no loss, and the loss may be held to the base."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.evaluation import old_rows
from engine.evaluation.elsewhere import Elsewhere
from engine.metrics import words
from engine.modeling.adapters import trainable
from engine.modeling.kernels.base_loss import BaseRegularisedLoss
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import evaluations, story
from engine.runs import events as ev
from engine.runs.reducer import reduce
from tests.engine.training.making import Trained, create_run, stop_after, train, values

AT_ONCE = {"micro_batch_tokens": 2048}
"""The fixed texts take ten passes of the model so, instead of eighty."""


def gauged(model: Path, rows: Path, **more: Any) -> dict[str, Any]:
    return values(model, rows, **{"eval": {"every": 2, "forgetting": True}, "train": AT_ONCE} | more)


def test_losses_are_the_same_to_the_last_bit_with_and_without_the_gauge(tiny: Path, rows: Path) -> None:
    noisy = {"train": {"neftune_noise_alpha": 5.0}, "adapter": {"lora_dropout": 0.1}}  # in small micro-batches
    measured = train(gauged(tiny, rows, **noisy))
    silent = train(values(tiny, rows, eval={"every": 2, "forgetting": False}, **noisy))
    assert measured.losses() == silent.losses()
    assert [each.loss for each in measured.of(ev.Eval)] == [each.loss for each in silent.of(ev.Eval)]
    assert silent.of(ev.Forgetting) == []
    told = measured.of(ev.Forgetting)
    assert [(each.step, each.moment) for each in told] == [(0, "before"), (2, "during"), (4, "during"), (6, "after")]
    assert told[0].kl_task == 0
    assert told[-1].kl_task > told[1].kl_task > 0
    state = reduce(measured.events)  # type: ignore[arg-type]
    assert state.series["forgetting/task"].length == 4
    assert state.forgetting[-1].general_rows == 16


def test_a_run_that_goes_on_measures_what_is_left(tiny: Path, rows: Path) -> None:
    run = create_run(gauged(tiny, rows))
    Trained(run, stop_after(3))
    rest = Trained(run, resume=True)
    assert [(each.step, each.moment) for each in rest.of(ev.Forgetting)] == [(4, "during"), (6, "after")]


def test_a_general_text_that_is_gone_is_said_and_the_shipped_one_read(tiny: Path, rows: Path, tmp_path: Path) -> None:
    settings = gauged(tiny, rows)
    settings["eval"]["general_text"] = str(tmp_path / "gone.txt")
    trained = train(settings)
    assert "forgetting.text-unusable" in [each.message.code for each in trained.of(ev.Warn)]
    assert trained.of(ev.Forgetting)[-1].general_rows == 16


def test_a_base_model_without_a_template_is_measured_too(tiny_base: Path, rows: Path) -> None:
    assert train(gauged(tiny_base, rows)).of(ev.Forgetting)[-1].kl_general > 0


def test_a_model_in_four_bits_is_measured_too(tiny: Path, rows: Path) -> None:
    settings = gauged(tiny, rows)
    settings["model"] |= {"quantization": "nf4", "double_quant": True}
    trained = train(settings)
    assert [each.message.code for each in trained.of(ev.Warn)] == []
    told = trained.of(ev.Forgetting)
    assert (told[0].kl_task, told[-1].general_rows) == (0, 16)
    assert told[-1].kl_task > 0
    assert evaluations.read(evaluations.folder(trained.run, "forgetting")) is not None


def test_a_run_that_builds_on_another_measures_that_ones_held_out_rows(tiny: Path, rows: Path) -> None:
    first = train(gauged(tiny, rows))
    settings = gauged(tiny, rows, strategy={"kind": "continue", "adapter": first.run.id})
    second = train(settings)
    before, *_, after = second.of(ev.Forgetting)
    assert before.old_loss == before.old_before
    assert before.kl_task > 0  # the old adapter is not the base
    assert after.old_before == before.old_loss


def test_before_and_after_are_kept_with_the_run_and_told(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(gauged(tiny, rows))
    found = evaluations.read(evaluations.folder(first.run, "forgetting"))
    assert found is not None
    assert (found.part, found.n, found.candidates, found.step) == ("general", 120, ["base", "tuned"], 6)
    assert found.sentence is not None
    assert found.sentence.code == "forgetting.general-fine"
    loss, length = found.comparison("tuned", "base", "loss"), found.mean("tuned", "answer_tokens")
    assert loss is not None
    assert (loss.n, length is not None and length.n) == (90, 30)
    (parts,) = [note for note in found.notes if note.code == "forgetting.by-part"]
    assert (parts.args["text_rows"], parts.args["answer_rows"]) == (60, 30)
    kept = {
        (each.candidate, each.row): each for each in evaluations.answers(evaluations.folder(first.run, "forgetting"))
    }
    nats, tokens = (
        [sum(kept[who, row].scores[name] for row in range(30, 90)) for who in ("tuned", "base")]
        for name in ("nats", "tokens")
    )  # the texts: behind the 30 answers that the model made, before the 30 that were given
    assert parts.args["texts"] == words.difference("loss", nats[0] / tokens[0] - nats[1] / tokens[1])
    assert "forgetting" in [each.name for each in first.of(ev.Evaluated)]
    asked, read = [], old_rows._of_run
    monkeypatch.setattr(old_rows, "_of_run", lambda run, most: asked.append(run.id) or read(run, most))
    second = train(gauged(tiny, rows, strategy={"kind": "continue", "adapter": first.run.id}))
    assert asked == [first.run.id]  # its rows are read once for all that is measured on them
    beside = evaluations.read(evaluations.folder(second.run, "forgetting"))
    assert beside is not None
    assert beside.sentence is not None
    assert beside.sentence.code == "forgetting.beside-base"
    # What the first training lost against the base is what the second begins with.
    assert beside.sentence.args["before"] == words.difference("loss", loss.difference) != "0.000"
    line = story.forgetting(second.of(ev.Forgetting)[0])
    assert [each.code for each in line.args["figures"]][2] == "forgetting.figure-loss-of-base"
    old = evaluations.read(evaluations.folder(second.run, f"forgetting-{first.run.id}"))
    assert old is not None
    assert (old.candidates, old.n) == (["old-adapter", "tuned"], 4)
    assert old.sentence is not None
    assert old.sentence.code == "forgetting.old-unclear"  # four rows can't show 2 points
    assert old.sentence.args["run"] == first.run.id


def test_what_was_answered_before_a_stop_is_compared_with_after(tiny: Path, rows: Path) -> None:
    run = create_run(gauged(tiny, rows))
    Trained(run, stop_after(3))
    assert evaluations.read(evaluations.folder(run, "forgetting")) is None
    Trained(run, resume=True)
    found = evaluations.read(evaluations.folder(run, "forgetting"))
    assert found is not None
    assert found.candidates == ["base", "tuned"]


def test_a_disk_that_is_full_ends_the_measuring_and_not_the_run(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Elsewhere, "_losses", full)
    trained = train(gauged(tiny, rows))
    assert [each.message.code for each in trained.of(ev.Warn)] == ["forgetting.not-measured"]
    assert trained.of(ev.Finished)[0].outcome == "finished"
    assert "forgetting" not in [each.name for each in trained.of(ev.Evaluated)]


def regularised(model: Path, rows: Path, beta: float | None, **more: Any) -> Trained:
    settings = values(model, rows, **more)
    settings["train"] |= {"kl_to_base": beta, "max_steps": 4}
    return train(settings)


def test_held_to_the_base_a_model_moves_less(tiny: Path, rows: Path) -> None:
    measured: dict[str, Any] = {"eval": {"forgetting": True, "every": 100}, "train": AT_ONCE}
    free, held = (regularised(tiny, rows, beta, **measured) for beta in (None, 5.0))
    assert held.losses()[0] == free.losses()[0]  # before the first step it is its base
    assert held.of(ev.Forgetting)[-1].kl_task < 0.7 * free.of(ev.Forgetting)[-1].kl_task


@pytest.mark.parametrize(
    "more",
    [
        {"train": {"micro_batch_tokens": 64}},
        {"train": {"gradient_checkpointing": True}},
        {"dataset": {"packing": True}},
    ],
)
def test_the_held_loss_is_the_same_however_a_step_is_computed(tiny: Path, rows: Path, more: dict[str, Any]) -> None:
    whole, other = regularised(tiny, rows, 0.5), regularised(tiny, rows, 0.5, **more)
    assert other.losses() == pytest.approx(whole.losses(), rel=1e-4)


def test_a_held_run_that_was_stopped_goes_on_as_if_it_had_not_been(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, adapter={"lora_dropout": 0.1}, train={"kl_to_base": 0.5})
    whole = train(settings)
    run = create_run(settings)
    first = Trained(run, stop_after(3))
    assert first.losses() + Trained(run, resume=True).losses() == whole.losses()


def make_nets(beta: float) -> tuple[Any, BaseRegularisedLoss]:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1,
    )  # fmt: skip
    model = get_peft_model(
        LlamaForCausalLM(config), LoraConfig(target_modules="all-linear", r=2, task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    return model, BaseRegularisedLoss(model, beta=beta).train()


def test_loss_and_gradients_of_the_held_loss_are_autograds_own() -> None:
    model, net = make_nets(0.3)
    ids = torch.randint(61, (3, 9), generator=torch.Generator().manual_seed(2))
    positions, weights = torch.tensor([0, 3, 7, 10, 25]), torch.tensor([1.0, 0.5, 2.0, 1.0, 0.25])
    targets = torch.tensor([4, 5, 6, 7, 8])
    total, losses = net(ids, positions, targets, weights)
    total.backward()
    found = [parameter.grad for parameter in trainable(model)]
    model.zero_grad(set_to_none=True)
    log_q = model(input_ids=ids).logits.reshape(27, -1)[positions].log_softmax(1)
    with torch.no_grad(), model.disable_adapter():
        log_p = model(input_ids=ids).logits.reshape(27, -1)[positions].log_softmax(1)
    plain = torch.nn.functional.nll_loss(log_q, targets, reduction="none")
    kl = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(1)
    expected = (weights * (plain + 0.3 * kl)).sum()
    torch.autograd.backward(expected)
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses, plain.detach(), atol=1e-5, rtol=1e-5)
    for mine, parameter in zip(found, trainable(model), strict=True):
        torch.testing.assert_close(mine, parameter.grad, atol=1e-5, rtol=1e-5)


def test_out_of_training_the_held_loss_is_the_plain_one() -> None:
    model, net = make_nets(0.3)
    net.eval()
    inputs = (torch.randint(61, (2, 5)), torch.tensor([0, 3]), torch.tensor([4, 5]))
    assert torch.equal(net(*inputs)[0], SupervisedLoss(model).eval()(*inputs)[0])
