"""A helper process hands over its lines and never outlives the one who started it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.common.child import run_child


def test_both_streams_arrive_line_by_line_with_the_exit_status() -> None:
    lines: list[str] = []
    code = run_child(
        [sys.executable, "-c", "import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)"], lines.append
    )
    assert (sorted(lines), code) == (["a", "b"], 3)


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    lines: list[str] = []
    run_child([sys.executable, "-c", r"import os; os.write(1, b'\xff\n')"], lines.append)
    assert lines == ["\ufffd"]


def test_a_listener_that_raises_ends_the_child() -> None:
    pids: list[int] = []

    def stop(line: str) -> None:
        pids.append(int(line))
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run_child([sys.executable, "-c", "import os, time; print(os.getpid()); time.sleep(600)"], stop)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


@pytest.mark.parametrize(("ignored", "code"), [(False, 3), (True, 0)])
def test_a_closed_terminal_interrupts_who_does_not_ignore_it(ignored: bool, code: int) -> None:
    child = (
        "import os, signal, sys\n"
        "from engine.common.child import Interrupted, interruptible\n"
        f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if ignored else 'SIG_DFL'})\n"
        "interruptible()\n"
        "try:\n    os.kill(os.getpid(), signal.SIGHUP)\n"
        "except Interrupted:\n    os.kill(os.getpid(), signal.SIGTERM)\n    sys.exit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", child], timeout=60).returncode == code
