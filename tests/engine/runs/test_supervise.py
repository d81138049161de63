"""Who waits for a runner writes down how it ended, and is in nobody's way."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from engine.common.files import read_json
from engine.runs import supervise
from engine.runs.directory import RunDir, is_starting

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
    counts = count(5)
    monkeypatch.setattr(supervise, "oom_kills", lambda: next(counts))
    monkeypatch.setattr(supervise, "MOST_RESTARTS", 0)
    wait_for(run, KILLED)
    assert read_json(run.exit_json)["oom_kill"] is True


KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


def wait_for(run: RunDir, code: str, *arguments: str) -> int:
    """Wait in this process for a runner that is ``code``; the signals are the tests' own again after."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    try:
        return supervise.main([str(run.path), *arguments], [sys.executable, "-c", code])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


NOTED = "import pathlib, sys; open(pathlib.Path(sys.argv[1]) / 'calls', 'a').write(' '.join(sys.argv[2:]) + '\\n');"


def test_a_runner_that_memory_killed_goes_on_from_its_checkpoint_in_smaller_pieces(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = count(0)
    monkeypatch.setattr(supervise, "oom_kills", lambda: next(kills))
    code = f"{NOTED}\nif len(open(pathlib.Path(sys.argv[1]) / 'calls').readlines()) < 3: {KILLED}"
    seen_starting: list[bool] = []
    write = supervise._write

    def watched(path: Path, record: dict[str, object]) -> None:
        write(path, record)
        if path == run.run_json:
            seen_starting.append(is_starting(run))

    monkeypatch.setattr(supervise, "_write", watched)
    run.lock.write_text("1")
    assert wait_for(run, code) == 0
    calls = (run.path / "calls").read_text().splitlines()
    assert calls == ["", "--resume --after-oom-kill", "--resume --after-oom-kill"]
    assert read_json(run.exit_json)["returncode"] == 0
    assert seen_starting == [True, True]  # nobody takes it for crashed in between


def test_a_runner_that_is_killed_again_and_again_is_given_up(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    kills = count(0)
    monkeypatch.setattr(supervise, "oom_kills", lambda: next(kills))
    assert wait_for(run, f"{NOTED} {KILLED}", "--resume") == 1
    calls = (run.path / "calls").read_text().splitlines()
    assert len(calls) == 1 + supervise.MOST_RESTARTS
    assert set(calls[1:]) == {"--resume --after-oom-kill"}
    record = read_json(run.exit_json)
    assert (record["returncode"], record["oom_kill"]) == (-signal.SIGKILL, True)


def test_one_that_a_person_kills_or_stops_stays_ended(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "oom_kills", lambda: 7)
    assert wait_for(run, f"{NOTED} {KILLED}") == 1
    kills = count(0)
    monkeypatch.setattr(supervise, "oom_kills", lambda: next(kills))
    stopping = f"{NOTED} import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    stopping += "; os.kill(os.getppid(), signal.SIGTERM); signal.sigtimedwait([], 0.2); os.kill(os.getpid(), 9)"
    assert wait_for(run, stopping) == 1
    assert len((run.path / "calls").read_text().splitlines()) == 2
