"""Who waits for a runner writes down how it ended, and is in nobody's way."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runs import supervise
from engine.runs.directory import RunDir, read_json

WAIT = "import sys; from engine.runs.supervise import main; sys.exit(main(sys.argv[2:], [sys.executable, sys.argv[1]]))"


def start(run: RunDir, tmp_path: Path, runner: str) -> subprocess.Popen[str]:
    """The waiting process with ``runner`` as the program it waits for."""
    script = tmp_path / "runner.py"
    script.write_text(f"import os, signal, sys, time\n{runner}\n")
    return subprocess.Popen(
        [sys.executable, "-c", WAIT, str(script), str(run.path)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def record_after(process: subprocess.Popen[str], run: RunDir) -> dict[str, object]:
    process.communicate(timeout=60)
    return read_json(run.exit_json)


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_code_is_written_down(run: RunDir, tmp_path: Path, code: int) -> None:
    process = start(run, tmp_path, f"sys.exit({code})")
    record = record_after(process, run)
    assert record["returncode"] == code
    assert record["oom_kill"] is False
    assert process.returncode == (1 if code else 0)


def test_kill_9_is_written_down(run: RunDir, tmp_path: Path) -> None:
    process = start(run, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert record_after(process, run)["returncode"] == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_signal_is_passed_on_to_the_runner(run: RunDir, tmp_path: Path, number: signal.Signals) -> None:
    process = start(
        run, tmp_path,
        f"signal.signal({int(number)}, lambda *_: sys.exit(42)); print('ready', flush=True); time.sleep(60)",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert record_after(process, run)["returncode"] == 42


def test_a_closed_terminal_ends_neither_of_them(run: RunDir, tmp_path: Path) -> None:
    process = start(
        run, tmp_path, "print(signal.getsignal(signal.SIGHUP).name, os.getppid(), flush=True); time.sleep(60)"
    )
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["SIG_IGN", str(process.pid)]
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert record_after(process, run)["returncode"] == -signal.SIGTERM


def test_a_run_directory_that_is_gone_hides_the_reason_and_nothing_else(run: RunDir, tmp_path: Path) -> None:
    process = start(run, tmp_path, "import shutil; shutil.rmtree(sys.argv[1])")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_needs_the_standard_library_only() -> None:
    code = (
        "import sys; import engine.runs.supervise\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=top())
    assert done.stdout.strip() == "['__main__', 'engine']"


def top() -> Path:
    return Path(supervise.__file__).parents[2]


def test_memory_kills_are_counted_for_this_group_of_processes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n")
    monkeypatch.setattr(supervise, "_cgroup_files", lambda: [tmp_path / "nothing", events])
    assert supervise.oom_kills() == 2


def test_memory_kills_of_the_host_are_counted_where_the_group_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_cgroup_files", list)
    assert supervise.oom_kills() >= 0


def test_a_kill_by_the_memory_killer_is_told_from_one_by_a_person(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([5, 6])
    monkeypatch.setattr(supervise, "oom_kills", lambda: next(counts))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    try:
        code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        supervise.main([str(run.path)], [sys.executable, "-c", code])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert read_json(run.exit_json)["oom_kill"] is True
