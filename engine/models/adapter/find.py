"""Which folder an adapter's name means: one that PEFT saved, a trainer's checkpoints, or a run of tunedeck."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import ModelError, NoSuchRun, TunedeckError
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
    note: str = ""


def find_adapter(name_or_path: str) -> Found:
    """The folder of the adapter that ``name_or_path`` names: a folder, one of its files, a run, a hub id in the cache.

    Raises ModelError when there is none, RunError when several runs match.
    """
    text = name_or_path.strip()
    try:
        path = Path(text).expanduser()
        is_there = bool(text) and path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("The adapter's path can't be used", f"{text!r}: {error}", "Name a folder or a run.") from None
    if is_there:
        return _in_folder(path.parent if path.is_file() else path)
    snapshot = cached_snapshot(text) if "/" in text else None
    if snapshot is not None and (snapshot / CONFIG_FILE).is_file():
        return Found(snapshot)
    try:
        run = directory.find(text)
    except NoSuchRun:
        raise ModelError(
            "No such adapter", f"{text or 'nothing was named'}: neither a folder nor a run is called so",
            "Name a folder with adapter_config.json in it, or a run; `tunedeck runs` lists them.",
        ) from None  # fmt: skip
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
        return Found(newest, note=f"{newest.name} is the newest checkpoint in {folder.name}")
    if (folder / "config.json").is_file():
        raise ModelError(
            "This is a model, not an adapter", f"{folder} holds config.json and no {CONFIG_FILE}",
            "Name it as the base model.",
        )  # fmt: skip
    raise ModelError(
        "There is no adapter here", f"{folder} holds no {CONFIG_FILE}",
        "Name the folder PEFT saved, with adapter_config.json and adapter_model.safetensors in it.",
    )  # fmt: skip


def _of_run(run: RunDir) -> Found:
    if (run.adapter / CONFIG_FILE).is_file():
        return Found(run.adapter, run.id)
    newest = newest_adapter(run)
    if newest is not None:
        return Found(newest, run.id, f"run {run.id} has no result yet; {newest.name} is its newest")
    raise ModelError(
        "The run has no adapter", f"{run.id} has neither a result nor a checkpoint",
        f"`tunedeck status {run.id}` tells how it went.",
    )  # fmt: skip


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
