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

from engine import paths

Level = Literal["ok", "warn", "fail"]
GIB = 2**30


@dataclass(frozen=True)
class Check:
    """One finding. ``mend`` says what to do about a ``warn`` or ``fail``."""

    name: str
    level: Level
    found: str
    mend: str = ""


def all_checks() -> Iterator[Check]:
    """Every check, one by one as it is done: the libraries take a few seconds."""
    quick: tuple[Callable[[], list[Check]], ...] = (python, machine, disk, terminal, survival, hub_token, gpus)
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
    from engine.runs import survival as runs_survival

    inside = "inside tmux or screen" if os.environ.get("TMUX") or os.environ.get("STY") else "not inside tmux"
    if runs_survival.warning():
        return [Check("Disconnects", "warn", inside, runs_survival.warning())]
    return [Check("Disconnects", "ok", f"a training lives on when the connection is lost ({inside})")]


def hub_token() -> list[Check]:
    """Only whether there is one; its value is never read out."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    file = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    if os.environ.get("HF_TOKEN") or file.is_file():
        return [Check("Hub token", "ok", "there is one")]
    return [Check("Hub token", "ok", "none; only gated and private models need one (HF_TOKEN)")]


def gpus() -> list[Check]:
    """What NVML says, without loading torch."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        return [Check("GPU (NVML)", "warn", "nvidia-ml-py is not installed", "pip install nvidia-ml-py")]
    except Exception as error:
        mend = "Without an NVIDIA GPU this is as it should be: training runs on the CPU. Else check the driver."
        return [Check("GPU (NVML)", "warn", f"no NVIDIA GPU can be asked ({error})", mend)]
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        checks = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            found = f"{_text(pynvml.nvmlDeviceGetName(handle))}, driver {driver}, " + (
                f"{int(memory.free) / GIB:.1f} of {int(memory.total) / GIB:.1f} GiB free"
            )
            busy = int(memory.used) > 0.2 * int(memory.total)
            mend = "Other programs use it: `nvidia-smi` names them." if busy else ""
            checks.append(Check(f"GPU {index} (NVML)", "warn" if busy else "ok", found, mend))
        return checks or [
            Check("GPU (NVML)", "warn", f"driver {driver}, but no GPU", "Check that one is passed through.")
        ]
    except pynvml.NVMLError as error:
        return [
            Check("GPU (NVML)", "warn", f"the driver does not answer: {error}", "Run nvidia-smi; reload the driver.")
        ]
    finally:
        pynvml.nvmlShutdown()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


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
        told["devices"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        told["bf16"] = torch.cuda.is_bf16_supported()
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
    if told.get("cuda"):
        names = ", ".join(map(str, told.get("devices", [])))
        bf16 = "bfloat16" if told.get("bf16") else "no bfloat16, float16 is used"
        return Check("CUDA", "ok", f"{told.get('cuda_build')}, {names}, {bf16}")
    if told.get("cuda_build"):
        mend = "Without a GPU this is as it should be. Else update the driver to one for this CUDA version."
        return Check("CUDA", "warn", f"torch was built for CUDA {told['cuda_build']}, but it sees no GPU", mend)
    mend = "Without a GPU this is as it should be. Else install the CUDA build of torch."
    return Check("CUDA", "warn", "this torch is the CPU build: small models only", mend)
