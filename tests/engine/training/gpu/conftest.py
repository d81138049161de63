"""The no-op CUDA device, compiled once, and what a process that trained on it counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils import cpp_extension

SOURCE = Path(__file__).with_name("no_op_guard.cpp")


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled guard; it takes some five seconds of one core."""
    if torch.version.cuda or torch.version.hip:
        pytest.skip("this torch brings a CUDA device of its own; the stand-in is for one without")
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.fail("A C++ compiler is needed: install g++ or clang++ (Debian, Ubuntu: apt install g++).")
    made = tmp_path_factory.mktemp("guard") / "no_op_guard.so"
    library = Path(torch.__file__).parent / "lib"
    headers = [f"-I{folder}" for folder in cpp_extension.include_paths()]
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    command = [
        compiler, "-std=c++20", "-O0", "-shared", "-fPIC", abi, *headers, SOURCE, "-o", made, f"-L{library}",
        "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{library}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{compiler} can't compile {SOURCE.name} against torch {torch.__version__}:\n{done.stderr[-3000:]}")
    return made


@pytest.fixture(scope="session")
def counted(guard: Path) -> dict[str, Any]:
    """What the loop and an 8B-shaped layer asked of the device, by what was tried."""
    command = [sys.executable, "-m", "tests.engine.training.gpu.fake_cuda", str(guard)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
