"""The tiny model, made once for all tests of the engine, rows for it, and a shell to type commands into."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.cli_calls import Shell
from tests.engine.models.folders import MakeModel, write_model
from tests.tiny import make_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny chat model, whose head is its input table; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a head of its own; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "untied", tie=False)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model without a chat template; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-base", chat_template=False)


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Writes the folder of a model that no library could read, as ``write_model`` does."""
    return lambda name="model", **parts: write_model(tmp_path / name, **parts)


@pytest.fixture
def rows(tmp_path: Path, home: Path) -> Path:
    """A file of 24 orders with their answers."""
    from tests.engine.training.making import write_rows

    return write_rows(tmp_path / "rows.jsonl")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: the tensors of the tiny model are too small to share out."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_pycollect_makemodule(module_path: Path) -> None:
    if _computes(module_path):  # before its tests load PEFT, and torch's compiler with it
        importlib.import_module("engine.modeling.peft")


@pytest.fixture(autouse=True)
def _rooms_of_torch_on_one_thread(request: pytest.FixtureRequest) -> None:
    if _computes(request.path):
        request.getfixturevalue("one_thread")


def _computes(module: Path) -> bool:
    """Whether the tests of its room compute with torch."""
    return module.relative_to(Path(__file__).parent).parts[0] in ("distributed", "modeling", "tokens", "training")


@pytest.fixture
def shell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with an empty home; wide, and without anybody's secrets or terminal."""
    for name in ("HF_TOKEN", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(capsys, monkeypatch)
