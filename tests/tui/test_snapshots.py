"""Every state looks as it was last agreed on: in English at two sizes, in Chinese and in ASCII at 80x24.

After a change that is meant: ``TUNEDECK_SNAPSHOTS=write pytest tests/tui/test_snapshots.py``, and read the diff. With
``TUNEDECK_PICTURES=FOLDER`` each is also written as a picture (SVG), since colours and frames are seen, not read: at
200x60 too, and in the theme TUNEDECK_THEME.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.messages import language
from engine.messages.message import Message
from engine.models.adapter import find
from engine.runs import evaluations, groups, strength_curve
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests import memory_runs
from tests.engine.cli import test_evaluate
from tests.engine.models.making import write_adapter
from tests.engine.report import making
from tests.engine.runs.making import measure, set_facts
from tests.tui import fake_runs
from tests.tui.agreed import check, compare, picture, still
from tests.tui.looking import screen_text, until, until_shows
from tests.tui.mixing import test_mixing
from tests.tui.monitor import test_monitor, test_spike
from tui import messages
from tui.app import TunedeckApp
from tui.compare.screen import CompareScreen
from tui.home.screen import HomeScreen
from tui.mixing.screen import MixScreen
from tui.monitor.layout import PANES
from tui.monitor.screen import MonitorScreen
from tui.world import World

MakeWorld = Callable[..., World]
Hold = Callable[[RunDir], None]
Look = Callable[[Pilot[None]], Awaitable[None]]

KEPT = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40))
WIDEST = (200, 60)
CHANGED = [
    Message(
        "origins.change", part=Message("origins.part-data"), path="/data/orders.jsonl",
        how=Message("origins.other-count", before=460, now=458),
    ),
    Message(
        "origins.change", part=Message("origins.part-model"), path="/models/smollm2/config.json",
        how=Message("origins.other-content"),
    ),
]  # fmt: skip
"""What a run is said to have been made from that is another now."""
BEGAN = 1_700_000_000.0
ID = re.compile(r"\d{8}-\d{6}-smollm2-135m-[0-9a-f]{4}")


@pytest.fixture(autouse=True)
def one_clock(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Times of day and paths are everywhere the same; what is looked up in the home of all runs is found."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEDECK_HOME", "home")
    of_run = find._of_run
    monkeypatch.setattr(find, "_of_run", lambda run: of_run(RunDir(Path(os.path.relpath(run.path)))))
    monkeypatch.setattr("engine.app.resume.changes", lambda run: CHANGED)
    monkeypatch.setattr("tui.home.curve.REST_S", 0.001)  # a curve is read as soon as its run is chosen


def at_fixed_times(run: RunDir) -> RunDir:
    """Its log with an event each half second."""
    records = [json.loads(line) for line in run.events.read_bytes().splitlines()]
    run.events.write_text("".join(json.dumps(each | {"t": BEGAN + each["seq"] / 2}) + "\n" for each in records))
    return run


def live_run(root: Path, last: int = 212, state: str = "") -> RunDir:
    run, writer = fake_runs.new_run(root)
    fake_runs.begin(writer, 900)
    if last:
        fake_runs.train(writer, 1, last, 900)
    if state:
        writer.emit(ev.State(state=state))
    writer.close()
    return at_fixed_times(run)


def ended_run(root: Path, outcome: str) -> RunDir:
    run, writer = fake_runs.new_run(root, "ended")
    fake_runs.begin(writer, 900)
    fake_runs.train(writer, 1, 118, 900)
    writer.emit(ev.Finished(outcome=outcome, step=118, seconds=62.0))
    writer.close()
    (run.checkpoint(100) / "COMPLETE").parent.mkdir()
    (run.checkpoint(100) / "COMPLETE").touch()
    return at_fixed_times(run)


def forgetful(root: Path) -> RunDir:
    """Live, with the gauge of forgetting at its first mark."""
    run, writer = fake_runs.new_run(root)
    fake_runs.begin(writer, 900)
    writer.emit(fake_runs.forgetting(0, "before"))
    for first in (1, 101):
        fake_runs.train(writer, first, first + 99, 900)
        writer.emit(fake_runs.forgetting(first + 99))
    fake_runs.train(writer, 201, 212, 900)
    writer.close()
    return at_fixed_times(run)


def showing(words: str) -> Look:
    async def look(pilot: Pilot[None]) -> None:
        await until_shows(pilot, words)

    return look


async def nothing(pilot: Pilot[None]) -> None:
    await pilot.pause()


def pressing(*keys: str) -> Look:
    async def look(pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return look


async def rate(pilot: Pilot[None]) -> None:
    """The pane of the rate, once it has heard how low it is: then its charts stand side by side."""
    await pilot.press("2")
    is_low = pilot.app.size.height < WIDEST[1]
    await until(pilot, lambda: pilot.app.screen.query_one("#pane-rate").has_class("-low") is is_low)


def opening(pane: str) -> Look:
    """On the monitor, where it is not shown anyhow."""

    async def look(pilot: Pilot[None]) -> None:
        monitor = pilot.app.screen
        assert isinstance(monitor, MonitorScreen)
        if pane not in monitor.shown:
            await pilot.press(str(PANES.index(pane) + 1))

    return look


@dataclasses.dataclass(frozen=True)
class State:
    """A screen: the runs there are (the last made is looked at), whether it runs, and what is pressed.

    So many of the first runs are a ``group`` of seeds. ``only_watches``: the monitor can't steer.
    """

    runs: tuple[Callable[[Path], RunDir], ...] = ()
    place: str = "home"
    alive: bool = False
    look: Look = nothing
    group: int = 0
    only_watches: bool = False


def finished(root: Path) -> RunDir:
    return at_fixed_times(fake_runs.finished_run(root))


def judged(root: Path) -> RunDir:
    """Finished, with an evaluation of its own."""
    return at_fixed_times(making.whole_run(root))


def measured(root: Path, right: int = 97, rows: str = "row") -> RunDir:
    run = at_fixed_times(fake_runs.finished_run(root))
    measure(run, [1.0] * right + [0.0] * (100 - right), [1.0] * 10 + [0.0] * 90, rows=rows)
    return run


def less_right(root: Path) -> RunDir:
    return measured(root, 91)


def with_config(rate: float, right: int, rows: str = "row") -> Callable[[Path], RunDir]:
    def make(root: Path) -> RunDir:
        run = measured(root, right, rows)
        data = '[[data]]\npath = "/data/orders.jsonl"\n'
        run.config.write_text(f'[model]\nname_or_path = "/m/SmolLM2-135M"\n[train]\nlearning_rate = {rate}\n{data}')
        return run

    return make


def comparing(*keys: str) -> Look:
    """The two newest runs marked and compared, then some keys pressed there."""

    async def look(pilot: Pilot[None]) -> None:
        await pilot.press("home", "space", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: pilot.app.screen._found)  # type: ignore[attr-defined]
        await pilot.press(*keys)

    return look


async def family(pilot: Pilot[None]) -> None:
    """The history, with the losses of the run under the cursor."""
    await pilot.press("f")
    await until(pilot, lambda: bool(pilot.app.screen.query("#course.-known")))


def make_group_of(home: Path, runs: list[RunDir]) -> None:
    """As if ``runs`` were those of a group."""
    group = groups.Group(home / f"{groups.PREFIX}20261130-094000-0000")
    group.path.mkdir()
    groups.keep(group, "orders-json", runs)
    for seed, run in enumerate(runs, 42):
        set_facts(run, group=group.id, seed=seed, name=f"orders-json seed {seed}")


def with_adapter(root: Path) -> RunDir:
    """Finished, with a config and an adapter in its place, as a family tree and an adapter's details need."""
    run = at_fixed_times(fake_runs.finished_run(root))
    run.config.write_text('[model]\nname_or_path = "smollm2-135m"\n[[data]]\npath = "orders.jsonl"\n')
    write_adapter(run.adapter, base_model_name_or_path="smollm2-135m")
    return run


