"""Rows of published measurements as jobs for the estimate, and what each of them measured."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.memory.estimate import Estimate, estimate
from engine.memory.job import Attention, Checkpointing, Job, Optimizer, Quantization
from engine.memory.profiles import GIB
from engine.memory.read_shape import from_row
from engine.memory.shapes import ModelShape
from tests.benchmarks.foreign_trainers import profile_for

Row = Mapping[str, str]

# Usable memory as the driver reports it.
CAPACITY_GIB = {
    "A100-80": 79.3, "NVIDIA A100-SXM4-80": 79.3, "A100-40": 39.5, "A10G": 22.1, "NVIDIA A10G": 22.1, "RTX4090": 23.6,
    "2x3090": 23.6, "24GB": 23.6, "Tesla T4": 14.6, "A6000": 47.5, "L40S": 44.5, "NVIDIA L4": 22.5, "H200": 140.4,
}  # fmt: skip
TARGETS: dict[str, tuple[str, ...]] = {
    "": ("all",), "all": ("all",), "all+head": ("all",), "attn": ("q", "k", "v", "o"), "qv": ("q", "v"),
    "qkv": ("q", "k", "v"),
}  # fmt: skip
GROUPED_UP_TO = 40e9
"""Weights. Larger 4-bit GPTQ checkpoints that third parties published come without groups, to save memory."""


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_shapes(path: Path) -> dict[str, ModelShape]:
    return {row["model"]: from_row(row) for row in read_rows(path)}


def capacity_bytes(row: Row) -> float | None:
    """Usable memory of the row's card, None if it is not known."""
    return next((gib * GIB for name, gib in CAPACITY_GIB.items() if row["gpu"].startswith(name)), None)


def job_of(row: Row, shape: ModelShape) -> Job:
    """The row's settings. Rows of fit_oom.csv name no sharding: several GPUs mean FSDP there."""
    gpus = int(float(row["n_gpu"] or 1))
    sharding = row.get("sharding") or ("fsdp" if gpus > 1 else "none")
    notes = row.get("notes", "")
    targets = row["lora_targets"]
    third_party = "fms" in (row.get("group") or row.get("source", ""))
    ungrouped = third_party and shape.parameters > GROUPED_UP_TO
    job = Job(
        shape=shape,
        rows=int(float(row["micro_batch"])),
        row_tokens=int(float(row["seq_len"])),
        method="full" if row["method"] == "full" else "lora",
        quantization=_quantization(row["quant"]),
        rank=int(float(row["lora_r"] or 0)),
        targets=TARGETS.get(targets) or tuple(targets.split("+")),
        dropout=float(row["lora_dropout"] or 0),
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
    return replace(job, sharding=sharding)  # type: ignore[arg-type]


def _quantization(text: str) -> Quantization:
    known: dict[str, Quantization] = {
        "": "none", "nf4": "nf4", "nf4-dq": "nf4-dq", "nf4-ao": "nf4-dq", "gptq4": "gptq4", "int8": "int8",
    }  # fmt: skip
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
    if "frontier" in row.get("notes", ""):
        return result.allocated_bytes + result.profile.context_bytes, result
    if row["metric"] in ("allocated", "active"):
        return result.allocated_bytes, result
    if row["metric"] == "reserved":
        return result.reserved_bytes(capacity), result
    return result.reserved_bytes(capacity) + result.profile.context_bytes, result


def measured_bytes(row: Row) -> float:
    unit = {"B": 1.0, "GB": 1e9, "GiB": float(GIB), "MiB": float(2**20)}
    if row.get("measured_gib"):
        return float(row["measured_gib"]) * GIB
    return float(row["measured"]) * unit[row["unit"]]


def runs(row: Row, shape: ModelShape) -> bool:
    """Whether the estimate says that a row of fit_oom.csv fits its card."""
    job = job_of(row, shape)
    capacity = capacity_bytes(row)
    return capacity is not None and estimate(job, profile_for(row, job)).needed_bytes <= capacity
