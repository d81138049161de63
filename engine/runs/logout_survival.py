"""Will a process started now live on after logout? On some hosts systemd kills all a user leaves behind."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from engine.messages.message import Message


def scope_prefix() -> list[str]:
    """Command prefix that puts a process beyond the session's reach where that is needed and possible."""
    if kills_at_logout() and lingers():
        return ["systemd-run", "--user", "--scope", "--quiet", "--collect"]
    return []


def warning() -> Message | None:
    """What to tell a person whose training would die at logout; None where it survives."""
    return Message("runs.ends-at-logout") if kills_at_logout() and not lingers() else None


@cache
def kills_at_logout() -> bool:
    """Whether systemd-logind is set to end a user's processes at logout."""
    if os.geteuid() == 0 or not Path("/run/systemd/system").is_dir() or not shutil.which("busctl"):
        return False
    answer = _ask(
        "busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager", "KillUserProcesses",
    )  # fmt: skip
    return answer == "b true"


@cache
def lingers() -> bool:
    return _ask("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value") == "yes"


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=3, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
