"""Rows of published measurements as jobs for the estimate, and what each of them measured."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.common.errors import MachineError
from engine.machine.gpu_specs import GIB, gpu_bytes
from engine.memory.estimate import Estimate, estimate
from engine.memory.job import Attention, Checkpointing, Job, Optimizer, Quantization, Sharding
from engine.models.dims import ModelShape
from tests.benchmarks.foreign_trainers import profile_for
from tests.benchmarks.published_files import Row, count, number

# Usable memory as the driver reports it.
CAPACITY_GIB = {
    "A100-80": 79.3, "NVIDIA A100-SXM4-80": 79.3, "A100-40": 39.5, "A10G": 22.1, "NVIDIA A10G": 22.1, "RTX4090": 23.6,
    "2x3090": 23.6, "24GB": 23.6, "Tesla T4": 14.6, "A6000": 47.5, "L40S": 44.5, "NVIDIA L4": 22.5, "H200": 140.4,
}  # fmt: skip
TARGETS: dict[str, tuple[str, ...]] = {
    "": ("all",), "all": ("all",), "all+head": ("all",), "attn": ("q", "k", "v", "o"), "qv": ("q", "v"),
    "qkv": ("q", "k", "v"),
}  # fmt: skip
METHODS = ("full", "lora", "qlora", "dora")
SHARDINGS: dict[str, Sharding] = {
    "none": "none", "ddp": "ddp", "fsdp": "fsdp", "fsdp2": "fsdp", "zero2": "zero2", "zero3": "zero3",
    "cpu_offload": "fsdp",
}  # fmt: skip
WITHOUT_GROUPS, GROUPED_UP_TO = "TheBloke/", 40e9
"""The cards of this publisher's GPTQ checkpoints: those of more weights have no groups, to save memory."""


def capacity_bytes(row: Row) -> float | None:
    """Usable memory of the row's card, as the row says or as cards of its name have; None if it is not known."""
    name = row["gpu"]
    said = re.search(r"\(([\d.]+) GiB\)", name)
    if said:
        return float(said[1]) * GIB
    known = next((gib * GIB for start, gib in CAPACITY_GIB.items() if name.startswith(start)), None)
    if known or not name:
        return known
    try:
        return gpu_bytes(name)
    except MachineError:
        return None


def job_of(row: Row, shape: ModelShape) -> Job:
    """The row's settings. Rows of fit_oom.csv name no sharding: several GPUs mean FSDP there."""
    gpus = count(row, "n_gpu", 1)
    sharding = row["sharding"] or ("fsdp" if gpus > 1 else "none")
    notes, targets, method = row["notes"], row["lora_targets"], row["method"].lower()
    if method not in METHODS:
        raise ValueError(f"method is {row['method']!r}")
    if sharding not in SHARDINGS:
        raise ValueError(f"sharding is {sharding!r}")
    ungrouped = row["model_exact"].startswith(WITHOUT_GROUPS) and shape.parameters > GROUPED_UP_TO
    job = Job(
        shape=shape,
        rows=count(row, "micro_batch"),
        row_tokens=count(row, "seq_len"),
        method="full" if method == "full" else "dora" if method == "dora" else "lora",
        quantization=_quantization(row["quant"].lower()),
        rank=int(number(row, "lora_r", 0)),
        targets=TARGETS.get(targets) or tuple(targets.split("+")),
        dropout=number(row, "lora_dropout", 0),
        trained_tables=2 if "modules_to_save" in notes else 0,
        adapter_on_head="head" in targets or "lora also on lm_head" in notes,
        checkpointing=_checkpointing(row["ckpt"]),
        attention=_attention(row["attn"]),
        optimizer=_optimizer(row["optimizer"].lower()),
        gpus=gpus,
        gptq_group=0 if ungrouped else 128,
    )
    if sharding == "cpu_offload":
        return replace(job, sharding="fsdp", cpu_offload=True)
    return replace(job, sharding=SHARDINGS[sharding])


def _quantization(text: str) -> Quantization:
    known: dict[str, Quantization] = {
        "": "none", "none": "none", "bf16": "none", "fp16": "none", "nf4": "nf4", "fp4": "nf4", "nf4-dq": "nf4-dq",
        "nf4-ao": "nf4-dq", "gptq": "gptq4", "gptq4": "gptq4", "awq4": "gptq4", "int8": "int8", "8bit": "int8",
    }  # fmt: skip
    if text not in known:
        raise ValueError(f"quant is {text!r}")
    return known[text]


def _checkpointing(text: str) -> Checkpointing:
    return "none" if text == "none" else "offload" if text == "offload" else "layers"


def _attention(text: str) -> Attention:
    return "eager" if text == "eager" else "sdpa" if text.startswith("sdpa") else "flash"


def _optimizer(text: str) -> Optimizer:
    if "8" not in text:
        return "adamw"
    return "paged_adamw_8bit" if "paged" in text else "adamw_8bit"


def predict(row: Row, shape: ModelShape) -> tuple[float, Estimate]:
    """Bytes predicted for what the row measured, and the estimate behind them.

    Rows found by searching for the longest batch that runs ("frontier point") measured the least that suffices;
    the others what torch or the driver counted.
    """
    job = job_of(row, shape)
    result = estimate(job, profile_for(row, job))
    capacity = capacity_bytes(row)
    if "frontier" in row["notes"]:
        return result.allocated_bytes + result.profile.context_bytes, result
    if row["metric"] in ("allocated", "active"):
        return result.allocated_bytes, result
    if row["metric"] == "reserved":
        return result.reserved_bytes(capacity), result
    return result.reserved_bytes(capacity) + result.profile.context_bytes, result


def runs(row: Row, shape: ModelShape) -> bool:
    """Whether the estimate says that a row of fit_oom.csv fits its card. Raises ValueError for an unknown card."""
    job = job_of(row, shape)
    capacity = capacity_bytes(row)
    if capacity is None:
        raise ValueError(f"gpu is {row['gpu']!r}")
    return estimate(job, profile_for(row, job)).needed_bytes <= capacity
