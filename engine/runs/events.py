"""The typed events of a run's log, and the one writer of ``events.jsonl``.

A line is ``{"v":1,"seq":n,"t":unix_seconds,"type":…}``. Lines are appended with one write each and never
rewritten; NaN and infinities are strings, so that any JSON reader can follow.
"""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from engine.errors import MachineError

VERSION = 1
RESERVE_NAME = ".events.reserve"
_RESERVE_BYTES = 64 * 1024


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False, gc=False):
    """What every line has: ``seq`` counts from 1 without gaps, ``t`` is Unix time in seconds.

    Events hold no cycles; leaving them out of garbage collection halves the time to read a long log.
    """

    v: int = VERSION
    seq: int = 0
    t: float = 0.0


class RunStarted(Event, tag="run_started", frozen=True, kw_only=True):
    """A runner took the lock. ``resumed_from_step`` is None on the first start."""

    pid: int = 0
    host: str = ""
    device: str = ""
    model: str = ""
    method: str = ""
    strategy: str = ""
    total_steps: int | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    train_rows: int | None = None
    eval_rows: int | None = None
    resumed_from_step: int | None = None
    versions: dict[str, str] = {}


class Phase(Event, tag="phase", frozen=True, kw_only=True):
    """What the runner is doing now; ``done`` of ``total`` in ``unit`` where that can be counted."""

    name: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    message: str = ""


class Step(Event, tag="step", frozen=True, kw_only=True):
    """One optimizer step. ``loss`` is the mean over its supervised tokens; memory in bytes, times in s."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    num_tokens: int
    supervised_tokens: int
    tokens_per_second: float
    step_time: float
    memory_allocated: int | None = None
    memory_reserved: int | None = None
    loss_by_source: dict[str, float] = {}


class Eval(Event, tag="eval", frozen=True, kw_only=True):
    """Held-out loss and metrics. ``moment`` is before, during or after training."""

    step: int
    moment: str = "during"
    loss: float | None = None
    n: int = 0
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    loss_by_source: dict[str, float] = {}


class Sample(Event, tag="sample", frozen=True, kw_only=True):
    """One generated answer; ``index`` tells the prompts apart so that answers can be laid side by side."""

    step: int
    moment: str = "during"
    index: int = 0
    prompt: str = ""
    answer: str = ""
    reference: str | None = None


class Device(Event, tag="device", frozen=True, kw_only=True):
    """What the machine measured: bytes, per cent, degrees Celsius, watts."""

    rss: int | None = None
    peak_rss: int | None = None
    gpus: list[dict[str, float]] = []


class Checkpoint(Event, tag="checkpoint", frozen=True, kw_only=True):
    """A complete checkpoint is on disk at ``path`` (relative to the run directory)."""

    step: int
    path: str
    size_bytes: int = 0
    seconds: float = 0.0
    reason: str = ""


class Warn(Event, tag="warning", frozen=True, kw_only=True):
    """Something a person should know; training goes on."""

    title: str
    message: str = ""
    hint: str = ""
    step: int | None = None


class ControlAck(Event, tag="control_ack", frozen=True, kw_only=True):
    """The runner has seen control command number ``control_seq`` and did, or refused, it."""

    control_seq: int
    command: str
    ok: bool = True
    message: str = ""


class State(Event, tag="state", frozen=True, kw_only=True):
    """The runner's own word on its state: starting, running, paused, stopping."""

    state: str
    reason: str = ""


class Heartbeat(Event, tag="heartbeat", frozen=True, kw_only=True):
    """Written when nothing else was for a while, so that silence means something."""

    state: str = ""


class Finished(Event, tag="finished", frozen=True, kw_only=True):
    """A clean end. ``outcome`` is finished or stopped; ``adapter`` is relative to the run directory."""

    outcome: str
    step: int
    adapter: str | None = None
    seconds: float = 0.0
    reason: str = ""


class Failed(Event, tag="failed", frozen=True, kw_only=True):
    """An end with a reason; ``title``, ``message`` and ``hint`` as in TunedeckError."""

    title: str
    message: str = ""
    hint: str = ""
    step: int | None = None


AnyEvent = (
    RunStarted | Phase | Step | Eval | Sample | Device | Checkpoint | Warn | ControlAck | State | Heartbeat
    | Finished | Failed
)  # fmt: skip

