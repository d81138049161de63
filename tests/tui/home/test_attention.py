"""What needs a person is said in one line, with the key that acts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.common.errors import TunedeckError
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import failures, mixes
from engine.runs.directory import RunDir
from engine.runs.writer import EventWriter
from tests.engine.runs.mixing import waiting_mix
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import keys
from tui.app import TunedeckApp
from tui.flow.matters import matters
from tui.home.screen import HomeScreen
from tui.home.watch import RunWatch
from tui.mixing.screen import MixScreen
from tui.words import run_name

OUT = "The GPU is out of memory"


def spiked(root: Path, running: Callable[[RunDir], None]) -> RunDir:
    run, writer = fake_runs.training_run(root, 20, "wild")
    writer.emit(ev.Spike(step=20, kind="loss", loss=9.5, expected=2.1, grad_norm=40.0, learning_rate=1e-4))
    writer.close()
    running(run)
    return run


async def test_a_run_that_can_be_resumed_is_named_and_one_key_leads_there(make_world: MakeWorld, root: Path) -> None:
    fake_runs.failed_run(root)
    fake_runs.finished_run(root, "done")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.broke", run="too-large", why=OUT))
        assert f"! {said('keys.attend')}" in screen_text(app)
        await pilot.press("exclamation_mark")
        screen = app.screen
        assert isinstance(screen, HomeScreen)
        assert screen.run is not None
        assert screen.run.name == "too-large"
        await until_shows(pilot, f"r {said('keys.resume')}")
        line = next(line for line in screen_text(app).splitlines() if OUT in line)
        assert line.rstrip().endswith(f"r {said('keys.resume')}")


async def test_a_home_where_all_is_well_says_nothing(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        assert said("keys.attend") not in screen_text(app)
        assert not app.screen.query_one("#attention").display


def test_spikes_of_running_trainings_come_first_and_what_is_old_is_left_out(
    root: Path, running: Callable[[RunDir], None]
) -> None:
    fake_runs.failed_run(root)
    spiked(root, running)
    lines = RunWatch(root).poll()
    now = max(line.last_t for line in lines)
    assert [matter.key for matter in matters(lines, (), now)] == ["open", "resume"]
    assert [matter.key for matter in matters(lines, (), now + 30 * 86_400)] == ["open"]


def test_a_spike_is_answered_by_a_lower_rate(root: Path, running: Callable[[RunDir], None]) -> None:
    run = spiked(root, running)
    assert RunWatch(root).poll()[0].alarm is not None  # type: ignore[union-attr]
    writer = EventWriter(run.events)
    writer.emit(ev.RateLowered(step=21, factor=0.5, scale=0.5))
    writer.close()
    assert RunWatch(root).poll()[0].alarm is None  # type: ignore[union-attr]


def forgot(writer: EventWriter, step: int, mark: str) -> None:
    writer.emit(replace(fake_runs.forgetting(step), mark=mark))


def test_much_forgotten_wants_a_person_once_and_until_it_is_better(
    root: Path, running: Callable[[RunDir], None]
) -> None:
    run, writer = fake_runs.new_run(root, "forgetful", 900)
    fake_runs.begin(writer, 900)
    fake_runs.train(writer, 1, 20, 900)
    running(run)
    seen = []
    for step, mark in ((5, "look"), (10, "stop"), (15, "stop"), (20, "fine")):
        forgot(writer, step, mark)
        [line] = RunWatch(root).poll()
        seen.append((len(matters([line], (), line.last_t)), line.alarm_seq))  # type: ignore[union-attr]
    writer.close()
    assert [count for count, _ in seen] == [0, 1, 1, 0]
    assert seen[1] == seen[2], "the same alarm, which was told of"


async def test_the_terminal_is_told_of_it_on_home_too(
    make_world: MakeWorld, root: Path, running: Callable[[RunDir], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(TunedeckApp, "send_to_terminal", lambda _, made: sent.append(made))
    run, writer = fake_runs.new_run(root, "forgetful", 900)
    fake_runs.begin(writer, 900)
    fake_runs.train(writer, 1, 20, 900)
    running(run)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "forgetful")
        app.app_focus = False
        forgot(writer, 20, "stop")
        writer.close()
        await until(pilot, lambda: sent)
    assert "forgetful" in sent[0]
    assert sent[0].startswith("\x07")


async def test_a_mix_that_nobody_kept_opens_where_it_can_be_kept(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    waiting = waiting_mix(mixes.candidates_dir())
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.mix-waits", mix=run_name(waiting)))
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, MixScreen) and app.screen.view == "result")


def failed_work(root: Path, work: failures.Work, name: str, code: str = "proof.failed") -> RunDir:
    run = fake_runs.finished_run(root, "orders")
    with pytest.raises(TunedeckError), failures.noted(run, work, name):
        raise TunedeckError(code)
    return run


@pytest.mark.parametrize(
    ("work", "name", "code", "key"),
    [
        ("export", "gguf", "home.export-failed", "export"), ("proof", "export-gguf", "home.proof-failed", "export"),
        ("evaluation", "held-out", "home.evaluation-failed", "evaluate"), ("mix", "both", "home.mix-failed", "mix"),
    ],
)  # fmt: skip
def test_what_failed_beside_a_training_is_told_with_the_key_that_does_it_anew(
    root: Path, work: failures.Work, name: str, code: str, key: str
) -> None:
    run = failed_work(root, work, name)
    watch = RunWatch(root)
    (found,) = matters(watch.poll(), (), time.time())
    told = said(code, run="orders", name=name.removeprefix("export-"), why=said("proof.failed"))
    assert (found.run, found.words, found.key) == (run.id, told, key)
    assert key in {each.id for each in keys.HOME}
    with failures.noted(run, work, name):
        pass  # it is done again, and succeeds
    assert matters(watch.poll(), (), time.time()) == []


def test_of_several_failures_each_is_told_and_the_newest_first(root: Path) -> None:
    run = failed_work(root, "proof", "export-gguf")
    failures.keep(run, "proof", "export-ollama", Message("proof.failed"))
    failures.keep(run, "evaluation", "held-out", Message("proof.failed"))
    found = matters(RunWatch(root).poll(), (), time.time())
    assert [(each.key, each.words.count("ollama")) for each in found] == [("evaluate", 0), ("export", 1), ("export", 0)]
    assert matters(RunWatch(root).poll(), (), time.time() + 30 * 86_400) == []


def test_a_run_that_failed_before_its_first_checkpoint_is_told_too(root: Path) -> None:
    run = fake_runs.failed_run(root)
    (run.checkpoint(100) / "COMPLETE").unlink()
    lines = RunWatch(root).poll()
    assert [matter.key for matter in matters(lines, (), lines[0].last_t)] == ["open"]


def test_a_record_that_nobody_can_read_or_write_hurts_nothing(root: Path) -> None:
    run = fake_runs.finished_run(root)
    (run.path / failures.FILE).write_text('[{"work": "sleep"}]')
    assert failures.all_of(run) == ()
    failures.keep(RunDir(root / "gone"), "export", "gguf", Message("proof.failed"))
    assert not (root / "gone").exists()