def shrunk(pilot: Pilot[None]) -> Awaitable[None]:
    return pilot.resize_terminal(60, 15)


def failed(root: Path) -> RunDir:
    return at_fixed_times(fake_runs.failed_run(root))


def crashed(root: Path) -> RunDir:
    return at_fixed_times(fake_runs.crashed_run(root))


def never_started(root: Path) -> RunDir:
    return fake_runs.new_run(root)[0]


def starting(root: Path) -> RunDir:
    return live_run(root, 0)


def paused(root: Path) -> RunDir:
    return live_run(root, 50, "paused")


def stopped(root: Path) -> RunDir:
    return ended_run(root, "stopped")


def out_of_memory(root: Path) -> RunDir:
    """Ended by memory, with what another process held."""
    return at_fixed_times(memory_runs.out_of_memory(root, memory_runs.model(Path("Llama-3-8B")), [memory_runs.OTHER]))


def rhythmical(root: Path) -> RunDir:
    """Live, and it is known when it evaluates and saves."""
    run = live_run(root)
    rhythm = {"evaluate_every": 100, "sample_every": 100, "save_every": 180}
    records = [json.loads(line) for line in run.events.read_bytes().splitlines()]
    told = [each | rhythm if each["type"] == "run_started" else each for each in records]
    run.events.write_text("".join(json.dumps(each) + "\n" for each in told))
    return run


