"""Steering a run from a shell: the answer is waited for, and no answer is said too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.cli.commands import steer
from engine.runs import control, directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from tests.engine.cli.cli_calls import FakeRunner, Shell, launches, obey
from tests.engine.models.test_lineage import make_run
from tests.engine.runs.making import failure, make_checkpoint, mark_exited, mark_launched, said, step, write

Serve = Callable[[Callable[[FakeRunner, control.ControlMessage], None]], FakeRunner]


@pytest.fixture
def run(shell: Shell) -> RunDir:
    return directory.create("tiny", "", name="orders")


@pytest.fixture
def serving(run: RunDir) -> Iterator[Serve]:
    """A run that trains and answers commands with what it is given."""
    runner = FakeRunner(run)
    runner.emit(ev.RunStarted(total_steps=9), step(1), step(2), step(3))

    def serve(answer: Callable[[FakeRunner, control.ControlMessage], None]) -> FakeRunner:
        runner.serve(answer)
        return runner

    yield serve
    if run.is_alive():
        runner.end()


@pytest.mark.parametrize(("verb", "says"), [("pause", "Paused"), ("save", "Saved"), ("stop", "Stopped")])
def test_a_command_is_done_when_the_runner_has_said_so(shell: Shell, serving: Serve, verb: str, says: str) -> None:
    runner = serving(obey)
    answer = shell(verb, "orders")
    assert answer.code == 0, answer.err
    assert says in answer.err
    assert runner.commands == [verb]


def test_the_only_running_run_needs_no_name(shell: Shell, serving: Serve) -> None:
    serving(obey)
    directory.create("tiny", "")
    assert shell("save").code == 0


def test_stopping_before_the_first_checkpoint_names_the_way_from_the_beginning(
    shell: Shell, serving: Serve, run: RunDir
) -> None:
    serving(obey)
    assert f"`tunedeck resume {run.id}` starts from the beginning" in shell("stop", "orders").err
    assert f"`tunedeck resume {run.id}` starts from the beginning" in shell("attach", "orders", "--plain").err
    make_checkpoint(run, 3)
    assert f"`tunedeck resume {run.id}`" in shell("attach", "orders", "--plain").err


def test_a_paused_run_goes_on(shell: Shell, serving: Serve) -> None:
    runner = serving(obey)
    assert shell("pause").code == 0
    assert "Resumed." in shell("resume").err
    assert runner.commands == ["pause", "resume"]


def test_a_run_that_is_not_paused_is_not_resumed(shell: Shell, serving: Serve) -> None:
    runner = serving(obey)
    answer = shell("resume")
    assert answer.code == 6
    assert "already running" in answer.err
    assert runner.commands == []


def test_a_refusal_is_told_in_the_runners_words(shell: Shell, serving: Serve) -> None:
    def refuse(runner: FakeRunner, message: control.ControlMessage) -> None:
        runner.emit(
            ev.ControlAck(control_seq=message.seq, command="save", ok=False, message=said("the disk is \x1b[1mfull"))
        )

    serving(refuse)
    answer = shell("save")
    assert answer.code == 6
    assert "the disk is full" in answer.err


def test_no_answer_in_time_is_told(shell: Shell, serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steer, "ANSWER_TIMEOUT_S", 0.1)
    serving(lambda runner, message: None)
    answer = shell("save")
    assert answer.code == 6
    assert "not answered yet" in answer.err


def test_a_runner_that_goes_instead_of_answering_is_told(shell: Shell, serving: Serve) -> None:
    serving(lambda runner, message: runner.end())
    answer = shell("save")
    assert answer.code == 6
    assert "ended before it answered" in answer.err


def test_nobody_has_to_wait(shell: Shell, serving: Serve, run: RunDir) -> None:
    runner = serving(lambda runner, message: None)
    assert shell("stop", "--no-wait").code == 0
    assert control.read(run) == control.ControlMessage(1, "stop", {})
    assert runner.run.is_alive()


@pytest.mark.parametrize("verb", ["stop", "pause", "save"])
def test_steering_a_run_that_does_not_run_ends_with_6(shell: Shell, run: RunDir, verb: str) -> None:
    assert "No run is running" in shell(verb).err
    answer = shell(verb, "orders")
    assert answer.code == 6
    assert "not running" in answer.err


def test_several_running_runs_have_to_be_told_apart(shell: Shell, serving: Serve, run: RunDir) -> None:
    serving(obey)
    other = FakeRunner(directory.create("tiny", ""))
    answer = shell("stop")
    other.end()
    assert answer.code == 6
    assert run.id in answer.err
    assert other.run.id in answer.err


def ended(run: RunDir, *events: ev.Event) -> None:
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=9), step(1), step(2), *events)


def test_a_crashed_run_is_launched_again_from_its_last_complete_checkpoint(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(run)
    mark_exited(run, -9)
    make_checkpoint(run, 1)
    make_checkpoint(run, 2, complete=False)

    def script(runner: FakeRunner) -> None:
        runner.emit(ev.State(state="starting"), ev.RunStarted(total_steps=9, resumed_from_step=1), step(2))
        runner.serve(obey)

    calls = launches(monkeypatch, script)
    answer = shell("resume")
    assert answer.code == 0, answer.err
    assert "from checkpoint-1" in answer.err
    assert "It is running" in answer.err
    assert calls == [(run, True)]
    assert shell("stop").code == 0


def test_a_resumed_run_can_be_followed_to_its_end(shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(run, ev.Finished(outcome="stopped", step=2))
    make_checkpoint(run, 2)
    end = ev.Finished(outcome="finished", step=3)
    launches(monkeypatch, lambda runner: [ev.State(state="starting"), ev.RunStarted(resumed_from_step=2), step(3), end])
    answer = shell("resume", "--follow")
    assert answer.code == 0
    assert "Finished after 3 steps" in answer.err


def test_a_run_that_fails_right_after_its_resume_ends_with_6(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(run)
    make_checkpoint(run, 2)
    launches(monkeypatch, lambda runner: [ev.State(state="starting"), failure("The model is gone")])
    answer = shell("resume")
    assert answer.code == 6
    assert "The model is gone" in answer.err


def test_a_finished_run_is_not_resumed(shell: Shell, run: RunDir) -> None:
    ended(run, ev.Finished(outcome="finished", step=2))
    make_checkpoint(run, 2)
    answer = shell("resume")
    assert answer.code == 6
    assert "finished" in answer.err


def test_a_run_that_stopped_before_its_first_step_begins_anew(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(run, ev.Finished(outcome="stopped", step=0))
    make_checkpoint(run, 2, complete=False)
    calls = launches(monkeypatch, lambda runner: [ev.State(state="starting"), ev.RunStarted(total_steps=9), step(1)])
    answer = shell("resume")
    assert "starts from the beginning" in answer.err
    assert calls == [(run, False)]


def test_a_result_whose_checkpoints_are_gone_is_not_replaced(shell: Shell, run: RunDir) -> None:
    ended(run, ev.Finished(outcome="stopped", step=2, adapter="adapter"))
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    answer = shell("resume")
    assert answer.code == 6
    assert f"tunedeck run {run.config}" in answer.err


def test_replay_and_the_best_step_are_asked_for_with_their_values(shell: Shell, serving: Serve, run: RunDir) -> None:
    sent: list[tuple[str, dict[str, object]]] = []

    def note(runner: FakeRunner, message: control.ControlMessage) -> None:
        sent.append((message.command, message.values))
        obey(runner, message)

    serving(note)
    assert shell("set", "orders", "replay=0.25").code == 0
    assert shell("set", "replay=more").code == 0
    assert shell("stop", "orders", "--at-best").code == 0
    assert sent == [("set", {"replay": 0.25}), ("set", {"replay": "more"}), ("stop", {"at": "best"})]


@pytest.mark.parametrize("given", ["replay", "replay=", "replay=lots", "learning_rate=1e-4", "=0.2"])
def test_what_can_not_be_set_is_said_before_anything_is_sent(shell: Shell, serving: Serve, given: str) -> None:
    runner = serving(obey)
    answer = shell("set", "orders", given)
    assert answer.code != 0
    assert "replay=0.2" in answer.err
    assert runner.commands == []


def spiking(run: RunDir, runner: FakeRunner) -> None:
    make_checkpoint(run, 2)
    runner.emit(
        ev.Checkpoint(step=2, path="checkpoint-2"), step(4),
        ev.Spike(step=4, loss=9.0, grad_norm=1.0, learning_rate=1e-4, row_count=2, keys=["aa", "bb"]),
    )  # fmt: skip


def test_a_running_run_is_asked_to_roll_back(shell: Shell, serving: Serve, run: RunDir) -> None:
    sent: list[control.ControlMessage] = []

    def obeys(runner: FakeRunner, message: control.ControlMessage) -> None:
        sent.append(message)
        runner.emit(
            ev.RolledBack(step=2, from_step=5, rate_factor=0.5, skipped_rows=2, skipped_steps=[4]),
            ev.ControlAck(control_seq=message.seq, command=message.command), ev.State(state="running"),
        )  # fmt: skip

    spiking(run, serving(obeys))
    answer = shell("rollback", "orders", "--skip-rows", "--lower-rate", "0.5", "--json")
    assert answer.code == 0, answer.err
    assert (sent[0].command, sent[0].values) == ("rollback", {"to": 2, "rate": 0.5, "skip_rows": True})
    assert answer.json == {
        "run": run.id, "path": str(run.path), "step": 2, "from_step": 5, "rate_factor": 0.5, "skipped_rows": 2,
    }  # fmt: skip


def stopped_at_three(run: RunDir) -> None:
    write(run, ev.RunStarted(total_steps=9), step(1), step(2), step(3))
    for number in (1, 3):
        make_checkpoint(run, number)
    write(run, ev.Finished(outcome="stopped", step=3))


def test_a_run_that_ended_is_rolled_back_and_started_again(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at_three(run)
    calls = launches(monkeypatch, lambda runner: [ev.State(state="starting")])
    answer = shell("rollback", "orders", "--to", "1", "--no-wait")
    assert (run, True) in calls, answer.err
    assert "step 1" in answer.err
    assert load_state(run).rollbacks[0].from_step == 3
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-1"]


def test_a_run_that_another_trains_from_is_not_rolled_back_without_a_word(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at_three(run)
    child = make_run("child", adapter=False, strategy={"kind": "continue", "adapter": run.id})
    runner = FakeRunner(child)
    try:
        error = shell("rollback", "orders", "--to", "1", "--no-wait", "--json").json["error"]
        assert (error["code"], error["args"]["runs"]) == ("steering.child-trains", ["child"])
        assert len(run.complete_checkpoints()) == 2
        launches(monkeypatch, lambda runner: [ev.State(state="starting")])
        answer = shell("rollback", "orders", "--to", "1", "--no-wait", "--accept-changes")
        assert answer.code == 0, answer.err
        assert "right now: child" in answer.err
    finally:
        runner.end()


def test_going_on_with_a_run_tells_what_was_made_of_its_adapter(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run, ev.RunStarted(total_steps=9), step(1), ev.Finished(outcome="stopped", step=1))
    make_checkpoint(run, 1)
    make_run("child", adapter=False, strategy={"kind": "continue", "adapter": run.id})
    launches(monkeypatch, lambda runner: [ev.State(state="starting")])
    answer = shell("resume", "orders", "--no-wait")
    assert answer.code == 0, answer.err
    assert "Made of its present adapter: child" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--to", "2"), "steering.no-such-checkpoint"), (("--lower-rate", "2"), "steering.no-factor"),
        (("--lower-rate", "half"), "steering.no-factor"), (("--skip-rows",), "steering.no-spike"),
    ],
)  # fmt: skip
def test_a_rollback_that_cant_be_changes_nothing(
    shell: Shell, run: RunDir, arguments: tuple[str, ...], code: str
) -> None:
    write(run, ev.RunStarted(total_steps=9), step(1), step(2), step(3), ev.Finished(outcome="stopped", step=3))
    make_checkpoint(run, 3)
    before = run.events.read_bytes()
    assert shell("rollback", "orders", *arguments, "--json").json["error"]["code"] == code
    assert run.events.read_bytes() == before


def test_a_finished_run_is_not_rolled_back(shell: Shell, run: RunDir) -> None:
    write(run, ev.RunStarted(total_steps=3), step(3), ev.Finished(outcome="finished", step=3))
    assert shell("rollback", "orders", "--json").json["error"]["code"] == "steering.not-after-end"


@pytest.mark.parametrize(("given", "values"), [("rate=0.5", {"rate": 0.5}), ("replay=more", {"replay": "more"})])
def test_a_setting_is_changed_while_it_trains(
    shell: Shell, serving: Serve, given: str, values: dict[str, object]
) -> None:
    sent: list[control.ControlMessage] = []

    def takes(runner: FakeRunner, message: control.ControlMessage) -> None:
        sent.append(message)
        obey(runner, message)

    serving(takes)
    assert shell("set", "orders", given).code == 0
    assert [message.values for message in sent] == [values]
    assert shell("set", "orders", "rate=2").code == 2
