"""`tunedeck run`: nothing starts that can't work, and what starts is followed to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.cli.commands import demo
from engine.common import paths
from engine.common.errors import MachineError
from engine.config import toml
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs import launch as launching
from engine.runs.directory import RunDir, list_runs
from engine.runs.follow import Follower
from engine.runs.state import RunState
from tests.engine.cli.cli_calls import FakeRunner, Shell, launches, obey
from tests.engine.runs.making import failure, measure, step

pytestmark = pytest.mark.usefixtures("unexamined")
FINISHED = [
    ev.State(state="starting"), ev.RunStarted(total_steps=2), step(1, 2.0),
    ev.Eval(step=2, moment="after", loss=1.0, n=5, metrics={"exact_match": 0.9}), step(2, 1.5),
    ev.Finished(outcome="finished", step=2, adapter="adapter", seconds=61.0),
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, unchecked: None) -> Path:
    """A config whose model and data pass the preflight, which has tests of its own."""
    path = tmp_path / "run.toml"
    path.write_text('[model]\nname_or_path = "tiny"\n[train]\nlearning_rate = 0.01\n[[data]]\npath = "/rows.jsonl"\n')
    return path


def test_a_run_is_created_launched_and_followed_to_its_end(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: FINISHED)
    answer = shell("run", config, "--set", "run.name=orders", "--set", "train.batch_size=4")
    assert answer.code == 0, answer.err
    assert answer.out == ""
    [(run, resumed)] = calls
    assert not resumed
    written = toml.load(run.config)
    assert written.config.train.batch_size == 4
    assert "batch_size = 4 # --set" in run.config.read_text()
    assert run.read_run_json()["name"] == "orders"
    for expected in (run.id, "warning: train.learning_rate", "exact match 90%", "Finished after 2 steps in 1 min 1 s"):
        assert expected in answer.err


def test_the_result_is_the_last_line_as_json(shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = launches(monkeypatch, lambda runner: FINISHED)
    result = shell("run", config, "--json").json
    [(run, _)] = calls
    assert (result["run"], result["state"], result["step"], result["loss"]) == (run.id, "finished", 2, 1.5)
    assert result["adapter"] == str(run.adapter)
    assert result["evals"][0]["exact_match"] == 0.9


def test_the_end_of_a_run_says_whether_it_worked_and_on_what_that_rests(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(runner: FakeRunner) -> list[ev.Event]:
        measure(runner.run, [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0])
        return FINISHED

    launches(monkeypatch, script)
    answer = shell("run", config)
    assert [line.split()[:4] for line in answer.err.splitlines() if line.startswith("exact match")] == [
        ["exact", "match", "base", "model"], ["exact", "match", "tuned", "75%"],
    ]  # fmt: skip
    launches(monkeypatch, script)
    found = shell("run", config, "--json").json["evaluation"]
    assert (found["n"], found["candidates"]) == (4, ["base", "tuned"])
    assert found["comparisons"][0]["verdict"] == "better"


def test_verdict_and_result_are_said_once(shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, kept = Message.literal("It is better than that"), Message.literal("The kept one is step 2")

    def script(runner: FakeRunner) -> list[ev.Event]:
        measure(runner.run, [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0])
        where = evaluations.folder(runner.run, evaluations.TRAINING)
        found = evaluations.read(where)
        assert found is not None
        notes = [Message.literal("Mind the seed")]
        evaluations.keep(where, msgspec.structs.replace(found, sentence=verdict, notes=notes))
        told = ev.Evaluated(name=evaluations.TRAINING, n=4, sentence=verdict)
        before = ev.Eval(step=0, moment="before", loss=2.5, n=4)
        return [FINISHED[0], before, *FINISHED[1:-1], told, ev.Finished(outcome="finished", step=2, result=kept)]

    launches(monkeypatch, script)
    said = shell("run", config).err
    for each in (verdict, kept, Message.literal("Mind the seed")):
        assert said.count(text(each)) == 1
    assert len([line for line in said.splitlines() if line.startswith("exact match")]) == 2
    monkeypatch.setattr(demo, "_fetch_starter", lambda name: None)
    launches(monkeypatch, script)
    answer = shell("demo", "--headless")
    for each in (verdict, kept, Message.literal("Mind the seed")):
        assert (answer.err + answer.out).count(text(each)) == 1
    assert (answer.err + answer.out).count("better") == 2  # in the sentence and in the table


def test_a_run_that_measured_nothing_says_nothing_of_it(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches(monkeypatch, lambda runner: FINISHED)
    result = shell("run", config, "--json").json
    assert (result["evaluation"], result["result_step"]) == (None, None)


def test_detached_it_prints_the_runs_id_and_is_gone(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: None)
    answer = shell("run", config, "--detach")
    [(run, _)] = calls
    assert answer.code == 0
    assert answer.out == f"{run.id}\n"
    assert f"tunedeck attach {run.id}" in answer.err


def test_a_check_starts_nothing(shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = launches(monkeypatch, lambda runner: None)
    assert shell("run", config, "--check").code == 0
    assert calls == []
    assert list_runs() == []


@pytest.mark.parametrize(
    ("end", "code", "says"),
    [
        (failure("Out of memory", "step 1", "Lower max_length.", error="OutOfMemory"), 1, "Lower max_length."),
        (ev.Finished(outcome="stopped", step=1), 6, "Stopped after 1 step"),
    ],
)
def test_only_a_finished_training_ends_with_0(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch, end: ev.Event, code: int, says: str
) -> None:
    launches(monkeypatch, lambda runner: [ev.RunStarted(), step(1), end])
    answer = shell("run", config)
    assert answer.code == code
    assert says in answer.err


def interrupt(monkeypatch: pytest.MonkeyPatch, when: Callable[[], bool]) -> None:
    """Press Ctrl+C while the run is being followed, each time ``when`` says so."""
    poll = Follower.poll

    def poll_or_interrupt(self: Follower) -> RunState:
        if when():
            raise KeyboardInterrupt
        return poll(self)

    monkeypatch.setattr(Follower, "poll", poll_or_interrupt)


def test_ctrl_c_stops_the_training_with_a_checkpoint_and_ends_with_130(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runners: list[FakeRunner] = []

    def script(runner: FakeRunner) -> None:
        runner.emit(ev.RunStarted(), step(1))
        runner.serve(obey)
        runners.append(runner)

    launches(monkeypatch, script)
    seen, poll = RunState(), Follower.poll

    def poll_or_interrupt(self: Follower) -> RunState:
        """Ctrl+C once a step was seen."""
        nonlocal seen
        if seen.step is not None and not runners[0].commands:
            seen = RunState()
            raise KeyboardInterrupt
        seen = state = poll(self)
        return state

    monkeypatch.setattr(Follower, "poll", poll_or_interrupt)
    answer = shell("run", config)
    assert answer.code == 130
    assert "a checkpoint is saved first" in answer.err
    assert runners[0].commands == ["stop"]


def test_a_second_ctrl_c_leaves_the_runner_alone(shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runners: list[FakeRunner] = []

    def script(runner: FakeRunner) -> None:
        runner.emit(ev.RunStarted(), step(1))
        runner.serve(lambda runner, message: None)  # in a long step: it does not answer yet
        runners.append(runner)

    launches(monkeypatch, script)
    first = iter([True])
    interrupt(monkeypatch, lambda: next(first, False) or bool(runners and runners[0].commands))
    answer = shell("run", config)
    assert answer.code == 130
    assert "tunedeck status" in answer.err
    assert runners[0].run.is_alive()
    runners[0].end()


def test_what_cannot_be_launched_leaves_no_run_behind(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: RunDir, resume: bool = False, *, accept_changes: bool = False) -> int:
        raise MachineError("runs.runner-not-started", path="run", reason="no processes left")

    monkeypatch.setattr(launching, "launch", refuse)
    answer = shell("run", config)
    assert answer.code == 5
    assert "no processes left" in answer.err
    assert list_runs() == []


def test_a_bad_config_ends_with_2_and_starts_nothing(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[train]\nbath_size = 1\n")
    answer = shell("run", path)
    assert answer.code == 2
    assert "Did you mean 'batch_size'?" in answer.err
    assert not paths.runs_dir().exists()


def test_a_missing_config_ends_with_2(shell: Shell, tmp_path: Path) -> None:
    answer = shell("run", tmp_path / "nope.toml")
    assert answer.code == 2
    assert "No such config file" in answer.err


def test_fields_are_listed_with_default_and_meaning(shell: Shell) -> None:
    lines = shell("fields", "train").out.splitlines()
    assert any("train.batch_size" in line and "16" in line and "Examples per optimizer step" in line for line in lines)
    assert any(
        line.startswith("model.name_or_path") and "required" in line for line in shell("fields").out.splitlines()
    )
    assert shell("fields", "--json").json["properties"]["train"]
    assert shell("fields", "trian").code == 2
