"""Waits for one runner and writes down how its process ended: a lock alone can't tell a signal from an exit.

Run as ``python -m engine.runs.supervise RUN_DIR [--resume]``, with the standard library only, so that it stays
at a few MB for as long as the training lasts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

RUNNER = (sys.executable, "-P", "-m", "engine.training.runner")


def main(argv: Sequence[str], runner_command: Sequence[str] = RUNNER) -> int:
    """Start the runner with ``argv`` (RUN_DIR first), pass SIGTERM and SIGINT on to it, and record its end."""
    run_dir = Path(argv[0])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    runner: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if runner is None:
            early.append(number)
        else:
            runner.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    before = oom_kills()
    runner = subprocess.Popen([*runner_command, *argv])
    for early_number in early:
        runner.send_signal(early_number)
    code = runner.wait()
    record = {
        "returncode": code,
        "oom_kill": code == -signal.SIGKILL and oom_kills() > before,
        "t": time.time(),
    }
    temporary = run_dir / ".exit.json.tmp"
    try:
        temporary.write_text(json.dumps(record))
        temporary.replace(run_dir / "exit.json")
    except OSError:
        pass  # a full disk hides the reason, nothing else
    return 0 if code == 0 else 1


def oom_kills() -> int:
    """Processes the kernel killed for memory so far: of our cgroup, else of the host; 0 if it does not tell."""
    for path, key in (*((p, "oom_kill") for p in _cgroup_files()), (Path("/proc/vmstat"), "oom_kill")):
        try:
            pairs = dict(line.split()[:2] for line in path.read_text().splitlines() if " " in line)
        except (OSError, ValueError):
            continue
        if key in pairs:
            return int(pairs[key])
    return 0


def _cgroup_files() -> list[Path]:
    try:
        lines = Path(f"/proc/{os.getpid()}/cgroup").read_text().splitlines()
    except OSError:
        return []
    return [
        Path("/sys/fs/cgroup") / line.split("::", 1)[1].lstrip("/") / "memory.events" for line in lines if "::" in line
    ]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
