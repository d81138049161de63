"""What a run is busy with is said often enough to watch and seldom enough to keep the log small."""

from __future__ import annotations

import pytest

from engine.runs import events as ev
from engine.runs import phases
from engine.runs.phases import Phases


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(phases.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_phase_is_said_once_until_another_comes() -> None:
    events: list[ev.Event] = []
    made = Phases(events.append)
    for name in ("load", "load", "train", "load"):
        made.begin(name, **({"model": "tiny"} if name == "load" else {}))
    assert [event.name for event in events if isinstance(event, ev.Phase)] == ["load", "train", "load"]


def test_what_is_over_at_once_is_not_mentioned(clock: Clock) -> None:
    events: list[ev.Event] = []
    report = Phases(events.append).progress("tokenise", "rows")
    for done in range(11):
        report(done, 10)
        clock.now += 0.01
    assert events == []


def test_what_lasts_is_told_twice_a_second_and_at_its_end(clock: Clock) -> None:
    events: list[ev.Event] = []
    report = Phases(events.append).progress("tokenise", "rows")
    for done in range(101):
        clock.now += 0.0501
        report(done, 100)
    told = [(event.done, event.total, event.unit) for event in events if isinstance(event, ev.Phase)]
    assert [done for done, _, _ in told] == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99, 100]
    assert {(total, unit) for _, total, unit in told} == {(100, "rows")}


def test_after_a_counted_phase_the_next_is_said_again(clock: Clock) -> None:
    events: list[ev.Event] = []
    made = Phases(events.append)
    made.begin("train")
    report = made.progress("evaluate during")
    clock.now += 1
    report(1, 2)
    made.begin("train")
    assert [event.name for event in events if isinstance(event, ev.Phase)] == ["train", "evaluate during", "train"]
