"""From hidden states to logits: the factor and the cap a model puts on them, or the model's own way there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

_FACTOR = re.compile(r"(logits?|lm_head|output)_(scal(e|ing)|multiplier)$")
_CAP = re.compile(r"(final_logits?|logits?)_soft_?cap(ping)?$")


@dataclass(frozen=True)
class LogitForm:
    """What becomes of a head's output z: ``cap · tanh(scale · z / cap)``, or ``scale · z`` without a cap."""

    scale: float = 1.0
    cap: float | None = None

    def of(self, logits: Tensor) -> Tensor:
        """``logits`` (N, V) of the head alone, as the model would return them."""
        logits = logits * self.scale
        return logits if self.cap is None else self.cap * (logits / self.cap).tanh()


PLAIN = LogitForm()


class OwnHead:
    """The model's own way from hidden states to logits: its forward pass, given what its body would have answered.

    ``body`` is the module that its forward pass asks for hidden states, ``answer`` the type of what that returns. For
    models whose logits take another form than ``LogitForm``.
    """

    def __init__(self, base: Any, body: Any, answer: type[Any]) -> None:
        self.base, self.body, self.answer = base, body, answer

    def __call__(self, hidden: Tensor) -> Tensor:
        """Logits (N, V) of hidden states (N, h), differentiable."""
        given = self.answer(last_hidden_state=hidden[None])
        hooked = self.body.__dict__.get("forward")
        self.body.forward = lambda *args, **kwargs: given
        try:
            ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
            logits: Tensor = self.base(input_ids=ids, use_cache=False).logits[0]
        finally:
            if hooked is None:
                del self.body.forward
            else:
                self.body.forward = hooked
        return logits


@dataclass(frozen=True)
class Head:
    """How a model's logits are formed: by its output layer and ``form``, or by ``own`` where there is one."""

    form: LogitForm = PLAIN
    own: OwnHead | None = None


def logit_form(config: Any) -> LogitForm:
    """The likeliest form by a model's ``config``; ``engine.modeling.kernels.proof`` tries it on the loaded model."""
    return next(logit_forms(config))


def logit_forms(config: Any) -> Iterator[LogitForm]:
    """Every form that the fields of ``config`` allow, the likeliest first.

    Families name the same things differently, and one name means a factor here and a divisor there (``logits_scaling``
    of Granite and HyperCLOVA-X), so each factor is tried both ways.
    """
    fields = _numbers(config)
    scales = []
    for name, value in fields.items():
        if _FACTOR.match(name):
            scales += [1 / value, value] if name == "logits_scaling" else [value, 1 / value]
    caps = [value for name, value in fields.items() if _CAP.match(name)]
    for cap in (*caps, None):
        for scale in (*scales, 1.0):
            yield LogitForm(scale, cap)


def _numbers(config: Any) -> dict[str, float]:
    """The positive numbers among the fields of the text part of ``config``."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    fields: Mapping[str, Any] = text.to_dict() if hasattr(text, "to_dict") else vars(text)
    return {
        name: float(value)
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    }


def body_of(base: Any) -> Any:
    """The body of ``base``: what its class names as that, else the part that holds its input embeddings.

    Llama 4 names one that it does not have, and with a part for images has a whole language model there.
    """
    body = getattr(base, base.base_model_prefix, None)
    if body is not None:
        return body
    embeddings = base.get_input_embeddings()
    part = next(
        child for child in base.children()
        if isinstance(child, PreTrainedModel) and any(module is embeddings for module in child.modules())
    )  # fmt: skip
    return part if part.get_output_embeddings() is None else body_of(part)
