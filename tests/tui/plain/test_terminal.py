"""What plain mode asks of a terminal: nothing but lines; and what it does not load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.pty_session import ROOT, PtySession
from tests.tui.wizard.making import make_model


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("arguments", "env"), [(["--plain"], {}), ([], {"ACCESSIBLE": "1"})], ids=["--plain", "ACCESSIBLE"]
)
def test_a_dumb_terminal_gets_lines_and_nothing_else(home: Path, arguments: list[str], env: dict[str, str]) -> None:
    with PtySession(arguments, env={"TUNEDECK_HOME": str(home), "TERM": "dumb"} | env) as session:
        session.wait_for("What do you want to do?")
        session.send("q\n")
        session.wait_for_end()
        assert session.process.returncode == 0
    assert b"\x1b" not in session.received


@pytest.mark.e2e
def test_ctrl_c_leaves_and_keeps_the_answers(home: Path) -> None:
    make_model(home / "models" / "tiny-chat")
    with PtySession(["--plain"], env={"TUNEDECK_HOME": str(home), "TERM": "dumb"}) as session:
        for shown, typed in (("want to do?", "n\n"), ("should the model learn?", "\n")):
            session.wait_for(shown)
            session.send(typed)
        session.wait_for("Which model")
        session.process.send_signal(signal.SIGINT)
        session.wait_for("Your answers are kept")
        session.send("q\n")
        session.wait_for_end()
    assert "Traceback" not in session.text


def test_no_screen_library_and_no_torch_are_loaded(home: Path) -> None:
    walk = (
        "import io, sys; sys.stdin = io.StringIO('n\\n\\n\\n')\n"
        "from tui.plain.opening import open_lines; code = open_lines('home')\n"
        "loaded = {name.split('.')[0] for name in sys.modules} & {'textual', 'torch', 'transformers', 'peft'}\n"
        "sys.exit(f'loaded: {loaded}' if loaded else code)"
    )
    make_model(home / "models" / "tiny-chat")
    env = os.environ | {"TUNEDECK_HOME": str(home), "HF_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", walk], cwd=ROOT, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "Which model" in done.stderr
