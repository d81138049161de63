"""PEFT comes without torch's compiler, and leaves it as it was."""

from __future__ import annotations

import subprocess

PROGRAM = """
import sys
import torch
before = torch.compile
import engine.training.session, engine.export.mix
assert torch.compile is before
print("torch._inductor.compile_fx" in sys.modules, "bitsandbytes" in sys.modules)
"""


def test_what_trains_and_exports_loads_no_compiler(warm_python: str) -> None:
    done = subprocess.run([warm_python, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
