"""Fixtures for all tests: a home of their own, so that nothing of the user's is ever touched."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from engine.common import paths
from engine.messages import catalogue, language
from engine.models import starter
from tests.warm import WarmPython

# A shared machine is slow at times; how long an example takes says nothing about whether it is right.
settings.register_profile("tunedeck", deadline=None)
settings.load_profile("tunedeck")


# While the tests are collected nothing is thrown away: to look for garbage among all that they load takes long.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From now on garbage is looked for among what the tests make, and not so often: it took a third of their time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


# A text or an argument that is missing in the catalogues ends a test, also in the processes that it starts.
os.environ[catalogue.STRICT] = "1"

# Below a file nothing can be made: a test that writes into the home without one of its own ends there.
_NOWHERE = TemporaryDirectory(prefix="tunedeck-tests-")
# Workers are begun from a process that has set it already; they inherit what it was before.
_USERS = os.environ.setdefault("TUNEDECK_USERS_HOME", os.environ.get("TUNEDECK_HOME", ""))
(Path(_NOWHERE.name) / "ask-for-the-fixture-home").touch()
os.environ["TUNEDECK_HOME"] = str(Path(_NOWHERE.name) / "ask-for-the-fixture-home" / "tunedeck")

_STARTS_HEAVY = (
    "engine.app.chat",
    "engine.distributed.workers",
    "engine.cli.commands.data_show",
    "engine.cli.commands.selftest",
)
"""Modules whose ``COMMAND`` is of children that load the training's libraries."""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests read English, whatever the machine's locale is; those of other languages say so."""
    monkeypatch.setenv(language.VARIABLE, "en")
    language.use("")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TUNEDECK_HOME."""
    folder = tmp_path / "tunedeck-home"
    monkeypatch.setenv("TUNEDECK_HOME", str(folder))
    return folder


@contextmanager
def users_home() -> Iterator[None]:
    """The home of whoever runs the tests, in which the set-up put the starter model."""
    with pytest.MonkeyPatch.context() as patch:
        if _USERS:
            patch.setenv("TUNEDECK_HOME", _USERS)
        else:
            patch.delenv("TUNEDECK_HOME")
        yield


@pytest.fixture(scope="session")
def starter_folder() -> Path:
    """Where the set-up of the tests has put the starter model; fetched if it has not."""
    with users_home():
        return starter.get("smollm2-135m", lambda done, total, message: None).path


@pytest.fixture(scope="session")
def converter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """llama.cpp's converter as the user has it, else fetched once for all tests."""
    from engine.export.gguf import converter

    with users_home():
        found = paths.cache_dir() / "converter" / converter.REQUIREMENT.replace("==", "-")
    if found.is_dir():
        return found
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEDECK_HOME", str(tmp_path_factory.mktemp("home")))
        return converter.converter(lambda *progress: None)


@pytest.fixture
def gguf_converter(home: Path, converter_folder: Path) -> None:
    """A home in which llama.cpp's converter is already."""
    place = paths.private_dir(paths.cache_dir() / "converter")
    (place / converter_folder.name).symlink_to(converter_folder)


@pytest.fixture(scope="session")
def warm_python() -> Iterator[str]:
    """A Python for children that has the training's libraries loaded; it starts in a tenth of a second."""
    with TemporaryDirectory(prefix="tunedeck-warm-") as folder, WarmPython(Path(folder)) as found:
        yield str(found.path)


def begin_warm(patch: pytest.MonkeyPatch, python: str) -> None:
    """Heavy children begin with their libraries loaded, as long as ``patch`` holds."""
    for name in _STARTS_HEAVY:
        module = importlib.import_module(name)
        assert module.COMMAND[0] == sys.executable
        patch.setattr(module, "COMMAND", (python, *module.COMMAND[1:]))
    patch.setattr(sys, "executable", python)


@pytest.fixture
def warm(warm_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heavy children begin with their libraries loaded. The tests marked e2e start them as users do."""
    begin_warm(monkeypatch, warm_python)


@pytest.fixture(scope="module")
def module_warm(warm_python: str) -> Iterator[None]:
    """The same for all of a module, where its own fixtures start such children."""
    with pytest.MonkeyPatch.context() as patch:
        begin_warm(patch, warm_python)
        yield


@pytest.fixture(autouse=True)
def gpus_as_before() -> Iterator[None]:
    """A run picks its GPU for its whole process; in tests that process is everybody's."""
    names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
