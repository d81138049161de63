"""The process around a training: every end of it is an event, every command gets an answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError, TunedeckError
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import read_host
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine, MachineWatch
from engine.messages.message import Message
from engine.runs import control, directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import Tail, load_state
from engine.training import runner as runner_module
from engine.training.runner import Runner
from tests.engine.runs.making import said
from tests.engine.training.making import create_run, values

Work = Callable[[Runner], None]


@pytest.fixture
def run(rows: Path) -> RunDir:
    return create_run(values(Path("models/tiny"), rows))


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The runner takes over the signals of the process; here that is the tests' own."""
    numbers = (signal.SIGHUP, *runner_module._ORDERS_BY_SIGNAL)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def runs(run: RunDir, work: Work, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[Any]]:
    """Exit code and events of a runner whose training is ``work``."""
    monkeypatch.setattr(Runner, "_train", lambda self, *_: work(self))
    monkeypatch.setattr(runner_module, "_TICK_S", 0.005)
    code = Runner(run).main(resume=False)
    return code, Tail(run.events).read()


def finish(self: Runner, outcome: str = "finished") -> None:
    self.emit(ev.Finished(outcome=outcome, step=3, adapter="adapter"))


def failing(error: BaseException) -> Work:
    def work(self: Runner) -> None:
        raise error

    return work


