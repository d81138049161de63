"""Home as lines: the runs by number, and what is done with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.common import paths
from engine.common.errors import MachineError
from engine.messages.message import Message
from engine.runs import control, failures, mixes
from engine.runs import events as ev
from engine.runs.directory import RunDir, list_runs
from tests.engine.runs.making import make_group
from tests.engine.runs.mixing import waiting_mix
from tests.tui import fake_runs
from tests.tui.conftest import Live
from tests.tui.plain.conftest import Talk
from tui.plain.opening import open_lines


@pytest.fixture
def run(home: Path) -> RunDir:
    paths.runs_dir().mkdir(parents=True)
    return fake_runs.finished_run(paths.runs_dir())


def test_the_runs_have_numbers_and_say_how_they_stand(talk: Talk, run: RunDir) -> None:
    said = talk("q")
    assert "1 run, 0 running" in said
    assert "  1  orders-json: finished, 200/200 steps, loss" in said


def test_what_waits_for_a_person_is_told_with_the_command_that_acts(talk: Talk, run: RunDir) -> None:
    assert "\n! " not in talk("q")
    failures.keep(run, "export", "gguf", Message("exporting.disk-full", target="/d"))
    told = next(line for line in talk("q").splitlines() if line.startswith("! "))
    assert "gguf failed: The disk is full. " in told
    assert told.endswith("Type u 1.")


def test_a_mix_that_waits_is_told_with_the_commands_that_end_it(talk: Talk, run: RunDir) -> None:
    waiting = waiting_mix(mixes.candidates_dir())
    told = next(line for line in talk("q").splitlines() if line.startswith("! "))
    assert told.endswith(f"Type mix, mix {waiting.id} --keep or mix {waiting.id} --discard.")


def test_of_a_mix_that_failed_both_runs_are_asked_for(talk: Talk, run: RunDir) -> None:
    failures.keep(run, "mix", "both", Message("mixes.not-finite", weights=[1.0]))
    told = next(line for line in talk("q").splitlines() if line.startswith("! "))
    assert told.endswith("Type mix 1 N.")


def test_after_a_stop_before_the_first_step_there_is_nobody_to_talk_to(talk: Talk, home: Path) -> None:
    paths.runs_dir().mkdir(parents=True)
    run, writer = fake_runs.new_run(paths.runs_dir())
    writer.emit(ev.Finished(outcome="stopped", step=0, seconds=3.0))
    assert "Stopped after 0 steps" in (said := talk("1", "q"))
    assert "t talks to the model" not in said
    assert "tunedeck --plain chat" not in talk("q", route="attach", name=run.id)


def test_without_runs_it_says_what_begins_one(talk: Talk, home: Path) -> None:
    assert "No runs yet. d starts a three-minute demo" in talk("open 1", "q")


@pytest.mark.parametrize("typed", ["1", "open 1", "open orders-json"])
def test_a_run_is_told_to_its_end(talk: Talk, run: RunDir, typed: str) -> None:
    said = talk(typed, "q")
    assert "Finished after 200 steps" in said
    assert "Following" not in said, "it has ended: nothing can be steered"
    assert "t talks to the model" in said


def test_who_attaches_is_told_the_commands_that_come_next(talk: Talk, run: RunDir) -> None:
    assert f"tunedeck --plain chat {run.id}" in talk("q", route="attach", name="last")


def test_a_running_one_goes_on_when_it_is_left(talk: Talk, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = live(20)
    monkeypatch.setattr("tui.plain.lines.Lines.typed_within", lambda self, seconds: "q")
    assert f"tunedeck attach {run.id}" in talk("1", "q")


def test_a_run_is_steered_by_the_keys_of_the_monitor(
    talk: Talk, home: Path, running: Callable[[RunDir], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.runs_dir().mkdir(parents=True)
    run, writer = fake_runs.new_run(paths.runs_dir())
    fake_runs.begin(writer, 900)
    running(run)
    sent: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(control, "send", lambda run, command, values=None: sent.append((command, values or {})))
    typed = iter(["?", "h", "X", "x", "p", "nonsense", "q"])
    monkeypatch.setattr("tui.plain.lines.Lines.typed_within", lambda self, seconds: next(typed))
    said = talk("1", "yes", "", "q")
    assert sent == [("set", {"rate": 0.5}), ("stop", {"at": "best"}), ("pause", {})], (
        "Enter at a question stops nothing"
    )
    assert f"Following {run.id}" in said
    assert "  K  Go back to the checkpoint before the spike" in said
    assert "Not understood. Type q, p, r, s, g" in said


def test_the_runs_of_a_group_have_numbers_of_their_own(talk: Talk, home: Path) -> None:
    _, runs = make_group(paths.runs_dir())
    said = talk("1", "delete 1", "o 1.2", "q")
    assert "  1.2  " in said
    assert "for example 1.1" in said
    assert (runs[1].path / "report.html").is_file()


def test_deleting_is_asked_and_enter_keeps(talk: Talk, run: RunDir) -> None:
    said = talk("delete 1", "", "q")
    assert "Delete orders-json?" in said
    assert run.path.is_dir()
    assert "Deleted." in talk("delete 1", "yes", "q")
    assert list_runs(paths.runs_dir()) == []


def test_what_has_nothing_to_resume_says_so(talk: Talk, run: RunDir) -> None:
    assert "finished" in talk("r 1", "q")


def test_a_number_that_is_none_is_told_which_there_are(talk: Talk, run: RunDir) -> None:
    assert "Which run? Add its number, from 1 to 1" in talk("open 4", "q")


def test_the_judge_needs_a_screen(home: Path) -> None:
    with pytest.raises(MachineError) as refused:
        open_lines("judge")
    assert refused.value.code == "plain.needs-screen"
