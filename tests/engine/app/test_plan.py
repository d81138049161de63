"""Before a run starts: auto becomes a value with its reason, and what is not known stays for the runner."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.app import plan as planning
from engine.app.examine import Inspection
from engine.common.errors import MachineError
from engine.config import toml
from engine.config.presets import Layer, Resolved, resolve
from engine.config.provenance import FILE, YOU
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import Host
from engine.machine.snapshot import Machine
from engine.memory import throughput
from engine.messages.message import Message
from tests.engine.machine.fake_gpus import no_use
from tests.engine.models.folders import CONFIG, MakeModel

LLAMA_8B = CONFIG | {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256,
}  # fmt: skip
AUTO = ("model.quantization", "train.micro_batch_tokens", "train.gradient_checkpointing", "train.optim")


def machine(*gpus: tuple[str, float, float]) -> Machine:
    """With GPUs of (name, GiB, free GiB), 4 cores and 32 GiB of RAM."""
    cards = tuple(
        Gpu(index, name, f"GPU-{index}", total_bytes=round(total * GIB), used_bytes=round((total - free) * GIB),
            free_bytes=round(free * GIB))
        for index, (name, total, free) in enumerate(gpus)
    )  # fmt: skip
    host = Host("here", 32 * GIB, 30 * GIB, 4, None, ())
    return Machine(GpuReport(cards), cards, host)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"q {n}", "completion": f"a {n}"}) + "\n" for n in range(40)))
    return path


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Nothing was measured here yet."""


def asked(folder: Path | str, rows: Path, **sections: Any) -> Resolved:
    base: dict[str, Any] = {
        "model": {"name_or_path": str(folder), "quantization": "auto"}, "data": [{"path": str(rows)}],
    }  # fmt: skip
    for name, values in sections.items():
        base[name] = base.get(name, {}) | values
    return resolve([Layer("file", base)])


def settle(asked: Resolved, here: Machine | None, rows: Inspection | None = None) -> Resolved:
    return planning.plan(asked, here, rows).resolved


def values_of(resolved: Resolved) -> dict[str, object]:
    return {field: getattr(getattr(resolved.config, field.split(".")[0]), field.split(".")[1]) for field in AUTO}


def test_every_auto_that_memory_decides_becomes_a_value_with_its_reason(make_model: MakeModel, rows: Path) -> None:
    settled = settle(asked(make_model(config=LLAMA_8B), rows), machine(("Tesla T4", 14.6, 14.0)))
    assert values_of(settled)["model.quantization"] == "nf4"
    assert "auto" not in values_of(settled).values()
    assert all(settled.source(field).code == "source.auto" for field in AUTO)
    assert settled.source("model.name_or_path") == FILE


def test_what_somebody_chose_is_never_touched(make_model: MakeModel, rows: Path) -> None:
    chosen = {"model": {"quantization": "none"}, "train": {"micro_batch_tokens": 64, "optim": "adamw"}}
    before = asked(make_model(config=LLAMA_8B), rows, **chosen)
    settled = settle(before, machine(("Tesla T4", 14.6, 14.0)))
    for field in ("model.quantization", "train.micro_batch_tokens", "train.optim"):
        assert values_of(settled)[field] == values_of(before)[field]
        assert settled.source(field) == FILE


def test_the_written_config_says_why_and_settles_to_itself(make_model: MakeModel, rows: Path, tmp_path: Path) -> None:
    here = machine(("Tesla T4", 14.6, 14.0))
    text = toml.dumps(settle(asked(make_model(config=LLAMA_8B), rows), here))
    assert 'quantization = "nf4" # auto: 16-bit weights' in text
    path = tmp_path / "config.toml"
    path.write_text(text)
    again = toml.load(path)
    assert settle(again, here).config == again.config


def test_rows_that_were_read_make_larger_pieces(make_model: MakeModel, rows: Path) -> None:
    before, here = asked(make_model(config=LLAMA_8B), rows), machine(("Tesla T4", 14.6, 14.0))
    blind, seen = (settle(before, here, seen) for seen in (None, Inspection(tokens_max=104)))
    assert int(seen.config.train.micro_batch_tokens) % 104 == 0
    assert int(blind.config.train.micro_batch_tokens) % 1024 == 0


