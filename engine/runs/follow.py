"""Follow a run from outside: tail its log in budgets and infer a crash from a lock that nobody holds."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from engine.runs import events as ev
from engine.runs.directory import RunDir, read_json
from engine.runs.state import RunReducer, RunState

_CHUNK = 1 << 20
_START_GRACE_S = 20.0  # a runner needs a few seconds from its launch to its lock


class Tail:
    """Reads a growing log. A half-written last line is the end of the file until its newline comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = b""
        self._lines: list[bytes] = []
        self.broken_lines = 0

    def read(self, max_events: int = 20_000, max_seconds: float = 0.25) -> list[ev.AnyEvent]:
        """New events, at most ``max_events`` and for about ``max_seconds``; [] when there is nothing new."""
        deadline = time.monotonic() + max_seconds
        found: list[ev.AnyEvent] = []
        while len(found) < max_events and (self._lines or self._fill()):
            take = min(len(self._lines), max_events - len(found), 1000)
            for line in self._lines[:take]:
                event = ev.decode(line)
                if event is not None:
                    found.append(event)
                elif line.strip():
                    self.broken_lines += 1
            del self._lines[:take]
            if time.monotonic() > deadline:
                break
        return found

    def at_end(self) -> bool:
        """Whether everything complete in the file has been read."""
        try:
            return not self._lines and self.path.stat().st_size <= self._offset
        except OSError:
            return not self._lines

    def _fill(self) -> bool:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                block = file.read(_CHUNK)
        except OSError:
            return False
        if not block:
            return False
        self._offset += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        self._lines = lines
        return bool(lines) or self._fill()


class Follower:
    """One viewer of one run: ``poll`` gives its newest state, crash inferred."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.tail = Tail(run.events)
        self._reducer = RunReducer()

    def poll(self, max_events: int = 20_000, max_seconds: float = 0.25) -> RunState:
        """Read what is new within the budget and return the state; call until ``caught_up`` for all of it."""
        # Liveness first: a runner that ends between the two looks has written its last event by then.
        alive = self.run.is_alive()
        self._reducer.apply_all(self.tail.read(max_events, max_seconds))
        state = self._reducer.snapshot()
        if alive or state.ended or not self.tail.at_end():
            return state
        return infer_end(self.run, state)

    def catch_up(self) -> RunState:
        """Read the whole log, however long."""
        state = self.poll(max_events=1 << 62, max_seconds=float("inf"))
        return state

    @property
    def caught_up(self) -> bool:
        return self.tail.at_end()


def load_state(run: RunDir) -> RunState:
    """The whole state of a run, read once."""
    return Follower(run).catch_up()


def infer_end(run: RunDir, state: RunState) -> RunState:
    """What an unlocked run without a terminal event is: not started yet, or crashed, with the reason if known."""
    record = read_json(run.exit_json)
    if state.started is None and not record:
        launched = read_json(run.run_json).get("launched_t")
        if launched is None:
            return state  # created, never started
        if time.time() - float(launched) < _START_GRACE_S:
            return replace(state, state="starting")
    return replace(state, state="crashed", reason=crash_reason(run, record))


def crash_reason(run: RunDir, record: dict[str, object]) -> str:
    """Why the process ended, in words: the signal, the OOM killer, or its last words in runner.log."""
    code = record.get("returncode")
    if record.get("oom_kill"):
        return "killed by the system: out of memory (RAM)"
    if isinstance(code, int) and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"the process was killed ({name})"
    last = last_log_line(run.log)
    if last:
        return last
    if isinstance(code, int):
        return f"the process ended with code {code}"
    return "the process is gone without a word (killed, or the machine restarted)"


def last_log_line(path: Path, max_bytes: int = 8192) -> str:
    """The last line with content of runner.log, "" if none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - max_bytes))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
