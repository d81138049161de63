"""A process of a run that dies, at whatever moment, ends the run with the reason, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.common.errors import MachineError
from engine.distributed.device import Placement
from engine.evaluation.assess import Assessor
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.follow import Follower
from engine.runs.launch import launch
from engine.runs.steering import Steering
from engine.training import checkpoint
from tests.e2e.driving import end_all, poll_until, runner_pid, wait, wait_for_end
from tests.engine.training.making import Trained, create_run, train, values

pytestmark = pytest.mark.e2e

AT_MOST_S = 30.0
MOMENTS = ("load", "step", "evaluation", "save")
COMPANION = "engine.training.worker"


def settings(tiny: Path, rows: Path) -> dict[str, Any]:
    return values(
        tiny, rows, train={"max_steps": 4}, eval={"every": 2}, checkpoint={"every": 1}, launch={"gpus": "cpu,cpu"}
    )


def companions(of: int | None = None) -> list[psutil.Process]:
    """The processes that train along with process ``of``, by default this one."""
    return [each for each in psutil.Process(of).children() if COMPANION in each.cmdline()]


class Death:
    """Kills ``victims`` once, at ``moment`` of a run in this process, and knows when that was."""

    def __init__(self, moment: str, victims: Any) -> None:
        self.moment, self.victims, self.at = moment, victims, 0.0

    def strike(self) -> None:
        if not self.at:
            self.at = time.monotonic()
            for process in self.victims():
                os.kill(process.pid, signal.SIGKILL)

    def react(self, event: ev.Event, steering: Steering) -> None:
        if (self.moment == "load" and isinstance(event, ev.Phase) and event.name == "join") or (
            self.moment == "step" and isinstance(event, ev.Step) and event.step == 2
        ):
            self.strike()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Strike in the middle of what has no event of its own."""
        measure, save = Assessor._measure, checkpoint.save

        def measuring(assessor: Assessor, unseen: Any, part: Any, step: int, moment: Any) -> Any:
            if self.moment == "evaluation" and moment == "during":
                self.strike()
            return measure(assessor, unseen, part, step, moment)

        def saving(*arguments: Any) -> Any:
            if self.moment == "save":
                self.strike()
            return save(*arguments)

        monkeypatch.setattr(Assessor, "_measure", measuring)
        monkeypatch.setattr(checkpoint, "save", saving)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_companion_that_is_killed_ends_the_run_with_the_reason(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    death = Death(moment, companions)
    death.install(monkeypatch)
    run = create_run(settings(tiny, rows))
    with pytest.raises(MachineError) as caught:
        Trained(run, death.react)
    assert caught.value.reason.args["how"] == Message("runs.exit-signal", signal=9)
    assert caught.value.reason.args["process"] == Message("runs.process-of", number=2, count=2)
    assert caught.value.code == "runs.process-lost"
    assert time.monotonic() - death.at < AT_MOST_S
    assert companions() == []
    again = caught.value.reason.args["again"].code
    assert again == ("runs.resume-continues" if run.complete_checkpoints() else "runs.resume-restarts")
    if moment == "evaluation":
        monkeypatch.undo()
        monkeypatch.setenv("TUNEDECK_HOME", str(run.path.parents[1]))
        resumed = Trained(run, resume=True)
        assert resumed.of(ev.RunStarted)[0].resumed_from_step == 2
        assert resumed.of(ev.Finished)[0].outcome == "finished"


def test_a_companion_that_gives_up_has_its_own_words_told(tiny: Path, rows: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny, tmp_path / "model")

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Phase) and event.name == "join":
            (model / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(MachineError) as caught:
        train(settings(model, rows), react)
    assert "process 2 of 2: the process exited with code 4. " in caught.value.message
    assert caught.value.hint.endswith("`tunedeck resume` starts it again.")
    assert companions() == []


def test_a_companion_that_would_compute_in_another_dtype_ends_the_run(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Placement, "precision", property(lambda placement: "bfloat16, bf16"))
    with pytest.raises(MachineError) as caught:
        train(settings(tiny, rows))
    differs = Message("distributed.precision-differs", own="float32, no", first="bfloat16, bf16")
    assert caught.value.reason.args["reason"] == differs
    assert companions() == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_companions_end_with_a_first_process_that_is_killed(tiny: Path, rows: Path, moment: str) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.training.devices.test_lost_ranks", moment, tiny, rows],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    told = first.communicate(timeout=240)[0].split()
    assert first.returncode == -signal.SIGKILL
    began, left = time.monotonic(), [int(pid) for pid in told]
    assert len(left) == 1
    poll_until(lambda: not any(map(is_companion, left)))
    assert time.monotonic() - began < AT_MOST_S


def is_companion(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return COMPANION in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_the_runner_of_a_lost_process_says_so_and_the_run_can_be_resumed(tiny: Path, rows: Path, home: Path) -> None:
    asked = settings(tiny, rows)
    run = create_run(asked | {"train": asked["train"] | {"max_steps": 100_000}, "checkpoint": {"every": 2}})
    try:
        launch(run)
        wait(run, lambda state: state.step is not None and state.step.step >= 3)
        (companion,) = companions(runner_pid(run))
        os.kill(companion.pid, signal.SIGKILL)
        state = wait_for_end(run)
        assert state.failure is not None
        assert state.failure.reason.code == "runs.process-lost"
        assert state.failure.reason.args["how"] == Message("runs.exit-signal", signal=9)
        assert "tunedeck resume" in state.failure.as_error.hint
        assert run.complete_checkpoints()
        before = Follower(run).poll().done_steps
        launch(run, resume=True)  # and this time the first process goes
        wait(run, lambda state: state.done_steps > before + 2)
        (companion,) = companions(runner_pid(run))
        os.kill(runner_pid(run), signal.SIGKILL)
        state = wait_for_end(run)
        assert state.state == "crashed"
        poll_until(lambda: not is_companion(companion.pid))
    finally:
        end_all(run.path.parent)


def main(moment: str, tiny: str, rows: str) -> None:
    """Train with a companion and end this process, the first, at ``moment``; the companion's pid comes out."""

    def victims() -> list[psutil.Process]:
        print(*(each.pid for each in companions()), flush=True)
        return [psutil.Process()]

    death = Death(moment, victims)
    with pytest.MonkeyPatch.context() as patch:
        death.install(patch)
        train(settings(Path(tiny), Path(rows)), death.react)


if __name__ == "__main__":
    main(*sys.argv[1:])
