"""Which GPUs the self-test has tried with the torch that is installed, and which it was offered for already."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.common import paths
from engine.common.files import write_atomic
from engine.machine.snapshot import Machine
from engine.machine.torch_build import installed


@dataclass(frozen=True)
class Tested:
    """``key`` names GPUs, driver and torch of the newest self-test; ``passed`` is None where there was none."""

    key: str = ""
    passed: bool | None = None
    failed: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()

    def of(self, machine: Machine) -> bool | None:
        """Whether the self-test passed on this machine as it is now; None where it has not been run on it."""
        return self.passed if self.key == key_of(machine) else None


def key_of(machine: Machine) -> str:
    """What a result holds for: another card, driver or torch may do something else."""
    build = installed()
    cards = sorted(gpu.name or "" for gpu in machine.gpus)
    return " | ".join([*cards, machine.report.driver or "", build.version if build else ""])


def read() -> Tested:
    """The record; an empty one where there is none that makes sense."""
    try:
        record: Any = json.loads(_file().read_text("utf-8"))
        return Tested(
            str(record["key"]), record["passed"] if isinstance(record["passed"], bool) else None,
            tuple(map(str, record["failed"])), tuple(map(str, record["offered"])),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return Tested()


def remember(machine: Machine, failed: tuple[str, ...]) -> None:
    """Keep what a self-test found: names of the checks that failed. A disk that refuses costs the memory only."""
    _write(replace(read(), key=key_of(machine), passed=not failed, failed=failed))


def offer(machine: Machine) -> bool:
    """Whether a person should be told of the self-test now: once for each new GPU, driver and torch."""
    record, key = read(), key_of(machine)
    if not machine.gpus or record.of(machine) is not None or key in record.offered:
        return False
    _write(replace(record, offered=(*record.offered, key)[-20:]))
    return True


def _file() -> Path:
    return paths.home() / "selftest.json"


def _write(record: Tested) -> None:
    try:
        paths.private_dir(paths.home())
        write_atomic(_file(), json.dumps(record.__dict__))
    except OSError:
        pass
