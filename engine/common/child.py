"""Processes that answer in lines of JSON: run one to its end, read what it says, and be one that says it.

A line is an object with a ``type``: progress (done, total, message), at the end result, error or another. Messages
and errors travel as code and arguments. Lines that are no such object are the noise of libraries.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol

from engine.common.errors import TunedeckError
from engine.messages.message import Message

_PATIENCE_S = 5
_SILENCE_S = 0.5


class Say(Protocol):
    """Say one line of ``kind`` with its values."""

    def __call__(self, kind: str, /, **values: Any) -> None: ...


def answers() -> Say:
    """In a child: what says lines on its stdout, where from now on nobody else can print.

    Libraries print where they like: what they write to stdout goes to stderr.
    """
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(kind: str, /, **values: Any) -> None:
        print(json.dumps({"type": kind, **values}, default=_plain), file=stream, flush=True)

    return say


def doing(say: Say, code: str) -> None:
    """Say that it is about what ``code`` names, of which nobody knows how long it takes."""
    say("progress", done=0, total=None, message=Message(code))


def counting(say: Say, code: str) -> Callable[[int, int | None], None]:
    """Says how much of what ``code`` names is done."""
    return lambda done, total: say("progress", done=done, total=total, message=Message(code))


class Interrupted(BaseException):
    """A signal asked a child for its end."""


def interruptible() -> None:
    """In a child: the first SIGTERM or SIGINT from now on raises Interrupted, and SIGHUP unless that is ignored.

    A terminal that is closed sends SIGHUP to the child as well as to whoever started it, who then sends SIGTERM: what
    is cleaned up meanwhile must not be interrupted once more.
    """
    ending = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        ending.append(signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        for each in ending:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    for number in ending:
        signal.signal(number, interrupt)


def record_of(line: str | bytes) -> dict[str, Any] | None:
    """What a line of a child says; None for noise."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("type"), str) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.as_json()
    raise TypeError(f"{type(value).__name__} is no JSON")


def run_child(
    command: Sequence[str], on_line: Callable[[str], None],
    on_silence: Callable[[], None] = lambda: None, env: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    """Run ``command`` without a terminal, stdout and stderr as one stream, and return its exit status.

    ``env``: its environment, where it is not to be ours.

    ``on_silence`` is called twice a second while it says nothing. Whatever it or ``on_line`` raises ends the child
    first and is then passed on.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        while line := _next(lines, on_silence):
            text = line.decode("utf-8", "replace").strip()
            if text:
                on_line(text)
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_answering(
    arguments: Sequence[str], ended: str, on_progress: Callable[[int, int | None, Message], object],
    on_note: Callable[[Message], None] = lambda note: None, on_silence: Callable[[], None] = lambda: None,
) -> dict[str, Any]:  # fmt: skip
    """The last word of ``python -m`` with ``arguments``, a child that says records. As ``run_child`` else.

    Raises the TunedeckError that it says, or one of code ``ended`` where it ended without a word.
    """
    found: list[dict[str, Any]] = []
    noise: list[str] = []

    def on_line(line: str) -> None:
        record = record_of(line)
        if record is None:
            noise.append(line)
        elif record["type"] == "progress":
            on_progress(record.get("done") or 0, record.get("total"), Message.from_json(record["message"]))
        elif record["type"] == "note":
            on_note(Message.from_json(record["message"]))
        else:
            found.append(record)

    code = run_child([sys.executable, "-P", "-m", *arguments], on_line, on_silence=on_silence)
    if not found:
        raise TunedeckError(ended, code=code, said=" ".join(noise[-3:])[:300])
    if found[-1]["type"] == "error":
        raise TunedeckError.from_json(found[-1])
    return found[-1]


def _read(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Pass the lines of ``stream`` on; b"" says that it has ended."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


def _next(lines: queue.SimpleQueue[bytes], on_silence: Callable[[], None]) -> bytes:
    while True:
        try:
            return lines.get(timeout=_SILENCE_S)
        except queue.Empty:
            on_silence()
