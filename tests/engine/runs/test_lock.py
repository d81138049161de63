"""A run has one runner, and the kernel, not a file's existence, says whether it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from engine.common import locks
from engine.common.errors import MachineError, RunError
from engine.runs.directory import RunDir, RunLock
from tests.engine.runs.making import set_facts

HOLD = """
import sys
from pathlib import Path
from engine.runs.directory import RunLock
lock = RunLock(Path(sys.argv[1])); lock.acquire(); print("held", flush=True); sys.stdin.read()
"""


def hold_elsewhere(run: RunDir) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_nobody_runs_a_new_run(run: RunDir) -> None:
    assert not run.is_alive()


def test_a_second_process_cannot_take_the_lock_and_is_told_who_has_it(run: RunDir) -> None:
    with hold_elsewhere(run) as process:
        assert run.is_alive()
        with pytest.raises(RunError) as caught:
            RunLock(run.lock).acquire(patience_s=0)
        assert str(process.pid) in caught.value.message
        process.kill()


def test_kill_9_frees_the_lock(run: RunDir) -> None:
    with hold_elsewhere(run) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not run.is_alive()
    lock = RunLock(run.lock)
    lock.acquire()
    assert run.lock.read_text() == str(os.getpid())
    lock.release()
    assert not run.is_alive()


def test_viewers_asking_all_the_time_do_not_keep_a_runner_from_starting(run: RunDir) -> None:
    run.lock.touch()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            run.is_alive()

    viewers = [threading.Thread(target=ask) for _ in range(3)]
    for viewer in viewers:
        viewer.start()
    try:
        for _ in range(50):
            lock = RunLock(run.lock)
            lock.acquire(patience_s=20)
            lock.release()
    finally:
        stop.set()
        for viewer in viewers:
            viewer.join()


def test_a_lock_in_a_folder_that_is_not_there_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        RunLock(tmp_path / "gone" / "lock").acquire()
    assert "gone" in caught.value.message


def no_flock(fd: int, operation: int) -> None:
    raise OSError(95, "Operation not supported")


def test_without_flock_the_recorded_process_decides(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.fcntl, "flock", no_flock)
    run.lock.touch()
    other = psutil.Process(os.getppid())
    set_facts(run, pid=other.pid, pid_start_time=other.create_time())
    assert run.is_alive()
    with pytest.raises(RunError):
        RunLock(run.lock).acquire()
    set_facts(run, pid_start_time=other.create_time() - 3600)  # that number was someone else's then
    assert not run.is_alive()
    RunLock(run.lock).acquire()


@pytest.mark.parametrize("pid", [None, "x", [1]])
def test_without_flock_a_damaged_record_means_nobody(run: RunDir, monkeypatch: pytest.MonkeyPatch, pid: object) -> None:
    monkeypatch.setattr(locks.fcntl, "flock", no_flock)
    run.lock.touch()
    set_facts(run, pid=pid, pid_start_time=0)
    assert not run.is_alive()
