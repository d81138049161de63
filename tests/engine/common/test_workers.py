"""Helpers of the doctor's pass end with the process that asked them, however that ends."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

SCRIPT = """
import time
from engine.common.workers import shared
if __name__ == "__main__":
    list(shared(time.sleep, [0.01] * 3 + [600] * 20, 1))
"""


def test_helpers_of_a_killed_process_end_too() -> None:
    asked = subprocess.Popen([sys.executable, "-c", SCRIPT])
    try:
        helpers = _helpers(asked.pid)
        assert helpers
    finally:
        asked.kill()
        asked.wait()
    _, alive = psutil.wait_procs(helpers, timeout=20)
    for each in alive:
        each.kill()
    assert not alive


def _helpers(pid: int) -> list[psutil.Process]:
    """Its helpers, once they are at work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [each for each in psutil.Process(pid).children() if "spawn_main" in " ".join(each.cmdline())]
        if any(each.num_threads() > 1 for each in found):
            return found
        time.sleep(0.05)
    return []
