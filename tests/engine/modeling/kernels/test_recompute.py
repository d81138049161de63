"""Recomputed layers keep the random state where something draws from it, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from engine.modeling.kernels.recompute import draws_numbers, recompute_layers


def model_with(tiny: Path, **lora: Any) -> Any:
    base = AutoModelForCausalLM.from_pretrained(tiny)
    return get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", **lora))


def preserves(model: Any) -> bool:
    recompute_layers(model.get_base_model())
    layer = model.get_base_model().model.layers[0]
    found: bool = layer._gradient_checkpointing_func.keywords["preserve_rng_state"]
    return found


def test_without_dropout_no_random_state_is_kept(tiny: Path) -> None:
    assert not preserves(model_with(tiny))


def test_dropout_of_the_adapter_is_the_same_when_recomputed(tiny: Path) -> None:
    model = model_with(tiny, lora_dropout=0.3)
    ids = torch.arange(12).view(1, -1)

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        model.train()(input_ids=ids, labels=ids).loss.backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = gradients()
    assert preserves(model)
    for found, wanted in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(("name", "value", "drawn"), [
    ("attention_dropout", 0.1, True), ("attention_dropout", 0.0, False), ("router_jitter_noise", 0.01, True),
    ("dropout_rate", 1e-3, True), ("rope_theta", 1e4, False),
])  # fmt: skip
def test_chance_that_a_layer_keeps_as_a_number_is_found(name: str, value: float, drawn: bool) -> None:
    module = torch.nn.Linear(2, 2)
    setattr(module, name, value)
    assert draws_numbers(torch.nn.Sequential(module)) is drawn


def test_code_that_came_with_a_model_may_draw() -> None:
    kind = type("Layer", (torch.nn.Linear,), {"__module__": "transformers_modules.somebody.modeling"})
    assert draws_numbers(torch.nn.Sequential(kind(2, 2)))
