"""Liger's GPU kernels for norms, rope and SwiGLU, where the library is installed and its kernels pass a trial.

The library knows which of its kernels belong to which model. They are put on the loaded model with its adapter, and
stay when a short forward and backward pass comes out as before: a kernel that can't be compiled on this card, or that
reads weights past an adapter, is taken off again. The loss stays this project's own, which never keeps all logits.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.common.errors import ConfigError, MachineError, own_words
from engine.config.schema import TrainSection
from engine.messages.message import Message
from engine.modeling.kernels.loss import hidden_states
from engine.modeling.out_of_memory import is_out_of_memory

FIELD = "train.use_liger_kernel"
_ROWS, _TOKENS = 2, 24
_CLOSE = 0.05
"""Of hidden states and gradients, this much may be rounding: 16-bit models show 0.01 to 0.02."""
_replaced: list[tuple[Any, dict[str, Any]]] = []
"""transformers' modules, and what kernels that stay have replaced in each."""


def check(section: TrainSection, device: torch.device) -> None:
    """Raise ConfigError or MachineError where kernels that are asked for can't be had; before a model is loaded."""
    if section.use_liger_kernel is not True:
        return
    if device.type != "cuda":
        raise ConfigError("modeling.liger-needs-gpu")
    if importlib.util.find_spec("liger_kernel") is None:
        raise MachineError("modeling.liger-missing")


def install(model: Any, section: TrainSection, device: torch.device) -> tuple[bool, Message | None]:
    """Put Liger's kernels on ``model`` (an adapter on a transformers model) if they work; whether they do, and why not.

    The reason is None where nobody expects them: switched off, no GPU, not installed. Raises MachineError where they
    are asked for and don't work. Running out of memory is left to the caller.
    """
    if section.use_liger_kernel is False or device.type != "cuda" or importlib.util.find_spec("liger_kernel") is None:
        return False, None
    fault = _fault(model)
    if fault and section.use_liger_kernel is True:
        raise MachineError("modeling.liger-unusable", fault=fault)
    return not fault, Message("events.liger-fails", reason=fault) if fault else None


def forget() -> None:
    """Give transformers' modules back what was there, as the library puts some kernels into those for every model.

    The next model of this process may be on the CPU, or have biases that the library's layers are made without.
    """
    for source, kept in _replaced:
        vars(source).update(kept)
    _replaced.clear()


def told_of_change(settings: Mapping[str, Any], used: bool) -> Iterator[Message]:
    """What to say where a run goes on with other kernels than its ``settings`` say it began with."""
    before = settings.get(FIELD, used)
    if before != used:
        yield Message("events.liger-off" if before else "events.liger-on")


def _fault(model: Any) -> Message | None:
    """None if the kernels are on ``model`` and compute what it computed before; else why they are off again."""
    base = model.get_base_model()
    before = _trial(model)
    with _taken_back_unless_good(base) as outcome:
        try:
            from liger_kernel.transformers import _apply_liger_kernel_to_instance as apply

            apply(model=base, cross_entropy=False, fused_linear_cross_entropy=False)
            if not outcome.changed():
                return Message("modeling.liger-has-none", type=base.config.model_type)
            after = _trial(model)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            return Message("modeling.liger-raises", kind=type(error).__name__, reason=own_words(error, 200))
        outcome.good = _same(before, after)
    if outcome.good:
        _replaced.extend(outcome.replaced())
    return None if outcome.good else Message("modeling.liger-differs")


def _trial(model: Any) -> list[Tensor | None]:
    """Hidden states of short rows, and the gradient of every trained weight; None where there is none."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    embeddings = model.get_input_embeddings().weight
    ids = (torch.arange(_ROWS * _TOKENS, device=embeddings.device) * 37 + 11) % embeddings.shape[0]
    was_training = model.training
    model.eval()
    try:
        with torch.enable_grad():
            hidden = hidden_states(model, ids.view(_ROWS, _TOKENS)).float()
            push = torch.linspace(-1, 1, hidden.numel(), device=hidden.device).view_as(hidden)
            gradients = torch.autograd.grad((hidden * push).sum(), weights, allow_unused=True)
    finally:
        model.train(was_training)
    return [hidden.detach(), *gradients]


def _same(before: list[Tensor | None], after: list[Tensor | None]) -> bool:
    """Whether the same weights have a gradient, and hidden states and gradients are equal but for rounding."""
    if [each is None for each in before] != [each is None for each in after]:
        return False
    (hidden, *gradients), (new_hidden, *new_gradients) = before, after
    return _close([hidden], [new_hidden]) and _close(gradients, new_gradients)


def _close(before: list[Tensor | None], after: list[Tensor | None]) -> bool:
    pairs = [(one, two) for one, two in zip(before, after, strict=True) if one is not None and two is not None]
    apart = sum(float((one.float() - two.float()).square().sum()) for one, two in pairs)
    size = sum(float(one.float().square().sum()) for one, _ in pairs)
    return apart <= _CLOSE**2 * size  # not a number is not close


class _Outcome:
    """What the kernels are put on, as it was; ``good`` once they are to stay."""

    def __init__(self, base: nn.Module) -> None:
        self.good = False
        self._modules = [(module, dict(vars(module))) for module in base.modules()]
        self._sources = [
            (source, dict(vars(source))) for name, source in list(sys.modules.items())
            if name.startswith("transformers.models.") and source is not None
        ]  # fmt: skip

    def changed(self) -> bool:
        """Whether anything is other than it was."""
        return any(
            vars(owner).keys() != kept.keys() or any(vars(owner)[name] is not kept[name] for name in kept)
            for owner, kept in [*self._modules, *self._sources]
        )

    def replaced(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Of transformers' own modules, what was there and is there no more."""
        for source, kept in self._sources:
            names = [name for name in kept if vars(source).get(name) is not kept[name]]
            if names:
                yield source, {name: kept[name] for name in names}

    def take_back(self) -> None:
        """Put everything back."""
        for owner, kept in [*self._modules, *self._sources]:
            present = vars(owner)
            for name in present.keys() - kept.keys():
                del present[name]
            present.update(kept)


@contextmanager
def _taken_back_unless_good(base: nn.Module) -> Iterator[_Outcome]:
    outcome = _Outcome(base)
    try:
        yield outcome
    finally:
        if not outcome.good:
            outcome.take_back()
