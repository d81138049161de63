"""Whether a checkpoint is still what was written: its ``COMPLETE`` holds size and SHA-256 of each of its files."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.common.files import read_json, sha256
from engine.messages.message import Message
from engine.runs.directory import COMPLETE, RunDir

STATE = "trainer_state.json"
_NUMBERED = re.compile(r"checkpoint-(\d+)$")
_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")


def mark_of(folder: Path) -> str:
    """The text of ``COMPLETE`` for the files in ``folder`` as they are now. Raises OSError."""
    files = {path.name: [path.stat().st_size, sha256(path)] for path in sorted(folder.iterdir())}
    return json.dumps({"t": round(time.time()), "files": files}, indent=1) + "\n"


def has_hashes(folder: Path) -> bool:
    """Whether ``COMPLETE`` says what the files were; earlier versions wrote only when it was made."""
    return bool(_marked(folder))


def damage(folder: Path, only: Iterable[str] = ()) -> Message | None:
    """What is wrong with the checkpoint in ``folder``, None for nothing that can be told; of the files ``only``.

    Reads all of it, about half a second a GB. Without hashes only its step is compared with its name.
    """
    names = set(only)
    try:
        for name, entry in _marked(folder).items():
            if names and name not in names:
                continue
            size, digest = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
            path = folder / name
            if not path.is_file():
                return Message("runs.file-gone", file=name)
            if path.stat().st_size != size:
                return Message("runs.file-size", file=name, bytes=path.stat().st_size, written=size)
            if sha256(path) != digest:
                return Message("runs.file-changed", file=name)
    except (OSError, TypeError, ValueError) as error:
        return Message("runs.checkpoint-unreadable", reason=str(error))
    named, said = _NUMBERED.search(folder.name), read_json(folder / STATE).get("step")
    if named and said is not None and said != int(named[1]):
        return Message("runs.checkpoint-step", file=STATE, step=said)
    return None


def step_of(folder: Path) -> int:
    """The step that a checkpoint's name says."""
    return int(folder.name.removeprefix("checkpoint-"))


def newest_whole(run: RunDir) -> tuple[Path | None, list[tuple[Path, Message]]]:
    """The newest checkpoint that is as it was written, and the newer ones that are not, each with the reason."""
    damaged: list[tuple[Path, Message]] = []
    for folder in reversed(run.complete_checkpoints()):
        why = damage(folder)
        if not why:
            return folder, damaged
        damaged.append((folder, why))
    return None, damaged


def newest_adapter(run: RunDir) -> Path | None:
    """The newest checkpoint whose adapter is as it was written; the rest of it does not matter to another run."""
    return next((each for each in reversed(run.complete_checkpoints()) if not damage(each, _ADAPTER)), None)


def set_aside(folder: Path, kind: str = "damaged") -> Path:
    """Rename a checkpoint that is ``kind`` so that it counts no more; nothing of it is removed. Raises OSError."""
    names = (folder.with_name(f"{folder.name}.{kind}{number}") for number in _numbers())
    target = next(name for name in names if not name.exists())
    folder.rename(target)
    return target


def _numbers() -> Iterator[str]:
    yield ""
    for number in range(2, 10_000):
        yield f"-{number}"


def _marked(folder: Path) -> dict[str, list[object]]:
    """Size and hash by name; {} for a mark without them."""
    files = read_json(folder / COMPLETE).get("files")
    return files if isinstance(files, dict) else {}
