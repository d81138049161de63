"""The self-test's own process: ``python -m engine.selftest [GPUS]``. A line of JSON comes for each check as it is done.

A process of its own, as a driver or a kernel that is broken may end it; whoever started it sees how far it came.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.common.errors import own_words
from engine.machine.selftest_result import Check, anonymous
from engine.messages.message import Message


def main(gpus: str) -> int:
    """Run every check; 0 when none failed."""
    # Libraries print where they like; only our lines may reach the reader.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(kind: str, values: dict[str, Any]) -> None:
        print(anonymous(json.dumps({"type": kind, **values})), file=answers, flush=True)

    with tempfile.TemporaryDirectory(prefix="tunedeck-selftest-") as folder:
        os.environ["TUNEDECK_HOME"] = folder  # nothing of the user's is read or written
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        checks = list(_run(Path(folder), gpus, say))
    return int(any(check.verdict == "failed" for check in checks))


def _run(folder: Path, gpus: str, say: Callable[[str, dict[str, Any]], None]) -> Iterator[Check]:
    from engine.distributed.device import settle_memory
    from engine.machine.snapshot import read_machine

    machine = read_machine(folder, folder)
    wanted = gpus.split(",") if gpus else [str(gpu.index) for gpu in machine.gpus]
    chosen = [machine.gpu(name.strip()) for name in wanted]
    if chosen:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpu.uuid or str(gpu.index) for gpu in chosen)
    settle_memory()
    import torch

    from engine.selftest import hardware, memory, several, steps
    from engine.selftest.trial import make_trial

    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    say("machine", _facts(machine, torch))
    devices = tuple(str(gpu.index) for gpu in chosen) if device.type == "cuda" else ("cpu", "cpu")
    trial = make_trial(folder, device, devices)
    tried: list[tuple[Message, Callable[[], Iterator[Check]]]] = [
        (Message("selftest.driver"), partial(hardware.check_driver, trial, machine)),
        (Message("selftest.dtype"), partial(hardware.check_dtype, trial)),
        # Before others leave freed memory behind, which a limit would not reach.
        (Message("selftest.out-of-memory"), partial(memory.check_shortage, trial)),
        (Message("selftest.attention"), partial(hardware.check_attention, trial)),
        *((way.name, partial(steps.check_step, trial, way)) for way in steps.ways(device)),
        (Message("selftest.waits"), partial(hardware.check_waits, trial)),
        (Message("selftest.peak"), partial(memory.check_peak, trial)),
        (Message("selftest.several"), partial(several.check_several, trial)),
    ]
    for name, make in tried:
        say("progress", {"name": name.as_json()})
        for check in _timed(name, make):
            say("check", asdict(check))
            yield check


def _timed(name: Message, make: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks that ``make`` gives, each with its seconds; an error nobody foresaw is a check that failed."""
    began = time.monotonic()
    try:
        for check in make():
            advice = None if check.verdict == "passed" else check.advice
            yield replace(check, advice=advice, seconds=round(time.monotonic() - began, 2))
            began = time.monotonic()
    except Exception as error:
        said = Message.literal(f"{type(error).__name__}: {own_words(error)}")
        seconds = round(time.monotonic() - began, 2)
        yield Check(name, Message("selftest.no-error"), said, "failed", Message("selftest.report-json"), seconds)


def _facts(machine: Any, torch: Any) -> dict[str, Any]:
    """What is worth knowing of the machine, and nothing that names it."""
    from importlib.metadata import version

    libraries = ("tunedeck", "torch", "transformers", "peft", "bitsandbytes", "accelerate")
    return {
        "versions": {name: version(name) for name in libraries} | {"python": sys.version.split()[0]},
        "cuda": torch.version.cuda, "driver": machine.report.driver, "cores": machine.host.cores,
        "ram_gib": round(machine.host.ram_total_bytes / 2**30, 1),
        "gpus": [
            {
                "name": gpu.name, "capability": gpu.compute_capability,
                "memory_gib": round((gpu.total_bytes or 0) / 2**30, 1),
            }
            for gpu in machine.gpus
        ],
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
