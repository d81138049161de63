"""Fixtures for the wizard: a home with one model in it, rows, and the app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.common import paths
from engine.config.presets import Layer, Resolved, resolve
from tests.tui.wizard.making import GOOD, WizardApp, make_child
from tests.tui.wizard.old_adapters import make_whole_model
from tests.tui.wizard.steering import settle
from tui.draft.services import Services

Opener = Callable[..., AbstractAsyncContextManager[tuple[WizardApp, Pilot[None]]]]


@pytest.fixture
def base(home: Path) -> Path:
    """A model whose adapters can be read."""
    return make_whole_model(paths.models_dir() / "tiny-chat")


@pytest.fixture
def prefill(model: Path, rows: Path) -> Resolved:
    """A config that names the model and the rows alone."""
    return resolve([Layer("file", {"model": {"name_or_path": str(model)}, "data": [{"path": str(rows)}]})])


@pytest.fixture
def open_wizard(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens the app at the wizard; what is not given is the real thing, the child says that all is well."""
    monkeypatch.chdir(tmp_path)  # models are also looked for in the current folder
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    @asynccontextmanager
    async def opened(
        prefill: Resolved | None = None, size: tuple[int, int] = (80, 24), **given: Any
    ) -> AsyncIterator[tuple[WizardApp, Pilot[None]]]:
        app_options = {name: given.pop(name) for name in ("terminal", "spawn", "root", "machine") if name in given}
        root = app_options.pop("root", paths.runs_dir())
        if "inspect_command" not in given:
            given["inspect_command"] = make_child(tmp_path, GOOD)
        app = WizardApp(root, Services(**given), prefill, **app_options)
        async with app.run_test(size=size) as pilot:
            await settle(app, pilot)
            yield app, pilot

    return opened
