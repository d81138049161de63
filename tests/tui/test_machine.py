"""The app's one watch over the machine: who is told, how often it reads, and when it ends."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.message import Message

from engine.machine.snapshot import Machine
from tests.engine.machine.fake_gpus import no_use
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until_shows
from tests.tui.machines import FakeWatch, gpu, lost, no_gpu, process, used_by, with_gpus
from tui.app import TunedeckApp
from tui.home.machine_line import is_news, machine_line
from tui.home.machine_panel import machine_text
from tui.machine import NOBODY_LOOKS_S, MachineFeed
from tui.messages import MachineRead
from tui.world import World


class Looker:
    """Stands in for a screen."""

    def __init__(self) -> None:
        self.readings: list[object] = []
        self.told = threading.Event()

    def post_message(self, message: Message) -> bool:
        assert isinstance(message, MachineRead)
        self.readings.append(message.machine)
        self.told.set()
        return True


def test_nothing_is_read_before_somebody_looks_and_only_one_watch_then() -> None:
    first, newer = no_gpu(), no_gpu(9)
    watch = FakeWatch(first)
    feed = MachineFeed(World(watch_machine=watch))
    assert watch.started == 0
    one, other = Looker(), Looker()
    feed.look(one)  # type: ignore[arg-type]
    assert one.told.wait(10)
    feed.look(other)  # type: ignore[arg-type]
    assert other.readings == [first], "who comes later is told the newest at once"
    watch.read(newer)
    feed.leave(other)  # type: ignore[arg-type]
    watch.read(first)
    assert watch.started == 1
    assert one.readings[-2:] == [newer, first]
    assert other.readings == [first, newer]


def test_it_reads_as_often_as_the_most_curious_needs() -> None:
    watch = FakeWatch(no_gpu())
    feed = MachineFeed(World(watch_machine=watch))
    one, other = Looker(), Looker()
    feed.look(one, every_s=10)  # type: ignore[arg-type]
    assert one.told.wait(10)
    feed.look(other, every_s=1)  # type: ignore[arg-type]
    while feed._watch is None:
        pass
    assert watch.interval_s == 1
    feed.leave(other)  # type: ignore[arg-type]
    assert watch.interval_s == 10
    feed.leave(one)  # type: ignore[arg-type]
    assert watch.interval_s == NOBODY_LOOKS_S
    feed.stop()
    assert watch.stopped == 1


@pytest.mark.parametrize(("colours", "unicode"), [("truecolor", True), ("16", False)])
async def test_home_says_what_the_gpu_has_and_follows_it(make_world: MakeWorld, colours: str, unicode: bool) -> None:
    world = make_world(colours, unicode, with_gpus(gpu(used_gib=18.1)))
    app = TunedeckApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "H100 80GB HBM3  61.2 of 79.3 GiB free  41 C")
        watch = world.watch_machine
        assert isinstance(watch, FakeWatch)
        watch.read(with_gpus(gpu(used_gib=18.2)))
        await pilot.pause()
        assert "61.2 of 79.3 GiB free" in screen_text(app), "a breath of change is not worth a byte"
        watch.read(with_gpus(gpu(used_gib=50)))
        await until_shows(pilot, "29.3 of 79.3 GiB free")
        watch.read(with_gpus(lost(0)))
        await until_shows(pilot, "GPU lost  RAM 18.2 of 24.0 GiB free")


async def test_home_without_a_gpu_says_so_and_what_ram_is_free(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "no GPU  RAM 18.2 of 24.0 GiB free")


def test_gpus_that_the_installed_torch_cannot_use_are_not_said_to_be_missing() -> None:
    barred = replace(gpu(), unusable=no_use("torch is built for CPUs only", "Install another", falls_to_cpu=True))
    assert machine_line(with_gpus(barred)) == "GPU not used  RAM 18.2 of 24.0 GiB free"


def test_the_freest_of_several_gpus_is_named() -> None:
    both = with_gpus(gpu(used_gib=70), gpu(1, 23.6, 0.1, "NVIDIA GeForce RTX 4090"))
    assert machine_line(both) == "2 x RTX 4090  23.5 of 23.6 GiB free  41 C"


def test_only_what_moved_is_news() -> None:
    before = with_gpus(gpu())
    assert is_news(None, before)
    assert not is_news(before, with_gpus(gpu(used_gib=0.8)))
    assert is_news(before, with_gpus(gpu(used_gib=2)))
    assert is_news(before, no_gpu())
    assert not is_news(no_gpu(18.2), no_gpu(18.1))
    two = with_gpus(gpu(), gpu(1))
    assert is_news(two, with_gpus(gpu(), gpu(1, used_gib=3))), "not only of the freest"
    assert is_news(two, with_gpus(gpu(), used_by(gpu(1), process(0.4)))), "another user"
    assert is_news(before, with_gpus(replace(gpu(), utilization_percent=90)))
    assert not is_news(before, with_gpus(replace(gpu(), utilization_percent=40)))


def plain(machine: Machine, width: int = 60) -> str:
    return machine_text(machine, width, False).plain


def test_the_panel_tells_for_each_gpu_who_holds_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    busy = used_by(gpu(), process(11.2), process(30.1, 5, "ada"), process(1.0, 6, None))
    told = plain(with_gpus(busy, gpu(1, used_gib=0)))
    assert "you 30.1 GiB, u17 11.2 GiB, others 1.0 GiB" in told
    assert "37.0 of 79.3 GiB free" in told
    assert "37%  41 C" in told
    first = next(line for line in told.splitlines() if "37.0 of" in line)
    assert first.count("#") > first.count("=") > 0, "what is this user's, what is the others'"
    assert all(cell_len(line) <= 60 for line in told.splitlines())


@pytest.mark.parametrize("width", [44, 62, 110])
def test_without_a_gpu_the_panel_says_what_that_means(width: int) -> None:
    told = plain(no_gpu(), width)
    assert "18.2 of 24.0 GiB free" in told
    assert "8 cores" in told
    assert "practical" in told
    assert all(cell_len(line) <= width for line in told.splitlines())


def test_a_gpu_that_is_lost_says_so_in_its_place() -> None:
    assert said("machine.gpu-lost") in " ".join(plain(with_gpus(lost(0))).split())
