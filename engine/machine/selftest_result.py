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

import wcwidth

from engine.common import paths
from engine.common.files import write_atomic
from engine.machine.torch_build import installed
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine

Verdict = Literal["passed", "failed", "skipped"]
_VERDICTS = {"passed": "selftest.passed", "failed": "selftest.failed", "skipped": "selftest.skipped"}
_COUNTS: dict[Verdict, str] = {
    "failed": "selftest.failed-count", "passed": "selftest.passed-count", "skipped": "selftest.skipped-count",
}  # fmt: skip
_SHORTEST_NAME = 3
"""A shorter name of a user or host may be part of any word, and tells nobody anything."""


@dataclass(frozen=True)
class Check:
    """One thing tried. ``advice`` says what to do where it failed, or why it was skipped; ``seconds`` it took."""

    name: Message
    expected: Message
    found: Message
    verdict: Verdict
    advice: Message | None = None
    seconds: float = 0.0

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Check:
        """What ``dataclasses.asdict`` made of a check. Raises KeyError for anything else."""
        name, expected, found = (Message.from_json(record[part]) for part in ("name", "expected", "found"))
        advice = Message.from_json(record["advice"]) if record["advice"] else None
        return cls(name, expected, found, record["verdict"], advice, float(record["seconds"]))


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
    verdict, name = wcwidth.ljust(text(_VERDICTS[check.verdict]), 8), wcwidth.ljust(text(check.name), 34)
    yield f"{verdict} {name} {text(check.found)}"
    if check.verdict == "failed":
        yield f"{'':<8} {text('selftest.expected', expected=check.expected)}"
    if check.advice and check.verdict != "passed":
        yield f"{'':<8} -> {text(check.advice)}"


def verdict_line(checks: Sequence[Check]) -> str:
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in _COUNTS}
    said = [Message(_COUNTS[verdict], count=count) for verdict, count in counts.items() if count]
    code = "selftest.end-failed" if counts["failed"] else "selftest.end"
    return text(code, counts=said, seconds=sum(check.seconds for check in checks))


def anonymous(words: str) -> str:
    """``words`` without what names a person or a machine: home folder, temporary folder, user, host."""
    for place, sign in ((str(Path.home()), "~"), (tempfile.gettempdir(), "TMP")):
        if place not in ("/", ""):
            words = words.replace(place, sign)
    for name, sign in ((_user(), "USER"), (socket.gethostname(), "HOST")):
        if len(name) >= _SHORTEST_NAME:
            words = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", sign, words)
    return words


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
    failed: tuple[Message, ...] = ()
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
            tuple(map(Message.from_json, record["failed"])), tuple(map(str, record["offered"])),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return Tested()


def remember(machine: Machine, failed: tuple[Message, ...]) -> None:
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
        write_atomic(_file(), json.dumps(asdict(record)))
    except OSError:
        pass
