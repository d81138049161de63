"""What torch was built for is read from its files: nothing is loaded for it; a GPU that it can't use is known."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from engine.machine import torch_build
from engine.machine.gpu_specs import WHEELS
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.torch_build import TorchBuild, judged, unusable
from engine.messages.catalogue import text
from engine.messages.message import Message


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    torch_build.installed.cache_clear()
    yield
    torch_build.installed.cache_clear()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None", TorchBuild("2.9.0", (12, 8))),
        ("cuda: Optional[str] = None", TorchBuild("2.9.0", None)),
        ("cuda = None", TorchBuild("2.9.0", None)),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'", None),  # AMD's: nothing is known here
        ("hip = None", None),
    ],
)
def test_the_version_file_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, told: TorchBuild | None
) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.9.0'\n{lines}\n")
    found = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert torch_build.installed() == told


def test_without_torch_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert torch_build.installed() is None


def test_torch_itself_agrees_and_is_not_loaded_to_ask() -> None:
    code = (
        "import sys\nfrom engine.machine.torch_build import installed\ntold = installed()\n"
        "assert 'torch' not in sys.modules\nimport torch\nassert told.version == torch.__version__\n"
        "assert (told.cuda is None) is (torch.version.cuda is None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


NEW, OLD = GpuReport(driver="580.65.06", cuda=(13, 0)), GpuReport(driver="535.129.03", cuda=(12, 2))
CUDA_130, CUDA_126 = TorchBuild("2.13.0+cu130", (13, 0)), TorchBuild("2.13.0+cu126", (12, 6))
FINE = ""


@pytest.mark.parametrize(
    ("capability", "report", "build", "says"),
    [
        ((8, 0), NEW, CUDA_130, FINE),
        ((8, 0), NEW, CUDA_126, FINE),
        ((8, 0), OLD, CUDA_126, FINE),
        ((8, 0), OLD, CUDA_130, "needs NVIDIA driver 580 or newer; driver 535.129.03 runs up to CUDA 12.2"),
        ((7, 0), NEW, CUDA_130, "no kernels for compute capability 7.0"),
        ((6, 0), NEW, CUDA_130, "no kernels for compute capability 6.0"),
        ((7, 0), OLD, CUDA_126, FINE),
        ((10, 0), NEW, CUDA_126, "no kernels for compute capability 10.0"),
        ((12, 0), NEW, CUDA_130, FINE),
        ((9, 0), NEW, TorchBuild("2.13.0+cpu", None), "built for CPUs only"),
        (None, GpuReport(), CUDA_130, FINE),  # neither card nor driver tells: torch itself will
    ],
)
def test_a_gpu_that_the_installed_torch_cannot_use_is_known_before_it_is_loaded(
    capability: tuple[int, int] | None, report: GpuReport, build: TorchBuild, says: str
) -> None:
    found = unusable(Gpu(0, "Some card", compute_capability=capability), report, build)
    assert (says in text(found.reason)) if found and says else (found is None and not says)


@pytest.mark.parametrize("report", [NEW, OLD, GpuReport(driver="470.82.01", cuda=(11, 4))])
@pytest.mark.parametrize("capability", [(7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)])
@pytest.mark.parametrize("build", [CUDA_130, CUDA_126, TorchBuild("2.13.0+cpu", None)])
def test_what_is_advised_makes_the_gpu_usable(
    capability: tuple[int, int], report: GpuReport, build: TorchBuild
) -> None:
    gpu = Gpu(0, compute_capability=capability)
    found = unusable(gpu, report, build)
    if found is None:
        return
    advice = found.advice
    if advice.code == "machine.update-driver-or-keep":
        assert unusable(gpu, *after(advice.args["install"], report, build)) is None
        advice = Message("machine.update-driver", driver=advice.args["driver"])
    assert unusable(gpu, *after(advice, report, build)) is None


def after(advice: Message, report: GpuReport, build: TorchBuild) -> tuple[GpuReport, TorchBuild]:
    """Driver and torch once somebody has done as ``advice`` says."""
    mend = text(advice)
    driver, wheel = re.search(r"driver to (\d+)", mend), re.search(r"whl/(cu\d+)", mend)
    assert driver or wheel
    if driver:
        report = GpuReport(driver=driver[1], cuda={"580": (13, 0), "525": (12, 0)}[driver[1]])
    if wheel:
        build = TorchBuild("new", next(each.cuda for each in WHEELS if each.name == wheel[1]))
    return report, build


def test_a_report_names_the_reason_at_each_gpu_of_its_own() -> None:
    report = GpuReport((Gpu(0, compute_capability=(7, 0)), Gpu(1, compute_capability=(8, 0))), "580.1", cuda=(13, 0))
    assert [gpu.unusable is None for gpu in judged(report, CUDA_130).gpus] == [False, True]
    assert judged(report, None) is report
