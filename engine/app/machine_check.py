"""What ``tunedeck doctor`` looks at: each check says what it found, how serious that is, and how to mend it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.common import paths
from engine.common.errors import reason_of
from engine.machine import selftest_result
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu
from engine.machine.torch_build import advice, dotted
from engine.messages.message import Message

Level = Literal["ok", "warn", "fail"]
WANTED_BYTES = 2 * GIB
"""Free where runs and models go."""


@dataclass(frozen=True)
class Check:
    """One finding. ``advice`` says what to do about a ``warn`` or ``fail``."""

    name: Message
    level: Level
    found: Message
    advice: Message | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name.as_json(), "level": self.level, "found": self.found.as_json(),
            "advice": self.advice.as_json() if self.advice else None,
        }  # fmt: skip


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
    name, told = Message.literal("Python"), {"version": platform.python_version(), "path": sys.executable}
    if sys.maxsize < 2**32:
        found = Message("machine-check.python-32-bit", **told)
        return [Check(name, "fail", found, Message("machine-check.needs-64-bit"))]
    return [Check(name, "ok", Message("machine-check.python-at", **told))]


def machine() -> list[Check]:
    import psutil

    name, memory, cores = Message("machine-check.machine"), psutil.virtual_memory(), len(os.sched_getaffinity(0))
    found = Message("machine-check.cores-and-memory", cores=cores, free=memory.available, total=memory.total)
    if memory.available < 3 * GIB:
        return [Check(name, "warn", found, Message("machine-check.needs-memory"))]
    return [Check(name, "ok", found)]


def disk() -> list[Check]:
    """Space and rights where runs and models go."""
    runs, models = Message("machine-check.runs"), Message("machine-check.models")
    return [_disk(runs, paths.runs_dir()), _disk(models, paths.models_dir())]


def _disk(name: Message, folder: Path) -> Check:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        found = Message("machine-check.folder-silent", folder=folder, reason=reason_of(error))
        return Check(name, "fail", found, Message("machine-check.set-home"))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        found = Message("machine-check.folder-not-writable", folder=folder, free=free)
        return Check(name, "fail", found, Message("machine-check.fix-permissions"))
    found = Message("machine-check.folder-free", folder=folder, free=free)
    if free < WANTED_BYTES:
        return Check(name, "warn", found, Message("machine-check.free-space"))
    return Check(name, "ok", found)


def terminal(environment: Mapping[str, str] | None = None) -> list[Check]:
    """What the screen would find: kind, colours, size, and whether it can write more than ASCII."""
    env = os.environ if environment is None else environment
    name, term, size = Message("machine-check.terminal"), env.get("TERM", ""), shutil.get_terminal_size()
    utf8 = (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
    told = {
        "term": term or Message("machine-check.term-unset"), "colours": _colours(term, env),
        "columns": size.columns, "lines": size.lines,
        "encoding": "UTF-8" if utf8 else Message("machine-check.not-utf-8"),
    }  # fmt: skip
    found = Message("machine-check.terminal-found", **told)
    if not sys.stderr.isatty():
        found = Message("machine-check.terminal-not-there", **told)
        return [Check(name, "warn", found, Message("machine-check.use-commands"))]
    if term in ("", "dumb"):
        return [Check(name, "fail", found, Message("machine-check.needs-terminal"))]
    if size.columns < 60 or size.lines < 18:
        return [Check(name, "fail", found, Message("machine-check.make-larger"))]
    if not utf8:
        return [Check(name, "warn", found, Message("machine-check.use-utf-8"))]
    if size.columns < 80 or size.lines < 24:
        return [Check(name, "warn", found, Message("machine-check.size-for-all"))]
    return [Check(name, "ok", found)]


def _colours(term: str, env: Mapping[str, str]) -> Message:
    if env.get("NO_COLOR"):
        return Message("machine-check.no-colours")
    if env.get("COLORTERM") in ("truecolor", "24bit"):
        return Message("machine-check.truecolor")
    return Message("machine-check.colours-256" if "256" in term else "machine-check.colours-16")


def survival() -> list[Check]:
    """Whether a training outlives the connection."""
    from engine.runs import logout_survival

    name, is_inside = Message("machine-check.disconnects"), os.environ.get("TMUX") or os.environ.get("STY")
    place = Message("machine-check.inside-tmux" if is_inside else "machine-check.outside-tmux")
    if (told := logout_survival.warning()) is not None:
        return [Check(name, "warn", place, told)]
    return [Check(name, "ok", Message("machine-check.survives", place=place))]


def hub_token() -> list[Check]:
    """Only whether there is one; its value is never read out."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    file = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    has_one = bool(os.environ.get("HF_TOKEN")) or file.is_file()
    found = Message("machine-check.has-token" if has_one else "machine-check.no-token")
    return [Check(Message("machine-check.hub-token"), "ok", found)]


def gpus() -> list[Check]:
    """The GPUs that a run may use, as NVML tells, and whether the installed torch can use them; it is not loaded."""
    from engine.machine.snapshot import read_machine_now

    machine, name = read_machine_now(), Message("machine-check.gpus")
    if machine is None:
        return [Check(name, "warn", Message("machine-check.driver-silent"), Message("machine-check.reload-driver"))]
    if machine.gpus:
        return [_gpu(gpu, machine.report.driver) for gpu in machine.gpus]
    advice = Message("machine-check.unset-visible" if machine.report.gpus else "machine-check.no-gpu-is-fine")
    return [Check(name, "warn", machine.no_gpu or Message("machine.no-gpu"), advice)]


