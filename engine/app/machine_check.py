"""What ``tunedeck doctor`` looks at: each check says what it found, how serious that is, and how to mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.common import paths
from engine.machine import selftest_result
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu
from engine.machine.torch_build import advice
from engine.messages.catalogue import text

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One finding. ``mend`` says what to do about a ``warn`` or ``fail``."""

    name: str
    level: Level
    found: str
    mend: str = ""


def all_checks() -> Iterator[Check]:
    """Every check, one by one as it is done: the libraries take a few seconds."""
    quick: tuple[Callable[[], list[Check]], ...] = (
        python,
        machine,
        disk,
        terminal,
        survival,
        hub_token,
        gpus,
        self_test,
    )
    for check in quick:
        yield from check()
    yield from libraries(ask_libraries())


def python() -> list[Check]:
    found = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    if sys.maxsize < 2**32:
        return [Check("Python", "fail", f"{found}, 32 bit", "The training libraries need a 64-bit Python.")]
    return [Check("Python", "ok", found)]


def machine() -> list[Check]:
    import psutil

    memory, cores = psutil.virtual_memory(), len(os.sched_getaffinity(0))
    found = f"{cores} cores, {memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB memory free"
    if memory.available < 3 * GIB:
        return [Check("Machine", "warn", found, "The demo needs 3 GiB. End other programs first.")]
    return [Check("Machine", "ok", found)]


def disk() -> list[Check]:
    """Space and rights where runs and models go."""
    checks = []
    for name, folder, wanted_gib in (("Runs", paths.runs_dir(), 2), ("Models", paths.models_dir(), 2)):
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            free = shutil.disk_usage(there).free / GIB
        except OSError as error:
            checks.append(Check(name, "fail", f"{folder}: {error.strerror}", "Set TUNEDECK_HOME to another folder."))
            continue
        found = f"{folder}, {free:.1f} GiB free"
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            mend = "Mend the rights there, or set TUNEDECK_HOME to a folder you can write to."
            checks.append(Check(name, "fail", f"{found}, but it can't be written", mend))
        elif free < wanted_gib:
            mend = "Free space, or set TUNEDECK_HOME to a folder on a larger disk."
            checks.append(Check(name, "warn", found, mend))
        else:
            checks.append(Check(name, "ok", found))
    return checks


