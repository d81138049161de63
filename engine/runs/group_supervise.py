"""Trains the runs of a group one after the other: starts the next when one has ended, however it ended.

Run as ``python -m engine.runs.group_supervise GROUP_DIR [--accept-changes]``, in a session of its own like the waiter
of a run. A run that finished is passed over, one that was begun goes on from its last checkpoint. When the group is to
stop, the present run is asked to stop and no further one starts.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from engine.common.errors import TunedeckError
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import load_state
from engine.runs.groups import Group
from engine.runs.launch import WAITER, launch

_LOOK_EVERY_S = 0.3


class Supervisor:
    """Owns the lock of one group for as long as it lives."""

    def __init__(self, group: Group, accept_changes: bool = False, waiter: Sequence[str] = WAITER) -> None:
        self.group, self._accept_changes, self._waiter = group, accept_changes, waiter
        self._asked = False

    def main(self) -> None:
        """Train what is missing, in turn. Raises RunError when another process does so already."""
        lock = RunLock(self.group.lock)
        lock.acquire()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._take)
        for run in self.group.runs:
            if self._is_to_stop:
                break
            self._train(run)
        lock.release()

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    @property
    def _is_to_stop(self) -> bool:
        return self._asked or self.group.stop_mark.exists()

    def _train(self, run: RunDir) -> None:
        while run.is_alive() and not self._is_to_stop:  # somebody resumed it by itself
            time.sleep(_LOOK_EVERY_S)
        if self._is_to_stop or load_state(run).state == "finished":
            return
        begun = bool(run.complete_checkpoints())
        try:
            pid = launch(run, begun, self._waiter, accept_changes=begun and self._accept_changes)
        except TunedeckError as error:  # the next one may have more luck
            print(f"{run.id}: {error}", file=sys.stderr, flush=True)
            return
        told = False
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if self._is_to_stop and not told:
                os.kill(pid, signal.SIGTERM)  # passed on: the runner saves a checkpoint and stops
                told = True
            time.sleep(_LOOK_EVERY_S)


def main(argv: Sequence[str]) -> int:
    try:
        Supervisor(Group(Path(argv[0])), "--accept-changes" in argv[1:]).main()
    except TunedeckError as error:
        print(" ".join(str(error).split("\n")), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
