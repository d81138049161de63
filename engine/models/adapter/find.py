"""Which folder an adapter's name means: one that PEFT saved, a trainer's checkpoints, or a run of tunedeck."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import ModelError, NoSuchRun, TunedeckError
from engine.messages.message import Message
from engine.models.adapter.config import CONFIG_FILE
from engine.models.local import cached_snapshot
from engine.models.tokenizer_files import brings_tokenizer
from engine.runs import directory
from engine.runs.checkpoints import newest_adapter
from engine.runs.directory import RunDir

_CHECKPOINT = re.compile(r"checkpoint-(\d+)$")


@dataclass(frozen=True)
class Found:
    """An adapter's folder. ``run`` is the id of the run that made it, empty for foreign ones.

    ``note`` says what was chosen where the name left it open, such as the newest of several checkpoints.
    """

    path: Path
    run: str = ""
    note: Message | None = None


def find_adapter(name_or_path: str) -> Found:
    """The folder of the adapter that ``name_or_path`` names: a folder, one of its files, a run, a hub id in the cache.

    Raises ModelError when there is none, RunError when several runs match.
    """
    text = name_or_path.strip()
    try:
        path = Path(text).expanduser()
        is_there = bool(text) and path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("adapter.unusable-path", path=text, reason=str(error)) from None
    if is_there:
        return _in_folder(path.parent if path.is_file() else path)
    snapshot = cached_snapshot(text) if "/" in text else None
    if snapshot is not None and (snapshot / CONFIG_FILE).is_file():
        return Found(snapshot)
    try:
        run = directory.find(text)
    except NoSuchRun:
        raise ModelError("adapter.not-found", name=text) from None
    return _of_run(run)


def _in_folder(folder: Path) -> Found:
    if (folder / CONFIG_FILE).is_file():
        return Found(folder, _run_above(folder))
    if (folder / "config.toml").is_file():
        return _of_run(RunDir(folder.resolve()))
    if (folder / "adapter" / CONFIG_FILE).is_file():
        return Found(folder / "adapter", _run_above(folder / "adapter"))
    newest = _newest_checkpoint(folder)
    if newest is not None:
        return Found(newest, note=Message("adapter.newest-checkpoint", checkpoint=newest.name, folder=folder.name))
    if (folder / "config.json").is_file():
        raise ModelError("adapter.is-model", folder=folder)
    raise ModelError("adapter.none-here", folder=folder)


def _of_run(run: RunDir) -> Found:
    if (run.adapter / CONFIG_FILE).is_file():
        return Found(run.adapter, run.id)
    newest = newest_adapter(run)
    if newest is not None:
        return Found(newest, run.id, Message("adapter.unfinished-run", run=run.id, checkpoint=newest.name))
    raise ModelError("adapter.run-without", run=run.id)


def _run_above(folder: Path) -> str:
    """The id of the run that ``folder`` (``adapter/`` or a checkpoint) lies in."""
    above = folder.absolute().parent
    return above.name if (above / "config.toml").is_file() and (above / "run.json").is_file() else ""


def _newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the highest step, as the usual trainers name them."""
    steps = {int(found[1]): path for path in folder.glob("checkpoint-*")
             if (found := _CHECKPOINT.match(path.name)) and (path / CONFIG_FILE).is_file()}  # fmt: skip
    return steps[max(steps)] if steps else None


def tokenizer_folder(kind: str, adapter: str, checkpoint: Path | None = None) -> Path | None:
    """The folder whose tokenizer a run that goes on from an adapter uses in place of the base's; None for the base's.

    ``kind`` and ``adapter`` are those of the config's strategy. ``checkpoint`` is the run's own that it goes on from:
    the old adapter may be gone by then.
    """
    if kind == "fresh" or not adapter:
        return None
    if checkpoint is not None and kind == "continue" and brings_tokenizer(checkpoint):
        return checkpoint
    try:
        folder = find_adapter(adapter).path
    except TunedeckError:
        return None  # who needs the adapter itself says so
    return folder if brings_tokenizer(folder) else None
