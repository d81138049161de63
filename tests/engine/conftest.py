"""A shell to type commands into, shared by the tests of the verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.cli.cli_calls import Shell


@pytest.fixture
def shell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with an empty home; wide, and without anybody's secrets or terminal."""
    for name in ("HF_TOKEN", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(capsys, monkeypatch)
