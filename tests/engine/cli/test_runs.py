"""Looking at runs from a shell: lists, one run's standing, its log, and following it as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.commands import runs as runs_verbs
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.writer import EventWriter
from tests.engine.cli.cli_calls import FakeRunner, Shell
from tests.engine.runs.making import (
    failure,
    make_checkpoint,
    make_group,
    mark_exited,
    mark_launched,
    measure,
    said,
    step,
    write,
)


@pytest.fixture
def finished(home: Path) -> RunDir:
    run = directory.create("models/tiny", "", name="orders")
    write(
        run, ev.RunStarted(total_steps=2, model="tiny", device="cpu"), ev.Eval(step=0, moment="before", loss=2.5, n=9),
        step(1, 2.0), ev.Warn(message=said("Row 7 is long", message="\x1b]0;title\x07it is cut")), step(2, 1.5),
        ev.Eval(step=2, moment="after", loss=1.25, n=9, metrics={"exact_match": 0.5}),
        ev.Eval(step=2, moment="after", part="test", loss=1.5, n=4, metrics={"exact_match": 0.25}),
        ev.Finished(outcome="finished", step=2, adapter="adapter", seconds=3.0),
    )  # fmt: skip
    return run


@pytest.fixture
def crashed(home: Path) -> RunDir:
    run = directory.create("models/other", "")
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=9), step(1), step(2))
    make_checkpoint(run, 2)
    mark_exited(run, -9)
    return run


def test_no_runs_is_no_error_and_says_how_to_get_one(shell: Shell) -> None:
    answer = shell("runs")
    assert (answer.code, answer.out) == (0, "")
    assert "tunedeck demo" in answer.err
    assert shell("runs", "--json").json == []


def test_runs_are_listed_with_state_and_what_can_be_done(shell: Shell, finished: RunDir, crashed: RunDir) -> None:
    answer = shell("runs")
    by_id = {line.split()[0]: line for line in answer.out.splitlines()}
    assert "orders" in by_id[finished.id]
    assert "finished" in by_id[finished.id]
    assert "2/2" in by_id[finished.id]
    assert "SIGKILL" in by_id[crashed.id]
    assert "can be resumed" in by_id[crashed.id]


def test_runs_as_json_have_their_numbers(shell: Shell, finished: RunDir, crashed: RunDir) -> None:
    listed = {each["run"]: each for each in shell("runs", "--json").json}
    assert listed[finished.id]["name"] == "orders"
    assert (listed[crashed.id]["state"], listed[crashed.id]["resumable"]) == ("crashed", True)
    assert listed[crashed.id]["step"] == 2


def test_the_list_is_sorted_and_filtered(shell: Shell, finished: RunDir, crashed: RunDir) -> None:
    measure(crashed, [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0])

    def listed(*arguments: str) -> list[str]:
        return [each["run"] for each in shell("runs", "--json", *arguments).json]

    assert listed("--sort", "metric") == [crashed.id, finished.id]
    assert listed("--filter", "finished orders") == [finished.id]
    assert listed("--filter", "tiny") == [finished.id]
    assert listed("--filter", "nothing") == []
    answer = shell("runs", "--filter", "nothing")
    assert (answer.code, answer.out) == (0, "")
    assert "No run matches nothing" in answer.err
    assert shell("runs", "--sort", "colour").code == 2


def test_the_result_stands_in_the_list_with_its_verdict(shell: Shell, finished: RunDir, crashed: RunDir) -> None:
    measure(crashed, [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0])
    by_id = {line.split()[0]: line for line in shell("runs").out.splitlines()}
    assert "exact match 75%, against base model: better (n = 4)" in by_id[crashed.id]
    assert "exact match 25% (n = 4)" in by_id[finished.id]
    score = {each["run"]: each["score"] for each in shell("runs", "--json").json}[crashed.id]
    assert score == {"metric": "exact_match", "value": 0.75, "n": 4, "verdict": "better", "against": "base"}


def test_the_runs_of_a_group_stand_below_it(shell: Shell, home: Path) -> None:
    group, runs = make_group(home / "runs")
    for run in runs:
        measure(run, [1.0] * 20, [0.0] * 20)
    lines = shell("runs").out.splitlines()
    assert lines[1].startswith(group.id)
    assert "exact match 100% (100% to 100%, 3 seeds), against base model: better (n = 20)" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == [run.id for run in runs]
    assert all(line.startswith("  ") for line in lines[2:])
    told = shell("runs", "--json").json
    assert {each["group"] for each in told} == {group.id}
    assert sorted(each["seed"] for each in told) == [42, 43, 44]


def test_the_standing_of_a_run_tells_results_and_warnings_clean(shell: Shell, finished: RunDir) -> None:
    text = shell("status", "orders").out
    for expected in ("state:", "finished", "tiny", "exact match 50%", "Row 7 is long: it is cut", f"{finished.path}"):
        assert expected in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_standing_of_a_run_as_json(shell: Shell, finished: RunDir) -> None:
    facts = shell("status", finished.id, "--json").json
    assert facts["state"] == "finished"
    assert facts["test"] == {"step": 2, "moment": "after", "loss": 1.5, "n": 4, "exact_match": 0.25}
    assert facts["eval"] == {"step": 2, "moment": "after", "loss": 1.25, "n": 9, "exact_match": 0.5}
    assert facts["adapter"] == str(finished.adapter)


def test_the_mark_of_forgetting_stands_with_its_figures(shell: Shell, finished: RunDir) -> None:
    assert shell("status", finished.id, "--json").json["forgetting"] is None
    told = {"kl_task": 2.5, "kl_general": 0.75, "general_loss": 2.5, "kl_before": 0.0, "general_before": 2.0}
    writer = EventWriter(finished.events)
    writer.emit(ev.Forgetting(step=4, mark="stop", general_rows=8, **told))  # type: ignore[arg-type]
    writer.close()
    found = shell("status", finished.id, "--json").json["forgetting"]
    assert found == {
        "step": 4, "mark": "stop", "task": 2.5, "general": 0.75, "general_loss": 0.5, "general_rows": 8,
        "general_start": 0.0, "loss_start": 2.0, "loss_now": 2.5,
    }  # fmt: skip
    assert "step 4: forgetting: high" in shell("status", finished.id).out


def test_without_a_name_the_running_run_is_meant_before_the_newest(
    shell: Shell, crashed: RunDir, finished: RunDir
) -> None:
    runner = FakeRunner(crashed)
    assert shell("status", "--json").json["run"] == crashed.id
    runner.end()


@pytest.mark.parametrize("verb", ["status", "attach", "logs"])
def test_an_unknown_run_ends_with_6(shell: Shell, verb: str) -> None:
    answer = shell(verb, "nope")
    assert answer.code == 6
    assert "No such run" in answer.err


def test_the_runners_own_words_are_shown_from_the_end_and_clean(shell: Shell, finished: RunDir) -> None:
    assert "written nothing" in shell("logs").err
    finished.log.write_bytes(b"one\ntwo \x1b[31mred\xff\nthree\n")
    assert shell("logs", "-n", "2").out == "two red\ufffd\nthree\n"


def test_attach_opens_the_screen_of_the_run(shell: Shell, finished: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_verbs, "screen_possible", lambda: True)
    assert shell("attach", "orders").code == 0
    assert shell.screens == [("attach", {"run": str(finished.path), "only_watches": False})]


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_where_no_screen_can_be_drawn_attach_tells_the_story_as_text(
    shell: Shell, finished: RunDir, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    answer = shell("attach")  # the streams of a test are no terminal
    assert answer.code == 0
    assert shell.screens == []
    assert answer.out == ""
    for expected in ("warning: Row 7 is long: it is cut", "eval after training: loss 1.250", "Finished after 2 steps"):
        assert expected in answer.err
    ending = answer.err[answer.err.index("Finished after 2 steps") :]
    assert "Validation: exact match - -> 50%, loss 2.500 -> 1.250 (n = 9)" in ending
    assert "Test: exact match - -> 25%, loss - -> 1.500 (n = 4)" in ending


def test_following_a_crashed_run_tells_why_and_what_to_do(shell: Shell, crashed: RunDir) -> None:
    answer = shell("attach", "--plain")
    assert answer.code == 1
    assert "SIGKILL" in answer.err
    assert f"tunedeck resume {crashed.id}" in answer.err


def test_following_a_run_that_was_never_started_says_so(shell: Shell, home: Path) -> None:
    run = directory.create("tiny", "")
    answer = shell("attach", "--plain")
    assert answer.code == 6
    assert str(run.config) in answer.err


@pytest.mark.parametrize(
    "verb", [["runs"], ["runs", "--json"], ["status"], ["status", "--json"], ["attach", "--plain"]]
)
def test_what_names_and_texts_of_a_run_hold_never_reaches_the_terminal_as_it_is(shell: Shell, verb: list[str]) -> None:
    evil = "../../e\x1b]0;t\x07vil\n[red]\x9b2J\u202e"
    run = directory.create(f"/models/{evil}", "", name=evil)
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=2, model=evil, device=evil), step(1), 
          ev.Warn(message=said(evil, message=evil)), failure(evil, evil, evil))  # fmt: skip
    answer = shell(*verb)
    shown = answer.out + answer.err
    assert not [letter for letter in shown if not letter.isprintable() and letter != "\n"]
    assert "\u202e" not in shown
    assert run.path.parent.name == "runs"
