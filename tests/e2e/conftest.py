"""A tiny model on disk, made once, and a config that trains it in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.driving import end_all
from tests.e2e.small_disk import SmallDisk
from tests.tiny import make_tiny_model

MakeConfig = Callable[..., Path]

TEMPLATE = """
[run]
name = "tiny"
[model]
name_or_path = {model}
dtype = "float32"
[adapter]
r = 8
lora_dropout = 0.1
[[data]]
path = {rows}
[dataset]
max_length = 128
eval_share = 0
[train]
batch_size = 2
max_steps = {steps}
learning_rate = 1e-3
[checkpoint]
every = {every}
keep = 2
[sample]
rows = 0
"""


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def make_config(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> MakeConfig:
    """Write a run's TOML: ``steps`` optimizer steps, a checkpoint every ``every`` of them.

    Its runner computes on one thread: the model's tensors are too small to share out, and on a busy machine two
    threads that wait for each other take ten times as long.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def make(steps: int = 40, every: int = 5) -> Path:
        rows = tmp_path / "rows.jsonl"
        words = ("tea", "soup", "bread", "rice", "plums")
        with rows.open("w") as file:
            for n in range(30):
                row = {"prompt": f"{n} {words[n % 5]} for table {n % 7}", "completion": f"table {n % 7}: {n}"}
                file.write(json.dumps(row) + "\n")
        path = tmp_path / "run.toml"
        path.write_text(TEMPLATE.format(model=json.dumps(str(tiny_model)), rows=json.dumps(str(rows)), steps=steps,
                                        every=every))  # fmt: skip
        return path

    return make


@pytest.fixture(autouse=True)
def no_runner_left_behind(home: Path) -> Iterator[None]:
    """A test that fails must not leave a training to the next one."""
    yield
    end_all(home / "runs")


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """TUNEDECK_HOME on a file system of its own that can be filled up."""
    disk = SmallDisk.mounted(tmp_path / "disk", megabytes=96)
    monkeypatch.setenv("TUNEDECK_HOME", str(disk.path / "home"))
    yield disk
    end_all(disk.path / "home" / "runs")
    disk.unmount()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this checkout, without fetching anything."""
    folder = tmp_path_factory.mktemp("wheel")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", str(folder)]
    subprocess.run([*command, str(root)], check=True, capture_output=True)
    [built] = folder.glob("tunedeck-*.whl")
    return built
