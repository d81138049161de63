"""The loop is transformers.Trainer's mathematics: same rows, same losses; and cutting a step changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

from engine.config.schema import RunConfig
from engine.data.mixing.mix import Shuffle
from engine.data.reader import load
from engine.distributed.device import place
from engine.modeling.adapters import attach_adapter, lora_config, trainable
from engine.modeling.batches import StepPlan, cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel, load_base
from engine.models.card import read_card
from engine.runs import events as ev
from engine.tokens.examples import Example, tokenise
from engine.tokens.render import Renderer
from tests.engine.data.splitting.making import split
from tests.engine.training import making

STEPS, BATCH, RATE = 20, 4, 5e-3


def settings(tiny: Path, rows: Path, **train: Any) -> dict[str, Any]:
    """20 steps over 20 rows, none held out, without warm-up."""
    return making.values(
        tiny, rows, dataset={"eval_rows": 0},
        train={"max_steps": STEPS, "batch_size": BATCH, "learning_rate": RATE, "warmup_ratio": 0.0} | train,
    )  # fmt: skip


def base_and_examples(config: RunConfig) -> tuple[BaseModel, list[Example]]:
    base = load_base(read_card(Path(config.model.name_or_path)), config.model, place(config), False)
    rows = load(config).rows
    order = split(rows, config.dataset, config.run.seed).train
    examples, _ = tokenise(rows, order, Renderer(base.tokenizer, base.stops), config.dataset, {"rows": 0})
    return base, examples


class InOrder(Trainer):
    """Takes the rows as they come and notes each step's loss and gradient norm unrounded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts: list[float] = []
        self.norms: list[float] = []

    def _get_train_sampler(self, *args: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)
        self.parts.append(float(loss))
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "grad_norm" in logs:
            self.norms.append(float(logs["grad_norm"]))


def trainers_steps(config: RunConfig, folder: Path, accumulation: int) -> tuple[list[float], list[float]]:
    """Losses and gradient norms of transformers.Trainer on the rows of ``config`` in the order of our plan."""
    base, examples = base_and_examples(config)
    plan = StepPlan(Shuffle(len(examples), config.run.seed), BATCH, 1, STEPS)
    dataset = [
        {"input_ids": examples[i].ids.tolist(), "labels": examples[i].labels.tolist()}
        for step in range(1, STEPS + 1)
        for i in plan.rows(step)
    ]
    torch.manual_seed(config.run.seed)
    model = get_peft_model(base.model, lora_config(config.adapter))
    arguments = TrainingArguments(
        output_dir=str(folder), use_cpu=True, report_to=[], save_strategy="no", logging_steps=1, disable_tqdm=True,
        max_steps=STEPS, per_device_train_batch_size=BATCH // accumulation, gradient_accumulation_steps=accumulation,
        learning_rate=RATE, lr_scheduler_type=config.train.lr_scheduler_type, weight_decay=config.train.weight_decay,
        max_grad_norm=config.train.max_grad_norm, optim="adamw_torch", warmup_steps=0, seed=config.run.seed,
    )  # fmt: skip
    collator = DataCollatorForSeq2Seq(base.tokenizer, padding=True)
    trainer = InOrder(model=model, args=arguments, train_dataset=dataset, data_collator=collator)
    trainer.train()
    parts = trainer.parts
    losses = [sum(parts[i : i + accumulation]) for i in range(0, len(parts), accumulation)]
    return losses, trainer.norms


@pytest.mark.parametrize(
    ("train", "accumulation"),
    [
        ({"lr_scheduler_type": "constant", "max_grad_norm": 1.0}, 1),
        ({"lr_scheduler_type": "linear", "max_grad_norm": 0.5, "weight_decay": 0.1}, 2),
    ],
)
def test_twenty_steps_are_those_of_transformers_trainer(
    tiny: Path, tmp_path: Path, home: Path, train: dict[str, Any], accumulation: int
) -> None:
    rows = making.write_rows(tmp_path / "rows.jsonl", 20)
    chosen = settings(tiny, rows, micro_batch_tokens=200, **train)
    ours = making.train(chosen)
    losses, norms = trainers_steps(RunConfig.model_validate(chosen), tmp_path / "trainer", accumulation)
    assert len(losses) == len(norms) == STEPS
    assert ours.losses() == pytest.approx(losses, abs=1e-4)
    assert [step.grad_norm for step in ours.of(ev.Step)] == pytest.approx(norms, abs=1e-3)
    assert losses[-1] < 0.8 * losses[0]


def test_a_step_in_parts_has_the_gradients_of_the_whole(tiny: Path, tmp_path: Path) -> None:
    rows = making.write_rows(tmp_path / "rows.jsonl", 12)
    config = RunConfig.model_validate(settings(tiny, rows))
    base, examples = base_and_examples(config)
    model = attach_adapter(config, base, "tiny")
    for parameter in trainable(model):  # B starts at zero, which would hide the gradient of A
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(0))

    def step(budget: int) -> tuple[int, float, list[torch.Tensor]]:
        model.zero_grad()
        batches = cut(examples, budget, base.pad_id)
        supervised = sum(batch.supervised_tokens for batch in batches)
        total = 0.0
        for batch in batches:
            loss, _ = SupervisedLoss(model)(batch.input_ids, batch.positions, batch.targets)
            (loss / supervised).backward()
            total += loss.item() / supervised
        return len(batches), total, [p.grad.clone() for p in trainable(model) if p.grad is not None]

    count, whole, expected = step(10_000)
    assert count == 1
    for budget, parts in ((600, 2), (150, 6), (8, 12)):
        count, loss, gradients = step(budget)
        assert count >= parts
        assert loss == pytest.approx(whole, abs=1e-5)
        for a, b in zip(gradients, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_a_run_in_small_micro_batches_has_the_losses_of_one_in_whole_batches(
    tiny: Path, tmp_path: Path, home: Path
) -> None:
    rows = making.write_rows(tmp_path / "rows.jsonl", 20)
    whole = making.train(settings(tiny, rows, micro_batch_tokens=10_000))
    parts = making.train(settings(tiny, rows, micro_batch_tokens=8))
    assert parts.losses() == pytest.approx(whole.losses(), abs=1e-5)