def test_without_model_or_machine_auto_is_left_to_the_runner(
    make_model: MakeModel, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    missing, there = asked("some-org/some-model", rows), asked(make_model(), rows)
    assert settle(missing, machine()) is missing
    assert settle(there, None) is there
    assert planning.plan(missing, machine()).parts == []


def test_the_freest_gpu_is_planned_for_and_named(make_model: MakeModel, rows: Path) -> None:
    here = machine(("NVIDIA L4", 22.5, 3.0), ("NVIDIA A100-SXM4-80GB", 79.3, 70.0))
    planned = planning.plan(asked(make_model(config=LLAMA_8B), rows), here)
    needs, used, verdict, time = planned.parts
    assert needs.args["device"] == Message("memory.device-gpu", gpu=1, name="NVIDIA A100-SXM4-80GB")
    assert needs.args["available"] == 70 * GIB
    assert (used.code, verdict.code, time.code) == ("memory.in-use", "memory.fits", "memory.about")
    assert planned.disk is not None
    named = planning.plan(asked(make_model(config=LLAMA_8B), rows, launch={"gpus": "0"}), here)
    assert named.parts[0].args["device"].args["gpu"] == 0


def test_a_gpu_that_is_not_there_is_refused_where_the_gpus_are_known(make_model: MakeModel, rows: Path) -> None:
    before = asked(make_model(), rows, launch={"gpus": "7"})
    with pytest.raises(MachineError, match="This machine has: 0 Tesla T4"):
        settle(before, machine(("Tesla T4", 14.6, 14.0)))
    assert settle(before, machine()) is before


def barred(here: Machine, **how: Any) -> Machine:
    """``here`` with a torch that can use none of its GPUs."""
    gpus = tuple(replace(gpu, unusable=no_use("torch is of another kind", "Install X", **how)) for gpu in here.gpus)
    return replace(here, gpus=gpus, report=GpuReport(gpus))


def test_a_torch_for_cpus_is_planned_on_the_cpu_and_says_so(make_model: MakeModel, rows: Path) -> None:
    here = barred(machine(("Tesla T4", 14.6, 14.0)), falls_to_cpu=True)
    planned = planning.plan(asked(make_model(), rows), here)
    assert planned.parts[0].args["device"] == "RAM"
    assert planned.fit is not None
    assert planned.fit.budget.unused is not None
    assert planned.fit.budget.unused.code == "machine.gpus-not-used"
    with pytest.raises(MachineError, match="Install X"):
        planning.plan(asked(make_model(), rows, launch={"gpus": "0"}), here)


@pytest.mark.parametrize("gpus", ["auto", "0"])
def test_a_gpu_that_its_torch_cannot_use_refuses_the_start_before_the_model_is_there(rows: Path, gpus: str) -> None:
    before = asked("some-org/some-model", rows, launch={"gpus": gpus})
    with pytest.raises(MachineError, match="Install X"):
        settle(before, barred(machine(("Tesla V100", 15.6, 15.0))))


def test_of_two_gpus_the_usable_one_is_planned_for(make_model: MakeModel, rows: Path) -> None:
    old, new = machine(("Tesla V100", 31.7, 31.0), ("NVIDIA L4", 22.5, 3.0)).gpus
    gpus = (replace(old, unusable=no_use("too old", "Install X.")), new)
    here = replace(machine(), gpus=gpus, report=GpuReport(gpus))
    planned = planning.plan(asked(make_model(), rows), here)
    assert planned.parts[0].args["device"] == Message("memory.device-gpu", gpu=1, name="NVIDIA L4")


def test_gpus_that_would_train_in_different_dtypes_are_refused_until_one_is_set(
    make_model: MakeModel, rows: Path
) -> None:
    # Gradients of float16 are scaled: added to those of bfloat16 they would train something else without a word.
    gpus = tuple(
        replace(gpu, compute_capability=capability)
        for gpu, capability in zip(
            machine(("NVIDIA A100", 79.3, 79.0), ("Tesla T4", 14.6, 14.0), ("NVIDIA L4", 22.5, 22.0)).gpus,
            ((8, 0), (7, 5), (8, 9)), strict=True,
        )
    )  # fmt: skip
    here = replace(machine(), gpus=gpus, report=GpuReport(gpus))
    both: dict[str, Any] = {"launch": {"gpus": "0,1"}, "train": {"batch_size": 8}}
    with pytest.raises(MachineError, match="GPU 1 Tesla T4 has no bfloat16") as caught:
        settle(asked(make_model(), rows, **both), here)
    assert 'model.dtype = "float16"' in caught.value.hint
    settle(asked(make_model(), rows, model={"dtype": "float16"}, **both), here)
    settle(asked(make_model(), rows, **both | {"launch": {"gpus": "0,2"}}), here)


def test_one_gpu_under_two_names_is_refused(make_model: MakeModel, rows: Path) -> None:
    here = machine(("NVIDIA A100", 79.3, 79.0), ("Tesla T4", 14.6, 14.0))
    with pytest.raises(MachineError, match="A GPU is named twice"):
        settle(asked(make_model(), rows, launch={"gpus": "0,a100"}, train={"batch_size": 8}), here)


def test_two_instances_of_one_card_are_no_two_gpus(make_model: MakeModel, rows: Path) -> None:
    parts = tuple(
        Gpu(1, "NVIDIA A100 MIG 3g.40gb", f"MIG-{n}", mig_of=1, total_bytes=40 * GIB, free_bytes=40 * GIB)
        for n in range(2)
    )
    here = replace(machine(), gpus=parts, report=GpuReport(parts))
    with pytest.raises(MachineError, match="Two MIG instances of one GPU"):
        settle(asked(make_model(), rows, launch={"gpus": "MIG-0,MIG-1"}), here)
    found = planning.plan(asked(make_model(), rows, launch={"gpus": "MIG-1"}), here)
    assert "MIG 3g" in found.parts[0].args["device"].args["name"]


def test_the_time_is_from_runs_here_where_there_were_some(make_model: MakeModel, rows: Path) -> None:
    before, here = asked(make_model(config=LLAMA_8B), rows), machine(("NVIDIA A100-SXM4-80GB", 79.3, 79.0))
    first = planning.plan(before, here)
    assert first.fit is not None
    assert first.duration is not None
    assert first.duration.origin == Message("memory.pace-gpu")
    job = first.fit.estimate.job
    throughput.record(job.shape.name, throughput.method_of(job), "NVIDIA A100-SXM4-80GB", 10.0, job.tokens)
    second = planning.plan(before, here).duration
    assert second is not None
    assert (second.tokens_per_second, second.origin) == (10.0, Message("memory.pace-run", runs=1))


def test_a_gpu_that_does_not_tell_its_memory_is_a_clear_error(make_model: MakeModel, rows: Path) -> None:
    here = machine(("Tesla T4", 14.6, 14.0))
    lost = replace(here.gpus[0], total_bytes=None, free_bytes=None, trouble=Message("machine.gpu-lost"))
    here = replace(here, gpus=(lost,), report=GpuReport((lost,)))
    with pytest.raises(MachineError, match="has lost this GPU"):
        settle(asked(make_model(), rows, launch={"gpus": "0"}), here)


def test_what_was_typed_as_a_relative_path_is_absolute_when_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    values = {"model": {"name_or_path": "org/model", "chat_template": "rows.jsonl"}, "data": [{"path": "rows.jsonl"}]}
    typed = resolve([Layer("you", values)])
    for found in (settle(typed, None), planning.plan(typed, None).resolved):
        assert found.config.data[0].path == found.config.model.chat_template == str(tmp_path / "rows.jsonl")
        assert found.config.model.name_or_path == "org/model"
        assert found.source("data.0.path") == YOU
