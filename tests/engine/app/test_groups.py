"""Groups of seeds: one config several times in turn, the same rows held out, stopped and resumed as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.app import deletion
from engine.app.check import Checked
from engine.app.groups import MOST_SEEDS, missing, resume_group, start_group, stop_group
from engine.app.plan import Planned
from engine.common.errors import MachineError, RunError
from engine.config import toml
from engine.config.presets import Resolved
from engine.config.schema import RunConfig
from engine.data.reader import index_of
from engine.memory.disk import RunDisk
from engine.runs import events as ev
from engine.runs import groups
from engine.runs.directory import RunLock, list_runs
from engine.runs.follow import load_state
from engine.runs.groups import Group
from tests.engine.runs.making import make_checkpoint, step, write

SUPERVISE = """
import sys
from pathlib import Path
from engine.runs.group_supervise import Supervisor
from engine.runs.groups import Group
Supervisor(Group(Path(sys.argv[1])), "--accept-changes" in sys.argv, [sys.executable, sys.argv[2]]).main()
"""
RUNNER = """
import json, os, signal, sys, time
from pathlib import Path
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import EventWriter
run = RunDir(Path(sys.argv[1]))
lock = RunLock(run.lock); lock.acquire()
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append(1))
writer = EventWriter(run.events)
writer.emit(ev.RunStarted(total_steps=2, resumed_from_step=1 if "--resume" in sys.argv else None))
seed = run.read_run_json()["seed"]
if os.environ.get("HANG") == str(seed):
    writer.emit(ev.State(state="running"))
    while not signals: time.sleep(0.02)
    writer.emit(ev.Finished(outcome="stopped", step=1))
elif os.environ.get("FAIL") == str(seed):
    raise SystemExit(1)
else:
    writer.emit(ev.Finished(outcome="finished", step=2))
