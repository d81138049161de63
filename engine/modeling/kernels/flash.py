"""An installed flash attention, taken by itself only after it has computed forward and backward on this very card.

That a package is there says nothing of the card: its binary may lack the card's kernels. Nothing is downloaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from huggingface_hub import constants
from torch import Tensor, nn
from transformers.integrations.flash_attention import flash_attention_forward
from transformers.modeling_flash_attention_utils import lazy_import_flash_attention
from transformers.utils import is_flash_attn_2_available
from transformers.utils.import_utils import is_kernels_available

from engine.common.errors import own_words
from engine.messages.message import Message
from engine.modeling.kernels.head import body_of

PACKAGE, HUB_KERNEL = "flash_attention_2", "kernels-community/flash-attn2"
_LENGTHS = (9, 15)
_APART = 0.05
"""Of the largest number, in 16 bit."""


def is_flash(name: str) -> bool:
    """Whether attention ``name`` takes rows that lie end to end one by one, by their lengths."""
    return "flash" in name


def takes_lengths(base: Any) -> bool:
    """Whether ``base`` computes with flash attention and hands on what its body is given to it."""
    if not is_flash(base.config._attn_implementation):
        return False
    parameters = inspect.signature(type(body_of(base)).forward).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def installed(kind: type[Any]) -> list[str]:
    """Names of flash attention on this machine that models of class ``kind`` can be loaded with."""
    names = [PACKAGE] if is_flash_attn_2_available() else []
    if is_kernels_available() and _is_cached(HUB_KERNEL):
        names.append(HUB_KERNEL)
    # For some families (GPT-OSS) transformers would take, and download, another one.
    only = getattr(kind, "_compatible_flash_implementations", None)
    return [
        name for name in names if getattr(kind, "_supports_flash_attn", False) and (only is None or name in only)
    ]  # fmt: skip


@cache
def trouble(name: str, device: torch.device, dtype: torch.dtype, head_width: int) -> Message | None:
    """Why flash attention ``name`` can't be used there; None once it computed two rows rightly, both ways."""
    generator = torch.Generator(device).manual_seed(0)
    inputs = [
        torch.randn(1, heads, sum(_LENGTHS), head_width, generator=generator, device=device).to(dtype).requires_grad_()
        for heads in (4, 2, 2)
    ]
    try:
        with _offline():
            lazy_import_flash_attention(name)
            found = _both_ways(_by_flash(name, *inputs), inputs)
        expected = _both_ways(_row_by_row(*inputs), inputs)
        apart = max(
            float((ours - right).abs().max() / right.abs().max()) for ours, right in zip(found, expected, strict=True)
        )
    except Exception as error:  # binaries for other cards, drivers or torches fail in many ways
        return Message.literal(f"{type(error).__name__}: {own_words(error)}")
    return None if apart <= _APART else Message("modeling.fault-apart", share=apart)


def _both_ways(output: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The output and the gradients of the inputs, in float32."""
    gradients = torch.autograd.grad(output.float().square().sum(), inputs)
    return [tensor.detach().float() for tensor in (output, *gradients)]


def _by_flash(name: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(1, tokens, heads, width) by the way that transformers takes it in training."""
    module: Any = nn.Module()
    module.config, module.is_causal = SimpleNamespace(_attn_implementation=name), True
    starts = torch.tensor([0, *np.cumsum(_LENGTHS)], dtype=torch.int32, device=query.device)
    lengths: dict[str, Any] = {"cu_seq_lens_q": starts, "cu_seq_lens_k": starts}
    lengths |= {"max_length_q": max(_LENGTHS), "max_length_k": max(_LENGTHS)}
    found: Tensor = flash_attention_forward(module, query, key, value, None, **lengths)[0]
    return found


def _row_by_row(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same by torch."""
    heads = (query, key.repeat_interleave(2, 1), value.repeat_interleave(2, 1))
    rows = zip(*(part.split(_LENGTHS, 2) for part in heads), strict=True)
    each = [nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True) for q, k, v in rows]
    return torch.cat(each, 2).transpose(1, 2)


def _is_cached(repository: str) -> bool:
    return any(Path(constants.HF_HUB_CACHE).glob(f"*--{repository.replace('/', '--')}/snapshots/*"))


@contextmanager
def _offline() -> Iterator[None]:
    """The hub is not asked, whatever a library would like to look up there."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
