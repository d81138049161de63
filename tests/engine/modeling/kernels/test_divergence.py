"""The chunked divergence is the plain KL(base || tuned): same sum, positions and gradient, whatever the chunk."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.modeling.adapter_off import adapter_off, has_adapter
from engine.modeling.kernels.divergence import FusedDivergence, head_divergence
from engine.modeling.kernels.head import LogitForm
from tests.benchmarks.tensor_tracker import TensorTracker

HIDDEN, VOCABULARY = 16, 37


def states(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    tuned = torch.randn(count, HIDDEN, generator=generator, requires_grad=True)
    return tuned, tuned.detach() + 0.5 * torch.randn(count, HIDDEN, generator=generator)


def plain(
    tuned: Tensor, base: Tensor, head: nn.Module, form: LogitForm, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What torch's own KL and autograd give: each position's divergence, and the gradient of their weighted sum."""
    tuned = tuned.detach().requires_grad_()
    log_q, log_p = form.of(head(tuned)).log_softmax(1), form.of(head(base)).log_softmax(1)
    each = nn.functional.kl_div(log_q, log_p.detach(), log_target=True, reduction="none").sum(1)
    (each if weights is None else each * weights).sum().backward()
    assert tuned.grad is not None
    return each.detach(), tuned.grad


@pytest.mark.parametrize("chunk", [1, 4, 7, 100])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", [LogitForm(), LogitForm(0.25), LogitForm(1.0, 3.0), LogitForm(2.0, 0.5)])
def test_every_cut_into_chunks_gives_torchs_own_divergence_and_gradient(
    chunk: int, bias: bool, form: LogitForm
) -> None:  # fmt: skip
    torch.manual_seed(1)
    head = nn.Linear(HIDDEN, VOCABULARY, bias=bias).requires_grad_(False)
    tuned, base = states(7)
    weights = torch.linspace(0.2, 2.0, 7)
    each, grad = plain(tuned, base, head, form, weights)
    total, found = FusedDivergence.apply(tuned, base, head.weight, head.bias, chunk, form, weights)  # type: ignore[no-untyped-call]
    (total * 3.0).backward()
    torch.testing.assert_close(found, each, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(total.detach(), (each * weights).sum(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tuned.grad, 3.0 * grad, atol=1e-5, rtol=1e-5)


def test_a_head_that_is_trained_gets_its_gradient_too() -> None:
    torch.manual_seed(1)
    head, old = nn.Linear(HIDDEN, VOCABULARY), nn.Linear(HIDDEN, VOCABULARY).requires_grad_(False)
    tuned, base = states(70)
    total, each = head_divergence(tuned, base, head, old)
    total.backward()
    mine, weight_grad = tuned.grad, head.weight.grad
    tuned.grad, head.weight.grad = None, None
    log_q, log_p = head(tuned).log_softmax(1), old(base).log_softmax(1)
    expected = nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(1)
    expected.sum().backward()
    torch.testing.assert_close(each, expected.detach(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mine, tuned.grad, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weight_grad, head.weight.grad, atol=1e-5, rtol=1e-5)


def test_equal_states_do_not_diverge_and_no_position_gives_nothing() -> None:
    head = nn.Linear(HIDDEN, VOCABULARY, bias=False).requires_grad_(False)
    tuned, _ = states(5)
    total, each = head_divergence(tuned, tuned.detach(), head)
    total.backward()
    assert total.item() == 0
    assert not each.any()
    assert tuned.grad is not None
    assert not tuned.grad.any()
    total, each = head_divergence(tuned[:0], tuned[:0].detach(), head)
    assert total.item() == 0
    assert each.shape == (0,)


def test_logits_of_a_long_row_never_stand_in_memory_as_a_whole() -> None:
    head = nn.Linear(HIDDEN, 4096, bias=False).requires_grad_(False)
    tuned, base = states(1024)
    with TensorTracker() as tracker:
        head_divergence(tuned, base, head)
    assert tracker.peak < 1024 * 4096 * 4 / 2


def make_model() -> nn.Module:
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1,
    )  # fmt: skip
    torch.manual_seed(0)
    return LlamaForCausalLM(config)


@pytest.mark.parametrize("whole", [None, ["lm_head"], ["embed_tokens"]])
@pytest.mark.parametrize("dora", [False, True])
def test_with_the_adapter_off_a_model_computes_as_its_base(whole: list[str] | None, dora: bool) -> None:
    ids = torch.randint(VOCABULARY, (2, 5))
    base = make_model()
    expected = base(input_ids=ids).logits
    settings = LoraConfig(target_modules="all-linear", r=2, modules_to_save=whole, use_dora=dora, task_type="CAUSAL_LM")
    model = get_peft_model(base, settings)
    assert has_adapter(model)
    assert not has_adapter(make_model())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    with_it = model(input_ids=ids).logits
    assert not torch.allclose(with_it, expected)
    with adapter_off(model):
        torch.testing.assert_close(model(input_ids=ids).logits, expected)
    torch.testing.assert_close(model(input_ids=ids).logits, with_it)
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == trained


def test_the_adapter_is_on_again_when_something_fails() -> None:
    model = get_peft_model(make_model(), LoraConfig(target_modules="all-linear", r=2))
    with pytest.raises(ValueError), adapter_off(model):
        raise ValueError
    assert not any(getattr(module, "_disable_adapters", False) for module in model.modules())
