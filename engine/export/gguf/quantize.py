"""GGUF files in fewer bits, by llama.cpp itself; a child process, as its errors end the process they happen in.

``python -P -m engine.export.gguf.quantize SOURCE TARGET TYPE`` exits with 0 when TARGET is whole.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.common.child import run_child
from engine.common.errors import MachineError, ModelError
from engine.models.gguf import QUANTIZER

# llama.cpp's own numbers of its file types (enum llama_ftype in llama.h).
_FULL_BYTES = 1 << 20
"""With less free beside what was written, a failure is the disk's."""
FILE_TYPES = {"q8_0": 7, "q6_k": 18, "q5_k_m": 17, "q4_k_m": 15, "q3_k_m": 12, "q2_k": 10}


def quantize(source: Path, target: Path, kind: str, on_silence: Callable[[], None] = lambda: None) -> None:
    """Write ``source`` (GGUF in 16 or 32 bits) as ``kind`` of FILE_TYPES to ``target``, which appears only whole.

    ``on_silence`` is called while it works and may raise. Raises MachineError without the library, ModelError when
    llama.cpp refuses, OSError of the disk.
    """
    if importlib.util.find_spec(QUANTIZER) is None:
        raise MachineError("gguf.no-library", library=QUANTIZER)
    partial = target.with_name(f".{target.name}.partial")
    said: list[str] = []
    try:
        command = [sys.executable, "-P", "-m", __name__, str(source), str(partial), kind]
        code = run_child(command, said.append, on_silence=on_silence)
        if code and shutil.disk_usage(target.parent).free < _FULL_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        if code:
            raise ModelError("gguf.quantize-failed", source=source.name, kind=kind, what=" ".join(said[-3:])[-300:])
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """0 when the file is written."""
    from cyllama.llama import llama_cpp

    source, target, kind = arguments
    parameters = llama_cpp.LlamaModelQuantizeParams()
    parameters.ftype = FILE_TYPES[kind]
    parameters.nthread = os.cpu_count() or 1
    llama_cpp.model_quantize(source, target, parameters)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
