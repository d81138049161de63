"""Trains on a CUDA device that computes nothing and counts what a real one would be asked: ``GUARD.so`` in, JSON out.

The guard must be there before torch is imported, and stays for the life of a process: so this is one of its own. What
is counted is what goes through torch's dispatcher: kernels, copies, and reads that the host has to wait for.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

ctypes.CDLL(sys.argv[1])

import numpy as np  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, masking_utils  # noqa: E402

from engine.config.schema import RunConfig  # noqa: E402
from engine.data.mixing.mix import Shuffle  # noqa: E402
from engine.evaluation.heldout import batch_losses  # noqa: E402
from engine.modeling.batches import StepPlan, collate  # noqa: E402
from engine.modeling.kernels import fused_norm, lora_kernel  # noqa: E402
from engine.modeling.kernels.loss import SupervisedLoss  # noqa: E402
from engine.modeling.kernels.trained_copies import keep_in_float32  # noqa: E402
from engine.runs import events as ev  # noqa: E402
from engine.tokens.examples import Example  # noqa: E402
from engine.training import loop as loop_module  # noqa: E402
from engine.training.checkpoint import TrainerState  # noqa: E402
from tests.engine.training.bare_loop import bare_loop  # noqa: E402

SMALL = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 512,
}  # fmt: skip
DEVICE = torch.device("cuda", 0)
STEPS = 3
WAITS = {
    "_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique_dim", "_unique2", "bincount",
}  # fmt: skip
"""Operators whose answer the host reads, or whose result's size depends on numbers on the device."""
NO_KERNEL = (
    "view", "_unsafe_view", "t", "transpose", "expand", "slice", "select", "unsqueeze", "squeeze", "permute", "detach",
    "alias", "split", "split_with_sizes", "as_strided", "_reshape_alias", "unbind", "lift_fresh", "chunk", "empty",
    "empty_like", "empty_strided", "new_empty", "is_same_size", "is_pinned", "_pin_memory", "scalar_tensor",
)  # fmt: skip
"""Operators that only describe memory, or get some."""


class Count(TorchDispatchMode):
    """Counts while it is entered. ``waits`` and ``wrong`` say where in the project each happened."""

    def __init__(self) -> None:
        super().__init__()
        self.restart()

    def restart(self) -> None:
        self.kernels: Counter[str] = Counter()
        self.bytes = self.to_device = 0
        self.waits: list[str] = []
        self.wrong: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        namespace, _, name = func.name().partition("::")
        name = name.partition(".")[0]
        # What a result is written into is not read.
        read = {key: value for key, value in kwargs.items() if key != "out"}
        given = [leaf for leaf in tree_leaves((args, read)) if isinstance(leaf, torch.Tensor)]
        on_device = [tensor for tensor in given if tensor.device.type == "cuda"]
        if on_device and (name in WAITS or _indexes_by_mask(name, args)):
            self.waits.append(_where(name))
        if name == "_local_scalar_dense" and isinstance(given[0], FakeTensor):
            return given[0].dtype == torch.bool  # a number there is not: true, or nought
        made = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        if namespace == "aten":
            self._look(name, given, on_device, results)
        return made

    def _look(
        self, name: str, given: list[torch.Tensor], on_device: list[torch.Tensor], results: list[torch.Tensor]
    ) -> None:
        if name in ("_to_copy", "copy_") and len({tensor.device.type for tensor in (*given, *results)}) == 2:
            if results[0].device.type == "cuda":
                self.to_device += 1
            else:
                self.waits.append(_where("copy to the host"))
            return
        if not on_device and all(tensor.device.type != "cuda" for tensor in results):
            return
        if any(tensor.device.type == "cpu" and tensor.dim() for tensor in given):
            self.wrong.append(_where(f"{name} with a tensor in RAM"))
        if any(tensor.dtype == torch.float64 and tensor.numel() > 1 for tensor in (*given, *results)):
            self.wrong.append(_where(f"{name} in float64"))
        if name not in NO_KERNEL:
            self.kernels[name] += 1
            self.bytes += sum(tensor.nbytes for tensor in (*given, *results))

    def told(self) -> dict[str, Any]:
        return {
            "kernels": self.kernels.total(), "by_name": dict(self.kernels), "bytes": self.bytes, "waits": self.waits,
            "wrong": self.wrong, "to_device": self.to_device,
        }  # fmt: skip


