"""Which attention a model computes with: what its class can, what this device does fast, and what the config names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig
from transformers.dynamic_module_utils import get_class_from_dynamic_module

from engine.common.errors import ConfigError, ModelError, TunedeckError
from engine.config.schema import ModelSection
from engine.distributed.device import Placement
from engine.machine.gpu_specs import Dtype, attention_kernel
from engine.messages.message import Message
from engine.modeling.kernels import cpu_attention, flash, repeated_heads
from engine.models.dims import from_folder

FIELD = "model.attn_implementation"
OWN = "eager"
"""The attention that comes with the model's own code."""
_DTYPES: dict[torch.dtype, Dtype] = {
    torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32"
}  # fmt: skip
_AUTOCAST: dict[str, Dtype] = {"bf16": "bfloat16", "fp16": "float16"}
"""What attention computes in where accelerate's mixed precision is on."""


@dataclass(frozen=True)
class Choices:
    """Names of attention to load a model with, the best first; each later one is for where those before fail.

    ``told``: what is to be said of what is installed and can't be used.
    """

    names: list[str]
    told: list[Message] = field(default_factory=list)


def choices(folder: Path, section: ModelSection, placement: Placement) -> Choices:
    """What to load the model in ``folder`` with.

    Raises ConfigError for attention that is named and that the model's class does not have.
    """
    kind = model_class(folder, section.trust_remote_code)
    named = section.attn_implementation
    if named != "auto":
        _check_named(named, kind)
        by_gpu = _ours(folder, kind, placement) if named == "sdpa" and placement.device.type == "cuda" else []
        return Choices([*by_gpu, named])  # torch's own, or what has to be done for its better kernel
    names, told = _flash(folder, kind, placement)
    if getattr(kind, "_supports_sdpa", False) and not _caps_its_scores(folder):
        names += [*_ours(folder, kind, placement), "sdpa"]
    return Choices([*names, OWN], told)  # its own last: no fused kernel may compute what it computes


def planned(folder: Path, section: ModelSection, placement: Placement) -> str:
    """What ``attn_implementation`` stands for in a plan: ``auto`` for the device's usual attention, else its name."""
    try:
        first = choices(folder, section, placement).names[0]
    except (TunedeckError, OSError, ValueError):
        return section.attn_implementation  # loading says it better
    if flash.is_flash(first):
        return flash.PACKAGE
    return OWN if first == OWN else section.attn_implementation


def _flash(folder: Path, kind: type[Any], placement: Placement) -> tuple[list[str], list[Message]]:
    """Installed flash attention that passed its test on this card, and what is to be told of such that did not."""
    if placement.device.type != "cuda" or _dtype(placement) == "float32":
        return [], []
    told: list[Message] = []
    for name in flash.installed(kind):
        trouble = flash.trouble(name, placement.device, getattr(torch, _dtype(placement)), _head_width(folder))
        if not trouble:
            return [name], told
        told.append(Message("events.flash-fails", name=name, reason=trouble))
    return [], told


def _ours(folder: Path, kind: type[Any], placement: Placement) -> list[str]:
    """Our own kernel for this device, where torch's by itself would be slow or take much memory; none for other classes
    than those that take any."""
    if not takes_any(kind):
        return []
    if placement.device.type == "cpu":
        return [cpu_attention.register()]
    capability = torch.cuda.get_device_capability(placement.device)
    kernel = attention_kernel(capability, _dtype(placement), head_width=_head_width(folder))
    return [repeated_heads.register()] if kernel == "efficient" else []


def _dtype(placement: Placement) -> Dtype:
    """What attention computes in."""
    return _AUTOCAST.get(placement.mixed_precision) or _DTYPES[placement.dtype]


def _head_width(folder: Path) -> int:
    try:
        return from_folder(folder).head_dim
    except ModelError:
        return 128  # the usual one; most others have the same kernels


def avoid_plans() -> None:
    """Keep torch from cuDNN's attention, which it prefers on H100 and newer.

    It makes a plan for every new shape, 40 to 400 ms each, and the micro-batches of a run have hundreds of shapes.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)


def model_class(folder: Path, trust_remote_code: bool) -> type[Any]:
    """The class that ``AutoModelForCausalLM`` makes of the model in ``folder``. Raises ModelError where it has none."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    remote = (getattr(config, "auto_map", None) or {}).get("AutoModelForCausalLM")
    if remote and trust_remote_code:
        found: type[Any] = get_class_from_dynamic_module(remote, str(folder))
        return found
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ModelError("modeling.no-text-model", folder=folder, type=config.model_type)
    kind = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    return kind[0] if isinstance(kind, tuple) else kind


def takes_any(kind: type[Any]) -> bool:
    """Whether models of class ``kind`` compute attention with whatever function is registered with transformers."""
    return bool(kind._can_set_attn_implementation())


def switched(model: Any, name: str) -> bool:
    """Let ``model`` compute with attention ``name`` from now on; False where it must be loaded with it."""
    if model.config._attn_implementation == name:
        return True
    if not takes_any(type(model)):
        return False
    model.set_attn_implementation(name)
    return True


def _check_named(named: str, kind: type[Any]) -> None:
    can = {"sdpa": "_supports_sdpa", "flash_attention_2": "_supports_flash_attn"}.get(named)
    if can is not None and not getattr(kind, can, False):
        raise ConfigError("modeling.attention-unsupported", model=kind.__name__, attention=named)


def _caps_its_scores(folder: Path) -> bool:
    """Whether attention's scores go through a soft cap (Gemma 2), as the memory estimate reads it too."""
    try:
        return from_folder(folder).softcapped_attention
    except ModelError:
        return False
