"""When memory ends a run the monitor says why, and a key applies a remedy and starts it again."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu
from engine.runs.directory import RunDir
from tests import memory_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.machines import with_gpus
from tui.app import TunedeckApp
from tui.monitor.screen import MonitorScreen
from tui.monitor.trouble import Fix
from tui.widgets.dialogs import ConfirmScreen

Spawned = list[tuple[str, bool]]
SIZES = pytest.mark.parametrize(
    ("size", "colours", "unicode"), [((80, 24), "truecolor", True), ((120, 40), "256", True), ((80, 24), "16", False)]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return memory_runs.model(tmp_path / "Llama-3-8B")


def flat(app: TunedeckApp) -> str:
    """The screen's words, whatever lines and frames they are in."""
    return " ".join(screen_text(app).replace("│", " ").replace("▌", " ").replace("|", " ").split())


@SIZES
async def test_why_and_what_helps_is_on_one_screen(
    make_world: MakeWorld, root: Path, folder: Path, size: tuple[int, int], colours: str, unicode: bool
) -> None:
    run = memory_runs.out_of_memory(root, folder, [memory_runs.OTHER])
    app = TunedeckApp(make_world(colours, unicode), "monitor", run)
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, said("monitor.apply-remedy"))
        text = flat(app)
        for part in ("Out of memory in the backward pass of a layer, at step 118", "32 layers for 1 row x 2,048 tokens",
                     "also on the GPU: python, user u17, 11.2 GiB", "Gradient checkpointing", "Start again when",
                     "4-bit base model", said("monitor.way-checkpoint"), "memory, GiB",
                     f"r {said('monitor.retry')}"):  # fmt: skip
            assert part in text, part
        assert unicode or screen_text(app).isascii()
        assert all(len(line) <= size[0] for line in screen_text(app).splitlines())


@SIZES
async def test_a_run_that_the_system_killed_is_explained_too(
    make_world: MakeWorld, root: Path, folder: Path, size: tuple[int, int], colours: str, unicode: bool
) -> None:
    app = TunedeckApp(make_world(colours, unicode), "monitor", memory_runs.killed(root, folder))
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "Killed by the system: out of RAM, at step 43")
        assert "Most likely " in flat(app)
        assert "resident" in flat(app)
        assert unicode or screen_text(app).isascii()


async def test_the_result_view_gives_reasons_and_settings(make_world: MakeWorld, root: Path, folder: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", memory_runs.out_of_memory(root, folder))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.apply-remedy"))
        await pilot.press("5", "3")
        await until_shows(pilot, "train.gradient_checkpointing = true")
        text = flat(app)
        assert "The run held 27.0 GiB and asked for 1.8 GiB more" in text
        assert "Each layer keeps only its input" in text
        assert text.count("Out of memory in the backward pass") == 1


async def test_a_remedy_asks_first_then_changes_the_run_and_goes_on(
    make_world: MakeWorld, root: Path, folder: Path, spawned: Spawned
) -> None:
    run = memory_runs.out_of_memory(root, folder)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.apply-remedy"))
        await until(pilot, lambda: isinstance(app.focused, Fix))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        text = screen_text(app)
        for part in ("train.gradient_checkpointing = true", "resumes from checkpoint-100", "config.1.toml"):
            assert part in text, part
        await pilot.press("n")
        await until_shows(pilot, said("monitor.apply-remedy"))
        assert spawned == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: spawned)
        await until_shows(pilot, said("monitor.resuming"))
        assert said("monitor.apply-remedy") not in screen_text(app)
    assert spawned == [(run.id, True)]
    assert tomllib.loads(run.config.read_text())["train"]["gradient_checkpointing"] is True
    assert (run.path / "config.1.toml").is_file()


async def test_a_remedy_is_left_where_another_resumed_the_run_meanwhile(
    make_world: MakeWorld, root: Path, folder: Path, spawned: Spawned
) -> None:
    run = memory_runs.out_of_memory(root, folder)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.apply-remedy"))
        await until(pilot, lambda: isinstance(app.focused, Fix))
        monitor = app.screen
        assert isinstance(monitor, MonitorScreen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        monitor.ending.found = None  # as for a run that trains
        await pilot.press("y")
        await until(pilot, lambda: any("is running" in each.message for each in app._notifications))
    assert spawned == []


async def test_a_remedy_that_needs_a_new_run_shows_that_run(
    make_world: MakeWorld, root: Path, folder: Path, spawned: Spawned
) -> None:
    run = memory_runs.out_of_memory(root, folder)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.apply-remedy"))
        await until(pilot, lambda: isinstance(app.focused, Fix))
        await pilot.press("down", "enter")
        await until_shows(pilot, "This run stays as it is")
        await pilot.press("y")
        await until(pilot, lambda: spawned)
        await until_shows(pilot, "legal-cpt 2")
    [(new, resumed)] = spawned
    assert new != run.id
    assert not resumed
    assert tomllib.loads((root / new / "config.toml").read_text())["model"]["quantization"] == "nf4"


async def test_a_freer_gpu_is_offered_once_the_machine_was_read(
    make_world: MakeWorld, root: Path, folder: Path, spawned: Spawned
) -> None:
    machine = with_gpus(Gpu(0, "NVIDIA L4", free_bytes=GIB), Gpu(1, "NVIDIA H100", free_bytes=70 * GIB))
    run = memory_runs.out_of_memory(root, folder)
    app = TunedeckApp(make_world(machine=machine), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "Use GPU 1, NVIDIA H100")
        await until(pilot, lambda: isinstance(app.focused, Fix) and "GPU 1" in app.focused.words)
        await pilot.press("enter")
        await until_shows(pilot, 'launch.gpus = "1"')
        await pilot.press("y")
        await until(pilot, lambda: spawned)
    assert tomllib.loads(run.config.read_text())["launch"]["gpus"] == "1"


async def test_waiting_is_refused_while_the_others_are_still_there(
    make_world: MakeWorld, root: Path, folder: Path, spawned: Spawned
) -> None:
    machine = with_gpus(Gpu(0, "NVIDIA L4", total_bytes=40 * GIB, free_bytes=3 * GIB, processes=()))
    run = memory_runs.out_of_memory(root, folder, [memory_runs.OTHER])
    app = TunedeckApp(make_world(machine=machine), "monitor", run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "Start again when")
        await until(pilot, lambda: app.machine_feed.latest is not None and isinstance(app.focused, Fix))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until_shows(pilot, "The GPU is still in use")
    assert spawned == []


async def test_without_a_shortage_there_are_no_fixes(
    make_world: MakeWorld, root: Path, folder: Path, running: Callable[[RunDir], None], spawned: Spawned
) -> None:
    run = memory_runs.live(root, folder)
    running(run)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "118 of 300")
        assert not app.screen.query(Fix)
        assert not isinstance(app.screen, ConfirmScreen)
    assert spawned == []
