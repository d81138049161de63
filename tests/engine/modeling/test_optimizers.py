"""The optimizer is the one that was asked for, or an error before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.common.errors import ConfigError
from engine.config.schema import TrainSection
from engine.modeling import optimizers
from engine.runs import events as ev
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


def bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_the_states_that_are_tried_are_as_large_as_those_of_a_first_step() -> None:
    weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((64, 100), (3,), (5000,))]
    section = TrainSection.model_validate({"optim": "adamw"})
    optimizer = optimizers.make(section, weights)
    tried = optimizers.first_states(section, weights)
    assert optimizer.state == {}
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    assert bytes_of(tried) == bytes_of(moments)


def test_eight_bit_states_are_tried_with_their_scales() -> None:
    weights = [torch.nn.Parameter(torch.zeros(count)) for count in (40_000, 100, 4096)]
    section = TrainSection.model_validate({"optim": "adamw_8bit"})
    optimizer: Any = optimizers.make(section, weights)
    for index, weight in enumerate(weights):
        optimizer.init_state(optimizer.param_groups[0], weight, 0, index)
    kept = ("state1", "state2", "absmax1", "absmax2")
    made = [state[name] for state in optimizer.state.values() for name in kept if name in state]
    assert bytes_of(optimizers.first_states(section, weights)) == bytes_of(made)
    assert optimizers.first_states(TrainSection.model_validate({"optim": "paged_adamw_8bit"}), weights) == []
