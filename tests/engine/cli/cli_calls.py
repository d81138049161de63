"""Call the command line as a shell would, in this process; and a stand-in for a runner."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main as cli
from engine.runs import control
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import EventWriter


@dataclass(frozen=True)
class Answer:
    """What a shell sees of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout, which must be JSON."""
        return json.loads(self.out.splitlines()[-1])


@dataclass
class Shell:
    """``shell("runs", "--json")``. ``screens`` notes which screens were opened."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    screens: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, *arguments: object) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["tunedeck", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(self._open_screen)
        printed = self.capsys.readouterr()
        code = ended.value.code
        return Answer(code if isinstance(code, int) else 0, printed.out, printed.err)

    def _open_screen(self, route: str, **options: Any) -> int:
        self.screens.append((route, options))
        return 0


class FakeRunner:
    """Holds the lock of a run in this process, writes events and answers commands, as a runner does."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.commands: list[str] = []
        self._lock = RunLock(run.lock)
        self._lock.acquire()
        self.writer = EventWriter(run.events)
        self._done = threading.Event()
        self._seen = 0

    def emit(self, *events: ev.Event) -> None:
        for event in events:
            self.writer.emit(event)

    def end(self) -> None:
        self._done.set()
        self.writer.close()
        self._lock.release()

    def serve(self, answer: Callable[[FakeRunner, control.ControlMessage], None]) -> threading.Thread:
        """Answer commands in a thread until the run ends."""

        def loop() -> None:
            while not self._done.wait(0.02):
                message = control.read(self.run)
                if message is not None and message.seq > self._seen:
                    self._seen = message.seq
                    self.commands.append(message.command)
                    answer(self, message)

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        return thread


def obey(runner: FakeRunner, message: control.ControlMessage) -> None:
    """Do what is asked, as far as the log shows it."""
    runner.emit(ev.ControlAck(control_seq=message.seq, command=message.command))
    if message.command == "stop":
        runner.emit(ev.State(state="stopping"), ev.Finished(outcome="stopped", step=3, seconds=1.0))
        runner.end()
    elif message.command in ("pause", "resume"):
        runner.emit(ev.State(state="paused" if message.command == "pause" else "running"))


def launches(
    monkeypatch: pytest.MonkeyPatch, script: Callable[[FakeRunner], Iterable[ev.Event] | None]
) -> list[tuple[RunDir, bool]]:
    """Let `launch` start a FakeRunner in a thread: it writes what ``script`` gives and goes. Returns the calls."""
    from engine.runs import launch as launching
    from tests.engine.runs.making import mark_launched

    calls: list[tuple[RunDir, bool]] = []

    def launch(run: RunDir, resume: bool = False, *, accept_changes: bool = False) -> int:
        calls.append((run, resume))
        mark_launched(run, seconds_ago=0)
        runner = FakeRunner(run)

        def play() -> None:
            events = script(runner)
            if events is not None:
                runner.emit(*events)
                runner.end()

        threading.Thread(target=play, daemon=True).start()
        return 1

    monkeypatch.setattr(launching, "launch", launch)
    return calls


def config_file(folder: Path, model: Path, max_length: int) -> Path:
    """A config of ``model`` and forty rows."""
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"q {n}", "completion": f"a {n}"}) + "\n" for n in range(40)))
    path = folder / "run.toml"
    path.write_text(
        f'[model]\nname_or_path = "{model}"\n[[data]]\npath = "{rows}"\n[dataset]\nmax_length = {max_length}\n'
    )
    return path
