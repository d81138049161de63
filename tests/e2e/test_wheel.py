"""The built wheel is the whole program: installed elsewhere, it runs with its presets and the demo's rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that has the wheel, and our libraries by path but not this checkout."""
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    # A path in a .pth file does not run the .pth files over there, so the editable checkout stays out.
    [site] = (folder / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def run(program: Path, *arguments: str, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_program_presets_and_licence_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "engine/cli/main.py",
        "tui/app.py",
        "tui/base.tcss",
        "presets/demo.toml",
        "presets/demo/orders.jsonl",
        "engine/report/page.html.jinja",
        "engine/report/page.css",
    ):
        assert needed in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", ".")) or "__pycache__" in name for name in names)


def test_outside_the_checkout_it_runs_from_its_own_files(installed: Path, tmp_path: Path, home: Path) -> None:
    assert "Usage: tunedeck" in run(installed / "tunedeck", "--help", cwd=tmp_path)
    code = (
        "import json, tui.app\n"
        "from engine.common import paths\n"
        "from engine.config.presets import load_preset, preset_ids\n"
        "from engine.app.demo import orders_file\n"
        "print(json.dumps([paths.__file__, tui.app.__file__, [load_preset(i).title for i in preset_ids()],\n"
        "    len(orders_file().read_text().splitlines())]))"
    )
    engine_file, tui_file, titles, rows = json.loads(run(installed / "python", "-c", code, cwd=tmp_path))
    for file in (engine_file, tui_file):
        assert Path(file).is_relative_to(installed.parent)
    assert len(titles) >= 3
    assert rows >= 400


def test_outside_the_checkout_a_config_is_checked(
    installed: Path, tmp_path: Path, home: Path, tiny_model: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 30)
    (tmp_path / "run.toml").write_text(
        f'[model]\nname_or_path = "{tiny_model}"\n[dataset]\nmax_length = 64\n[[data]]\npath = "rows.jsonl"\n'
    )
    assert "can be run" in run(installed / "tunedeck", "run", "run.toml", "--check", cwd=tmp_path)