def test_a_good_end_is_code_0_and_frees_the_lock(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    code, events = runs(run, finish, monkeypatch)
    assert code == 0
    assert isinstance(events[0], ev.State)
    assert events[0].state == "starting"
    assert any(isinstance(event, ev.Finished) for event in events)
    assert not run.is_alive()
    assert load_state(run).state == "finished"


def test_run_json_says_who_ran_it_and_how_it_ended(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(run, finish, monkeypatch)
    facts = run.read_run_json()
    assert (facts["pid"], facts["host"], facts["state"]) == (os.getpid(), os.uname().nodename, "finished")
    assert facts["last_seq"] >= 2
    assert facts["model"] == "tiny"  # what the launcher wrote is kept


def test_an_error_of_ours_is_told_in_its_three_parts(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    error = DataError("data.no-rows", path="rows.jsonl")
    code, events = runs(run, failing(error), monkeypatch)
    assert code == 1
    (failed,) = (event for event in events if isinstance(event, ev.Failed))
    assert (failed.error, failed.reason) == (type(error).__name__, error.reason)
    assert "Traceback" not in capfd.readouterr().err
    assert load_state(run).state == "failed"


def test_an_unexpected_error_is_told_in_a_line_and_whole_in_the_log(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, events = runs(run, failing(ZeroDivisionError("division\nby zero")), monkeypatch)
    assert code == 1
    (failed,) = (event for event in events if isinstance(event, ev.Failed))
    assert (failed.reason.code, failed.reason.args["kind"]) == ("runs.unexpected", "ZeroDivisionError")
    assert (failed.reason.args["words"], failed.reason.args["log"]) == ("division by zero", "runner.log")
    assert "Traceback" in capfd.readouterr().err  # stderr is runner.log


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(3), KeyboardInterrupt()])
def test_no_kind_of_end_goes_unsaid(run: RunDir, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    code, events = runs(run, failing(error), monkeypatch)
    assert code == 1
    assert [type(event) for event in events].count(ev.Failed) == 1


def test_running_out_of_ram_says_what_to_lower(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = runs(run, failing(MemoryError()), monkeypatch)
    (failed,) = (event for event in events if isinstance(event, ev.Failed))
    assert failed.reason.code == "runs.out-of-ram"


def test_a_config_that_can_not_be_run_is_an_event_too(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(values(Path("models/tiny"), rows, launch={"distributed": "fsdp"}))
    code, events = runs(run, finish, monkeypatch)
    assert code == 1
    (failed,) = (event for event in events if isinstance(event, ev.Failed))
    assert "launch.distributed" in failed.as_error.message


def obey(wanted: int) -> Work:
    """A training that takes orders until it has had ``wanted`` of them, or is to stop."""

    def work(self: Runner) -> None:
        had = 0
        while had < wanted and not self.steering.stop_requested:
            for order in self.steering.take():
                order.answer(True, said(f"{order.command} is done"))
                had += 1
        finish(self, "stopped" if self.steering.stop_requested else "finished")

    return work


def told(work: Work, *commands: control.Command) -> Work:
    """``work``, with each of ``commands`` sent as another process would, one after the other."""

    def with_commands(self: Runner) -> None:
        for command in commands:
            seq = control.send(self.run, command)
            while self._last_control < seq:
                pass
        work(self)

    return with_commands


def test_every_command_is_answered_with_its_number(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = runs(run, told(obey(2), "save", "sample"), monkeypatch)
    acks = [event for event in events if isinstance(event, ev.ControlAck)]
    assert [(ack.control_seq, ack.command, ack.ok, ack.message) for ack in acks] == [
        (1, "save", True, said("save is done")),
        (2, "sample", True, said("sample is done")),
    ]


def test_a_stop_is_answered_at_once_and_said(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = runs(run, told(obey(1), "stop"), monkeypatch)
    names = [event.state if isinstance(event, ev.State) else type(event).__name__ for event in events]
    assert names.index("ControlAck") < names.index("stopping") < names.index("Finished")
    assert load_state(run).state == "stopped"


def test_settings_can_not_be_changed_while_training(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = runs(run, told(finish, "set"), monkeypatch)
    (ack,) = (event for event in events if isinstance(event, ev.ControlAck))
    assert not ack.ok


def test_orders_that_come_too_late_are_answered_too(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = runs(run, told(finish, "save"), monkeypatch)
    (ack,) = (event for event in events if isinstance(event, ev.ControlAck))
    assert (ack.ok, ack.message.code) == (False, "events.run-has-ended")


def test_commands_to_an_earlier_process_are_not_obeyed(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = RunLock(run.lock)
    lock.acquire()
    control.send(run, "stop")
    lock.release()
    _, events = runs(run, told(obey(1), "save"), monkeypatch)
    acks = [event for event in events if isinstance(event, ev.ControlAck)]
    assert [(ack.control_seq, ack.command) for ack in acks] == [(2, "save")]
    assert load_state(run).state == "finished"


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")], ids=["TERM", "INT"]
)
def test_a_signal_to_end_stops_with_its_name_as_the_reason(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, reason: str
) -> None:
    def work(self: Runner) -> None:
        os.kill(os.getpid(), number)
        obey(1)(self)

    _, events = runs(run, work, monkeypatch)
    stopping = [event for event in events if isinstance(event, ev.State) and event.state == "stopping"]
    assert [event.reason for event in stopping] == [Message("events.signal", signal=reason)]


def test_signals_are_orders_like_any_other_and_a_hangup_is_none(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def work(self: Runner) -> None:
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTSTP):
            os.kill(os.getpid(), number)
            while number is not signal.SIGHUP and len(taken) < (1 if number is signal.SIGUSR1 else 2):
                taken.extend(order.command for order in self.steering.take())
        finish(self)

    code, _ = runs(run, work, monkeypatch)
    assert (code, taken) == (0, ["save", "pause"])


def test_a_silent_training_still_gives_signs_of_life(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_HEARTBEAT_EVERY_S", 0.0)

    def work(self: Runner) -> None:
        while self.writer.seq < 8:
            pass
        finish(self)

    _, events = runs(run, work, monkeypatch)
    assert {ev.Heartbeat, ev.Device} <= {type(event) for event in events}
    device = next(event for event in events if isinstance(event, ev.Device))
    assert 0 < device.rss <= device.peak_rss


A_GPU = Gpu(
    1, "NVIDIA L4", "GPU-bb", total_bytes=24 << 30, used_bytes=5 << 30, free_bytes=19 << 30, utilization_percent=97,
    temperature_celsius=61, power_watts=70.5,
    processes=(GpuProcess(os.getpid(), 3 << 30, "me", "python"), GpuProcess(77, 2 << 30, "ann", "jupyter")),
)  # fmt: skip


def machine_with(*gpus: Gpu) -> Machine:
    return Machine(GpuReport(gpus), gpus, read_host(()))


def devices_of(run: RunDir, monkeypatch: pytest.MonkeyPatch, machine: Machine | None, device: str) -> list[Any]:
    """What the runner says of the machine while it trains on ``device``."""
    monkeypatch.setattr(runner_module, "_DEVICE_EVERY_S", 0.0)
    monkeypatch.setattr(MachineWatch, "start", lambda self: None)
    monkeypatch.setattr(MachineWatch, "latest", machine)

    def work(self: Runner) -> None:
        self.emit(ev.MemoryPlan(device=device))
        before = self.writer.seq
        while self.writer.seq < before + 3:
            pass
        finish(self)

    _, events = runs(run, work, monkeypatch)
    return [event for event in events if isinstance(event, ev.Device)]


def test_the_gpu_in_use_is_told_with_who_else_is_on_it(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    said = devices_of(run, monkeypatch, machine_with(A_GPU), "cuda")[-1]
    (gpu,) = said.gpus
    assert (gpu.index, gpu.name, gpu.total, gpu.used) == (1, "NVIDIA L4", 24 << 30, 5 << 30)
    assert (gpu.utilization, gpu.temperature, gpu.power) == (97, 61, 70.5)
    assert [(other.pid, other.user, other.program, other.memory) for other in gpu.others] == [
        (77, "ann", "jupyter", 2 << 30)
    ]
    assert 0 < said.ram_available <= said.ram_total


def test_a_gpu_that_is_not_used_is_not_told(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    said = devices_of(run, monkeypatch, machine_with(A_GPU), "cpu")
    assert all(event.gpus == [] for event in said)


def test_a_driver_that_never_answers_leaves_what_the_process_knows_itself(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = devices_of(run, monkeypatch, None, "cuda")
    assert len(said) >= 2
    assert all(event.gpus == [] and event.ram_total is None and event.rss > 0 for event in said)


def test_a_run_directory_that_is_not_there_is_an_error_in_one_line(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = runner_module.main([str(tmp_path / "nowhere")])
    said = capfd.readouterr().err.strip()
    assert code == TunedeckError.exit_code or code > 1
    assert "nowhere" in said
    assert "\n" not in said
    assert directory.list_runs(tmp_path) == []