def self_test() -> list[Check]:
    """How the newest self-test ended on this machine; nothing without a GPU that a run would use."""
    from engine.machine.snapshot import read_machine_now

    machine, name = read_machine_now(), Message("machine-check.self-test")
    if machine is None or machine.freest is None:
        return []
    record = selftest_result.read()
    passed = record.of(machine)
    if passed:
        return [Check(name, "ok", Message("machine-check.self-test-passed"))]
    if passed is None:
        not_run = Message("machine-check.self-test-not-run")
        return [Check(name, "warn", not_run, Message("machine-check.run-self-test"))]
    failed = Message("machine-check.self-test-failed", failed=record.failed)
    return [Check(name, "fail", failed, Message("machine-check.read-self-test"))]


def _gpu(gpu: Gpu, driver: str | None) -> Check:
    name = Message("machine-check.gpu", gpu=gpu.key)
    if gpu.trouble or gpu.total_bytes is None or gpu.free_bytes is None:
        trouble = gpu.trouble or Message("machine-check.no-memory-figure")
        return Check(name, "fail", trouble, Message("machine-check.restart"))
    told = {"name": gpu.name, "driver": driver, "free": gpu.free_bytes, "total": gpu.total_bytes}
    if gpu.unusable is not None:
        level: Level = "warn" if gpu.unusable.falls_to_cpu else "fail"
        found = Message("machine-check.gpu-not-used", reason=gpu.unusable.reason, **told)
        return Check(name, level, found, gpu.unusable.advice)
    found = Message("machine-check.gpu-free", **told)
    if (gpu.used_bytes or 0) > 0.2 * gpu.total_bytes:
        return Check(name, "warn", found, Message("machine-check.used-by-others"))
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
        return answer if isinstance(answer, dict) else {"error": Message("machine-check.odd-answer")}
    except subprocess.TimeoutExpired:
        return {"error": Message("machine-check.no-answer", seconds=timeout_s)}
    except (OSError, ValueError, IndexError):
        said = done.stderr.strip().splitlines()[-1:]
        return {"error": Message.literal(said[0]) if said else Message("machine-check.ended", code=done.returncode)}


def libraries(told: Mapping[str, Any]) -> list[Check]:
    """Checks from what the child process told."""
    if told.get("error"):
        advice = _reinstall("torch transformers peft bitsandbytes")
        return [Check(Message("machine-check.libraries"), "fail", told["error"], advice)]
    checks = []
    for name in ("torch", "transformers", "peft", "accelerate", "bitsandbytes"):
        if told.get(name):
            checks.append(Check(Message.literal(name), "ok", Message.literal(str(told[name]))))
        else:
            found = _said(told, f"{name}_error", Message("machine-check.missing"))
            checks.append(Check(Message.literal(name), "fail", found, _reinstall(name)))
    if told.get("torch"):
        checks.append(_cuda(told))
    if told.get("bitsandbytes"):
        nf4 = Message.literal("NF4")
        if told.get("nf4"):
            checks.append(Check(nf4, "ok", Message("machine-check.nf4-works")))
        else:
            found = _said(told, "nf4_error", Message("machine-check.nf4-wrong"))
            advice = Message("machine-check.nf4-reinstall", command=_pip("bitsandbytes"))
            checks.append(Check(nf4, "fail", found, advice))
    return checks


def _said(told: Mapping[str, Any], key: str, otherwise: Message) -> Message:
    return Message.literal(str(told[key])) if told.get(key) else otherwise


def _reinstall(names: str) -> Message:
    return Message("machine-check.reinstall", command=_pip(names))


def _pip(names: str) -> str:
    return f"{sys.executable} -m pip install --upgrade --force-reinstall {names}"


def _cuda(told: Mapping[str, Any]) -> Check:
    name, built = Message.literal("CUDA"), told.get("cuda_build")
    if told.get("cuda"):
        devices = [
            Message("machine-check.device-bf16" if has_bf16 else "machine-check.device-fp16", name=device)
            for device, has_bf16 in zip(told.get("devices", []), told.get("bf16", []), strict=False)
        ]
        if not told.get("no_kernels"):
            return Check(name, "ok", Message("machine-check.cuda-found", version=built, devices=devices))
        lacking = [(int(major), int(minor)) for major, minor in told["no_kernels"]]
        found = Message(
            "machine-check.cuda-no-kernels", version=built, devices=devices, built=told["arch"],
            lacking=[dotted(each) for each in lacking],
        )  # fmt: skip
        return Check(name, "fail", found, advice(min(lacking), None))
    found = Message("machine-check.torch-for-cpu")
    if built:
        found = Message("machine-check.cuda-sees-no-gpu", version=built)
        if told.get("cuda_error"):
            found = Message("machine-check.cuda-sees-no-gpu-why", version=built, reason=told["cuda_error"])
    return Check(name, "warn", found, Message("machine-check.no-gpu-or-see-above"))
