"""The tuned model beside its base on one batch: divergence and both losses, and the loss that holds it to the base.

One set of weights serves both: the base is the model with its adapter off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.modeling.adapter_off import adapter_off
from engine.modeling.kernels.divergence import head_divergence
from engine.modeling.kernels.head import Head
from engine.modeling.kernels.loss import SupervisedLoss, head_loss, hidden_states


class BaseRegularisedLoss(SupervisedLoss):
    """``SupervisedLoss`` plus ``beta`` times KL(base || tuned) over the same tokens with the same weights.

    The base sees the rows without noise and without dropout. Out of training the loss is the plain one.
    """

    def __init__(
        self, model: nn.Module, head: Head | None = None, noise_alpha: float | None = None, beta: float = 0.0
    ) -> None:
        super().__init__(model, head, noise_alpha)
        self.beta = beta

    def forward(
        self, input_ids: Tensor, positions: Tensor, targets: Tensor, weights: Tensor | None = None,
        position_ids: Tensor | None = None, row_starts: Tensor | None = None, longest_row: int = 0,
        drawn: Sequence[tuple[int, int, int]] = (),
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """As ``SupervisedLoss.forward``; each token's own loss is its cross-entropy alone."""
        packed = (position_ids, row_starts, longest_row)
        if not self.training:
            return super().forward(input_ids, positions, targets, weights, *packed, drawn)
        # The base first: of its pass only the states of the supervised tokens are left beside the tuned model's.
        base = base_states(self.model, input_ids, positions, *packed)
        hidden = self.states(input_ids, positions, *packed, drawn)
        head = self.output_head()
        total, losses = head_loss(hidden, head, targets, self.head.form, weights)
        divergence, _ = head_divergence(hidden, base, head, base_head(self.model, head), self.head.form, weights)
        return total + self.beta * divergence, losses


@dataclass(frozen=True)
class Beside:
    """Of N positions, each (N,) float32: KL(base || tuned) in nats, and the losses of both."""

    divergence: Tensor
    loss: Tensor
    base_loss: Tensor


@torch.no_grad()
def beside_base(net: SupervisedLoss, inputs: Sequence[Any], base: Tensor) -> Beside:
    """``net`` on ``Batch.inputs``, beside the states (N, h) of its base there, as ``base_states`` gave them."""
    input_ids, positions, targets, _, *packed, _ = inputs
    with evaluated(net):
        hidden = net.states(input_ids, positions, *packed)
        head = net.output_head()
        own = base_head(net.model, head)
        _, divergence = head_divergence(hidden, base, head, own, net.head.form)
        _, loss = head_loss(hidden, head, targets, net.head.form)
        _, base_loss = head_loss(base, own or head, targets, net.head.form)
    return Beside(divergence, loss, base_loss)


@torch.no_grad()
def base_states(
    model: nn.Module, input_ids: Tensor, positions: Tensor, position_ids: Tensor | None = None,
    row_starts: Tensor | None = None, longest_row: int = 0,
) -> Tensor:  # fmt: skip
    """Last hidden states (N, h) of the base of ``model`` at ``positions``, as it answers: nothing is dropped."""
    with evaluated(model), adapter_off(model):
        hidden = hidden_states(model, input_ids, position_ids, row_starts, longest_row)
    return hidden.reshape(-1, hidden.shape[-1]).index_select(0, positions)


def base_head(model: nn.Module, head: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor] | None:
    """The head as the base has it, None where that is the very same."""
    if type(head) is nn.Linear and not head.weight.requires_grad:
        return None

    def without_adapter(hidden: Tensor) -> Tensor:
        with adapter_off(model):
            return head(hidden)

    return without_adapter


@contextmanager
def evaluated(net: nn.Module) -> Iterator[None]:
    """Inside, ``net`` and all its parts are in evaluation; afterwards each is as it was."""
    trained = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in trained:
            module.training = True
