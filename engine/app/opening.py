"""What a path on the command line means: rows, a model, an adapter, a run or a config."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.common.errors import ConfigError, DataError, NoSuchRun, TunedeckError
from engine.common.paths import nearest
from engine.config.schema import DataSource
from engine.data.files.folders import is_pattern, walk
from engine.data.files.hub import is_hub_id
from engine.data.files.opened import kind_of
from engine.data.files.preview import look
from engine.data.files.sources import READERS, TEXTS, source_files
from engine.data.rows.formats import ColumnsUnclear
from engine.messages.message import Message
from engine.models.adapter.config import CONFIG_FILE
from engine.models.local import cached_snapshot
from engine.models.starter import STARTERS
from engine.runs import directory

MOST_APART = 12
"""Files of a folder up to which each is a source of its own; more are one source, the folder."""
_MOST_NAMED = 3
_HEAD_BYTES = 4096
_NO_TEXT = ("data.not-utf8", "data.not-wide", "data.not-json")
_KINDS = {
    "model": "opening.kind-model", "adapter": "opening.kind-adapter", "run": "opening.kind-run",
    "config": "opening.kind-config",
}  # fmt: skip
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")


@dataclass(frozen=True)
class Opened:
    """``path`` is absolute, or a name that needs no place: a starter's, a hub model's, a run's id.

    Of rows ``sources`` are the paths to learn from, ``left_out`` says what was passed over and why, ``is_text`` that
    they are documents, not questions with answers.
    """

    kind: Literal["rows", "model", "adapter", "run", "config"]
    path: str
    sources: tuple[str, ...] = ()
    left_out: tuple[Message, ...] = ()
    is_text: bool = False


def opened(names: Sequence[str]) -> Opened:
    """What ``names`` mean together; only rows can be several.

    Raises DataError, ModelError or ConfigError for what is not there, can't be read, or is of no use here.
    """
    found = [_one(name) for name in names]
    if len(found) == 1:
        return found[0]
    other = next((each for each in found if each.kind != "rows"), None)
    if other is not None:
        raise ConfigError("opening.one-only", path=other.path, kind=Message(_KINDS[other.kind]))
    return Opened(
        "rows", found[0].path, tuple(dict.fromkeys(path for each in found for path in each.sources)),
        tuple(itertools.chain.from_iterable(each.left_out for each in found)), all(each.is_text for each in found),
    )  # fmt: skip


def is_something(name: str) -> bool:
    """Whether ``name`` is a place, or a name that ``opened`` knows: else it was meant for a command."""
    try:
        if Path(name).expanduser().exists() or "/" in name or Path(name).suffix or name in STARTERS:
            return True
    except (OSError, ValueError, RuntimeError):
        return True
    try:
        directory.find(name)
    except TunedeckError as error:
        return not isinstance(error, NoSuchRun)
    return True


def _one(name: str) -> Opened:
    try:
        path = Path(name).expanduser()
        is_there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError("data.path-unusable", path=name, reason=str(error)) from None
    if not is_there:
        return _named(name)
    path = path.absolute()
    if path.is_file() and (path.suffix.lower() in _WEIGHTS or path.name in ("config.json", CONFIG_FILE)):
        path = path.parent  # a file of the model or adapter that lies there
    if path.is_file():
        if path.suffix.lower() == ".toml":
            return Opened("config", str(path))
        if path.suffix.lower() == ".gguf":
            raise DataError("opening.gguf", path=path)
        return _rows(str(path))
    if not path.is_dir():
        raise DataError("data.not-a-file", path=path)
    if (path / "config.toml").is_file():
        return Opened("run", str(path))
    if (path / CONFIG_FILE).is_file() or any(path.glob(f"checkpoint-*/{CONFIG_FILE}")):
        return Opened("adapter", str(path))
    if (path / "config.json").is_file():
        return Opened("model", str(path))
    return _folder(path)


def _named(name: str) -> Opened:
    """Something that is no place here: a pattern, a starter, a model of the hub's cache, a run."""
    if is_pattern(name):
        return _rows(str(Path(name).expanduser().absolute()))
    if name in STARTERS or cached_snapshot(name) is not None:
        return Opened("model", name)
    try:
        return Opened("run", directory.find(name).id)
    except NoSuchRun:
        near = nearest(Path(name).expanduser())
        if near:
            raise DataError("data.no-place-but-near", path=name, near=near) from None
        raise DataError("opening.hub" if is_hub_id(name) else "opening.no-place", path=name) from None


def _rows(path: str, is_clear: bool = False) -> Opened:
    """One source; unless it must be clear already, also where a person has yet to say what its columns are."""
    try:
        found = look(DataSource(path=path), 1, fetch=False)
    except ColumnsUnclear:
        if is_clear:
            raise
        return Opened("rows", path, (path,))
    except DataError as error:
        if error.code in _NO_TEXT and _is_binary(Path(path)):
            raise DataError("opening.binary", path=path) from None
        raise
    return Opened("rows", path, (path,), is_text=found.detected.format == "text")


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(_HEAD_BYTES)


def _folder(folder: Path) -> Opened:
    """The files of a folder that can be learnt from, each a source; of very many the folder as one.

    Raises DataError when none can.
    """
    inside = list(walk(folder))
    if not inside:
        raise DataError("opening.empty-folder", path=folder)
    used = source_files(DataSource(path=str(folder)), fetch=False)
    passed = [_passed(path, folder) for path in inside if path not in used]
    if len(used) > MOST_APART:
        return Opened("rows", str(folder), (str(folder),), _told(passed), _rows(str(folder)).is_text)
    good: list[Opened] = []
    unclear: list[Path] = []
    wrong: list[DataError] = []
    for path in used:
        try:
            good.append(_rows(str(path), is_clear=True))
        except DataError as error:
            if isinstance(error, ColumnsUnclear):
                unclear.append(path)
            wrong.append(error)
            passed.append(Message("opening.left-out", file=str(path.relative_to(folder)), reason=error.reason))
    if not good and not unclear:
        raise DataError("opening.none-readable", path=folder, files=len(used), reason=wrong[0].reason)
    if not good:
        return Opened("rows", str(folder), tuple(map(str, unclear)))  # what their columns are is said in the wizard
    is_text = all(each.is_text for each in good)
    return Opened("rows", str(folder), tuple(each.path for each in good), _told(passed), is_text)


def _passed(path: Path, folder: Path) -> Message:
    """Why a file of ``folder`` is no source."""
    kind = kind_of(path)
    why = "opening.no-rows" if kind not in READERS else "opening.text" if kind in TEXTS else "opening.other-split"
    return Message("opening.left-out", file=str(path.relative_to(folder)), reason=Message(why))


def _told(passed: Sequence[Message]) -> tuple[Message, ...]:
    """The first few, and how many there are more."""
    more = len(passed) - _MOST_NAMED
    if more <= 1:
        return tuple(passed)
    return (*passed[:_MOST_NAMED], Message("opening.left-out-more", files=more))