def terminal(environment: Mapping[str, str] | None = None) -> list[Check]:
    """What the screen would find: kind, colours, size, and whether it can write more than ASCII."""
    env = os.environ if environment is None else environment
    term = env.get("TERM", "")
    size = shutil.get_terminal_size()
    utf8 = (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
    colours = _colours(term, env)
    found = f"TERM={term or '(unset)'}, {colours}, {size.columns}x{size.lines}, {'UTF-8' if utf8 else 'not UTF-8'}"
    if not sys.stderr.isatty():
        return [Check("Terminal", "warn", f"{found}; stderr is no terminal",
                      "The screen draws on stderr. The verbs work without: see `tunedeck --help`.")]  # fmt: skip
    if term in ("", "dumb"):
        return [Check("Terminal", "fail", found, "The screen needs a real terminal; the verbs work in this one.")]
    if size.columns < 60 or size.lines < 18:
        return [Check("Terminal", "fail", found, "Make it 80x24 or larger.")]
    if not utf8:
        return [Check("Terminal", "warn", found, "The screen uses plain ASCII. For more: export LC_ALL=C.UTF-8")]
    if size.columns < 80 or size.lines < 24:
        return [Check("Terminal", "warn", found, "80x24 shows everything.")]
    return [Check("Terminal", "ok", found)]


def _colours(term: str, env: Mapping[str, str]) -> str:
    if env.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if env.get("COLORTERM") in ("truecolor", "24bit"):
        return "truecolor"
    return "256 colours" if "256" in term else "16 colours"


def survival() -> list[Check]:
    """Whether a training outlives the connection."""
    from engine.runs import logout_survival as runs_survival

    inside = "inside tmux or screen" if os.environ.get("TMUX") or os.environ.get("STY") else "not inside tmux"
    if (told := runs_survival.warning()) is not None:
        return [Check("Disconnects", "warn", inside, text(told))]
    return [Check("Disconnects", "ok", f"a training lives on when the connection is lost ({inside})")]


def hub_token() -> list[Check]:
    """Only whether there is one; its value is never read out."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    file = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    if os.environ.get("HF_TOKEN") or file.is_file():
        return [Check("Hub token", "ok", "there is one")]
    return [Check("Hub token", "ok", "none; only gated and private models need one (HF_TOKEN)")]


def gpus() -> list[Check]:
    """The GPUs that a run may use, as NVML tells, and whether the installed torch can use them; it is not loaded."""
    from engine.machine.snapshot import read_machine_now

    machine = read_machine_now()
    if machine is None:
        return [Check("GPU (NVML)", "warn", "the driver does not answer", "Run nvidia-smi; reload the driver.")]
    report = machine.report
    if not report.gpus:
        mend = "Without an NVIDIA GPU this is as it should be: training runs on the CPU. Else check the driver."
        return [Check("GPU (NVML)", "warn", report.problem, mend)]
    if not machine.gpus:
        return [Check("GPU (NVML)", "warn", machine.gpu_line, "Unset CUDA_VISIBLE_DEVICES to use them.")]
    return [_gpu(gpu, report.driver) for gpu in machine.gpus]


def self_test() -> list[Check]:
    """How the newest self-test ended on this machine; nothing without a GPU that a run would use."""
    from engine.machine.snapshot import read_machine_now

    machine = read_machine_now()
    if machine is None or machine.freest is None:
        return []
    record, these = selftest_result.read(), "these GPUs, this driver and this torch"
    passed = record.of(machine)
    if passed:
        return [Check("Self-test", "ok", f"passed with {these}")]
    if passed is None:
        mend = "Run `tunedeck selftest`: it takes a minute or two."
        return [Check("Self-test", "warn", f"not run with {these}", mend)]
    mend = "`tunedeck selftest` says what to do."
    return [Check("Self-test", "fail", f"failed: {', '.join(record.failed)}", mend)]


def _gpu(gpu: Gpu, driver: str | None) -> Check:
    name = f"GPU {gpu.key} (NVML)"
    if gpu.trouble or gpu.total_bytes is None or gpu.free_bytes is None:
        return Check(name, "fail", gpu.trouble or "does not tell its memory", "Run nvidia-smi; restart the machine.")
    found = f"{gpu.name}, driver {driver}, {gpu.free_bytes / GIB:.1f} of {gpu.total_bytes / GIB:.1f} GiB free"
    if gpu.unusable is not None:
        level: Level = "warn" if gpu.unusable.falls_to_cpu else "fail"
        return Check(name, level, f"{found}, not used: {gpu.unusable.words}", gpu.unusable.mend)
    if (gpu.used_bytes or 0) > 0.2 * gpu.total_bytes:
        return Check(name, "warn", found, "Other programs use it: `nvidia-smi` names them.")
    return Check(name, "ok", found)


# Runs in a process of its own: this half of tunedeck never loads torch.
_ASK = """
import importlib, json
told = {}
for name in ("torch", "transformers", "peft", "accelerate", "bitsandbytes"):
    try:
        told[name] = importlib.import_module(name).__version__
    except BaseException as error:
        told[name] = None
        told[name + "_error"] = f"{type(error).__name__}: {error}".splitlines()[0]
if told["torch"]:
    import torch
    told["cuda_build"] = torch.version.cuda
    told["cuda"] = torch.cuda.is_available()
    if told["cuda"]:
        from engine.machine.gpu_specs import has_kernels
        devices = range(torch.cuda.device_count())
        told["devices"] = [torch.cuda.get_device_name(i) for i in devices]
        told["bf16"] = [torch.cuda.get_device_capability(i) >= (8, 0) for i in devices]
        told["arch"] = torch.cuda.get_arch_list()
        told["no_kernels"] = [
            torch.cuda.get_device_capability(i) for i in devices
            if not has_kernels(told["arch"], torch.cuda.get_device_capability(i))
        ]
    elif told["cuda_build"]:
        try:
            torch.cuda.init()
        except BaseException as error:
            told["cuda_error"] = str(error).strip().splitlines()[0]
if told["torch"] and told["bitsandbytes"]:
    try:
        import bitsandbytes.functional as bnb
        device = "cuda" if told["cuda"] else "cpu"
        packed, state = bnb.quantize_4bit(torch.randn(64, 64, device=device), quant_type="nf4")
        told["nf4"] = bool(torch.isfinite(bnb.dequantize_4bit(packed, state)).all())
    except BaseException as error:
        told["nf4"] = False
        told["nf4_error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print(json.dumps(told))
"""


def ask_libraries(code: str = _ASK, timeout_s: float = 180.0) -> dict[str, Any]:
    """Versions and abilities of the training libraries, asked in a child process; {"error": …} if it died."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=timeout_s, check=False
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        return answer if isinstance(answer, dict) else {"error": "an answer that makes no sense"}
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {timeout_s:.0f} s"}
    except (OSError, ValueError, IndexError):
        said = done.stderr.strip().splitlines()[-1:] or [f"ended with code {done.returncode}"]
        return {"error": said[0]}


def libraries(told: Mapping[str, Any]) -> list[Check]:
    """Checks from what the child process told."""
    again = f"{sys.executable} -m pip install --upgrade --force-reinstall"
    if told.get("error"):
        return [Check("Libraries", "fail", str(told["error"]), f"{again} torch transformers peft bitsandbytes")]
    checks = []
    for name in ("torch", "transformers", "peft", "accelerate", "bitsandbytes"):
        if told.get(name):
            checks.append(Check(name, "ok", str(told[name])))
        else:
            checks.append(Check(name, "fail", str(told.get(f"{name}_error", "not there")), f"{again} {name}"))
    if told.get("torch"):
        checks.append(_cuda(told))
    if told.get("bitsandbytes"):
        mend = f"QLoRA needs it; LoRA works without. {again} bitsandbytes"
        good = bool(told.get("nf4"))
        found = "4-bit weights can be packed and unpacked" if good else str(told.get("nf4_error", "wrong results"))
        checks.append(Check("NF4", "ok", found) if good else Check("NF4", "fail", found, mend))
    return checks


def _cuda(told: Mapping[str, Any]) -> Check:
    built = told.get("cuda_build")
    if told.get("cuda"):
        names = [
            f"{name} ({'bfloat16' if has_bf16 else 'no bfloat16, float16 is used'})"
            for name, has_bf16 in zip(told.get("devices", []), told.get("bf16", []), strict=False)
        ]
        found = f"{built}, {', '.join(names)}"
        if not told.get("no_kernels"):
            return Check("CUDA", "ok", found)
        lacking = [(int(major), int(minor)) for major, minor in told["no_kernels"]]
        numbers = ", ".join(f"{major}.{minor}" for major, minor in lacking)
        found += f"; no kernels for compute capability {numbers}, only {', '.join(told['arch'])}"
        return Check("CUDA", "fail", found, advice(min(lacking), None))
    mend = "Without an NVIDIA GPU this is as it should be. With one, do what is said at it above."
    if built:
        reason = f": {told['cuda_error']}" if told.get("cuda_error") else ""
        return Check("CUDA", "warn", f"torch was built for CUDA {built}, but it sees no GPU{reason}", mend)
    return Check("CUDA", "warn", "this torch is the CPU build: small models only", mend)