def on_gpus(root: Path) -> RunDir:
    """Live on one of two GPUs, somebody else on the other."""
    return at_fixed_times(memory_runs.live(root, memory_runs.model(Path("Llama-3-8B"))))


def spiked(root: Path) -> RunDir:
    run, writer = fake_runs.new_run(root)
    fake_runs.begin(writer, 900)
    fake_runs.train(writer, 1, 212, 900)
    writer.emit(test_spike.spike(212))
    writer.close()
    return at_fixed_times(run)


def mixed(root: Path) -> RunDir:
    """An adapter that was mixed of two, not measured yet."""
    run, writer = fake_runs.new_run(root, "both tasks")
    writer.emit(ev.Finished(outcome="finished", step=0, adapter="adapter"))
    writer.close()
    test_monitor.make_mix_of(run)
    return at_fixed_times(run)


def evaluated(root: Path) -> RunDir:
    """A finished run with an adapter, an evaluation whose answers can be judged, and a curve of strengths."""
    run = with_adapter(root)
    run = RunDir(run.path.rename(root / "20261130-120000-orders-0000"))  # the id draws the order of the pairs
    made = test_evaluate.evaluation(notes=[Message("evaluate.trained-on", run="orders-json", rows=3, of=20)])
    test_evaluate.answers(run)
    evaluations.keep(evaluations.folder(run, "held-out"), made)
    strength_curve.keep(evaluations.folder(run, strength_curve.NAME), test_evaluate.CURVE)
    return run


def asking(message: type[messages.EvaluateAsked | messages.JudgeAsked], *keys: str) -> Look:
    """Opens a screen about the run under the cursor, and presses ``keys`` there."""

    async def look(pilot: Pilot[None]) -> None:
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        pilot.app.post_message(message(home.run.run))  # type: ignore[union-attr]
        await until(pilot, lambda: pilot.app.screen is not home)
        await still(pilot)
        for key in keys:
            await pilot.press(key)
            await still(pilot)

    return look


