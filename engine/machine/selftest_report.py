"""What a self-test found: checks that travel as JSON, without a user's or a host's name, and as lines for a person."""

from __future__ import annotations

import getpass
import re
import socket
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

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
