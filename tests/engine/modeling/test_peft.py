"""PEFT comes without torch's compiler, and leaves it as it was."""

from __future__ import annotations

import subprocess

import torch

from engine.modeling.peft import _no_compiler

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


def test_what_is_to_be_compiled_meanwhile_stays_as_it_is() -> None:
    with _no_compiler():

        @torch.compile
        def plain(number: int) -> int:
            return number + 1

        @torch.compile(dynamic=False)
        def with_settings(number: int) -> int:
            return number + 1

    assert plain(1) == with_settings(1) == 2
