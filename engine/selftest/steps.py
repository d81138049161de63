"""Whether a step's losses and gradients are right here: every way to compute one against float32 on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from engine.machine.selftest_result import Check
from engine.messages.message import Message
from engine.modeling.batches import cut
from engine.modeling.kernels.known_rows import rows_known
from engine.modeling.kernels.packing import parts_rows
from engine.modeling.peft import LoraLayer
from engine.selftest.trial import Trial
from engine.training.prepare import Built

_CPU = torch.device("cpu")
_BOUNDS = {torch.float32: 1e-3, torch.float16: 0.01, torch.bfloat16: 0.05}
"""How far gradients may be from those in float32, relative to their length: some times the rounding of the dtype."""
_SCALE = 1024.0
"""Of the loss, as a run in float16 scales it: its smallest gradients would lose digits, and be no fault of the card."""
_INT8_BOUND = 0.2
"""LLM.int8 rounds activations to 8 bits too."""


@dataclass(frozen=True)
class Way:
    """How a step is computed."""

    dtype: torch.dtype
    quantization: str = "none"
    recompute: bool = False
    packed: bool = False
    lean: bool = True

    @property
    def name(self) -> Message:
        parts: list[str | Message] = [str(self.dtype).removeprefix("torch.")]
        parts += [self.quantization] if self.quantization != "none" else []
        parts += [Message("selftest.recomputed")] if self.recompute else []
        parts += [Message("selftest.packed")] if self.packed else []
        parts += [] if self.lean else [Message("selftest.by-peft")]
        return Message("selftest.step", parts=parts)


def ways(device: torch.device) -> list[Way]:
    """Every dtype and quantization that a run may choose on ``device``, and each kernel of ours beside its rival."""
    is_gpu = device.type == "cuda"
    has_bf16 = not is_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    best = torch.bfloat16 if has_bf16 else torch.float16
    dtypes = [torch.float32, *([torch.bfloat16] if has_bf16 else []), *([torch.float16] if is_gpu else [])]
    return [
        *(Way(dtype) for dtype in dtypes),
        Way(best, recompute=True), Way(best, packed=True), Way(best, lean=False),
        Way(best, "nf4"), Way(best, "nf4", recompute=True),
        *([Way(best, "int8")] if is_gpu else []),
    ]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """The loss a token, and all gradients of the adapter as one float32 vector on the CPU."""

    loss: float
    gradients: torch.Tensor


def check_step(trial: Trial, way: Way) -> Iterator[Check]:
    """One step as ``way`` says on the trial's device, beside the same on the CPU in float32."""
    bound = _INT8_BOUND if way.quantization == "int8" else _BOUNDS[way.dtype]
    expected = Message("selftest.as-float32", bound=bound)
    built = trial.built(way.dtype, way.quantization, way.recompute)
    if way.packed and not parts_rows(built.model):
        yield Check(way.name, expected, Message("selftest.not-tried"), "skipped", Message("selftest.no-packing"))
        return
    if not way.lean:
        _as_peft(built.model)
    found = _step(trial, built, trial.device, way.packed)
    weights = _weights(built.model) if way.quantization != "none" else {}
    del built
    reference = trial.built(torch.float32, "none", device=_CPU)
    _replace(reference.model, weights)
    right = _step(trial, reference, _CPU, packed=False)
    loss = abs(found.loss - right.loss) / right.loss
    apart = float((found.gradients - right.gradients).norm() / right.gradients.norm())
    passed = loss <= bound and apart <= bound  # a number that is not finite is not
    yield Check(
        way.name, expected, Message("selftest.step-apart", loss=loss, gradients=apart),
        "passed" if passed else "failed", Message("selftest.step-advice"),
    )  # fmt: skip


def _step(trial: Trial, built: Built, device: torch.device, packed: bool) -> Step:
    built.net.train()
    batches = cut(trial.examples(), 100_000, pad_id=0, packed=packed)
    total, tokens = 0.0, sum(batch.supervised_tokens for batch in batches)
    for batch in batches:
        with rows_known(packed):
            loss, _ = built.net(*batch.inputs(device))
            (loss * _SCALE / tokens).backward()
        total += float(loss.detach())
    trained = sorted((name, each) for name, each in built.model.named_parameters() if each.requires_grad)
    gradients = torch.cat([each.grad.float().cpu().reshape(-1) for _, each in trained if each.grad is not None])
    return Step(total / tokens, gradients / _SCALE)


def _as_peft(model: Any) -> None:
    """Give the LoRA layers PEFT's own forward back."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.__dict__.pop("forward", None)


def _weights(model: Any) -> dict[str, torch.Tensor]:
    """The quantized weights as they are read in a product, by the module's name."""
    import bitsandbytes as bnb

    found = {}
    for name, module in model.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            found[name] = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).float().cpu()
        elif isinstance(module, bnb.nn.Linear8bitLt):
            held = module.state if module.state.CB is not None else module.weight
            found[name] = (held.CB.float() * held.SCB.float().unsqueeze(1) / 127).cpu()
    return found


def _replace(model: Any, weights: dict[str, torch.Tensor]) -> None:
    for name, weight in weights.items():
        model.get_submodule(name).weight.data.copy_(weight)
