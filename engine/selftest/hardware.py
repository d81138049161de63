"""Whether torch can compute on this GPU: driver and wheel, dtype, the attention it chooses, and no hidden waits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.common.errors import own_words
from engine.machine.gpu_specs import Dtype, attention_kernel, trained_dtype
from engine.machine.selftest_result import Check
from engine.machine.snapshot import Machine
from engine.messages.message import Message
from engine.modeling.batches import cut
from engine.modeling.kernels.proof import attention_fault
from engine.selftest.trial import Trial

_DTYPES: dict[Dtype, torch.dtype] = {
    "bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32
}  # fmt: skip
_BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION, "math": SDPBackend.MATH
}  # fmt: skip
_WIDTH = 64


def check_driver(trial: Trial, machine: Machine) -> Iterator[Check]:
    """That torch sees what the driver sees, and has kernels for it."""
    name, expected = Message("selftest.driver"), Message("selftest.every-gpu")
    seen = [str(gpu.name) for gpu in machine.gpus]
    if not machine.gpus:
        why = machine.no_gpu or Message("selftest.no-gpu")
        yield Check(name, expected, why, "skipped", Message("selftest.on-cpu"))
        return
    for gpu in machine.gpus:
        if gpu.unusable is not None:
            yield Check(name, expected, gpu.unusable.reason, "failed", gpu.unusable.advice)
            return
    if trial.device.type == "cpu":
        yield Check(name, expected, Message("selftest.unseen", gpus=seen), "failed", Message("selftest.see-doctor"))
        return
    found = Message("selftest.seen", gpus=seen, driver=machine.report.driver, torch=torch.__version__)
    yield Check(name, expected, found, "passed")


def check_dtype(trial: Trial) -> Iterator[Check]:
    """That what ``auto`` trains in is what the GPU multiplies in."""
    if trial.device.type == "cpu":
        return
    expected = trained_dtype(torch.cuda.get_device_capability())
    found = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    yield Check(
        Message("selftest.dtype"), Message.literal(expected), Message.literal(found),
        "passed" if found == expected else "failed", Message("selftest.set-dtype", setting=f'model.dtype = "{found}"'),
    )  # fmt: skip


def check_attention(trial: Trial) -> Iterator[Check]:
    """The attention of the loaded model, proved, and on a GPU the fused kernel for each dtype and kind of mask."""
    built = trial.built(torch.float32, "none")
    fault = attention_fault(built.base.model)
    name = built.base.model.config._attn_implementation
    yield Check(
        Message("selftest.model-attention"), Message("selftest.right-attention"),
        Message("selftest.attention-found", name=name, found=fault or Message("selftest.as-expected")),
        "failed" if fault else "passed",
        Message("selftest.set-attention", setting='model.attn_implementation = "eager"'),
    )  # fmt: skip
    del built
    if trial.device.type == "cpu":
        return
    capability = torch.cuda.get_device_capability()
    for dtype, masked in product(_DTYPES, (False, True)):
        if dtype == "bfloat16" and not torch.cuda.is_bf16_supported(including_emulation=False):
            continue
        expected = attention_kernel(capability, dtype, head_width=_WIDTH, masked=masked)
        found = next((name for name in _BACKENDS if _computes(name, _DTYPES[dtype], masked)), "none")
        yield Check(
            Message("selftest.attention-masked" if masked else "selftest.attention-in", dtype=dtype),
            Message("selftest.kernel", name=expected), Message("selftest.kernel", name=found),
            "passed" if found == expected else "failed", Message("selftest.other-kernel"),
        )  # fmt: skip


def _computes(backend: str, dtype: torch.dtype, masked: bool) -> bool:
    """Whether that kernel takes a forward and a backward pass of eight heads of 256 tokens."""
    q, k, v = (torch.randn(1, 8, 256, _WIDTH, device="cuda", dtype=dtype, requires_grad=True) for _ in range(3))
    mask = torch.ones(256, 256, device="cuda", dtype=torch.bool).tril() if masked else None
    try:
        with sdpa_kernel([_BACKENDS[backend]]):
            made = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, is_causal=not masked)
            made.sum().backward()
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return bool(made.isfinite().all())


def check_waits(trial: Trial) -> Iterator[Check]:
    """That the host waits for the GPU nowhere within a micro-batch: torch raises an error at the first place."""
    if trial.device.type == "cpu":
        return
    built = trial.built(torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16, "nf4", recompute=True)
    (batch, *_) = cut(trial.examples(), 100_000, pad_id=0)

    def pass_through() -> None:
        loss, _ = built.net(*batch.inputs(trial.device))
        loss.backward()

    pass_through()  # the first pass compiles and allocates, for which the host may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        pass_through()
        found = Message("selftest.no-wait")
    except RuntimeError as error:
        found = Message.literal(own_words(error, 200))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    yield Check(
        Message("selftest.waits"), Message("selftest.no-wait"), found,
        "passed" if found.code == "selftest.no-wait" else "failed", Message("selftest.slow"),
    )  # fmt: skip
