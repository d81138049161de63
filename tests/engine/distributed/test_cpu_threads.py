"""A training on the CPU uses the cores that nobody else keeps busy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.distributed import cpu_threads
from engine.distributed.cpu_threads import Processors, read_load


class World:
    """A machine of ``cores``, on which a clock can be moved on while others and we ourselves work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setattr(cpu_threads, "allowed_processors", lambda: set(range(cores)))
        monkeypatch.setattr(cpu_threads, "usable_cores", lambda: cores)
        monkeypatch.setattr(cpu_threads.time, "monotonic", lambda: self.now)
        self.now = self.busy = self.own = 0.0
        self.set: list[int] = []
        self.told: list[tuple[int, int]] = []

    def processors(self, most: int) -> Processors:
        return Processors(most, self.set.append, lambda *seen: self.told.append(seen), lambda: self.read())

    def read(self) -> tuple[float, float, float]:
        return self.now, self.busy, self.own

    def passes(self, seconds: float, others: float, ours: float) -> None:
        """``others`` and ``ours`` in cores kept busy."""
        self.now += seconds
        self.own += ours * seconds
        self.busy += (others + ours) * seconds


def test_one_thread_is_left_to_another_process_and_taken_back_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, cores=2)
    ours = world.processors(most=2)
    assert world.set == [2]
    world.passes(2.5, others=0.67, ours=1.33)  # three threads on two cores, as the kernel shares them out
    ours.share()
    assert world.set == [2, 1]
    for _ in range(2):
        assert world.set == [2, 1], "one quiet look is not enough to take the core back"
        world.passes(2.5, others=0.02, ours=1.0)
        ours.share()
    assert world.set == [2, 1, 2]
    assert world.told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("cores", "most", "others", "threads"),
    [
        (2, 2, 0.1, 2),
        (2, 2, 0.5, 1),
        (2, 2, 1.9, 1),
        (16, 16, 1.0, 15),
        (16, 8, 1.0, 8),
        (16, 8, 12.0, 4),
        (4, 4, 9, 1),
    ],
)
def test_the_number_of_threads_follows_what_others_take(
    monkeypatch: pytest.MonkeyPatch, cores: int, most: int, others: float, threads: int
) -> None:
    world = World(monkeypatch, cores)
    ours = world.processors(most)
    world.passes(3.0, others, ours=1.0)
    ours.share()
    assert ours.threads == threads


def test_looks_are_two_seconds_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, cores=2)
    ours = world.processors(most=2)
    world.passes(1.9, others=1.0, ours=1.0)
    ours.share()
    assert world.set == [2]


@pytest.mark.parametrize("chosen", [True, False])
def test_a_number_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch, chosen: bool) -> None:
    world = World(monkeypatch, cores=4)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
    ours = world.processors(most=4)
    world.passes(5.0, others=2.0, ours=1.0)
    ours.share()
    assert world.set == ([] if chosen else [4, 2])


def test_a_quota_of_the_container_bounds_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, cores=32)
    monkeypatch.setattr(cpu_threads, "usable_cores", lambda: 4)
    ours = world.processors(most=32)
    assert world.set == [4]
    world.passes(3.0, others=20.0, ours=4.0)  # the host's other containers leave enough
    ours.share()
    assert ours.threads == 4


def test_the_load_of_this_machine_counts_what_another_process_takes() -> None:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        before = read_load()
        while (after := read_load())[0] - before[0] < 1.0:
            pass
    finally:
        process.kill()
        process.wait()
    seconds, busy, own = (b - a for a, b in zip(before, after, strict=True))
    assert 0 < own <= seconds * 1.1
    assert busy > own + 0.05 * seconds, "the other process was not seen"
