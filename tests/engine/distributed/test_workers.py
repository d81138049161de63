"""However a process that trains along ends, the run's error says which it was and why."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import torch

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.distributed import workers
from engine.distributed.workers import Companions
from engine.messages.message import Message
from engine.runs.directory import RunDir
from engine.runs.steering import Steering, StopRequested
from tests.engine.runs.making import said

CPU = torch.device("cpu")
CONFIG = RunConfig.model_validate(
    {"model": {"name_or_path": "m"}, "data": [{"path": "r"}], "launch": {"gpus": "cpu,cpu,cpu"}}
)


def company(run: Path, monkeypatch: pytest.MonkeyPatch, code: str, steering: Steering) -> Companions:
    """Companions that run ``code`` instead of training; their number is ``index``."""
    script = f"import faulthandler, os, signal, sys, time; index = int(sys.argv[2]); {code}"
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", script))
    return Companions(RunDir(run), CONFIG, ["GPU-aa", "GPU-bb", ""], "float32, no", None, steering)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "index == 1 or time.sleep(60); sys.exit('CUDA error: no room')",
            "the process exited with code 1. CUDA error: no room",
        ),
        (
            "index == 1 or time.sleep(60); faulthandler.enable(); os.kill(os.getpid(), signal.SIGSEGV)",
            "it was ended by signal 11. Fatal Python error: Segmentation fault",
        ),
        (
            "index == 1 or time.sleep(60); print('warn()', file=sys.stderr); os.kill(os.getpid(), 9)",
            "it was ended by signal 9.",
        ),
    ],
)
def test_the_one_that_ended_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    steering = Steering()
    with (
        pytest.raises(MachineError) as caught,
        company(tmp_path, monkeypatch, code, steering) as others,
    ):
        others.meet(CPU)
    assert caught.value.message == f"process 2 of 3 on GPU-bb: {says}"
    assert steering.lost is caught.value
    assert all(process.poll() is not None for process in others._processes)


def test_an_error_of_talking_to_one_that_is_gone_is_told_as_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(MachineError, match="process 3 of 3"),
        company(tmp_path, monkeypatch, "index == 2 or time.sleep(60); sys.exit(3)", Steering()),
    ):
        raise RuntimeError("Connection closed by peer")


def test_an_error_of_the_first_process_itself_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(MachineError, match="The disk is full"),
        company(tmp_path, monkeypatch, "time.sleep(60)", Steering()) as others,
    ):
        raise MachineError.of(Message.literal("The disk is full"))
    assert all(process.poll() is not None for process in others._processes)


def test_a_stop_does_not_wait_for_those_that_are_still_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steering = Steering()
    steering.stop(said("asked to stop"))
    began = time.monotonic()
    with pytest.raises(StopRequested), company(tmp_path, monkeypatch, "time.sleep(60)", steering) as others:
        others.meet(CPU)
    assert time.monotonic() - began < 20


def test_one_that_does_not_leave_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LEAVING_S", 0.3)
    began = time.monotonic()
    with company(tmp_path, monkeypatch, "time.sleep(60)", Steering()) as others:
        pass
    assert time.monotonic() - began < 20
    assert [process.poll() for process in others._processes] == [-9, -9]
