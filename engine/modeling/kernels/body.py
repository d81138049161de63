"""The part of a causal language model that makes hidden states of tokens."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedModel


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
