"""The chunked loss is the plain cross-entropy: same sum, same tokens, same gradients, whatever the chunk."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.modeling.kernels import loss as loss_module
from engine.modeling.kernels.head import PLAIN, LogitForm, logit_form
from engine.modeling.kernels.loss import FusedHeadLoss, SupervisedLoss, head_loss
from tests.benchmarks.tensor_tracker import TensorTracker

HIDDEN, VOCABULARY = 16, 37


@dataclass
class Reference:
    """What torch's own cross-entropy gives."""

    total: Tensor
    per_token: Tensor
    grad_hidden: Tensor


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Hidden states (count, HIDDEN) that want a gradient, and targets (count,)."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, HIDDEN, generator=generator, requires_grad=True)
    return hidden, torch.randint(VOCABULARY, (count,), generator=generator)


def make_head(bias: bool = False, trained: bool = False) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(HIDDEN, VOCABULARY, bias=bias).requires_grad_(trained)


def reference(
    hidden: Tensor, head: nn.Module, targets: Tensor, scale: float = 1.0, softcap: float | None = None
) -> Reference:
    hidden = hidden.detach().requires_grad_()
    logits = head(hidden) * scale
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    per_token = nn.functional.cross_entropy(logits, targets, reduction="none")
    per_token.sum().backward()
    assert hidden.grad is not None
    return Reference(per_token.sum().detach(), per_token.detach(), hidden.grad)


def fused(
    hidden: Tensor, head: nn.Linear, targets: Tensor, chunk: int, scale: float = 1.0, softcap: float | None = None
) -> tuple[Tensor, Tensor]:
    result: tuple[Tensor, Tensor] = FusedHeadLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head.weight, head.bias, targets, chunk, scale, softcap
    )
    return result


@pytest.mark.parametrize(("count", "chunk"), [(1, 4), (3, 4), (4, 4), (5, 4), (8, 4), (13, 4), (7, 1), (6, 100)])
def test_every_cut_into_chunks_gives_the_plain_loss_and_gradient(count: int, chunk: int) -> None:
    hidden, targets = some(count)
    head = make_head()
    expected = reference(hidden, head, targets)
    total, per_token = fused(hidden, head, targets, chunk)
    total.backward()
    torch.testing.assert_close(total, expected.total)
    torch.testing.assert_close(per_token, expected.per_token)
    torch.testing.assert_close(hidden.grad, expected.grad_hidden)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("softcap", [None, 0.5, 30.0])
def test_bias_scale_and_soft_cap_are_those_of_the_plain_loss(bias: bool, scale: float, softcap: float | None) -> None:
    hidden, targets = some(11)
    head = make_head(bias)
    expected = reference(hidden, head, targets, scale, softcap)
    total, per_token = fused(hidden, head, targets, 4, scale, softcap)
    total.backward()
    torch.testing.assert_close(total, expected.total)
    torch.testing.assert_close(per_token, expected.per_token)
    torch.testing.assert_close(hidden.grad, expected.grad_hidden)


