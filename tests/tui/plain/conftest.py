"""Plain mode without a terminal: the lines that a person types, and all that was said."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.common import paths
from engine.config.presets import Resolved
from engine.runs.directory import RunDir
from tests.tui.machines import FakeWatch, no_gpu
from tests.tui.wizard.making import GOOD, make_child
from tui.draft.services import Services
from tui.plain.opening import open_lines
from tui.world import World

Talk = Callable[..., str]


@pytest.fixture
def started() -> list[RunDir]:
    """The runs that were started."""
    return []


@pytest.fixture
def talk(
    home: Path,
    tmp_path: Path,
    started: list[RunDir],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Talk:
    """Types the lines, then ends the input; returns all that was said. Every check of rows says that all is well."""
    monkeypatch.chdir(tmp_path)  # models are also looked for in the current folder
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("tui.plain.lines.Lines.typed_within", lambda self, seconds: None)

    def spawn(run: RunDir, resume: bool = False, accept_changes: bool = False) -> int:
        started.append(run)
        return 1

    def say(*typed: str, route: str = "home", prefill: Resolved | None = None, **given: Any) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        given.setdefault("inspect_command", make_child(tmp_path, GOOD))
        world = World(root=paths.runs_dir(), spawn=spawn, watch_machine=FakeWatch(given.pop("machine", no_gpu())))
        place = {name: given.pop(name) for name in ("name", "judged", "talk") if name in given}
        assert open_lines(route, prefill=prefill, world=world, services=Services(**given), **place) == 0
        return capsys.readouterr().err

    return say