_decoder = msgspec.json.Decoder(AnyEvent, strict=False)
_encoder = msgspec.json.Encoder()


class _Head(msgspec.Struct):
    """What can be told of a line whatever its type: enough to number and to skip it."""

    type: str
    seq: int


_head_decoder = msgspec.json.Decoder(_Head, strict=False)
_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))


def decode(line: bytes) -> AnyEvent | None:
    """The event of one complete line, or None for a line that is broken or of an unknown type."""
    try:
        event: AnyEvent = _decoder.decode(line)
        return event
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def is_unknown_type(line: bytes) -> bool:
    """Whether ``line`` is a whole event of a type that this version does not know."""
    try:
        return _head_decoder.decode(line).type not in _TYPES
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def decode_batch(lines: list[bytes]) -> list[AnyEvent] | None:
    """The events of many complete lines at once, or None if any of them is broken or of an unknown type."""
    try:
        events = cast("list[AnyEvent]", _decoder.decode_lines(b"\n".join(lines)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return events if len(events) == len(lines) else None  # else a line was empty, or held two values


def encode(event: Event) -> bytes:
    """One line without its newline; non-finite floats become "NaN", "Infinity" and "-Infinity".

    Half surrogates, which rows can hold and UTF-8 can't, become "?".
    """
    return _encoder.encode(_writable(msgspec.to_builtins(event)))


def _writable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


class EventWriter:
    """Appends events to a log, numbering and dating them; safe to use from several threads.

    A full disk must not end a training: a line that can't be written is counted in ``lost`` and its number
    is used again, so that ``seq`` has no gaps. A half-written line is closed by the next write. For the last word,
    ``Failed`` or ``Finished``, space is kept aside while the log is open.
    Raises MachineError when the log can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        self.seq = _last_seq(path)
        self._lock = threading.Lock()
        self._torn = _ends_torn(path)
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise MachineError(
                "The log of the run can't be written", f"{path}: {error.strerror}", "Mend the rights of that folder."
            ) from error
        self._reserve = path.with_name(RESERVE_NAME)
        _take_space(self._reserve)

    def emit(self, event: Event) -> None:
        """Append ``event`` with the next number and the time of now."""
        with self._lock:
            stamped = msgspec.structs.replace(event, seq=self.seq + 1, t=round(time.time(), 6))
            line = encode(stamped) + b"\n"
            if self._torn:
                line = b"\n" + line
            if self._append(line):
                return
            if isinstance(event, Failed | Finished):
                self._reserve.unlink(missing_ok=True)
                if self._append(b"\n" + line):
                    return
            self.lost += 1

    def _append(self, line: bytes) -> bool:
        """Write ``line``; False if the disk refused it or filled up inside it."""
        try:
            written = os.write(self._fd, line)
        except OSError:
            return False
        self._torn = written < len(line)
        if written < len(line) - 1:  # without its newline alone the line still counts
            return False
        self.seq += 1
        return True

    def close(self) -> None:
        """Close the log; events that come later are counted as lost."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)
                self._reserve.unlink(missing_ok=True)


def _take_space(path: Path) -> None:
    """Fill a small file, with bytes that no file system packs away; without it the last word may be lost."""
    with suppress(OSError):
        path.write_bytes(os.urandom(_RESERVE_BYTES))


def _ends_torn(path: Path) -> bool:
    """Whether a killed writer left the last line without its newline."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def _last_seq(path: Path) -> int:
    """Number of the last whole event, of whatever type, 0 for a new log."""
    for max_bytes in (1 << 20, 1 << 40):  # the whole log only if its end is one long line
        for line in reversed(tail_lines(path, max_bytes, with_rest=True)):
            try:
                return _head_decoder.decode(line).seq
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
    return 0


def tail_lines(path: Path, max_bytes: int, with_rest: bool = False) -> list[bytes]:
    """Complete lines within the last ``max_bytes`` of a log, oldest first; [] if there is none.

    ``with_rest`` adds what follows the last newline.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - max_bytes)
            file.seek(start)
            block = file.read()
    except OSError:
        return []
    lines = block.split(b"\n")
    rest = lines.pop()  # what follows the last newline is not complete yet
    if with_rest:
        lines.append(rest)
    return lines[1:] if start else lines
