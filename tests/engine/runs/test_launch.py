"""A launched runner is on its own: own session, no terminal, words to runner.log, alive when its parent is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.common.errors import MachineError, RunError
from engine.common.files import read_json
from engine.runs import launch as launching
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import load_state
from engine.runs.launch import launch
from tests.engine.runs.making import mark_exited

FAKE = """
import json, os, signal, sys, time
from pathlib import Path
run = Path(sys.argv[1])
print("words on stdout", flush=True)
print("words on stderr", file=sys.stderr, flush=True)
facts = {"pid": os.getpid(), "session": os.getsid(0), "arguments": sys.argv[1:], "folder": os.getcwd(),
         "stdin_is_null": os.path.samestat(os.fstat(0), os.stat(os.devnull))}
(run / "facts.tmp").write_text(json.dumps(facts))
(run / "facts.tmp").rename(run / "facts")
while not (run / "go").exists():
    time.sleep(0.02)
"""


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited for 30 s"
        time.sleep(0.02)


@pytest.fixture
def fake(tmp_path: Path, run: RunDir) -> Iterator[list[str]]:
    """A stand-in that notes what it was given and lives until it is let go."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    yield [sys.executable, str(script)]
    (run.path / "go").touch()


def facts_of(run: RunDir) -> dict[str, object]:
    until((run.path / "facts").exists)
    return read_json(run.path / "facts")


def test_a_launched_process_has_a_session_of_its_own_and_no_terminal(run: RunDir, fake: list[str]) -> None:
    pid = launch(run, waiter=fake)
    facts = facts_of(run)
    assert facts["session"] == facts["pid"] == pid
    assert facts["session"] != os.getsid(0)
    assert facts["stdin_is_null"]
    assert facts["folder"] == str(run.path)
    assert facts["arguments"] == [str(run.path)]


def test_what_it_prints_goes_to_the_runs_log_readable_by_its_owner_only(run: RunDir, fake: list[str]) -> None:
    run.log.write_text("from before\n")
    run.log.chmod(0o600)
    launch(run, waiter=fake)
    facts_of(run)
    assert set(run.log.read_text().splitlines()) == {"from before", "words on stdout", "words on stderr"}
    assert run.log.stat().st_mode & 0o777 == 0o600


def test_a_resume_says_so_and_forgets_how_it_ended_before(run: RunDir, fake: list[str]) -> None:
    mark_exited(run, -9)
    launch(run, resume=True, waiter=fake)
    assert facts_of(run)["arguments"] == [str(run.path), "--resume"]
    assert not run.exit_json.exists()
    assert run.read_run_json()["name"] == "my run"
    assert abs(run.read_run_json()["launched_t"] - time.time()) < 60


def test_it_lives_on_when_the_process_that_launched_it_is_killed(run: RunDir, fake: list[str]) -> None:
    code = (
        "import json, sys, time; from pathlib import Path\n"
        "from engine.runs.directory import RunDir; from engine.runs.launch import launch\n"
        "launch(RunDir(Path(sys.argv[1])), waiter=json.loads(sys.argv[2])); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(run.path), json.dumps(fake)], start_new_session=True)
    pid = facts_of(run)["pid"]
    assert isinstance(pid, int)
    os.killpg(parent.pid, signal.SIGHUP)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    (run.path / "go").touch()
    until(lambda: not psutil.pid_exists(pid))


def test_a_running_run_is_not_launched_again(run: RunDir, fake: list[str]) -> None:
    lock = RunLock(run.lock)
    lock.acquire()
    with pytest.raises(RunError):
        launch(run, waiter=fake)
    lock.release()


def test_a_command_that_cannot_be_started_is_told(run: RunDir) -> None:
    with pytest.raises(MachineError) as caught:
        launch(run, waiter=["/nowhere/python"])
    assert "No such file" in caught.value.message
    assert load_state(run).state == "created"


def test_where_logout_ends_everything_it_is_started_beyond_the_sessions_reach(
    run: RunDir, fake: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "scope_prefix", lambda: ["env", "REACH=beyond"])
    launch(run, waiter=fake)
    pid = facts_of(run)["pid"]
    assert isinstance(pid, int)
    assert psutil.Process(pid).environ()["REACH"] == "beyond"
