"""Tell the user, wherever they are, that a run has ended, failed or needs attention: a program of theirs, an address.

Sent by the runner, in a thread of its own, so that it works detached and can't harm the training. Of a run whose
process was killed ``engine.runs.crash_notice`` tells.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from engine.config.schema import NotifySection, Occasion
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import story, webhook
from engine.runs.directory import RunDir

Sink = Callable[[ev.Event], None]

LIMIT_S = 10.0
"""For a program or an address to take one notice, and at the run's end for all that are left."""
NOTIFYING = "TUNEDECK_NOTIFYING"
"""Set for the program: a run that it starts sends no notices, or they would start each other for ever."""
_MOST_WAITING = 20
_AGAIN_S = 300.0
"""Two notices for attention are at least so far apart."""


def kind_of(event: ev.Event) -> Occasion | None:
    """What ``event`` is to somebody who is away; None for nothing."""
    if isinstance(event, ev.Finished):
        return "end"
    if isinstance(event, ev.Failed):
        return "failure"
    needs = isinstance(event, ev.Spike) or (isinstance(event, ev.Forgetting) and event.mark == "stop")
    return "attention" if needs else None


def said(event: ev.Event) -> Message:
    """The event in one sentence. Rows are not told: what they say may go nowhere."""
    if isinstance(event, ev.Finished):
        return story.state("stopped" if event.outcome == "stopped" else "finished", event.reason)
    if isinstance(event, ev.Failed):
        return Message("events.failed", error=event.reason)
    assert isinstance(event, (ev.Spike, ev.Forgetting))
    return story.alarm(event)


def payload(run: RunDir, kind: Occasion, what: Message, step: int | None, total: int | None) -> dict[str, Any]:
    """What is sent: ``text`` in the language of the process, ``what`` as code and arguments."""
    name = run.name
    line = text(Message("notices.line", name=name, what=what))
    return {
        "kind": kind, "text": line, "what": what.as_json(), "run": run.id, "name": name, "path": str(run.path),
        "host": socket.gethostname(), "step": step, "total_steps": total, "t": round(time.time(), 3),
    }  # fmt: skip


class Notices:
    """Takes the events of ``run`` as they come. What goes wrong is told to ``sink`` as a warning, and nothing else is.

    A run that a notice's program started sends none.
    """

    def __init__(self, run: RunDir, notify: NotifySection, sink: Sink) -> None:
        self._run, self._notify, self._sink = run, notify, sink
        self._step: int | None = None
        self._total: int | None = None
        self._told_t = 0.0
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(_MOST_WAITING)
        wants = bool(notify.command or notify.url)
        self._is_on = wants and not os.environ.get(NOTIFYING)
        if wants and not self._is_on:
            sink(ev.Warn(message=Message("notices.in-a-notice")))
        if self._is_on:
            threading.Thread(target=self._work, name="notices", daemon=True).start()

    def heard(self, event: ev.Event) -> None:
        """Take an event; returns at once."""
        if not self._is_on:
            return
        if isinstance(event, ev.RunStarted):
            self._total = event.total_steps
        elif isinstance(event, ev.Step):
            self._step = event.step
        kind = kind_of(event)
        if kind is None or kind not in self._notify.on:
            return
        if kind == "attention":
            if time.monotonic() - self._told_t < _AGAIN_S and self._told_t:
                return
            self._told_t = time.monotonic()
        with suppress(queue.Full):
            self._waiting.put_nowait(payload(self._run, kind, said(event), self._step, self._total))

    def finish(self) -> None:
        """Wait until all is sent, for ``LIMIT_S`` at most."""
        until = time.monotonic() + LIMIT_S + 1
        while self._is_on and self._waiting.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)
        if self._is_on and self._waiting.unfinished_tasks:
            self._sink(ev.Warn(message=Message("notices.too-slow", seconds=LIMIT_S)))

    def _work(self) -> None:
        while True:
            notice = self._waiting.get()
            try:
                for failure in send(self._notify, notice):
                    self._sink(ev.Warn(message=failure))
            except Exception as error:  # whatever it is, the training goes on
                self._sink(ev.Warn(message=Message("notices.failed", kind=type(error).__name__)))
            finally:
                self._waiting.task_done()


def send(notify: NotifySection, notice: dict[str, Any]) -> list[Message]:
    """Give ``notice`` to the program and to the address of ``notify``; what went wrong, a message each."""
    body = json.dumps(notice, ensure_ascii=False).encode("utf-8", "replace")
    found = []
    if notify.command and (failure := _run(notify.command, notify.shell, body)) is not None:
        found.append(failure)
    if notify.url:
        try:
            webhook.post(notify.url, body, notify.allow_private, LIMIT_S)
        except webhook.Refused as error:
            found.append(Message("notices.not-sent", reason=error.reason))
    return found


def _run(command: str, shell: bool, body: bytes) -> Message | None:
    """Run the program with ``body`` on its standard input, in a group of its own; None when it went well."""
    try:
        arguments: str | list[str] = command if shell else shlex.split(command)
        process = subprocess.Popen(
            arguments, shell=shell, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, env=os.environ | {NOTIFYING: "1"},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Message("notices.command-not-run", command=_named(command), reason=reason)
    try:
        _, errors = process.communicate(body, LIMIT_S)
    except subprocess.TimeoutExpired:
        with suppress(OSError):
            os.killpg(process.pid, 9)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
        return Message("notices.command-too-slow", command=_named(command), seconds=LIMIT_S)
    if process.returncode:
        last = errors[-2000:].decode("utf-8", "replace").strip().splitlines()[-1:]
        return Message(
            "notices.command-failed",
            command=_named(command),
            code=str(process.returncode),
            last=last[0] if last else "",
        )
    return None


def _named(command: str) -> str:
    """The program alone: its arguments may hold a secret."""
    try:
        return (shlex.split(command) or [""])[0]
    except ValueError:
        return command.split()[0] if command.split() else ""
