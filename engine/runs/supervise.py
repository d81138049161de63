"""Waits for one runner and writes down how its process ended: a lock alone can't tell a signal from an exit.

A runner that the kernel killed for memory is started again from its last checkpoint, to go on in smaller pieces.

Run as ``python -m engine.runs.supervise RUN_DIR [--resume] [--accept-changes]``, with the standard library only, so
that it stays at a few MB for as long as the training lasts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

RUNNER = (sys.executable, "-P", "-m", "engine.training.runner")
TELLER = (sys.executable, "-P", "-m", "engine.runs.crash_notice")
"""Sends the notice of a run that was killed, where one is wanted."""
_TELL_S = 60.0
AFTER_KILL = ("--resume", "--after-oom-kill")
MOST_RESTARTS = 5
"""Each halves the pieces; whom a thirty-second does not help, nothing does."""


def main(argv: Sequence[str], runner_command: Sequence[str] = RUNNER) -> int:
    """Start the runner with ``argv`` (RUN_DIR first), pass SIGTERM and SIGINT on to it, and record its end."""
    run_dir = Path(argv[0])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    runner: subprocess.Popen[bytes] | None = None
    asked: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if runner is not None:
            runner.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    command = [*runner_command, *argv]
    restarts = 0
    while True:
        before = oom_kills()
        runner = subprocess.Popen(command)
        for early in asked:
            runner.send_signal(early)
        code = runner.wait()
        killed = code == -signal.SIGKILL and oom_kills() > before
        if not killed or asked or restarts == MOST_RESTARTS:
            break
        restarts += 1
        command = [*command, *(word for word in AFTER_KILL if word not in command)]
        _say_launched(run_dir)
    _write(run_dir / "exit.json", {"returncode": code, "oom_kill": killed, "t": time.time()})
    if code < 0:  # it could not say so itself
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run([*TELLER, argv[0]], stdin=subprocess.DEVNULL, timeout=_TELL_S, check=False)
    return 0 if code == 0 else 1


def _say_launched(run_dir: Path) -> None:
    """Let viewers see a start where there is no runner for a moment, not a crash."""
    try:
        facts = json.loads((run_dir / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(facts, dict):
        for name in ("launched_seq", "launched_lock_ns"):  # they tell of the launch before
            facts.pop(name, None)
        _write(run_dir / "run.json", facts | {"launched_t": time.time()})


def _write(path: Path, record: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(json.dumps(record))
        temporary.replace(path)
    except OSError:
        pass  # a full disk hides the reason, nothing else


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
