"""A companion hears the first process through its standard input, and ends with it."""

from __future__ import annotations

import io
import os
import sys
from types import SimpleNamespace

import pytest

from engine.distributed.workers import STOP
from engine.runs.steering import Steering
from engine.training import worker


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(("said", "stopped"), [(STOP, True), (b"", False)])
def test_it_stops_when_it_is_told_to_and_ends_when_the_first_is_gone(
    monkeypatch: pytest.MonkeyPatch, said: bytes, stopped: bool
) -> None:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(said)))
    monkeypatch.setattr(os, "_exit", end)
    steering = Steering()
    with pytest.raises(Ended):
        worker._hear_the_first(steering)
    assert steering.stop_requested is stopped
