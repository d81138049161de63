"""Run directories of runs on GPUs and of runs that memory ended, with the figures their own estimate gives."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.common.files import write_atomic
from engine.config import toml
from engine.config.presets import Layer, Resolved, resolve
from engine.machine.gpu_specs import GIB
from engine.memory.estimate import Estimate
from engine.memory.from_config import Setup, estimate_run
from engine.messages.message import Message
from engine.models.dims import from_folder
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import encode
from tests.engine.runs.making import failure, said

LLAMA_8B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
    "max_position_embeddings": 8192, "tie_word_embeddings": False,
}  # fmt: skip
OTHER = ev.ProcessUse(pid=31_337, user="u17", program="python", memory=round(11.2 * GIB))
BEGAN = 1_700_000_000.0


def model(folder: Path) -> Path:
    """A folder that says it is an 8B model; its weights are a header."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA_8B))
    header = json.dumps({"model.norm.weight": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return folder


def config(folder: Path, **sections: dict[str, Any]) -> Resolved:
    """A run of that model, one row of 2,048 tokens at once, with ``section={field: value}`` on top."""
    values: dict[str, Any] = {
        "run": {"name": "legal-cpt"}, "model": {"name_or_path": str(folder)}, "data": [{"path": "rows.jsonl"}],
        "dataset": {"max_length": 2048},
        "train": {"micro_batch_tokens": 2048, "gradient_checkpointing": False, "optim": "adamw"},
    }  # fmt: skip
    for name, fields in sections.items():
        values[name] = values.get(name, {}) | fields
    return resolve([Layer("file", values)])


def new_run(root: Path, resolved: Resolved) -> RunDir:
    name = resolved.config.run.name
    return directory.create(resolved.config.model.name_or_path, toml.dumps(resolved), name, root)


def estimate_of(resolved: Resolved, device: str = "cuda") -> Estimate:
    folder = Path(resolved.config.model.name_or_path)
    return estimate_run(Setup(resolved.config, from_folder(folder), device))  # type: ignore[arg-type]


def write_log(run: RunDir, events: Sequence[ev.Event], every_s: float = 5.0) -> None:
    """The log of ``run``, an event each ``every_s`` seconds but where one has a time of its own."""
    lines = []
    t = BEGAN
    for number, event in enumerate(events, 1):
        t = event.t or t + every_s
        lines.append(encode(event_at(event, number, t)))
    with run.events.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def event_at(event: ev.Event, seq: int, t: float) -> ev.Event:
    import msgspec

    return msgspec.structs.replace(event, seq=seq, t=t)


def plan(result: Estimate, total_gib: float = 24.0, others: Sequence[ev.ProcessUse] = (), **more: Any) -> ev.MemoryPlan:
    """What a runner would say of an estimate on a GPU of that size."""
    total = round(total_gib * GIB)
    values: dict[str, Any] = {
        "device": "cuda", "name": "NVIDIA L4", "total_bytes": total,
        "available_bytes": total - sum(other.memory or 0 for other in others),
        "needed_bytes": round(result.needed_bytes), "allocated_bytes": round(result.allocated_bytes),
        "shown_bytes": round(result.shown_bytes(total)), "peak_phase": result.peak.name, "longest_row": 2048,
        "phases": {phase.name: round(phase.bytes) for phase in result.phases},
        "micro_batch_tokens": result.job.tokens, "others": list(others), "verdict": said("fits, 2.1 GiB spare"),
    }  # fmt: skip
    return ev.MemoryPlan(**(values | more))


def device(
    used_gib: float, reserved_gib: float | None = None, total_gib: float = 24.0, others: Sequence[ev.ProcessUse] = (),
    second: bool = False,
) -> ev.Device:  # fmt: skip
    """A reading of the run's GPU, and of a ``second`` one that somebody else uses."""
    gpus = [
        ev.GpuUse(
            index=0, name="NVIDIA L4", total=round(total_gib * GIB), used=round(used_gib * GIB),
            reserved=None if reserved_gib is None else round(reserved_gib * GIB), utilization=98, temperature=61,
            power=68.5, others=list(others),
        )
    ]  # fmt: skip
    if second:
        gpus.append(ev.GpuUse(index=1, name="NVIDIA L4", total=round(24 * GIB), used=round(11.9 * GIB), utilization=3,
                              temperature=44, others=[OTHER]))  # fmt: skip
    return ev.Device(rss=3 * GIB, peak_rss=4 * GIB, ram_total=128 * GIB, ram_available=90 * GIB, gpus=gpus)


def step(number: int, total: int = 300) -> ev.Step:
    return ev.Step(
        step=number, epoch=number / total, loss=2.4 - number / total, learning_rate=2e-4, grad_norm=0.8,
        num_tokens=number * 8192, supervised_tokens=number * 3000, tokens_per_second=5210.0, step_time=5.0,
        memory_allocated=round(17.1 * GIB), memory_reserved=round(18.4 * GIB),
    )  # fmt: skip


def begin(result: Estimate, total_gib: float = 24.0, others: Sequence[ev.ProcessUse] = ()) -> list[ev.Event]:
    """Everything before the first step: plan, loading, rehearsal."""
    predicted = {name: round(result.phase(name).bytes) for name in ("load", "loss", "backward", "step", "evaluation")}
    return [
        ev.State(state="starting", t=BEGAN),
        plan(result, total_gib, others),
        ev.RunStarted(host="gpu-7", device="NVIDIA L4", model="Llama-3-8B", method="LoRA r16", strategy="fresh",
                      total_steps=300, train_rows=4800, eval_rows=100),
        ev.Phase(name="load", message=said("loading Llama-3-8B")),
        device(15.9, 15.1, total_gib, others),
        ev.MemoryMeasured(moment="rehearsal", of="allocated", predicted=predicted,
                          measured={name: round(size * 1.02) for name, size in predicted.items()}),
        ev.State(state="running"),
        ev.Phase(name="train", message=said("training"), total=300.0, unit="steps"),
    ]  # fmt: skip


def steps(last: int, used_gib: float, reserved_gib: float, first: int = 1, **more: Any) -> list[ev.Event]:
    """Steps, and a reading of the GPU after each."""
    pairs = ((step(n), device(used_gib + n % 3 * 0.1, reserved_gib, **more)) for n in range(first, last + 1))
    return list(itertools.chain.from_iterable(pairs))


def checkpoint(run: RunDir, number: int) -> ev.Checkpoint:
    """A complete checkpoint on disk, and the event that says so."""
    folder = run.checkpoint(number)
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "COMPLETE").touch()
    return ev.Checkpoint(step=number, path=folder.name, size_bytes=84_000_000, seconds=0.4)


def live(root: Path, folder: Path) -> RunDir:
    """A run that trains on the first of two GPUs; it was paused for an hour."""
    resolved = config(folder)
    run, result = new_run(root, resolved), estimate_of(resolved)
    here: dict[str, Any] = {"total_gib": 48.0, "second": True}
    log = [*begin(result, 48.0), *steps(60, 29.2, 28.4, **here), ev.State(state="paused", t=BEGAN + 700)]
    log += [ev.State(state="starting", reason=said("resumed"), t=BEGAN + 4300), ev.State(state="running")]
    log += steps(118, 29.2, 28.4, first=61, **here)
    write_log(run, log)
    return run


def out_of_memory(root: Path, folder: Path, others: Sequence[ev.ProcessUse] = (), **sections: Any) -> RunDir:
    """A run that the GPU was too small for, in the backward pass of step 118, after a checkpoint at step 100."""
    resolved = config(folder, **sections)
    run, result = new_run(root, resolved), estimate_of(resolved)
    held = result.phase("backward").bytes * 1.04
    total = held / GIB + 1.2 + sum(other.memory or 0 for other in others) / GIB
    log = [*begin(result, total), *steps(100, held / GIB + 0.7, held / GIB, total_gib=total), checkpoint(run, 100)]
    log += steps(117, total - 0.3, held / GIB, first=101, total_gib=total, others=others)
    log += [
        ev.OutOfMemory(
            step=118, phase="backward", device="cuda", retry_tokens=None, allocated_bytes=round(held),
            free_bytes=round(0.3 * GIB), total_bytes=round(total * GIB), others=list(others),
            cause=Message("events.memory-asked", bytes=round(1.75 * GIB)), asked_bytes=round(1.75 * GIB),
        ),
        failure("Out of memory with a single row", "CUDA out of memory", error="OutOfMemory"),
    ]  # fmt: skip
    write_log(run, log)
    return run


def killed(root: Path, folder: Path, with_checkpoint: bool = True) -> RunDir:
    """A run on the CPU that the system ended when the RAM was full: its log just stops."""
    resolved = config(folder)
    run, result = new_run(root, resolved), estimate_of(resolved, "cpu")
    ram = round(result.needed_bytes * 0.9)
    log: list[ev.Event] = [
        ev.State(state="starting", t=BEGAN),
        plan(result, ram / GIB, device="cpu", name="RAM"),
        ev.RunStarted(host="box", device="cpu", model="Llama-3-8B", method="LoRA r16", total_steps=300),
        ev.State(state="running"),
        ev.Phase(name="train", message=said("training"), total=300.0, unit="steps"),
    ]
    for number in range(1, 43):
        log.append(step(number))
        rss = round(ram * (0.6 + number * 0.008))
        log.append(ev.Device(rss=rss, peak_rss=rss, ram_total=ram, ram_available=round((ram - rss) * 0.95)))
        if number == 40 and with_checkpoint:
            log.append(checkpoint(run, 40))
    write_log(run, log)
    run.lock.touch()
    write_atomic(run.exit_json, json.dumps({"returncode": -9, "oom_kill": True, "t": BEGAN + 500}))
    return run
