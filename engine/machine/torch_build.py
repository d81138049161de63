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
from engine.messages.message import Message


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
    install = advice(capability, of_driver)
    if build.cuda is None:
        return Unusable(Message("machine.torch-for-cpu", torch=build.version), install, falls_to_cpu=True)
    built = {"torch": build.version, "cuda": dotted(build.cuda)}
    if capability is not None and not cuda_compiles_for(build.cuda, capability):
        return Unusable(Message("machine.no-kernels", capability=dotted(capability), **built), install)
    if of_driver is not None and of_driver[0] < build.cuda[0]:
        needed, runs = least_driver(build.cuda), dotted(of_driver)
        old = Message("machine.driver-too-old", needed=needed, driver=report.driver, runs=runs, **built)
        if wheel_for(capability, of_driver) is None:
            return Unusable(old, Message("machine.update-driver", driver=needed))
        return Unusable(old, Message("machine.update-driver-or-keep", driver=needed, install=install))
    return None


def advice(capability: Capability | None, driver_cuda: CudaVersion | None) -> Message:
    """How to get a torch for a GPU of this ``capability``, and a newer driver where this one is too old for all."""
    wheel = wheel_for(capability, driver_cuda)
    found = wheel or wheel_for(capability, None) or WHEELS[0]
    # Another build of the same version counts as installed already, so pip must be told to replace it.
    command = (
        f"{sys.executable} -m pip install --force-reinstall torch "
        f"--index-url https://download.pytorch.org/whl/{found.name}"
    )
    told = {"cuda": dotted(found.cuda), "command": command}
    if wheel is None:
        return Message("machine.update-driver-then-install", driver=found.driver, **told)
    return Message("machine.install-torch", **told)


def dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