@pytest.mark.parametrize(("softcap", "bytes_per_logit"), [(None, 6), (2.0, 8)])
def test_the_peak_holds_one_chunk_of_logits(softcap: float | None, bytes_per_logit: int) -> None:
    chunk, vocabulary = 32, 4000
    hidden = torch.zeros(4 * chunk, 2, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.zeros(vocabulary, 2, dtype=torch.bfloat16)
    targets = torch.zeros(4 * chunk, dtype=torch.long)
    with TensorTracker() as tracker:
        FusedHeadLoss.apply(hidden, weight, None, targets, chunk, 1.0, softcap)  # type: ignore[no-untyped-call]
    assert tracker.peak == pytest.approx(bytes_per_logit * chunk * vocabulary, rel=0.05)


def test_the_gradient_is_weighed_by_what_comes_after_the_loss() -> None:
    hidden, targets = some(6)
    head = make_head()
    expected = reference(hidden, head, targets)
    total, _ = fused(hidden, head, targets, 4)
    (total / 17).backward()
    torch.testing.assert_close(hidden.grad, expected.grad_hidden / 17)


@pytest.mark.parametrize("trained", [False, True])
def test_no_supervised_token_is_a_loss_of_zero(trained: bool) -> None:
    hidden, targets = some(0)
    total, per_token = head_loss(hidden, make_head(trained=trained), targets)
    total.backward()
    assert total.item() == 0.0
    assert per_token.shape == (0,)
    assert hidden.grad is not None
    assert hidden.grad.shape == (0, HIDDEN)


def test_logits_far_beyond_the_range_of_exp_stay_finite() -> None:
    hidden, targets = some(5)
    head = make_head()
    with torch.no_grad():
        head.weight.mul_(1e4)
    expected = reference(hidden, head, targets)
    total, _ = fused(hidden, head, targets, 2)
    torch.testing.assert_close(total, expected.total)
    assert total.isfinite()


def test_bfloat16_logits_are_summed_in_float32() -> None:
    hidden, targets = some(200)
    head = make_head()
    expected = reference(hidden, head, targets)
    narrow = hidden.detach().to(torch.bfloat16).requires_grad_()
    total, per_token = fused(narrow, make_head().to(torch.bfloat16), targets, 64)
    total.backward()
    assert per_token.dtype == total.dtype == torch.float32
    assert total.item() == pytest.approx(expected.total.item(), rel=2e-3)
    assert narrow.grad is not None
    torch.testing.assert_close(narrow.grad.float(), expected.grad_hidden, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_a_trained_head_gets_the_plain_gradients(
    monkeypatch: pytest.MonkeyPatch, count: int, softcap: float | None
) -> None:
    monkeypatch.setitem(loss_module.CHUNK_POSITIONS, "cpu", 4)
    hidden, targets = some(count)
    plain_head, head = make_head(bias=True, trained=True), make_head(bias=True, trained=True)
    expected = reference(hidden, plain_head, targets, 0.5, softcap)
    total, per_token = head_loss(hidden, head, targets, LogitForm(0.5, softcap))
    total.backward()
    torch.testing.assert_close(total.detach(), expected.total)
    torch.testing.assert_close(per_token, expected.per_token)
    torch.testing.assert_close(hidden.grad, expected.grad_hidden)
    torch.testing.assert_close(head.weight.grad, plain_head.weight.grad)
    torch.testing.assert_close(head.bias.grad, plain_head.bias.grad)


class WrappedHead(nn.Linear):
    """As PEFT wraps a head: no longer a plain linear layer."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * 2


def test_a_wrapped_head_keeps_its_own_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loss_module.CHUNK_POSITIONS, "cpu", 4)
    hidden, targets = some(9)
    head = WrappedHead(HIDDEN, VOCABULARY)
    expected = reference(hidden, head, targets)
    expected_weight = head.weight.grad
    head.weight.grad = None
    total, _ = head_loss(hidden, head, targets)
    total.backward()
    torch.testing.assert_close(total.detach(), expected.total)
    torch.testing.assert_close(hidden.grad, expected.grad_hidden)
    torch.testing.assert_close(head.weight.grad, expected_weight)


def test_scale_and_soft_cap_come_from_the_models_config() -> None:
    assert logit_form(SimpleNamespace()) == PLAIN
    assert logit_form(SimpleNamespace(logit_scale=0.0625)) == LogitForm(0.0625)  # Cohere multiplies
    assert logit_form(SimpleNamespace(logits_scaling=8.0)) == LogitForm(0.125)  # Granite divides
    assert logit_form(SimpleNamespace(final_logit_softcapping=30.0)) == LogitForm(cap=30.0)  # Gemma 2
    assert logit_form(SimpleNamespace(attn_logit_softcapping=30.0, router_logits_scaling=2.0)) == PLAIN
    text = SimpleNamespace(final_logit_softcapping=20.0)
    assert logit_form(SimpleNamespace(get_text_config=lambda: text)) == LogitForm(cap=20.0)


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    return model.requires_grad_(False)  # type: ignore[no-any-return]


def test_a_whole_model_gives_the_losses_of_its_own_forward(llama: LlamaForCausalLM) -> None:
    """Padding on the right, without a mask, changes nothing before it."""
    ids = torch.tensor([[1, 2, 3, 4, 5, 6], [7, 8, 9, 0, 0, 0]])
    labels = torch.tensor([[-100, -100, 3, 4, 5, 6], [-100, 8, 9, -100, -100, -100]])
    positions = torch.tensor([1, 2, 3, 4, 6, 7])
    total, per_token = SupervisedLoss(llama)(ids, positions, labels[:, 1:][labels[:, 1:] >= 0])
    mask = torch.tensor([[1] * 6, [1] * 3 + [0] * 3])
    expected = llama(input_ids=ids, attention_mask=mask, labels=labels).loss
    torch.testing.assert_close(total / 6, expected)
    assert per_token.shape == (6,)


def test_an_adapter_around_the_model_is_part_of_the_loss(llama: LlamaForCausalLM) -> None:
    ids, positions, targets = torch.tensor([[1, 2, 3]]), torch.tensor([0, 1]), torch.tensor([2, 3])
    plain, _ = SupervisedLoss(llama)(ids, positions, targets)
    torch.manual_seed(0)
    adapted = get_peft_model(llama, LoraConfig(target_modules=["q_proj"], init_lora_weights=False))
    try:
        total, _ = SupervisedLoss(adapted)(ids, positions, targets)
        total.backward()
        assert total.item() != pytest.approx(plain.item(), abs=1e-6)
        assert all(p.grad is not None for p in adapted.parameters() if p.requires_grad)
    finally:
        adapted.unload()
