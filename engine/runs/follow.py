"""Follow a run from outside: tail its log in budgets and infer a crash from a lock that nobody holds."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from engine.common.files import read_json
from engine.common.regular_files import open_regular, what_is_wrong
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import MOST_LOG_BYTES, RunDir, damage_of, is_starting
from engine.runs.event_lines import decode, decode_batch, is_unknown_type
from engine.runs.reducer import RunReducer
from engine.runs.state import RunState

KILLED_FOR_MEMORY, KILLED = "runs.killed-for-ram", "runs.killed"
_CHUNK = 1 << 20
_LONGEST_LINE = 64 << 20
_MOST_LAST_BYTES = 8192
_BROKEN = b"{"  # what a line that is too long is read as


class Tail:
    """Reads a growing log. A half-written last line is the end of the file until its newline comes.

    Events of types that this version does not know are passed over; lines that make no sense are counted
    in ``broken_lines``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest: list[bytes] = []  # the pieces of a line that has no end yet
        self._lines: list[bytes] = []
        self.broken_lines = 0

    def read(self, max_events: int = 20_000, max_seconds: float = 0.25) -> list[ev.AnyEvent]:
        """New events, at most ``max_events`` and for about ``max_seconds``; [] when there is nothing new."""
        deadline = time.monotonic() + max_seconds
        found: list[ev.AnyEvent] = []
        while len(found) < max_events and (self._lines or self._fill()):
            take = min(len(self._lines), max_events - len(found), 1000)
            found += self._decode(self._lines[:take])
            del self._lines[:take]
            if time.monotonic() > deadline:
                break
        return found

    def _decode(self, lines: list[bytes]) -> list[ev.AnyEvent]:
        """All at once where every line is sound, else line by line."""
        whole = decode_batch(lines)
        if whole is not None:
            return whole
        found: list[ev.AnyEvent] = []
        for line in lines:
            event = decode(line)
            if event is not None:
                found.append(event)
            elif line.strip() and not is_unknown_type(line):
                self.broken_lines += 1
        return found

    def at_end(self) -> bool:
        """Whether everything complete in the file has been read, or can't be."""
        if self._lines or what_is_wrong(self.path, MOST_LOG_BYTES):
            return not self._lines
        try:
            return self.path.stat().st_size <= self._offset
        except OSError:
            return True

    def _fill(self) -> bool:
        try:
            with open_regular(self.path, MOST_LOG_BYTES) as file:
                file.seek(self._offset)
                while block := file.read(_CHUNK):
                    self._offset += len(block)
                    *whole, rest = block.split(b"\n")
                    if not whole:
                        self._hold(rest)
                        continue
                    whole[0] = b"".join([*self._rest, whole[0]])
                    self._rest, self._lines = [rest] if rest else [], whole
                    return True
        except OSError:
            pass
        return False

    def _hold(self, piece: bytes) -> None:
        """Keep the beginning of a line; of one that is longer than any event only that it is broken."""
        self._rest = [_BROKEN] if sum(map(len, self._rest)) > _LONGEST_LINE else [*self._rest, piece]


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
        return infer(self.run, state, alive) if self.tail.at_end() else state

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


def infer(run: RunDir, state: RunState, alive: bool) -> RunState:
    """``state`` as read from the log, put right by what the log can't say.

    A run launched again is starting until its runner writes; one that nobody runs is as its log says if that
    has an end, else not started yet, or crashed.
    """
    if alive:
        again = _was_launched_since(run, state)
        return _starting(state) if again or state.state == "created" else state
    damage = damage_of(run)
    if damage:
        return replace(state, state="damaged", reason=damage)
    if is_starting(run):
        return _starting(state)
    if state.ended:
        return state
    record = read_json(run.exit_json)
    if state.last_seq == 0 and not record and read_json(run.run_json).get("launched_t") is None:
        return state
    return replace(state, state="crashed", reason=crash_reason(run, record))


def _was_launched_since(run: RunDir, state: RunState) -> bool:
    """Whether ``run`` was launched after its last event: by the event's number, as a clock may be set back."""
    facts = read_json(run.run_json)
    seq, launched = facts.get("launched_seq"), facts.get("launched_t")
    if isinstance(seq, int):
        return state.last_seq <= seq
    return isinstance(launched, (int, float)) and launched > state.last_t


def _starting(state: RunState) -> RunState:
    return replace(state, state="starting", reason=None, failure=None, finished=None)


def crash_reason(run: RunDir, record: dict[str, object]) -> Message:
    """Why the process ended: the signal, the OOM killer, or its last words in runner.log."""
    code = record.get("returncode")
    if record.get("oom_kill"):
        return Message(KILLED_FOR_MEMORY)
    if isinstance(code, int) and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return Message(KILLED, signal=name)
    last = last_log_line(run.log)
    if isinstance(code, int):
        return Message.literal(last) if last else Message("runs.exit-code", code=code)
    return Message("runs.gone-after", last=last) if last else Message("runs.gone")


def last_log_line(path: Path) -> str:
    """The last line with content of runner.log, "" if none."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_LAST_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
