"""Proved on the loaded model with a row of twelve tokens: attention is causal and the model's own, and so is the loss.

What a family computes is never taken from a list: a mask that a class ignores, an argument that a kernel does not know
or a factor under a new name would train something else without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from engine.common.errors import TunedeckError, own_words
from engine.messages.message import Message
from engine.modeling.kernels.attention import OWN, takes_any
from engine.modeling.kernels.head import PLAIN, Head, LogitForm, OwnHead, body_of, logit_forms
from engine.modeling.kernels.loss import hidden_states
from engine.modeling.out_of_memory import is_out_of_memory
from engine.modeling.randomness import unchanged

_LENGTH, _CHANGED = 12, 4
"""Tokens of the row, and of those at its end that are changed to see who sees them."""


@dataclass(frozen=True)
class _Bounds:
    """What may be rounding, as shares; medians over positions, so that a token routed to another expert is no fault.

    ``leak``: of what the change does where it is made, before it. ``apart``: two kernels that compute the same.
    """

    leak: float
    apart: float
    logits: float
    loss: float


_EXACT = _Bounds(1e-4, 1e-3, 1e-4, 1e-4)
_SIXTEEN = _Bounds(0.01, 0.2, 0.02, 0.05)
"""SmolLM2 of 30 layers in bfloat16: kernels 0.023 apart, and 1.1 without a causal mask, which leaks 0.74; a leak in one
layer alone shows 0.026."""
_EIGHT = _Bounds(0.3, 0.3, 0.1, 0.1)
"""Which activations int8 keeps in 16 bit depends on the whole row: 0.07 is seen before the change."""


def attention_fault(model: Any) -> Message | None:
    """What is wrong with the attention that ``model`` computes with now; None if nothing.

    It must be causal, and what the model's own code (eager) computes where the class lets one switch to that.
    Running out of memory is raised.
    """
    ids = _row(model)
    changed = ids.clone()
    changed[0, -_CHANGED:] = ids[0, :_CHANGED]
    try:
        with _quietly(model):
            found, other = _hidden(model, ids), _hidden(model, changed)
            own = _own(model, ids)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = error.reason if isinstance(error, TunedeckError) else own_words(error)
        return Message("modeling.fault-raises", reason=reason)
    if not bool(found.isfinite().all()):
        return Message("modeling.fault-not-finite")
    moved, bounds = (found - other).abs().mean(-1), _bounds(model)
    if not moved[:-_CHANGED].median() <= bounds.leak * moved[-_CHANGED:].median():
        return Message("modeling.fault-leaks")
    if own is not None and not _apart(found, own) <= bounds.apart:
        return Message("modeling.fault-differs")
    return None


def proved_head(model: Any) -> tuple[Head | None, float]:
    """How ``model`` forms its logits, and by how much its own loss of the row is more than the cross-entropy of those.

    None for the head if not even the model's own forward pass gives its logits back. Running out of memory is raised.
    """
    ids, bounds = _row(model), _bounds(model)
    with _quietly(model):
        output = model(input_ids=ids, labels=ids, use_cache=False)
        logits = output.logits[0].float()
        loss = nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
        extra = float(output.loss.float() - loss)
        if abs(extra) <= bounds.loss * (1 + float(loss)):
            extra = 0.0
        hidden = hidden_states(model, ids)[0]
        head = model.get_output_embeddings()
        raw = head(hidden.to(head.weight.dtype)).float()
        form = _fitting(raw, logits, model.config, bounds.logits)
        if form is not None:
            return Head(form), extra
        body = body_of(model)
        answer = type(body(input_ids=ids, use_cache=False))
        inner = [module for module in body.children() if isinstance(module, PreTrainedModel)]
        for asked in (body, *inner):  # OPT asks its body's decoder
            own = OwnHead(model, asked, answer)
            if _apart(own(hidden).float(), logits) <= bounds.logits:
                return Head(PLAIN, own), extra
    return None, extra


def _fitting(raw: Tensor, logits: Tensor, config: Any, bound: float) -> LogitForm | None:
    return next((form for form in logit_forms(config) if _apart(form.of(raw), logits) <= bound), None)


def _row(model: Any) -> Tensor:
    """(1, 12) token ids that differ; none that stands for something else than text, such as padding or an image."""
    weight = model.get_input_embeddings().weight
    text = model.config.get_text_config()
    named = {**model.config.to_dict(), **text.to_dict()}.items()
    special = {value for name, value in named if "token" in name and isinstance(value, int)}
    ids = (number % weight.shape[0] for number in range(11, 37 * weight.shape[0], 37))
    row = [each for each in dict.fromkeys(ids) if each not in special][:_LENGTH]
    return torch.tensor([row], device=weight.device)


def _hidden(model: Any, ids: Tensor) -> Tensor:
    return hidden_states(model, ids)[0].float()


def _own(model: Any, ids: Tensor) -> Tensor | None:
    """The row by the model's own attention; None where that can't be had beside the present one."""
    used = model.config._attn_implementation
    if used == OWN or not takes_any(type(model)):
        return None
    model.set_attn_implementation(OWN)
    try:
        return _hidden(model, ids)
    finally:
        model.set_attn_implementation(used)


def _apart(found: Tensor, expected: Tensor) -> float:
    """Difference of two (positions, width), as a share of how much ``expected`` spreads at a position."""
    spread = (expected - expected.mean(-1, keepdim=True)).abs().mean(-1)
    return float(((found - expected).abs().mean(-1) / spread).median())


def _bounds(model: Any) -> _Bounds:
    if getattr(model, "is_loaded_in_8bit", False):
        return _EIGHT
    rounds = model.device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
    return _EXACT if model.dtype == torch.float32 and not rounds else _SIXTEEN


@contextmanager
def _quietly(model: Any) -> Iterator[None]:
    """Nothing is drawn, no gradient is kept, and ``model`` goes on as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), unchanged():
            yield
    finally:
        model.train(was_training)
