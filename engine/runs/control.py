"""Steer a run: one small file that is replaced as a whole, acknowledged by an event with the same number."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard, get_args

from engine.common import locks
from engine.common.errors import MachineError, RunError, reason_of
from engine.common.files import read_json, write_atomic
from engine.common.who import who
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import load_state

Command = Literal["stop", "save", "pause", "resume", "sample", "set", "rollback"]
COMMANDS: tuple[str, ...] = get_args(Command)


@dataclass(frozen=True)
class ControlMessage:
    """Command number ``seq``.

    ``values`` of ``set``: {"replay": 0.2}, {"replay": "more"} or {"rate": 0.5}; of ``stop``: {"at": "best"}; of
    ``rollback`` those of ``engine.runs.rollback.Request``. ``by`` is who sent it, "" from an older sender.
    """

    seq: int
    command: Command
    values: dict[str, Any] = field(default_factory=dict)
    by: str = field(default="", compare=False)


def send(run: RunDir, command: Command, values: dict[str, Any] | None = None) -> int:
    """Write a command for the runner of ``run`` and return its number.

    Raises RunError when nobody is running it, MachineError when the file can't be written.
    """
    if not run.is_alive():
        raise RunError("runs.not-running", run=run.id, way=way_on(run))
    try:
        with _alone(run):
            last = read_json(run.control).get("seq")
            seq = (last if _is_number(last) else 0) + 1
            made = {"seq": seq, "command": command, "values": values or {}, "by": who()}
            write_atomic(run.control, json.dumps(made))
    except OSError as error:
        raise MachineError("runs.command-unwritable", path=run.control, reason=reason_of(error)) from error
    return seq


def way_on(run: RunDir) -> Message:
    """What can be done with a run that nobody is running."""
    if load_state(run).state == "finished":
        return Message("runs.way-adapter", path=run.adapter)
    if run.begins_anew:
        return Message("runs.way-begin", run=run.id)
    if not run.complete_checkpoints():
        return Message("runs.way-restart", config=run.config)
    return Message("runs.way-resume", run=run.id)


@contextmanager
def _alone(run: RunDir) -> Iterator[None]:
    """Between two senders at once each number is given once. Raises OSError."""
    fd = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locks.taken(fd, waits=True)  # where there are no locks the numbers may meet; the commands still arrive
        yield
    finally:
        os.close(fd)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def read(run: RunDir) -> ControlMessage | None:
    """The newest command, None when there is none or it makes no sense."""
    raw = read_json(run.control)
    seq, command, values = raw.get("seq"), raw.get("command"), raw.get("values", {})
    if not _is_number(seq) or command not in COMMANDS or not isinstance(values, dict):
        return None
    by = raw.get("by")
    return ControlMessage(seq, command, values, by if isinstance(by, str) else "")


def wait_for_ack(run: RunDir, seq: int, timeout_s: float = 30.0) -> ev.ControlAck | None:
    """Wait until the runner answers command ``seq``; None if it has not after ``timeout_s``."""
    from engine.runs.follow import Tail

    tail = Tail(run.events)
    deadline = time.monotonic() + timeout_s
    while True:
        for event in tail.read():
            if isinstance(event, ev.ControlAck) and event.control_seq == seq:
                return event
        if tail.at_end():
            if time.monotonic() > deadline or not run.is_alive():
                return None
            time.sleep(0.1)
