"""The one door by which a model's files become a model: what they lack is an error, what is left unread is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoModelForCausalLM

from engine.common.errors import ModelError
from engine.messages.message import Message
from engine.models.checks import incomplete

# Buffers that older files hold and every model computes by itself.
_COMPUTED = ("inv_freq", "position_ids", "masked_bias", "attn.bias", "attention.bias")


@dataclass(frozen=True)
class Loaded:
    """A model with all its weights, and what is to be said of what its files hold beside that."""

    model: Any
    told: tuple[Message, ...]


def load_model(folder: Path, **options: Any) -> Loaded:
    """``AutoModelForCausalLM.from_pretrained`` with its report read: nothing is left at random numbers.

    Raises ModelError naming the tensors that are missing or of another shape, and whatever transformers raises.
    """
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True, **options
    )
    mismatched = sorted(report["mismatched_keys"])
    if mismatched:
        raise _misshapen(folder, mismatched)
    missing = sorted(name for name in report["missing_keys"] if _matters(model, name))
    if missing:
        raise incomplete(folder, missing)
    _keep_differentiable(model)
    return Loaded(model, (*_unread(folder, report["unexpected_keys"]), *_untied(folder, model)))


def _misshapen(folder: Path, mismatched: Sequence[tuple[str, Sequence[int], Sequence[int]]]) -> ModelError:
    name, stored, wanted = mismatched[0]
    rows = "embed" in name or "lm_head" in name or "wte" in name
    code = "modeling.weights-misshapen-vocabulary" if rows else "modeling.weights-misshapen"
    return ModelError(
        code, folder=folder, tensor=name, stored=_by(stored), wanted=_by(wanted), more=len(mismatched) - 1,
        tokens=str(stored[0]),
    )  # fmt: skip


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _matters(model: Any, name: str) -> bool:
    """Whether a missing tensor leaves random numbers behind; buffers such as rotary frequencies are computed."""
    if not name.endswith(_COMPUTED):
        return True
    return name in dict(model.named_parameters())


def _unread(folder: Path, names: Sequence[str]) -> list[Message]:
    left = sorted(name for name in names if not name.endswith(_COMPUTED))
    if not left:
        return []
    return [Message("events.tensors-unread", folder=folder, first=left[0], tensors=len(left))]


def _untied(folder: Path, model: Any) -> list[Message]:
    """transformers keeps a head that the file stores with other numbers than the embeddings it should be tied to."""
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    tied = getattr(model.config.get_text_config(), "tie_word_embeddings", False)
    if not tied or head is None or head.weight is table.weight:
        return []
    return [Message("events.head-untied", folder=folder)]


def _keep_differentiable(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights on the CPU at the first evaluation, for good.

    The kernel for that packing has no backward pass: training would go on without the gradients of these layers. It
    also fails for widths that are no multiple of its blocks of 64.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