def _indexes_by_mask(name: str, args: Any) -> bool:
    chosen = args[1] if name == "index" else ()
    return any(isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8) for index in chosen)


def _where(what: str) -> str:
    frames = [frame for frame in traceback.extract_stack() if "/torch/" not in frame.filename]
    named = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{what} in {' < '.join(reversed(named[-6:-2]))}"


def _flash(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """The kernel that a card takes for attention without a mask; on a fake device torch would take its own parts."""
    if attn_mask is None:
        return torch.ops.aten._scaled_dot_product_flash_attention.default(
            query, key, value, dropout_p, is_causal, scale=scale
        )[0]
    return torch.ops.aten._scaled_dot_product_efficient_attention.default(
        query, key, value, attn_mask.to(query.dtype).expand(*query.shape[:3], key.shape[2]), True, dropout_p, is_causal,
        scale=scale,
    )[0]  # fmt: skip


_LIBRARY = torch.library.Library("aten", "IMPL")
ON_CARDS = ("_fused_rms_norm", "_fused_rms_norm_backward", "silu_backward")
"""Operators that torch with CUDA has kernels for, and that a torch without it takes to pieces before they are seen."""


def _never_called(*args: Any) -> None:
    """A kernel that is known to be there; on tensors without numbers nobody calls it."""


def stand_in() -> None:
    """What a fake device needs: a card's operators, and nobody who takes it for a graph that is being traced."""
    for name in ON_CARDS:
        _LIBRARY.impl(name, _never_called, "CUDA")
    torch.nn.functional.scaled_dot_product_attention = _flash  # type: ignore[assignment]
    masking_utils.is_tracing = lambda *tensors: False
    loop_module.memory_now = lambda device: (0, None)


@contextmanager
def on_device(
    shape: dict[str, int], dropout: float = 0.0, checkpointing: bool = False, dtype: torch.dtype = torch.bfloat16,
    **lora: Any,
) -> Iterator[Any]:  # fmt: skip
    """A Llama with LoRA on every linear layer, as a run in ``dtype`` has it on a card, without a number in it.

    In float16 autocast is on, as the loss scaler asks for it.
    """
    config = LlamaConfig(max_position_embeddings=8192, attn_implementation="sdpa", **shape)
    with torch.device("meta"):
        torch.set_default_dtype(dtype)
        base = LlamaForCausalLM(config).requires_grad_(False)
        torch.set_default_dtype(torch.float32)
        if checkpointing:
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        settings = LoraConfig(task_type="CAUSAL_LM", r=16, target_modules="all-linear", lora_dropout=dropout, **lora)
        model = get_peft_model(base, settings)
    lora_kernel.install(model)
    fused_norm.install(model)
    keep_in_float32(model)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device=DEVICE)
        torch.set_autocast_enabled("cuda", dtype == torch.float16)
        torch.set_autocast_dtype("cuda", dtype)
        yield SupervisedLoss(model).train()
        torch.set_autocast_enabled("cuda", False)


def layer(layers: int, **settings: Any) -> Count:
    """One micro-batch of 2,048 tokens, half of them supervised, through ``layers`` layers of an 8B model and back."""
    shape = {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": layers, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128256,
    }  # fmt: skip
    with on_device(shape, **settings) as net:
        ids = torch.zeros(2, 1024, dtype=torch.long, device=DEVICE)
        positions = torch.zeros(1024, dtype=torch.long, device=DEVICE)
        with Count() as count:
            loss, _ = net(ids, positions, positions)
            (loss / 1000).backward()
    return count


