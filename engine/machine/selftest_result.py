"""What a self-test found: checks that travel as JSON without names, and for which GPUs and torch they were done."""

from __future__ import annotations

import getpass
import json
import re
import socket
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.common import paths
from engine.common.files import write_atomic
from engine.machine.torch_build import installed

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine

Verdict = Literal["passed", "failed", "skipped"]
_SHORTEST_NAME = 3
"""A shorter name of a user or host may be part of any word, and tells nobody anything."""


@dataclass(frozen=True)
class Check:
    """One thing tried. ``advice`` says what to do where it failed, or why it was skipped; ``seconds`` it took."""

    name: str
    expected: str
    found: str
    verdict: Verdict
    advice: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All checks, with the machine they ran on: versions, and the names and capabilities of its GPUs."""

    machine: dict[str, Any]
    checks: list[Check] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(check.verdict == "failed" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        return {"machine": self.machine, "checks": [asdict(check) for check in self.checks], "passed": not self.failed}


def lines_of(check: Check) -> Iterable[str]:
    """A check for a person: one line, and what else there is to know where it did not pass."""
    yield f"{check.verdict:<8} {check.name:<34} {check.found}"
    if check.verdict == "failed":
        yield f"{'':<8} expected: {check.expected}"
    if check.advice and check.verdict != "passed":
        yield f"{'':<8} -> {check.advice}"


def verdict_line(checks: Sequence[Check]) -> str:
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in ("failed", "passed", "skipped")}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    seconds = sum(check.seconds for check in checks)
    return f"{said} in {seconds:.0f} s." + (" Send the output of --json with a report." if counts["failed"] else "")


def anonymous(text: str) -> str:
    """``text`` without what names a person or a machine: home folder, temporary folder, user, host."""
    for place, sign in ((str(Path.home()), "~"), (tempfile.gettempdir(), "TMP")):
        if place not in ("/", ""):
            text = text.replace(place, sign)
    for name, sign in ((_user(), "USER"), (socket.gethostname(), "HOST")):
        if len(name) >= _SHORTEST_NAME:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", sign, text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


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
