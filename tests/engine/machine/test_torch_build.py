"""What torch was built for is read from its files: nothing is loaded for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from engine.machine import torch_build


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    torch_build.has_cuda.cache_clear()
    yield
    torch_build.has_cuda.cache_clear()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cuda: Optional[str] = '12.8'", True), ("cuda: Optional[str] = None", False), ("cuda = None", False),
        ("hip = None", None),
    ],
)  # fmt: skip
def test_the_version_file_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, told: bool | None) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.9.0'\n{line}\n")
    found = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert torch_build.has_cuda() is told


def test_without_torch_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert torch_build.has_cuda() is None


def test_torch_itself_agrees_and_is_not_loaded_to_ask() -> None:
    code = (
        "import sys\nfrom engine.machine.torch_build import has_cuda\ntold = has_cuda()\n"
        "assert 'torch' not in sys.modules\nimport torch\nassert told is (torch.version.cuda is not None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
