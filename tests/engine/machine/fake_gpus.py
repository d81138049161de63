"""Run a command on a machine that seems to have two GPUs: ``python -m tests.engine.machine.fake_gpus tunedeck``.

It compiles a stand-in for NVIDIA's management library and puts it where the real pynvml looks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.machine.gpus import Unusable
from engine.messages.message import Message

SOURCE = Path(__file__).with_name("stub_nvml.c")


def no_use(reason: str, advice: str, falls_to_cpu: bool = False) -> Unusable:
    """Why a torch that only a test has can't use a GPU."""
    return Unusable(Message.literal(reason), Message.literal(advice), falls_to_cpu)


def compiler() -> str | None:
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def build(folder: Path) -> Path:
    """Compile the stand-in into ``folder``; returns the folder, for LD_LIBRARY_PATH."""
    found = compiler()
    if found is None:
        raise SystemExit("A C compiler (cc, gcc or clang) is needed.")
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([found, "-shared", "-fPIC", "-O1", "-Wall", "-o", target, SOURCE], check=True)
    return folder


def environment(library: Path, **settings: str) -> dict[str, str]:
    """This process's environment with the stand-in, and ``settings`` of its story."""
    kept = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    return {**kept, "LD_LIBRARY_PATH": str(library), **settings}


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(sys.argv[1:], env=environment(build(Path(folder)), STUB_NVML_PID=str(os.getpid())))
    raise SystemExit(run.returncode)


if __name__ == "__main__":
    main()
