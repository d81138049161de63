"""What the installed torch was built for, read from its files without loading it, and which GPUs it can't use."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from engine.machine.gpu_specs import WHEELS, Capability, CudaVersion, cuda_compiles_for, least_driver, wheel_for
from engine.machine.gpus import Gpu, GpuReport, Unusable


@dataclass(frozen=True)
class TorchBuild:
    """``cuda`` is the version it was built with; None for a build that computes on the CPU only."""

    version: str
    cuda: CudaVersion | None


@cache
def installed() -> TorchBuild | None:
    """The torch that a run would import; None where there is none, it does not say, or it is no build for NVIDIA."""
    try:
        found = importlib.util.find_spec("torch")
        if found is None or found.origin is None:
            return None
        text = Path(found.origin).with_name("version.py").read_text("utf-8")
    except (ImportError, OSError, ValueError):
        return None
    named = dict(re.findall(r"^(__version__|cuda|hip|xpu)\b[^=\n]*=\s*(\S+)", text, re.MULTILINE))
    others = any(named.get(name, "None") != "None" for name in ("hip", "xpu"))
    if "cuda" not in named or others:
        return None
    version = named.get("__version__", "").strip("'\"")
    numbers = re.search(r"(\d+)\.(\d+)", named["cuda"])
    return TorchBuild(version, (int(numbers[1]), int(numbers[2])) if numbers else None)


def judged(report: GpuReport, build: TorchBuild | None) -> GpuReport:
    """``report`` with, at each GPU that ``build`` can't use, why not."""
    if build is None:
        return report
    return replace(report, gpus=tuple(replace(gpu, unusable=unusable(gpu, report, build)) for gpu in report.gpus))


def unusable(gpu: Gpu, report: GpuReport, build: TorchBuild) -> Unusable | None:
    """Why torch of this ``build`` can't compute on ``gpu``, and what to do; None when nothing speaks against it."""
    capability, of_driver = gpu.compute_capability, report.cuda
    mend = advice(capability, of_driver)
    if build.cuda is None:
        return Unusable(f"torch {build.version} is built for CPUs only.", mend, falls_to_cpu=True)
    built = f"torch {build.version} (CUDA {_dotted(build.cuda)})"
    if capability is not None and not cuda_compiles_for(build.cuda, capability):
        return Unusable(f"{built} has no kernels for compute capability {_dotted(capability)}.", mend)
    if of_driver is not None and of_driver[0] < build.cuda[0]:
        needed = least_driver(build.cuda)
        has_wheel = wheel_for(capability, of_driver) is not None
        return Unusable(
            f"{built} needs NVIDIA driver {needed} or newer; "
            f"driver {report.driver or '(unknown)'} runs up to CUDA {_dotted(of_driver)}.",
            f"Update the NVIDIA driver to {needed} or newer." + (f" Or keep it: {mend}" if has_wheel else ""),
        )
    return None


def advice(capability: Capability | None, driver_cuda: CudaVersion | None) -> str:
    """How to get a torch for a GPU of this ``capability``, and a newer driver where this one is too old for all."""
    wheel = wheel_for(capability, driver_cuda)
    newer = ""
    if wheel is None:
        wheel = wheel_for(capability, None) or WHEELS[0]
        newer = f"Update the NVIDIA driver to {wheel.driver} or newer. "
    # Another build of the same version counts as installed already, so pip must be told to replace it.
    return (
        f"{newer}Install torch for CUDA {_dotted(wheel.cuda)}: {sys.executable} -m pip install --force-reinstall torch "
        f"--index-url https://download.pytorch.org/whl/{wheel.name}"
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
