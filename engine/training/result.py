"""The result of a run: an adapter plain PEFT can load, with the record of what it was made from."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.common.errors import MachineError, reason_of
from engine.common.versions import versions
from engine.config.schema import RunConfig
from engine.distributed.device import Placement
from engine.models import origins
from engine.models.local import resolve
from engine.models.origins import Origin
from engine.models.weights import hash_files, weight_files
from engine.runs import interventions, mix_changes
from engine.runs.directory import RunDir
from engine.runs.interventions import Interventions
from engine.tokens.dataset import Prepared, file_hashes
from engine.training.best import Result
from engine.training.mixing import skipped_by_source, trained_tokens
from engine.training.strategies import read_parents

_NOT_RESULT = {"optimizer.pt", "trainer_state.json", "COMPLETE"}


def publish(run: RunDir, config: RunConfig, prepared: Prepared | None, source: Path, kept: Result) -> str:
    """Copy the adapter of the checkpoint ``source`` to ``adapter/`` with ``tunedeck.json``; returns its name.

    ``kept`` says why this one. Raises MachineError when the disk refuses; an earlier ``adapter/`` stays until the new
    one is whole.
    """
    partial = run.adapter.with_suffix(".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial, ignore=_leave_out)
        record = _record(run, config, prepared, kept)
        (partial / "tunedeck.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), "utf-8")
        shutil.rmtree(run.adapter, ignore_errors=True)
        partial.replace(run.adapter)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = reason_of(error)
        raise MachineError(
            "training.adapter-unwritable", path=run.adapter, reason=reason, checkpoint=source.name
        ) from error
    return run.adapter.name


def _leave_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _NOT_RESULT or name.startswith("rng_state_")]


def _record(run: RunDir, config: RunConfig, prepared: Prepared | None, kept: Result) -> dict[str, Any]:
    """What an adapter must remember of its making, so that later runs can build on it."""
    step = kept.step
    unknown = [0] * len(config.data)
    done = interventions.read(run)
    changes = mix_changes.read(run)
    read = list(trained_tokens(config, prepared, step, changes, done.skips).values()) if prepared else unknown
    there = list(prepared.tokens_by_source.values()) if prepared else unknown
    noted = origins.read(run)
    hashes = {each.path: each.sha256 for each in noted if each.part == "data"} or file_hashes(config)
    accepted = origins.accepted_changes(run)
    return {
        "base": {
            "name_or_path": config.model.name_or_path,
            "revision": config.model.revision,
            **_weights(config, noted),
        },
        "strategy": config.strategy.kind,
        "parents": read_parents(run),
        "step": step,
        **({"kept": kept.reason.as_json()} if kept.reason else {}),
        "data": [
            {"path": source.path, "role": source.role, "tokens": tokens, "source_tokens": of_source}
            for source, tokens, of_source in zip(config.data, read, there, strict=True)
        ],
        "data_files": [{"path": path, "sha256": digest} for path, digest in hashes.items()],
        **({"accepted_changes": accepted} if accepted else {}),
        **_interventions(done, prepared),
        "settings": config.model_dump(mode="json", exclude={"model", "data"}),
        "versions": versions(),
    }


def _interventions(done: Interventions, prepared: Prepared | None) -> dict[str, Any]:
    """What people did to the training on the way: nothing in most runs."""
    left_out = skipped_by_source(prepared, done.skips) if prepared else {}
    return {
        **({"rollbacks": [asdict(each) for each in done.rollbacks]} if done.rollbacks else {}),
        **({"rates": [asdict(each) for each in done.rates]} if done.rates else {}),
        **({"skipped_rows": done.skipped_rows, "skipped_by_source": left_out} if done.skips else {}),
    }


def _weights(config: RunConfig, noted: list[Origin]) -> dict[str, Any]:
    """Hashes of the base model's weight files, by name: as they were at the start where that was noted."""
    known = {each.path: each.sha256 for each in noted if each.part == "model" and each.sha256}
    folder = resolve(config.model.name_or_path, config.model.revision, config.model.allow_pickle).path
    files = weight_files(folder) if folder else ()
    hashes = {file.name: known[str(file)] for file in files if str(file) in known}
    return {"weights_sha256": hashes | hash_files(file for file in files if file.name not in hashes)}


def process_facts(placement: Placement, count: int = 1) -> dict[str, Any]:
    """Who computes, and on what; ``count`` processes, each on a device like this."""
    import torch

    on_gpu = placement.device.type == "cuda"
    name = torch.cuda.get_device_name(0) if on_gpu else "CPU"
    return {
        "pid": os.getpid(), "host": socket.gethostname(), "world_size": count,
        "device": f"{count} x {name}" if count > 1 else name, "threads": None if on_gpu else torch.get_num_threads(),
    }  # fmt: skip
