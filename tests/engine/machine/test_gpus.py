"""GPUs are read through the real pynvml, over a library that the test compiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.machine.gpus import Gpu, visible
from engine.machine.processes import GpuProcess, clean, describe
from tests.engine.machine.fake_gpus import build, compiler, environment

GIB = 2**30

READ = """
import dataclasses, json, sys
from engine.machine.gpus import GpuReader
reader = GpuReader()
print(json.dumps([dataclasses.asdict(reader.read()) for _ in range(int(sys.argv[1]))]))
"""

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


def read(library: Path, times: int = 1, **story: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-c", READ, str(times)], env=environment(library, **story), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_compiler
def test_every_gpu_is_named_with_its_memory_load_and_abilities(library: Path) -> None:
    (report,) = read(library)
    first, second = report["gpus"]
    assert (first["name"], second["name"]) == ("NVIDIA A100-SXM4-80GB", "Tesla T4")
    assert (first["total_bytes"], first["used_bytes"], first["free_bytes"]) == (80 * GIB, 12 * GIB, 68 * GIB)
    assert (first["utilization_percent"], first["temperature_celsius"]) == (37, 41)
    assert (first["power_watts"], first["power_limit_watts"]) == (123.456, 400.0)
    assert (first["compute_capability"], second["compute_capability"]) == ([8, 0], [7, 5])
    assert (report["driver"], report["cuda"]) == ("575.51.03", [12, 9])
    assert report["problem"] is None


@needs_compiler
def test_a_value_the_gpu_does_not_report_is_missing_alone(library: Path) -> None:
    (report,) = read(library)
    second = report["gpus"][1]
    assert second["power_watts"] is None
    assert second["power_limit_watts"] is None
    assert second["temperature_celsius"] == 42
    assert second["trouble"] is None


@needs_compiler
def test_other_peoples_processes_are_named_with_user_and_memory(library: Path) -> None:
    (report,) = read(library, STUB_NVML_PID=str(os.getpid()))
    processes = {process["pid"]: process for process in report["gpus"][0]["processes"]}
    mine = processes[os.getpid()]
    assert mine["memory_bytes"] == 11 * GIB
    assert mine["user"]
    assert "python" in mine["program"] or "pytest" in mine["program"]
    unseen = processes[4194000]
    assert (unseen["memory_bytes"], unseen["user"], unseen["command"]) == (GIB, None, None)
    assert report["gpus"][1]["processes"] == []


@needs_compiler
def test_a_gpu_that_falls_off_the_bus_leaves_the_others_readable(library: Path) -> None:
    before, after = read(library, times=2, STUB_NVML="lost", STUB_NVML_LOST_AFTER="1")
    assert before["gpus"][1]["trouble"] is None
    assert after["gpus"][1]["trouble"]["code"] == "machine.gpu-lost"
    assert after["gpus"][1]["total_bytes"] is None
    assert after["gpus"][0]["total_bytes"] == 80 * GIB


@needs_compiler
def test_a_split_gpu_is_shown_as_its_instances(library: Path) -> None:
    (report,) = read(library, STUB_NVML="mig")
    whole, one, two = report["gpus"]
    assert whole["mig_of"] is None
    assert [one["mig_of"], two["mig_of"]] == [1, 1]
    assert one["total_bytes"] == 40 * GIB
    assert one["uuid"].startswith("MIG-0")
    assert one["compute_capability"] == [7, 5]


@needs_compiler
@pytest.mark.parametrize(
    ("story", "code"), [("mismatch", "machine.driver-replaced"), ("unloaded", "machine.driver-not-loaded")]
)  # fmt: skip
def test_a_driver_that_does_not_answer_gives_one_clear_line(library: Path, story: str, code: str) -> None:
    (report,) = read(library, STUB_NVML=story)
    assert report["gpus"] == []
    assert report["problem"]["code"] == code


def test_a_machine_without_a_driver_says_that_ram_is_the_budget(tmp_path: Path) -> None:
    (report,) = read(tmp_path)
    assert report["gpus"] == [] or report["problem"] is None
    if not report["gpus"]:
        assert report["problem"]["code"] == "machine.no-driver"


SEEN = """
import json, os, sys
from engine.config.schema import RunConfig
from engine.common.errors import TunedeckError
from engine.machine import snapshot
from engine.machine.torch_build import TorchBuild
from engine.distributed.device import restrict_gpus
snapshot.installed = lambda: TorchBuild("2.13.0+cu126", (12, 6))
needed = {"model": {"name_or_path": "m", "dtype": "float16"}, "data": [{"path": "r"}]}
config = RunConfig.model_validate(needed | {"launch": {"gpus": sys.argv[1]}})
try:
    devices = restrict_gpus(config)
    print(json.dumps([devices, os.environ.get("CUDA_VISIBLE_DEVICES")]))
