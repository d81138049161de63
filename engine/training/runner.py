"""The process that trains: the main thread listens, a background thread works.

Python runs signal handlers only in the main thread, so with the work in another one SIGTERM is heard at once.
Run as ``python -m engine.training.runner RUN_DIR [--resume] [--after-oom-kill] [--accept-changes]``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from pathlib import Path

import psutil

from engine.common import paths
from engine.common.errors import MachineError, RunError, TunedeckError, own_words
from engine.common.files import write_atomic
from engine.config import toml
from engine.config.presets import config_error
from engine.config.rules import check, errors
from engine.config.schema import RunConfig
from engine.distributed.own_gpu import run_gpus
from engine.machine.snapshot import MachineWatch
from engine.messages.message import Message
from engine.modeling.memory_peaks import highest_bytes
from engine.runs import control
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.notices import Notices
from engine.runs.phases import MESSAGES
from engine.runs.steering import Steering
from engine.runs.writer import EventWriter

_ORDERS_BY_SIGNAL: dict[int, control.Command] = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGUSR1: "save",
    signal.SIGTSTP: "pause",
    signal.SIGCONT: "resume",
}
_TICK_S = 0.2
_DEVICE_EVERY_S = 5.0
_HEARTBEAT_EVERY_S = 15.0
_FIRST_READING_S = 0.2
_LAST_WORD_S = 5.0
"""For the training thread to tell itself why another process was lost."""


class Runner:
    """Owns the lock, the log and the control file of one run for as long as it lives."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.steering = Steering()
        self.lock = RunLock(run.lock)
        self.state = "starting"
        self.failed = False
        self._signals: deque[int] = deque()
        self._last_control = 0
        self._last_device_t = 0.0
        self._last_event_t = time.monotonic()
        self._on_gpu = False
        self._notices: Notices | None = None
        self._devices = ["auto"]
        # A thread of its own: a driver that hangs must hold up neither signals nor the training.
        self._machine = MachineWatch(paths.runs_dir(), paths.models_dir(), _DEVICE_EVERY_S)

    def main(self, resume: bool, after_kill: bool = False, accept_changes: bool = False) -> int:
        """Train to the end; returns the exit code of the process."""
        # Commands to an earlier process are not ours; with the lock held, new ones may come at once.
        message = control.read(self.run)
        self.lock.acquire()
        self._last_control = message.seq if message else 0
        self.writer = EventWriter(self.run.events)
        self._install_signals()
        self.emit(ev.State(state="starting"))
        self._write_run_json()
        self._machine.start()
        thread = threading.Thread(
            target=self._work, args=(resume, after_kill, accept_changes), name="training", daemon=True
        )
        thread.start()
        while thread.is_alive() and not self.steering.lost:
            self._tick()
            thread.join(_TICK_S)
        thread.join(_LAST_WORD_S)
        if thread.is_alive():
            self._fail_lost()
        self._sample_device()
        self._machine.stop()
        if self._notices is not None:
            self._notices.finish()
        for order in self.steering.take():
            order.answer(False, Message("events.run-has-ended"))
        self._write_run_json()
        self.writer.close()
        self.lock.release()
        return 1 if self.failed else 0

    def emit(self, event: ev.Event) -> None:
        """Append to the log; the last word on the state is kept for run.json."""
        if isinstance(event, ev.State):
            self.state = event.state
        elif isinstance(event, ev.Finished):
            self.state = event.outcome
        elif isinstance(event, ev.Failed):
            self.state = "failed"
        elif isinstance(event, ev.MemoryPlan):
            self._on_gpu = event.device == "cuda"
        self._last_event_t = time.monotonic()
        self.writer.emit(event)
        if self._notices is not None:
            self._notices.heard(event)

    def _work(self, resume: bool, after_kill: bool, accept_changes: bool) -> None:
        """The training thread: every end of it is an event."""
        try:
            config = toml.load(self.run.config).config
            self._notices = Notices(self.run, config.notify, self.emit)
            found = errors(check(config))
            if found:
                raise config_error(found)
            self._train(config, resume, after_kill, accept_changes)
        except TunedeckError as error:
            self._fail(error)
        except MemoryError:
            self._fail(MachineError("runs.out-of-ram"))
        except BaseException as error:
            traceback.print_exc()
            if self.steering.lost:
                self._fail_lost()
                return
            words = own_words(error)
            self._fail(RunError("runs.unexpected", kind=type(error).__name__, words=words, log=self.run.log.name))

    def _train(self, config: RunConfig, resume: bool, after_kill: bool, accept_changes: bool) -> None:
        from engine.distributed.device import restrict_gpus, settle_memory

        self._devices = restrict_gpus(config)
        settle_memory()
        self.emit(ev.Phase(name="import", message=Message(MESSAGES["import"])))
        # Seconds of imports: here, after the lock, so that a viewer sees them as a phase.
        from engine.training.session import Session

        Session(self.run, config, self.emit, self.steering, self._devices).execute(resume, after_kill, accept_changes)

    def _fail_lost(self) -> None:
        assert self.steering.lost is not None
        self._fail(self.steering.lost)

    def _fail(self, error: TunedeckError) -> None:
        self.failed = True
        print(error, file=sys.stderr, flush=True)
        self.emit(ev.Failed.of(error))

    def _tick(self) -> None:
        while self._signals:
            number = self._signals.popleft()
            order = _ORDERS_BY_SIGNAL[number]
            if order == "stop":
                self._stop(Message("events.signal", signal=signal.Signals(number).name))
            else:
                self.steering.put(order)
        message = control.read(self.run)
        if message is not None and message.seq > self._last_control:
            self._last_control = message.seq
            self._take(message)
        now = time.monotonic()
        if now - self._last_device_t >= _DEVICE_EVERY_S:
            self._sample_device()
        if now - self._last_event_t >= _HEARTBEAT_EVERY_S:
            self.emit(ev.Heartbeat(state=self.state))

    def _take(self, message: control.ControlMessage) -> None:
        def answer(ok: bool, said: Message) -> None:
            seq, by = message.seq, message.by
            self.emit(ev.ControlAck(control_seq=seq, command=message.command, ok=ok, message=said, by=by))

        if message.command == "stop":
            code = "events.stopping-with-checkpoint" if self.state == "running" else "events.stopping"
            answer(True, Message(code))
            self.steering.at_best = message.values.get("at") == "best"
            self._stop(Message("events.asked-to-stop"))
        elif message.command == "set" and message.values.keys() not in ({"replay"}, {"rate"}):
            answer(False, Message("events.cannot-set"))
        else:
            self.steering.put(message.command, answer, message.values)

    def _stop(self, reason: Message) -> None:
        if not self.steering.stop_requested:
            self.emit(ev.State(state="stopping", reason=reason))
        self.steering.stop(reason)

    def _install_signals(self) -> None:
        """TERM and INT: checkpoint and stop. USR1: checkpoint. TSTP and CONT: pause and resume. HUP: go on."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # A handler may interrupt this thread anywhere, even inside the log's lock: it only takes a note.
        for number in _ORDERS_BY_SIGNAL:
            signal.signal(number, lambda received, _frame: self._signals.append(received))

    def _sample_device(self) -> None:
        self._last_device_t = time.monotonic()
        machine = self._machine.latest or self._machine.wait_first(_FIRST_READING_S)
        self.emit(
            ev.Device(
                rss=psutil.Process().memory_info().rss, peak_rss=highest_bytes(),
                ram_total=machine.host.ram_total_bytes if machine else None,
                ram_available=machine.host.ram_available_bytes if machine else None,
                gpus=run_gpus(machine, self._devices) if machine is not None and self._on_gpu else [],
            )
        )  # fmt: skip
        self._write_run_json()

    def _write_run_json(self) -> None:
        """The cache of facts for lists; a full disk may leave it old, never half."""
        process = psutil.Process()
        facts = self.run.read_run_json() | {
            "pid": process.pid,
            "pid_start_time": process.create_time(),
            "host": os.uname().nodename,
            "argv": sys.argv,
            "world_size": len(self._devices),
            "state": self.state,
            "last_seq": self.writer.seq,
        }
        try:
            write_atomic(self.run.run_json, json.dumps(facts))
        except OSError:
            pass


def main(argv: list[str]) -> int:
    faulthandler.enable()
    run = RunDir(Path(argv[0]).absolute())
    try:
        return Runner(run).main(*(flag in argv[1:] for flag in ("--resume", "--after-oom-kill", "--accept-changes")))
    except TunedeckError as error:  # before there is a log to write to
        print(" ".join(str(error).split("\n")), file=sys.stderr)  # the last line of runner.log is shown as the reason
        return error.exit_code


if __name__ == "__main__":
    # os._exit: a worker thread stuck in a library must not keep the process, and so the lock, alive.
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
