"""The optimizer is the one that was asked for, or an error before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.config.schema import TrainSection
from engine.errors import ConfigError
from engine.runs import events as ev
from engine.training import optimizers
from tests.engine.training.making import train, values


@pytest.mark.parametrize("optim", ["auto", "adamw"])
def test_the_usual_one_is_adamw_with_the_configs_numbers(optim: str) -> None:
    section = TrainSection.model_validate({"optim": optim, "learning_rate": 3e-4, "weight_decay": 0.1})
    optimizers.check(section, torch.device("cpu"))
    made = optimizers.make(section, [torch.nn.Parameter(torch.zeros(2))])
    assert type(made) is torch.optim.AdamW
    (group,) = made.param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (3e-4, 0.1, (0.9, 0.999))


@pytest.mark.parametrize("optim", ["adamw_8bit", "paged_adamw_8bit"])
def test_eight_bit_states_without_a_gpu_are_refused_before_the_model_is_loaded(
    tiny: Path, rows: Path, optim: str
) -> None:
    seen: list[ev.Event] = []
    with pytest.raises(ConfigError, match="needs an NVIDIA GPU") as caught:
        train(values(tiny, rows, train={"optim": optim}), lambda event, steering: seen.append(event))
    assert optim in caught.value.message
    assert "adamw" in caught.value.hint
    assert seen == []
    optimizers.check(TrainSection.model_validate({"optim": optim}), torch.device("cuda"))