except TunedeckError as error:
    print(json.dumps(str(error)))
"""
A100, T4 = (f"GPU-{index}1234567-89ab-cdef-0123-456789abcdef" for index in range(2))
FIRST, SECOND = (f"MIG-{index}1111111-2222-3333-4444-555555555555" for index in range(2))


def chosen(library: Path, gpus: str, allowed: str | None, story: str) -> Any:
    """The devices of a run with ``launch.gpus`` = ``gpus``, and what its first process sees; or the refusal's words."""
    settings = {"STUB_NVML": story} | ({} if allowed is None else {"CUDA_VISIBLE_DEVICES": allowed})
    run = subprocess.run(
        [sys.executable, "-c", SEEN, gpus], env=environment(library, **settings), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_compiler
@pytest.mark.parametrize(
    ("gpus", "allowed", "story", "devices"),
    [
        ("auto", None, "two", [A100]),
        ("auto", "1", "two", [T4]),
        ("1", None, "two", [T4]),
        ("1,0", None, "two", [T4, A100]),
        ("t4", None, "two", [T4]),
        ("GPU-1", None, "two", [T4]),
        ("1", "GPU-1123", "two", [T4]),
        (SECOND, None, "mig", [SECOND]),
        ("1", "1", "mig", [FIRST]),  # as CUDA does: a split GPU's index is its first instance
        (f"0,{SECOND}", f"{SECOND},0", "mig", [A100, SECOND]),
        ("cpu,cpu", "0", "two", ["", ""]),
    ],
)
def test_a_run_s_gpus_are_told_to_every_process_by_uuid(
    library: Path, gpus: str, allowed: str | None, story: str, devices: list[str]
) -> None:
    assert chosen(library, gpus, allowed, story) == [devices, devices[0]]


@needs_compiler
@pytest.mark.parametrize(
    ("gpus", "allowed", "story", "says"),
    [
        ("0", "1", "two", "CUDA_VISIBLE_DEVICES hides GPU 0.\nName one of these: 1 Tesla T4."),
        ("0,1", "1", "two", "CUDA_VISIBLE_DEVICES hides GPU 0."),
        (FIRST, SECOND, "mig", f"hides GPU {FIRST}.\nName one of these: {SECOND} NVIDIA A100 MIG 3g.40gb."),
        ("0", "", "two", "Unset CUDA_VISIBLE_DEVICES"),
        ("H100", None, "two", "H100. This machine has: 0 NVIDIA A100-SXM4-80GB, 1 Tesla T4"),
        ("2", None, "two", "Name one of these: 0 NVIDIA A100-SXM4-80GB, 1 Tesla T4."),
        ("A100", None, "mig", f"A100: 0 NVIDIA A100-SXM4-80GB, {FIRST} NVIDIA A100 MIG"),
        (f"{FIRST},{SECOND}", None, "mig", "Two MIG instances of one GPU"),
    ],
)
def test_a_gpu_that_is_hidden_missing_or_not_the_only_one_is_refused(
    library: Path, gpus: str, allowed: str | None, story: str, says: str
) -> None:
    assert says in chosen(library, gpus, allowed, story)


TWO = (Gpu(0, uuid="GPU-0aa"), Gpu(1, uuid="GPU-1bb"))


@pytest.mark.parametrize(
    ("setting", "indices"),
    [(None, [0, 1]), ("1", [1]), ("1,0", [1, 0]), ("GPU-1b", [1]), ("", []), ("-1", []), ("0,7,1", [0]), ("0,0", [0])],
)
def test_cuda_visible_devices_chooses_and_orders_as_cuda_does(setting: str | None, indices: list[int]) -> None:
    environ = {} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}
    assert [gpu.index for gpu in visible(TWO, environ)] == indices


def test_abilities_follow_the_compute_capability() -> None:
    assert Gpu(0, compute_capability=(8, 0)).has_bf16 is True
    assert Gpu(0, compute_capability=(7, 5)).has_bf16 is False
    assert Gpu(0).has_bf16 is None


def test_others_leaves_out_our_own_and_puts_the_largest_first() -> None:
    gpu = Gpu(0, processes=(GpuProcess(1, GIB), GpuProcess(2, 3 * GIB), GpuProcess(3, None)))
    assert [process.pid for process in gpu.others(own_pids=(1,))] == [2, 3]
    assert Gpu(0).others() == ()


def test_a_command_line_cannot_carry_control_characters_to_the_screen() -> None:
    assert clean("python \x1b[31m\ntrain.py\u202e", 80) == "python [31m train.py"
    assert clean("x" * 50, 10) == "xxxxxxx..."


def test_a_process_that_is_gone_stays_a_number() -> None:
    assert describe(2**22 + 5, 7) == GpuProcess(2**22 + 5, 7)
