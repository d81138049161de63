"""Measure how long ``tunedeck`` takes to its first painted frame, and ``tunedeck --help`` to its last line.

Prints one JSON line: ``first_frame_s`` and ``help_s`` (medians), with all measurements beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.tui.pty_session import ROOT, PtySession


def first_frame_s(home: str) -> float:
    """Seconds from the start of the process to the key bar, the last line of the first frame."""
    with PtySession(env={"TUNEDECK_HOME": home}) as session:
        return session.wait_for("Help")


def help_s(home: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "tui", "--help"], cwd=ROOT, env=os.environ | {"TUNEDECK_HOME": home},
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as home:
        first_frame_s(home)  # warms the disk and the bytecode
        frames = [first_frame_s(home) for _ in range(repeat)]
        helps = [help_s(home) for _ in range(repeat)]
    figures = {
        "first_frame_s": round(statistics.median(frames), 3),
        "help_s": round(statistics.median(helps), 3),
        "first_frames_s": [round(value, 3) for value in frames],
        "helps_s": [round(value, 3) for value in helps],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
