"""`tunedeck run --seeds`, and groups as what stop and resume are told: the whole group is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app import groups as use_cases
from engine.runs import events as ev
from engine.runs import groups
from engine.runs.directory import RunLock
from engine.runs.groups import Group
from tests.engine.cli.cli_calls import Shell
from tests.engine.runs.making import make_checkpoint, step, write

DONE = (ev.RunStarted(total_steps=1), step(1), ev.Finished(outcome="finished", step=1))


@pytest.fixture
def config(tmp_path: Path, unchecked: None) -> Path:
    path = tmp_path / "run.toml"
    path.write_text('[run]\nname = "orders"\n[model]\nname_or_path = "tiny"\n[[data]]\npath = "/rows.jsonl"\n', "utf-8")
    return path


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Group]:
    """Groups whose supervisor was to start; each of their runs finishes at once but the one of seed 43."""
    found: list[Group] = []

    def launch(group: Group, accept_changes: bool = False) -> None:
        found.append(group)
        for run in group.runs:
            seed, again = run.read_run_json()[groups.SEED], run.events.exists()
            write(run, *(DONE if seed != 43 or again else (*DONE[:2], ev.Finished(outcome="stopped", step=1))))

    for use in (use_cases.start_group, use_cases.resume_group):
        defaults = [launch if default is use_cases.launch_group else default for default in use.__defaults__ or ()]
        monkeypatch.setattr(use, "__defaults__", tuple(defaults))
    return found


def test_a_group_is_followed_from_run_to_run_and_is_done_when_all_are(
    shell: Shell, config: Path, launched: list[Group]
) -> None:
    answer = shell("run", config, "--seeds", 3, "--json")
    [group] = launched
    assert answer.json["group"] == group.id
    assert [each["state"] for each in answer.json["runs"]] == ["finished", "stopped", "finished"]
    assert answer.code == 6  # one was stopped early
    assert f"Run 2 of 3: {group.runs[1].id}" in answer.err


def test_detached_it_prints_the_groups_id(shell: Shell, config: Path, launched: list[Group]) -> None:
    answer = shell("run", config, "--seeds", 2, "--detach")
    assert answer.out == f"{launched[0].id}\n"
    assert f"tunedeck stop {launched[0].id}" in answer.err


@pytest.mark.parametrize("seeds", ["0", "-3", "101", "two"])
def test_a_number_of_seeds_that_makes_no_group_is_an_error(shell: Shell, config: Path, seeds: str) -> None:
    answer = shell("run", config, "--seeds", seeds)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_one_seed_is_an_ordinary_run(shell: Shell, config: Path, launched: list[Group]) -> None:
    shell("run", config, "--seeds", 1, "--check")
    assert launched == []


def test_stop_and_resume_take_a_group_by_its_name(shell: Shell, config: Path, launched: list[Group]) -> None:
    shell("run", config, "--seeds", 3, "--detach")
    group = launched[0]
    assert shell("stop", "orders").code == 6
    lock = RunLock(group.lock)
    lock.acquire()
    assert shell("stop", "orders", "--no-wait").code == 0
    assert group.stop_mark.exists()
    lock.release()
    make_checkpoint(group.runs[1], 1)
    answer = shell("resume", group.id, "--follow")
    assert answer.code == 0, answer.err
    assert not group.stop_mark.exists()
    assert "1 run to train" in answer.err
    assert shell("resume", "orders").code == 6


def test_looking_at_a_group_means_its_newest_run(shell: Shell, config: Path, launched: list[Group]) -> None:
    shell("run", config, "--seeds", 2, "--detach")
    assert shell("status", "orders", "--json").json["run"] == launched[0].runs[-1].id
