"""The monitor shows one run, steers it, and says in words how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.messages.message import Message
from engine.runs import control, mixes
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.writer import EventWriter
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.monitor.layout import PANES
from tui.monitor.panes import CurvePane
from tui.monitor.screen import MonitorScreen
from tui.widgets.bars import KeyButton
from tui.widgets.chart import Chart

Hold = Callable[[RunDir], None]


@pytest.fixture
def live(live: Live) -> tuple[RunDir, EventWriter]:
    return live(212)


@pytest.mark.parametrize(
    ("size", "colours", "unicode"), [((80, 24), "truecolor", True), ((120, 40), "256", True), ((80, 24), "16", False)]
)
async def test_a_running_training_on_one_screen(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter], size: tuple[int, int], colours: str, unicode: bool
) -> None:
    app = TunedeckApp(make_world(colours, unicode), "monitor", live[0])
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "212 of 900")
        text = screen_text(app)
        for part in ("orders-json", "running", "24%", "loss", "eval", "tokens/s", "ETA", "memory", "2.6 GiB",
                     "1 loss", "4 sources", "6 log", "checkpoint-200 saved", f"p {said('keys.pause')}", "x Stop",
                     "q Leave"):  # fmt: skip
            assert part in text, part
        assert unicode or text.isascii()
        assert all(len(line) <= size[0] for line in text.splitlines())
        if size[0] >= 110:
            assert said("monitor.before-training") in text, "wide terminals show the samples beside the chart"


async def test_new_steps_appear_by_themselves(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    run, writer = live
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        writer.emit(fake_runs.step(213, 900))
        await until_shows(pilot, "213 of 900")


@pytest.mark.parametrize(("key", "command"), [("p", "pause"), ("S", "save"), ("g", "sample")])
async def test_keys_command_the_runner_and_its_answer_is_shown(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter], key: str, command: str
) -> None:
    run, writer = live
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        await pilot.press(key)
        await until(pilot, lambda: control.read(run) is not None)
        sent = control.read(run)
        assert sent is not None
        assert sent.command == command
        writer.emit(ev.ControlAck(control_seq=sent.seq, command=command, message=Message.literal("heard at step 213")))
        await until_shows(pilot, f"{command}: heard at step 213")


async def test_pause_turns_into_go_on(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    run, writer = live
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, f"p {said('keys.pause')}")
        writer.emit(ev.State(state="paused"))
        await until_shows(pilot, f"p {said('keys.resume')}")
        await pilot.press("p")
        await until(pilot, lambda: (sent := control.read(run)) is not None and sent.command == "resume")


async def test_a_pause_asked_for_during_the_start_says_when_it_comes_and_can_be_taken_back(
    make_world: MakeWorld, root: Path, running: Callable[[RunDir], None]
) -> None:
    run, writer = fake_runs.new_run(root)
    writer.emit(ev.State(state="starting"))
    writer.emit(
        ev.Phase(name="merge", message=Message.literal("merging old into base"), done=4.2e9, total=8.4e9, unit="bytes")
    )
    running(run)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "4.2 GB of 8.4 GB")
        assert "merging old into base" in screen_text(app)
        assert "50" in screen_text(app)
        await pilot.press("p")
        await until_shows(pilot, said("monitor.pausing-first"))
        assert "50%  4.2 GB of 8.4 GB" in screen_text(app), "how far it is stays to be read"
        await until_shows(pilot, f"p {said('keys.resume')}")
        await pilot.press("p")
        await until(pilot, lambda: (sent := control.read(run)) is not None and sent.command == "resume")
        sent = control.read(run)
        assert sent is not None
        writer.emit(ev.ControlAck(control_seq=sent.seq, command="resume", message=Message.literal("going on")))
        await until_shows(pilot, f"p {said('keys.pause')}")
        assert "Pausing" not in screen_text(app)


async def test_stop_is_confirmed_and_says_that_a_checkpoint_is_kept(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:
    run, _ = live
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        await pilot.press("x")
        await until_shows(pilot, said("app.stop-saves"))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        assert control.read(run) is None
        await pilot.press("x")
        await until_shows(pilot, said("app.stop-saves"))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: (sent := control.read(run)) is not None and sent.command == "stop")


async def test_a_run_stopped_before_its_first_step_starts_from_the_beginning(make_world: MakeWorld, root: Path) -> None:
    run, writer = fake_runs.new_run(root, "soon-stopped", 900)
    fake_runs.begin(writer, 900)
    writer.emit(ev.Finished(outcome="stopped", step=0, seconds=2.0, reason=Message.literal("asked to stop")))
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(100, 24)) as pilot:
        await until_shows(pilot, "at step 0; r resumes from the beginning")


async def test_the_result_is_what_one_sees_when_the_training_ends(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:
    run, writer = live
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        fake_runs.finish(writer, 900)
        await until_shows(pilot, "exact match 0% -> 97%")
        text = screen_text(app)
        assert "loss 2.311 -> 0.421" in text
        assert said("monitor.rows-of", kind=said("monitor.validation-rows"), rows=100) in text
        assert said("monitor.after-training") in text
        assert '"item": "pizza"' in text
        assert said("keys.pause") not in text


async def test_the_result_shows_the_test_beside_the_validation(make_world: MakeWorld, root: Path) -> None:
    run, writer = fake_runs.new_run(root, "tested", 900)
    fake_runs.begin(writer, 900)
    writer.emit(ev.Eval(step=0, moment="before", part="test", loss=2.302, n=60, metrics={"exact_match": 0.01}))
    fake_runs.train(writer, 1, 900, 900)
    writer.emit(ev.Eval(step=900, moment="after", part="test", loss=0.433, n=60, metrics={"exact_match": 0.95}))
    fake_runs.finish(writer, 900)
    app = TunedeckApp(make_world("16", unicode=False), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.rows-of", kind=said("monitor.test-rows"), rows=60))
        text = screen_text(app)
        assert said("monitor.rows-of", kind=said("monitor.validation-rows"), rows=100) in text
        for line in ("loss 2.311 0.421 ####", "loss 2.302 0.433 ####"):
            assert line in " ".join(text.split())
        assert "exact match 0% -> 97% (n = 100; test 95%, n = 60)" in text


async def test_before_and_after_stand_side_by_side_and_are_cleaned(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", fake_runs.finished_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.before-training"))
        text = screen_text(app)
        heads = next(line for line in text.splitlines() if said("monitor.before-training") in line)
        assert said("monitor.after-training") in heads
        assert "Pizza [b]large[/b]" in text, "markup of a model's answer is shown, not obeyed"
        assert "\x1b" not in text
        assert said("monitor.reference") in text


async def test_a_long_result_scrolls_in_ascii_too(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world("16", unicode=False), "monitor", fake_runs.finished_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.rows-of", kind=said("monitor.validation-rows"), rows=100))
        assert screen_text(app).isascii()
        await pilot.press("pagedown")
        await until(
            pilot,
            lambda: said("monitor.rows-of", kind=said("monitor.validation-rows"), rows=100) not in screen_text(app),
        )
        await pilot.press("6")
        await until_shows(pilot, "answering held-out rows")
        assert screen_text(app).isascii()


async def test_a_failure_is_told_in_words_with_the_way_on(
    make_world: MakeWorld, root: Path, spawned: list[tuple[str, bool]]
) -> None:
    run = fake_runs.failed_run(root)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "The GPU is out of memory")
        text = " ".join(screen_text(app).split())
        assert "Set dataset.max_length to 768" in text
        assert f"r {said('keys.resume-run')}" in text
        await pilot.press("r")
        await until(pilot, lambda: spawned)
        await until_shows(pilot, said("monitor.resuming"))
    assert spawned == [(run.id, True)]


async def test_a_crash_says_why_and_that_there_is_nothing_to_go_on_from(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", fake_runs.crashed_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "crashed")
        text = screen_text(app)
        assert "out of memory" in text
        assert said("monitor.no-way-on") in text
        assert f"r {said('keys.resume-run')}" not in text


async def test_a_number_opens_its_pane_and_closes_it(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        monitor = app.screen
        assert isinstance(monitor, MonitorScreen)
        assert monitor.shown == ("loss", "log")
        for key, shows, shown in (
            ("2", said("monitor.gradient-norm"), ("rate", "log")), ("4", "b replay", ("sources", "log")),
            ("5", said("monitor.before-training"), ("sources", "samples")), ("4", "", ("samples",)),
            ("5", "", ("samples",)), ("1", said("monitor.average"), ("loss", "samples")),
        ):  # fmt: skip
            await pilot.press(key)
            await until_shows(pilot, shows)
            assert monitor.shown == shown


async def test_a_wide_window_shows_all_panes_that_were_asked_for(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(200, 60)) as pilot:
        await until_shows(pilot, "212 of 900")
        monitor = app.screen
        assert isinstance(monitor, MonitorScreen)
        assert monitor.shown == PANES
        await pilot.click("#strip", offset=(3, 0))
        assert "loss" not in monitor.shown
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: monitor.shown == ("sources", "log"))


async def test_other_quantities_and_a_logarithmic_axis(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        pane, chart = app.screen.query_one(CurvePane), app.screen.query_one(Chart)
        titles = [pane.title]
        for _ in range(2):
            await pilot.press("v")
            titles.append(pane.title)
        assert titles == ["loss", "tokens/s", "loss"]
        await pilot.press("l")
        assert "log y" in chart.lines[0]


async def test_the_curve_of_an_earlier_run_is_laid_below(
    make_world: MakeWorld, root: Path, live: tuple[RunDir, EventWriter]
) -> None:
    earlier = fake_runs.finished_run(root, "the one before")
    earlier.path.rename(root / "20000102-000000-smollm2-135m-0000")
    fake_runs.finished_run(root, "long ago").path.rename(root / "20000101-000000-smollm2-135m-0000")
    app = TunedeckApp(make_world("16", unicode=False), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        await pilot.press("c")
        await until_shows(pilot, "~ the one before")
        assert "212" not in screen_text(app).splitlines()[-4], "the axis stays that of this run"
        await pilot.press("c")
        await until_shows(pilot, "~ long ago")
        assert "the one before" not in screen_text(app)
        await pilot.press("c")
        await until(pilot, lambda: "long ago" not in screen_text(app))


async def test_the_mouse_reads_out_zooms_and_goes_back(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        chart = app.screen.query_one(Chart)
        await pilot.click(Chart, offset=(40, 0))
        assert chart.cursor is None, "the names of the curves are no steps"
        await pilot.click(Chart, offset=(40, 4))
        assert chart.cursor is not None
        assert "step" in chart.lines[0]
        await pilot.mouse_down(Chart, offset=(20, 4))
        await pilot.mouse_up(Chart, offset=(40, 4))
        assert "zoomed" in chart.lines[0]
        await pilot.press("0")
        assert chart.view.start is None


async def test_an_ended_run_leads_on(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", fake_runs.finished_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("monitor.before-training"))
        for words in ("t Chat", "o Report", "u Export", "G Continue", "D Edit a copy"):
            assert words in screen_text(app), words


def make_mix_of(run: RunDir) -> None:
    """As if ``run`` were a mix of two adapters that nothing has measured yet."""
    parents = [mixes.Ingredient(path=f"/{name}", title=name, weight=0.5) for name in ("orders", "tickets")]
    made = mixes.Made(combination="cat", least_rank=16, rank=32, layers=60, alone=0, kept_share=1.0, size_bytes=10**7)
    recipe = mixes.Recipe(base="SmolLM2-135M", parents=parents, method="linear")
    mixes.write(run, mixes.Mix(name="both tasks", recipe=recipe, made=made))


async def test_a_mix_shows_what_it_is_made_of(make_world: MakeWorld, root: Path) -> None:
    run, writer = fake_runs.new_run(root, "both tasks")
    writer.emit(ev.Finished(outcome="finished", step=0, adapter="adapter"))
    make_mix_of(run)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "0.5 orders")
        assert said("monitor.no-step-done") not in screen_text(app)


async def test_leaving_says_that_the_training_goes_on(make_world: MakeWorld, live: tuple[RunDir, EventWriter]) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "212 of 900")
        await pilot.press("q")
        await until_shows(pilot, said("app.keeps-running"))
        assert app.current_mode == "home"
    assert app.watched == [live[0]]


async def test_every_key_in_the_bar_fits_and_can_be_reached_by_tab(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        shown = [button for button in app.screen.query_one("#keys").query(KeyButton) if button.display]
        assert {button.key.id for button in shown} == {"pause", "sample", "stop", "overlay", "report", "leave", "help"}
        assert all(button.region.right <= 80 for button in shown)
        reached = set()
        for _ in range(len(shown) + 1):
            await pilot.press("tab")
            if isinstance(app.focused, KeyButton):
                reached.add(app.focused.key.id)
                assert f">{app.focused.key.shown}" in screen_text(app)
        assert reached == {button.key.id for button in shown}


async def test_before_the_first_step_the_phase_tells_what_goes_on(
    make_world: MakeWorld, root: Path, running: Hold
) -> None:
    run, writer = fake_runs.new_run(root)
    running(run)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        writer.emit(fake_runs.started(900))
        writer.emit(
            ev.Phase(
                name="baseline", done=34, total=100, unit="rows", message=Message.literal("answering held-out rows")
            )
        )
        await until_shows(pilot, "34 of 100 rows")
        assert "answering held-out rows" in screen_text(app)
        assert "The curve begins with the first training step" in screen_text(app)


async def test_a_key_that_steers_says_of_a_finished_run_why_it_does_nothing(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root, "done")
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("runs.finished"))
        for keys, why in (
            ("pSwXgx", "home.not-running"),
            ("r", "monitor.is-finished"),
            ("emuGt", "home.has-no-adapter"),
        ):
            for key in keys:
                app.clear_notifications()
                await pilot.press(key)
                assert [note.message for note in app._notifications] == [said(why, run="done")], key
