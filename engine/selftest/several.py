"""Whether several devices train together: two steps with a pause between them, and a clean end in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil

from engine.machine.selftest_result import Check
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.selftest.trial import Trial, run_session

_PATIENCE_S = 30.0
_SAME = 1e-4


def check_several(trial: Trial) -> Iterator[Check]:
    """A run on the first two devices, paused after its first step, beside the same run on one."""
    expected = Message("selftest.as-one-device")
    devices = trial.gpus[:2]
    if len(devices) < 2:
        yield Check(
            Message("selftest.several"), expected, Message("selftest.one-gpu"), "skipped", Message("selftest.only-one")
        )
        return
    train: dict[str, object] = {"max_steps": 2, "batch_size": 8}
    alone, _, _ = _trained(trial, devices[0], train, pauses=False)
    began = time.monotonic()
    together, paused, ended = _trained(trial, ",".join(devices), train, pauses=True)
    seconds = time.monotonic() - began
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    apart = max((abs(a - b) / b for a, b in zip(together, alone, strict=False)), default=1.0)
    passed = len(together) == len(alone) and apart <= _SAME and paused and ended <= _PATIENCE_S and not left
    parts = [
        Message("selftest.losses-apart", apart=apart), Message("selftest.paused" if paused else "selftest.no-pause"),
        Message("selftest.ended", seconds=ended, of=seconds),
        *([Message("selftest.processes-left", count=len(left))] if left else []),
    ]  # fmt: skip
    yield Check(
        Message("selftest.several-devices", count=len(devices)), expected, Message("selftest.parts", parts=parts),
        "passed" if passed else "failed", Message("selftest.several-advice"),
    )  # fmt: skip


def _trained(trial: Trial, devices: str, train: dict[str, object], pauses: bool) -> tuple[list[float], bool, float]:
    """Losses of the steps, whether the run paused, and the seconds from the last step to the end."""
    losses: list[float] = []
    paused = False
    last_step = time.monotonic()

    def react(event: ev.Event, steering: Steering) -> None:
        nonlocal paused, last_step
        if isinstance(event, ev.Step):
            losses.append(event.loss)
            last_step = time.monotonic()
            if pauses and event.step == 1:
                steering.put("pause")
        elif isinstance(event, ev.State) and event.state == "paused":
            paused = True
            steering.put("resume")

    config = trial.config(train=train, model={"dtype": "float32"}, launch={"gpus": devices})
    run_session(trial, config, "several", react)
    return losses, paused, time.monotonic() - last_step