"""


def config(**run: object) -> Resolved:
    values = {"run": {"name": "orders", **run}, "model": {"name_or_path": "tiny"}, "data": [{"path": "/rows.jsonl"}]}
    return Resolved(RunConfig.model_validate(values))


def checked(disk: RunDisk | None = None, **run: object) -> Checked:
    return Checked(Planned(config(**run), disk=disk), (), ())


@pytest.fixture
def group(home: Path) -> Group:
    return start_group(checked(), 3, spawn=lambda group: None)


@pytest.fixture
def supervise(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    def start(group: Group, **environment: str) -> subprocess.Popen[bytes]:
        runner = tmp_path / "runner.py"
        runner.write_text(RUNNER)
        words = [sys.executable, "-c", SUPERVISE, str(group.path), str(runner)]
        return subprocess.Popen(words, env=os.environ | environment)

    return start


def states(group: Group) -> list[str]:
    return [load_state(run).state for run in group.runs]


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_runs_differ_in_their_seed_alone_and_know_their_group(group: Group) -> None:
    configs = [toml.load(run.config).config for run in group.runs]
    assert [each.run.seed for each in configs] == [42, 43, 44]
    assert [run.read_run_json()[groups.SEED] for run in group.runs] == [42, 43, 44]
    assert all(groups.of_run(run) == group for run in group.runs)
    for each in configs:
        each.run.seed, each.run.name = 0, ""
    assert configs[0] == configs[1] == configs[2]


def test_all_seeds_hold_out_the_rows_that_the_config_alone_would(group: Group) -> None:
    assert {toml.load(run.config).config.run.drawn_by for run in group.runs} == {42}
    alone, second = config().config, toml.load(group.runs[1].config).config
    assert index_of(second)._seed == index_of(alone)._seed == 42


def test_a_seed_of_the_split_in_the_config_stays(home: Path) -> None:
    group = start_group(checked(seed=1, split_seed=9), 2, spawn=lambda group: None)
    assert [toml.load(run.config).config.run.drawn_by for run in group.runs] == [9, 9]


def test_the_last_seed_is_followed_by_the_first(home: Path) -> None:
    group = start_group(checked(seed=2**32 - 1), 2, spawn=lambda group: None)
    assert [run.read_run_json()[groups.SEED] for run in group.runs] == [2**32 - 1, 0]


@pytest.mark.parametrize("seeds", [-1, 0, 1, MOST_SEEDS + 1])
def test_a_group_has_at_least_two_runs(home: Path, seeds: int) -> None:
    with pytest.raises(RunError) as error:
        start_group(checked(), seeds, spawn=lambda group: None)
    assert error.value.code == "groups.wrong-count"


def test_nothing_is_left_of_a_group_that_could_not_start(home: Path) -> None:
    def refuse(group: Group) -> None:
        raise MachineError("runs.runner-not-started", path=group.path, reason="no")

    with pytest.raises(MachineError):
        start_group(checked(), 3, spawn=refuse)
    assert not list((home / "runs").iterdir())


def test_the_disk_must_hold_what_all_runs_keep(home: Path) -> None:
    start_group(checked(RunDisk(1, 1, 1, 0)), 2, spawn=lambda group: None)
    with pytest.raises(MachineError) as error:
        start_group(checked(RunDisk(1 << 60, 1, 1 << 60, 0)), 2, spawn=lambda group: None)
    assert error.value.code == "memory.disk-too-small"


def test_the_next_run_starts_when_one_has_ended_however_it_ended(
    group: Group, supervise: Callable[..., subprocess.Popen[bytes]]
) -> None:
    assert supervise(group, FAIL="43").wait(60) == 0
    assert states(group) == ["finished", "crashed", "finished"]
    assert missing(group) == [group.runs[1]]


def test_a_stopped_group_stops_its_run_and_starts_no_other(
    group: Group, supervise: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = supervise(group, HANG="43")
    until(lambda: load_state(group.runs[1]).state == "running")
    stop_group(group)
    assert process.wait(60) == 0
    assert states(group) == ["finished", "stopped", "created"]
    make_checkpoint(group.runs[1], 1)
    begun = resume_group(group, spawn=lambda group, accept: supervise(group).wait(60))
    assert [run.read_run_json()[groups.SEED] for run in begun] == [43, 44]
    assert states(group) == ["finished"] * 3


def test_a_signal_to_the_supervisor_stops_the_group(
    group: Group, supervise: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = supervise(group, HANG="42")
    until(lambda: load_state(group.runs[0]).state == "running")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert states(group) == ["stopped", "created", "created"]


def test_a_group_runs_once_at_a_time(group: Group, supervise: Callable[..., subprocess.Popen[bytes]]) -> None:
    lock = RunLock(group.lock)
    lock.acquire()
    assert supervise(group).wait(60) != 0
    with pytest.raises(RunError) as error:
        resume_group(group)
    assert error.value.code == "groups.already-running"
    lock.release()
    with pytest.raises(RunError) as error:
        stop_group(group)
    assert error.value.code == "groups.not-running"


def test_a_finished_group_has_nothing_to_resume(group: Group) -> None:
    for run in group.runs:
        write(run, ev.RunStarted(total_steps=1), step(1), ev.Finished(outcome="finished", step=1))
    with pytest.raises(RunError) as error:
        resume_group(group)
    assert error.value.code == "groups.all-finished"


def test_a_deleted_run_is_no_part_of_its_group_and_the_last_takes_the_folder_along(group: Group) -> None:
    for number, run in enumerate(group.runs, 1):
        deletion.delete(run)
        assert len(group.runs) == 3 - number
    assert not group.path.exists()


def test_a_group_is_found_by_id_and_by_name_unless_a_run_is_called_so(group: Group) -> None:
    assert groups.find(group.id) == groups.find(group.id[:15]) == groups.find("orders") == group
    assert groups.find("orders seed 43") is None
    assert groups.find("") is None
    assert not any(run.id == group.id for run in list_runs())


@pytest.mark.parametrize("record", ["", "[]", '{"runs": 3}', '{"runs": ["../../etc", 7, "gone"]}', "\x00"])
def test_a_damaged_record_gives_no_runs_and_no_fault(group: Group, record: str) -> None:
    group.record.write_text(record)
    assert group.runs == []
    assert groups.all_groups() == [group]


def test_a_run_that_names_a_group_elsewhere_has_none(group: Group, tmp_path: Path) -> None:
    run = group.runs[0]
    for named in ("../" + group.id, 7, "", "group-gone"):
        run.run_json.write_text(json.dumps({"group": named}))
        assert groups.of_run(run) is None
