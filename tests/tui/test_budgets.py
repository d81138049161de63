"""What the screen costs over a slow line, counted in a real pty; and what it refuses to be started on."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.engine.machine import fake_gpus
from tests.tui import fake_runs
from tests.tui.conftest import Live
from tests.tui.looking import said
from tests.tui.pty_session import ROOT, PtySession
from tests.tui.wizard.making import make_model

pytestmark = pytest.mark.e2e


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    return {"TUNEDECK_HOME": str(home)}


def test_an_idle_home_sends_nothing(env: dict[str, str], root: Path) -> None:
    fake_runs.finished_run(root)
    with PtySession(env=env) as session:
        session.wait_for("orders-json")
        assert session.bytes_while_quiet(4) == 0


def test_a_finished_run_on_the_monitor_sends_nothing(env: dict[str, str], root: Path) -> None:
    fake_runs.finished_run(root)
    with PtySession(env=env) as session:
        session.wait_for("orders-json")
        session.send("\r")
        session.wait_for("after training")
        assert session.bytes_while_quiet(4) == 0


def test_the_first_frame_is_small(env: dict[str, str], root: Path) -> None:
    fake_runs.finished_run(root)
    with PtySession(env=env) as session:
        session.wait_for(said("home.fact-base"))
        session.read_until_quiet(2)
        assert len(session.received) < 9_000  # the chosen run and its curve come with it


@pytest.mark.parametrize(
    ("keys", "shown", "most"),
    [
        ("?", "A run is one fine-tuning", 7_000),
        (":", "Action, run, model", 6_000),
        ("\t", "", 1_500),  # the focus goes from the list to a key below it
        ("\r", "after training", 8_000),
    ],
    ids=["help", "palette", "focus", "monitor"],
)
def test_an_act_costs_no_more_than_what_it_changes(
    env: dict[str, str], root: Path, keys: str, shown: str, most: int
) -> None:
    fake_runs.finished_run(root)
    with PtySession(env=env) as session:
        session.wait_for(said("home.fact-base"))
        session.read_until_quiet(2)
        before = len(session.received)
        session.send(keys)
        if shown:
            session.wait_for(shown)
        session.read_until_quiet(2)
        assert 0 < len(session.received) - before < most
        if shown:
            before = len(session.received)
            session.send("\x1b")
            session.read_until_quiet(2)
            assert 0 < len(session.received) - before < 6_000, "the way back"


@pytest.mark.parametrize("begun", [20, 200])
def test_a_training_on_the_monitor_stays_under_3_kb_a_second(env: dict[str, str], live: Live, begun: int) -> None:
    _, writer = live(begun)
    stop = threading.Event()

    def train() -> None:
        """Four steps a second, as a fast training writes them."""
        number = begun
        while not stop.wait(0.25):
            number += 1
            writer.emit(fake_runs.step(number, 900))

    feeder = threading.Thread(target=train)
    with PtySession(env=env) as session:
        session.wait_for("orders-json")
        session.send("\r")
        session.wait_for(f"{begun} of 900")
        feeder.start()
        try:
            sent = session.bytes_while_quiet(8, settle=2)
        finally:
            stop.set()
            feeder.join()
    assert 0 < sent < 8 * 3000, f"{sent / 8:.0f} bytes a second"


@pytest.mark.parametrize(("columns", "rows"), [(50, 15), (59, 24), (80, 17)])
def test_a_small_window_gets_a_friendly_message(env: dict[str, str], columns: int, rows: int) -> None:
    with PtySession(env=env, columns=columns, rows=rows) as session:
        session.wait_for("needs 60x18")
        assert f"This window is {columns}x{rows}" in session.text


@pytest.mark.parametrize("asked", [(), ("--no-mouse",)])
def test_without_a_mouse_the_terminal_keeps_selecting_text(env: dict[str, str], asked: tuple[str, ...]) -> None:
    with PtySession(asked, env=env) as session:
        session.wait_for(said("home.start-new"))
        assert (b"\x1b[?1000h" in session.received) is not bool(asked)


def test_the_palette_and_the_copy_reach_a_real_terminal_and_cost_little(env: dict[str, str], root: Path) -> None:
    run = fake_runs.finished_run(root)
    with PtySession(env=env | {"TMUX": ""}) as session:
        session.wait_for("orders-json")
        session.send(":")
        session.wait_for(said("palette.wanted"))
        session.bytes_while_quiet(0.5, settle=2)
        assert session.bytes_while_quiet(2) == 0, "an open palette is quiet"
        session.send("\x1b")
        session.read(1)
        session.send("y")
        session.wait_for(said("clipboard.sent", path="x")[:20])
        assert base64.b64encode(str(run.path).encode()) in session.received


def test_leaving_with_ctrl_q_gives_the_terminal_back(env: dict[str, str]) -> None:
    with PtySession(env=env) as session:
        session.wait_for(said("home.start-new"))
        session.send("\x11")
        session.wait_for_end()
        assert session.process.returncode == 0
        assert "\x1b[?1049l" in session.received.decode(errors="replace"), "the alternate screen is left"


def test_a_dumb_terminal_is_refused_and_pointed_to_the_verbs(env: dict[str, str]) -> None:
    with PtySession(env=env | {"TERM": "dumb"}) as session:
        session.wait_for_end()
        assert session.process.returncode == 5
        assert "tunedeck run CONFIG" in session.text
        assert "\x1b" not in session.received.decode(errors="replace")


def test_a_piped_stderr_is_refused_in_words(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui"], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "TERM": "xterm"} | env,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "There is no terminal to draw on" in done.stderr
    assert "Traceback" not in done.stderr


def test_home_starts_without_the_libraries_it_does_not_need_yet() -> None:
    heavy = (
        "torch",
        "transformers",
        "numpy",
        "pydantic",
        "typer",
        "psutil",
        "tui.wizard.flow",
        "textual.widgets._data_table",
    )
    code = (
        "import sys; import tui.__main__, tui.app, tui.home.screen, tui.monitor.screen;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(fake_gpus.compiler() is None, reason="the stand-in for NVIDIA's library must be compiled")
def test_home_and_wizard_over_live_gpus_send_nothing_while_no_figure_changes(
    env: dict[str, str], home: Path, tmp_path: Path
) -> None:
    make_model(home / "models" / "tiny-chat")
    library = fake_gpus.build(tmp_path)
    # The screen reads what torch was built for and never loads it: a build for CUDA is a file that says so.
    torch = tmp_path / "path" / "torch"
    torch.mkdir(parents=True)
    (torch / "__init__.py").touch()
    (torch / "version.py").write_text("__version__ = '2.13.0+cu126'\ncuda = '12.6'\n")
    found = os.pathsep.join(filter(None, (str(torch.parent), env.get("PYTHONPATH"))))
    with PtySession(env=env | {"LD_LIBRARY_PATH": str(library), "PYTHONPATH": found}) as session:
        session.wait_for("68.0 of 80.0 GiB free")
        assert session.bytes_while_quiet(2, settle=1) == 0
        session.send("n")
        session.wait_for("What should the model learn")
        session.send("\r")
        session.wait_for("needs 0.")
        assert session.bytes_while_quiet(4) == 0
        session.send("\x1bOS")  # F4
        session.wait_for("Memory by term")
        assert session.bytes_while_quiet(3) == 0
