"""The halves of the program stay apart: by contract, and in fact when everything light is imported."""

from __future__ import annotations

import json
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY_PACKAGES = (
    "engine.tokens", "engine.distributed", "engine.modeling", "engine.evaluation", "engine.export", "engine.training",
    "engine.jobs", "engine.selftest",
)  # fmt: skip
TRAINING_LIBRARIES = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets"}
SCREEN_LIBRARIES = {"textual", "rich", "tui"}
WRONG = (
    ("engine/runs/bad.py", "import torch"),
    ("tui/bad.py", "from transformers import AutoModel"),
    ("tui/worse.py", "import engine.training.runner"),
    ("engine/config/bad.py", "import textual"),
    ("engine/data/bad.py", "import tui.app"),
    ("engine/cli/commands/bad.py", "import rich.table"),
    ("engine/training/bad.py", "import engine.runs.launch"),
    ("engine/data/worse.py", "import engine.models.card"),
    ("engine/tokens/bad.py", "import engine.modeling.load"),
)


def modules(package: str) -> list[str]:
    """Every module of ``package`` that is not of the heavy half."""
    found = [package]
    for info in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
        if not info.name.startswith(HEAVY_PACKAGES):
            found.append(info.name)
    return found


def loaded_after(imports: list[str]) -> set[str]:
    """Top-level packages in ``sys.modules`` of a fresh process after ``imports``."""
    code = (
        "import importlib, json, sys\n"
        "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(imports)], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say of a program with all of ``WRONG`` in it, each in a file of its own."""
    folder = tmp_path_factory.mktemp("wrong")
    for name in ("engine", "tui"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, line in WRONG:
        (folder / file).write_text(line + "\n")
    done = lint(folder)
    assert done.returncode != 0
    return done.stdout


@pytest.mark.parametrize(("file", "line"), WRONG)
def test_the_contracts_notice(told: str, file: str, line: str) -> None:
    importer, imported = file.removesuffix(".py").replace("/", "."), line.split()[1]
    assert f"{importer} -> {imported.partition('.')[0]}" in told


def test_the_light_half_loads_neither_training_libraries_nor_the_screen() -> None:
    loaded = loaded_after(modules("engine"))
    assert not loaded & TRAINING_LIBRARIES
    assert not loaded & SCREEN_LIBRARIES


def test_the_screen_loads_no_training_libraries() -> None:
    loaded = loaded_after([*modules("tui"), *modules("engine")])
    assert "textual" in loaded
    assert not loaded & TRAINING_LIBRARIES


def test_help_loads_only_what_it_needs() -> None:
    """What keeps `tunedeck --help` at a fraction of a second."""
    loaded = loaded_after(["tui.__main__", "engine.cli.main"])
    assert not loaded & (TRAINING_LIBRARIES | {"textual", "rich", "pydantic", "msgspec", "numpy", "pyarrow", "psutil"})


@pytest.mark.parametrize("package", ["engine", "tui"])
def test_package_files_define_nothing(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        code = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith('"""')]
        assert code == [], path
