"""Weights trained whole are float32 over a 16-bit base: small updates arrive, and all else computes as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from engine.modeling.kernels import lora_kernel
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.kernels.trained_copies import keep_in_float32

IDS = torch.arange(12).view(1, -1)


def model_of(tiny: Path, dtype: torch.dtype = torch.bfloat16, **lora: Any) -> Any:
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=dtype).requires_grad_(False)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj"], **lora))
    lora_kernel.install(model)
    return model


def loss_of(model: Any) -> torch.Tensor:
    loss: torch.Tensor = SupervisedLoss(model)(IDS, torch.arange(11), IDS[0, 1:])[0]
    return loss


WHOLE = [["lm_head"], ["embed_tokens"], ["embed_tokens", "lm_head"], ["post_attention_layernorm"], ["mlp"]]


@pytest.mark.filterwarnings("ignore:Model has `tie_word")
@pytest.mark.parametrize("whole", WHOLE, ids="+".join)
@pytest.mark.parametrize("autocast", [False, True])
def test_loss_and_the_dtype_between_layers_stay(tiny: Path, whole: list[str], autocast: bool) -> None:
    model = model_of(tiny, modules_to_save=whole)
    expected = loss_of(model)
    assert keep_in_float32(model) > 0
    seen: set[torch.dtype] = set()
    for layer in model.get_base_model().model.layers:
        layer.register_forward_hook(lambda module, args, output: seen.add(output.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        found = loss_of(model)
    found.backward()
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=0)
    assert seen == {torch.bfloat16}
    trained = {p.dtype for p in model.parameters() if p.requires_grad}
    assert trained == {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


@pytest.mark.filterwarnings("ignore:Model has `tie_word")
def test_updates_too_small_for_bfloat16_add_up(tiny: Path) -> None:
    model = model_of(tiny, modules_to_save=["lm_head"])
    keep_in_float32(model)
    head = model.get_output_embeddings().modules_to_save["default"].weight
    before = head.detach().clone()
    optimizer = torch.optim.SGD([head], lr=1e-6)
    loss_of(model).backward()
    optimizer.step()
    moved = (head != before) | (head.grad == 0)
    assert float(moved.float().mean()) > 0.5
    rounded = before.bfloat16() != head.detach().bfloat16()
    assert float(rounded.float().mean()) < 0.01, "this step would have been lost"


@pytest.mark.filterwarnings("ignore:Model has `tie_word")
def test_an_answer_is_generated_and_the_adapter_opens_in_plain_peft(tiny: Path, tmp_path: Path) -> None:
    model = model_of(tiny, modules_to_save=["lm_head"])
    keep_in_float32(model)
    expected = model.eval().generate(input_ids=IDS, max_new_tokens=4, do_sample=False)
    model.save_pretrained(tmp_path)
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.bfloat16)
    plain = PeftModel.from_pretrained(base, tmp_path).eval()
    assert torch.equal(plain.generate(input_ids=IDS, max_new_tokens=4, do_sample=False), expected)


def test_over_a_base_in_float32_nothing_changes(tiny: Path) -> None:
    model = model_of(tiny, torch.float32, modules_to_save=["post_attention_layernorm"])
    assert keep_in_float32(model) == 0
    assert not any(module._forward_pre_hooks for module in model.get_base_model().model.layers.modules())