def mixing(*keys: str) -> Look:
    """Opens the mix of two runs on a base that is only pretended to be there, and presses ``keys`` there."""

    async def look(pilot: Pilot[None]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.app.mix.parents", test_mixing.parents_of)
            test_mixing.stand_in(patch)
            home = pilot.app.screen
            assert isinstance(home, HomeScreen)
            pilot.app.post_message(messages.MixAsked([line.run for line in home.lines]))  # type: ignore[union-attr]
            await until(pilot, lambda: isinstance(pilot.app.screen, MixScreen) and pilot.app.screen._plan)
            for key in keys:
                await pilot.press(key)
                await still(pilot)
            await until(pilot, lambda: "enter" not in keys or pilot.app.screen.view == "result")  # type: ignore[attr-defined]
            await still(pilot)

    return look


STATES = {
    "home-empty": State(),
    "home-runs": State((finished, failed, live_run), alive=True),
    "home-group": State(
        (measured, less_right, measured, failed), look=pressing("down", "down", "enter", "space"), group=2
    ),
    "home-filter": State((measured, failed, live_run), alive=True, look=pressing("s", "slash", *"ord")),
    "compare": State((with_config(2e-4, 97), with_config(3e-4, 78)), look=comparing()),
    "compare-tables": State((with_config(2e-4, 97), with_config(3e-4, 78)), look=comparing("i", "c", "pagedown")),
    "compare-other-rows": State((with_config(2e-4, 97), with_config(3e-4, 78, "other")), look=comparing("c")),
    "compare-unlike": State((crashed, measured), look=comparing("c", "c", "v")),
    "compare-group": State((measured, less_right, with_config(3e-4, 78)), look=comparing("c"), group=2),
    "compare-help": State((measured, less_right), look=comparing("question_mark")),
    "themes": State((finished,), look=pressing("T", "down")),
    "home-help": State(look=pressing("question_mark")),
    "home-palette": State((finished,), look=pressing("colon", *"report")),
    "home-delete": State((finished,), look=pressing("delete")),
    "home-stop": State((live_run,), alive=True, look=pressing("x")),
    "home-history": State((finished, failed), look=pressing("f")),
    "home-family": State((with_adapter, failed), look=family),
    "home-adapter": State((with_adapter,), look=pressing("a")),
    "home-inputs-changed": State((failed,), look=pressing("r")),
    "home-too-small": State((finished,), look=shrunk),
    "evaluate-form": State((evaluated,), look=asking(messages.EvaluateAsked)),
    "evaluate-result": State((evaluated,), look=asking(messages.EvaluateAsked, "tab", "tab", "tab", "enter")),
    "strength": State((evaluated,), look=asking(messages.StrengthAsked, "up")),
    "mix": State((with_adapter, with_adapter), look=mixing("down")),
    "mix-options": State((with_adapter, with_adapter), look=mixing("f4")),
    "mix-result": State((with_adapter, with_adapter), look=mixing("enter")),
    "judge": State((evaluated,), look=asking(messages.JudgeAsked)),
    "monitor-starting": State((starting,), "monitor", alive=True),
    "monitor-never-started": State((never_started,), "monitor"),
    "monitor-live": State((rhythmical,), "monitor", alive=True),
    "monitor-gpus": State((on_gpus,), "monitor", alive=True, look=opening("memory")),
    "monitor-spike": State((spiked,), "monitor", alive=True),
    "monitor-overlay": State((finished, live_run), "monitor", alive=True, look=pressing("c")),
    "monitor-mix": State((mixed,), "monitor", look=showing("0.5 orders")),
    "monitor-watching": State((live_run,), "monitor", alive=True, only_watches=True, look=pressing("x")),
    "monitor-crosshair": State((live_run,), "monitor", alive=True, look=pressing("plus", "space", "left", "l")),
    "monitor-rate": State((live_run,), "monitor", alive=True, look=rate),
    "monitor-sources": State((live_run,), "monitor", alive=True, look=pressing("4")),
    "monitor-forgetting": State((forgetful,), "monitor", alive=True),
    "monitor-forgetting-curve": State((forgetful,), "monitor", alive=True, look=pressing("v", "v")),
    "monitor-stop-at-best": State((forgetful,), "monitor", alive=True, look=pressing("X")),
    "monitor-samples": State((live_run,), "monitor", alive=True, look=opening("samples")),
    "monitor-log": State((live_run,), "monitor", alive=True, look=pressing("1")),
    "monitor-pausing": State((live_run,), "monitor", alive=True, look=pressing("p")),
    "monitor-paused": State((paused,), "monitor", alive=True),
    "monitor-stop": State((live_run,), "monitor", alive=True, look=pressing("x")),
    "monitor-help": State((live_run,), "monitor", alive=True, look=pressing("question_mark")),
    "monitor-finished": State((finished,), "monitor"),
    "monitor-stopped": State((stopped,), "monitor"),
    "monitor-verdict": State((judged,), "monitor", look=showing("62.5")),
    "monitor-post-mortem": State((out_of_memory,), "monitor", look=showing("11.2 GiB")),
    "monitor-failed": State((failed,), "monitor"),
    "monitor-crashed": State((crashed,), "monitor"),
}


@pytest.mark.parametrize("how", ["en", "zh", "ascii"])
@pytest.mark.parametrize("name", STATES)
async def test_the_screen_looks_as_it_was_agreed_on(
    name: str, how: str, make_world: MakeWorld, root: Path, running: Hold
) -> None:
    state = STATES[name]
    language.use("zh" if how == "zh" else "en")
    home = Path("home/runs")
    made = []
    for number, make in enumerate(state.runs):
        made.append(make(home))
        # Newest first is by id: runs of one second would stand in any order.
        moved = home / ID.sub(f"20261130-09400{number}-smollm2-135m-000{number}", made[-1].id)
        made[-1].path.rename(moved)
        made[-1] = run = RunDir(moved)
        # What the run was begun with has as many digits every time, so that its files have the same sizes.
        run.run_json.write_text(json.dumps(run.read_run_json() | {"created_t": BEGAN}))
    if state.group:
        make_group_of(home, made[: state.group])
    if state.alive:
        running(made[-1])
    world = make_world("16" if how == "ascii" else "truecolor", how != "ascii")
    # The runs stay as they are: they are read as often as a person's are, not as those that tests wait for.
    world = dataclasses.replace(world, root=home, clock=lambda: BEGAN + 900, refresh_s=World.refresh_s)
    shown = []
    sizes = (*SIZES, *([WIDEST] if "TUNEDECK_PICTURES" in os.environ else []))
    for size in sizes if how == "en" else SIZES[:1]:
        app = TunedeckApp(
            world, state.place, made[-1] if state.place == "monitor" else None, only_watches=state.only_watches
        )
        async with app.run_test(size=size) as pilot:
            if theme := os.environ.get("TUNEDECK_THEME"):
                app.theme = theme
            await ready(pilot, len(made) - state.group + bool(state.group))
            await state.look(pilot)
            await still(pilot)
            text = screen_text(app)
            check(app, text, size, how)
            picture(app, f"{name}.{how}.{size[0]}x{size[1]}")
            if size in SIZES:
                shown.append(text)
    for run in made:
        (run.path / "control.json").unlink(missing_ok=True)
    compare(KEPT / f"{name}.{how}.txt", f"\n{'=' * 20}\n".join(shown) + "\n")


async def ready(pilot: Pilot[None], runs: int) -> None:
    """Until what the screen's threads read is shown."""
    app = pilot.app
    if isinstance(app.screen, HomeScreen):
        await until_shows(pilot, "24.0 GiB")
        await until(pilot, lambda: len(app.screen.query_one("RunList").runs) == runs)  # type: ignore[attr-defined]
    else:
        screen = app.screen
        assert isinstance(screen, MonitorScreen)
        await until(pilot, lambda: screen.state.last_seq or screen.state.state == "created")


def test_no_snapshot_is_left_of_a_state_that_is_gone() -> None:
    kept = {file.name for file in KEPT.iterdir()}
    assert kept == {f"{name}.{how}.txt" for name in STATES for how in ("en", "zh", "ascii")}