def examples(sources: int) -> list[Example]:
    """32 rows of 20 to 60 tokens, dealt out to ``sources``; with several sources they weigh differently."""
    draw = np.random.default_rng(0)
    made = []
    for index in range(32):
        ids = draw.integers(0, 512, int(draw.integers(20, 60))).astype(np.int32)
        labels = ids.copy()
        labels[:8] = -100
        made.append(Example(ids, labels, index % sources, index, 1.0 + index % sources))
    return made


def trained(sources: int = 1, packed: bool = False, dropout: float = 0.0, **lora: Any) -> list[dict[str, Any]]:
    """What each of three steps of the loop asked of the device, and how many micro-batches it had."""
    config = RunConfig.model_validate(
        {
            "model": {"name_or_path": "m"}, "data": [{"path": "d"}], "dataset": {"packing": packed},
            "train": {"batch_size": 8, "max_steps": STEPS}, "checkpoint": {"every": 99}, "eval": {"every": 99},
        }
    )  # fmt: skip
    steps: list[dict[str, Any]] = []
    with on_device(SMALL, dropout, checkpointing=dropout > 0, **lora) as net:
        parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
        batches = 0
        own = net.forward

        def forward(*inputs: Any) -> Any:
            nonlocal batches
            batches += 1
            return own(*inputs)

        net.forward = forward
        accelerator: Any = SimpleNamespace(
            device=DEVICE, scaler=None, no_sync=lambda net: nullcontext(), backward=lambda loss: loss.backward(),
            clip_grad_norm_=torch.nn.utils.clip_grad_norm_,
        )  # fmt: skip
        count = Count()

        def hear(event: ev.Event) -> None:
            nonlocal batches
            if isinstance(event, ev.Step):
                steps.append(count.told() | {"micro_batches": batches})
                batches = 0
                count.restart()

        built = SimpleNamespace(net=net, optimizer=optimizer, accelerator=accelerator)
        plan = StepPlan(Shuffle(32, 0), 8, 1.0, STEPS)
        loop = bare_loop(config, plan, examples(sources), built, 200, hear, [f"s{i}" for i in range(sources)])
        with count:
            loop.run(TrainerState(0))
    return steps


def evaluated() -> dict[str, Any]:
    """What the held-out loss of 20 micro-batches asks of the device."""
    with on_device(SMALL) as net, Count() as count:
        batch_losses(net, [collate([example], 0) for example in examples(2)[:20]], DEVICE, lambda: None)
    return count.told()


def main() -> None:
    stand_in()
    FakeTensor.numpy = lambda self, *args, **kwargs: np.zeros(tuple(self.shape), np.float32)  # type: ignore[method-assign]
    told: dict[str, Any] = {
        "plain": trained(), "sources": trained(sources=2), "packed": trained(sources=2, packed=True),
        "dropout": trained(dropout=0.1), "whole": trained(modules_to_save=["lm_head", "embed_tokens"]),
        "evaluated": evaluated(),
    }  # fmt: skip
    for name, settings in {
        "kept": {}, "recomputed": {"checkpointing": True}, "dropped": {"dropout": 0.05},
        "in float16": {"dtype": torch.float16},
    }.items():  # fmt: skip
        two, three = (layer(layers, **settings) for layers in (2, 3))
        names = three.kernels - two.kernels
        told[f"layer {name}"] = {
            "kernels": names.total(), "by_name": dict(names), "bytes": three.bytes - two.bytes,
            "waits": three.waits, "wrong": three.wrong,
        }  # fmt: skip
    print(json.dumps(told), flush=True)
    # A device's thread in autograd asks for the interpreter while it ends, which now and then aborts the process.
    os._exit(0)


if __name__ == "__main__":
    main()
