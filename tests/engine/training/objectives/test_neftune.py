"""NEFTune adds noise to what is embedded in training: that of the paper, each row's own, and nowhere else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.integrations.neftune import activate_neftune

from engine.config.schema import RunConfig
from engine.distributed.device import place
from engine.modeling.batches import collate
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.load import BaseModel, load_base
from engine.modeling.randomness import EmbeddingNoise, row_seed
from engine.models.card import read_card
from engine.runs import events as ev
from engine.tokens.examples import Example
from tests.engine.training.making import Trained, stop_after, train, values

ALPHA = 5.0


def loaded(tiny: Path) -> BaseModel:
    config = RunConfig.model_validate(values(tiny, tiny))
    return load_base(read_card(tiny), config.model, place(config), False)


def example(length: int, seed: int | None) -> Example:
    ids = (np.arange(length) * 7 % 90 + 3).astype(np.int32)
    return Example(ids, ids.copy(), 0, 0, seed=seed)


def test_a_row_s_loss_is_that_of_transformers_own_noise_with_the_same_seed(tiny: Path) -> None:
    base = loaded(tiny)
    batch = collate([example(24, seed=11)], base.pad_id)  # no padding: transformers counts it as length
    ours, _ = SupervisedLoss(base.model, noise_alpha=ALPHA).train()(*batch.inputs(torch.device("cpu")))
    plain = loaded(tiny).model
    activate_neftune(plain, ALPHA)
    torch.manual_seed(11)
    theirs, _ = SupervisedLoss(plain).train()(*batch.inputs(torch.device("cpu")))
    silent, _ = SupervisedLoss(loaded(tiny).model).train()(*batch.inputs(torch.device("cpu")))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    assert abs(ours.item() - silent.item()) > 1e-3


@pytest.mark.parametrize("packed", [False, True])
def test_noise_is_bounded_by_each_row_s_own_length_and_padding_has_none(packed: bool) -> None:
    embeddings = torch.nn.Embedding(100, 16)
    noise = EmbeddingNoise(embeddings, ALPHA)
    batch = collate([example(30, 1), example(5, 2)], 0, packed)
    with noise.on(batch.drawn):
        noisy = embeddings(batch.input_ids)
    added = (noisy - embeddings(batch.input_ids)).detach().view(-1, 16)
    second = 30 if packed else batch.input_ids.shape[1]
    for begin, length in ((0, 30), (second, 5)):
        most = ALPHA / math.sqrt(length * 16)
        assert 0.9 * most < added[begin : begin + length].abs().max() <= most * (1 + 1e-5)
    assert added[second + 5 :].abs().max().item() == 0 or packed
    assert added[30:second].abs().sum().item() == 0


def settings(tiny: Path, rows: Path, **sections: Any) -> dict[str, Any]:
    more = {"max_steps": 5, "neftune_noise_alpha": ALPHA} | sections.pop("train", {})
    return values(tiny, rows, train=more, eval={"every": 3}, **sections)


def test_the_noise_does_not_depend_on_how_a_step_is_cut(tiny: Path, rows: Path) -> None:
    whole = train(settings(tiny, rows, train={"micro_batch_tokens": 10_000}, dataset={"packing": False}))
    parts = train(settings(tiny, rows, train={"micro_batch_tokens": 8}))
    packed = train(settings(tiny, rows, train={"micro_batch_tokens": 300}))
    assert parts.losses() == pytest.approx(whole.losses(), abs=1e-5)
    assert packed.losses() == pytest.approx(whole.losses(), abs=1e-5)


@pytest.mark.usefixtures("warm")
def test_nor_on_how_many_devices_share_it(tiny: Path, rows: Path) -> None:
    one, two = train(settings(tiny, rows)), train(settings(tiny, rows, launch={"gpus": "cpu,cpu"}))
    assert two.losses() == pytest.approx(one.losses(), rel=1e-5)


def test_stopped_and_resumed_a_run_has_the_noise_of_a_straight_one(tiny: Path, rows: Path) -> None:
    chosen = settings(tiny, rows, adapter={"lora_dropout": 0.2})
    straight, stopped = train(chosen), train(chosen, stop_after(2))
    assert stopped.losses() + Trained(stopped.run, resume=True).losses() == straight.losses()


def test_only_training_is_noisy_and_the_run_says_so(tiny: Path, rows: Path) -> None:
    shown = {"rows": 2, "prompts": ["Who are you?"]}
    noisy, plain = train(settings(tiny, rows, sample=shown)), train(values(tiny, rows, sample=shown, eval={"every": 3}))
    assert noisy.of(ev.Eval)[0].loss == plain.of(ev.Eval)[0].loss
    assert [s.answer for s in noisy.of(ev.Sample) if s.moment == "before"] == [
        s.answer for s in plain.of(ev.Sample) if s.moment == "before"
    ]
    assert abs(noisy.losses()[0] - plain.losses()[0]) > 1e-3
    assert noisy.of(ev.RunStarted)[0].method == "LoRA r4, NEFTune 5"


def test_every_row_of_every_step_draws_its_own() -> None:
    seeds = [row_seed(seed, step, place) for seed in (0, 1) for step in (1, 2) for place in range(50)]
    assert len(set(seeds)) == len(seeds)
