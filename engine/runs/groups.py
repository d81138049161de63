"""Groups of runs: one config trained with several seeds in turn, the same rows held out each time.

A group is a folder ``group-…`` beside its runs. Its runs exist from the beginning and know their group and seed
(run.json); the folder says which they are, is locked while the next one may start, and takes the word to stop.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from engine.common import paths
from engine.common.errors import MachineError, RunError, reason_of
from engine.common.files import read_json, write_atomic
from engine.runs.directory import RunDir, is_locked, list_runs

PREFIX = "group-"
GROUP, SEED = "group", "seed"
"""Facts of a run in run.json: the id of its group, and its seed."""


@dataclass(frozen=True)
class Group:
    """Paths of one group; nothing is read until asked for."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def record(self) -> Path:
        return self.path / "group.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def stop_mark(self) -> Path:
        """There while the group is to stop: no further run starts."""
        return self.path / "stop"

    @property
    def log(self) -> Path:
        return self.path / "group.log"

    @property
    def name(self) -> str:
        return str(read_json(self.record).get("name") or self.id)

    @property
    def runs(self) -> list[RunDir]:
        """Its runs that are still there, in the order of their start."""
        ids = read_json(self.record).get("runs")
        found = [RunDir(self.path.parent / each) for each in (ids if isinstance(ids, list) else []) if is_id(each)]
        return [run for run in found if run.config.exists()]

    def is_alive(self) -> bool:
        """Whether its supervisor runs now: it starts the next run when one has ended."""
        return is_locked(self.lock)


def is_id(name: Any) -> TypeGuard[str]:
    """Whether ``name`` can be that of a folder beside others, and leads nowhere else."""
    return isinstance(name, str) and bool(re.fullmatch(r"[^/\0]{1,200}", name)) and name not in (".", "..")


def create(name: str, root: Path | None = None) -> Group:
    """A new group without runs, called ``name``; the runs are made in ``root`` too. Raises MachineError."""
    root = root or paths.runs_dir()
    try:
        paths.private_dir(root)
        group = Group(root / f"{PREFIX}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
        group.path.mkdir(mode=0o700)
        keep(group, name, [])
    except OSError as error:
        where = error.filename or root
        raise MachineError("runs.cannot-create", path=where, reason=reason_of(error)) from error
    return group


def keep(group: Group, name: str, runs: Sequence[RunDir]) -> None:
    """Write down which runs a group has, in the order of their start. Raises OSError."""
    write_atomic(group.record, json.dumps({"name": name, "runs": [run.id for run in runs]}))


def of_run(run: RunDir) -> Group | None:
    """The group that ``run`` belongs to, None for a run by itself."""
    named = run.read_run_json().get(GROUP)
    group = Group(run.path.parent / named) if is_id(named) and named.startswith(PREFIX) else None
    return group if group is not None and group.record.exists() else None


def all_groups(root: Path | None = None) -> list[Group]:
    """The groups in ``root`` or where runs are, newest first."""
    root = root or paths.runs_dir()
    try:
        found = [Group(path) for path in root.iterdir() if path.name.startswith(PREFIX)]
    except OSError:
        return []
    return sorted((group for group in found if group.record.exists()), key=lambda group: group.id, reverse=True)


def find(name: str, root: Path | None = None) -> Group | None:
    """The group with this id, beginning of an id, or name; None where none is, or a run is called so.

    Raises RunError when several are.
    """
    groups = all_groups(root) if name else []
    if name.startswith(PREFIX):
        found = [group for group in groups if group.id == name or group.id.startswith(name)]
    else:
        found = [group for group in groups if group.name == name]
        if found and any(name in (run.id, run.read_run_json().get("name")) for run in list_runs(root)):
            return None
    if len(found) > 1:
        raise RunError("runs.ambiguous", name=name, runs=[group.id for group in found[:5]])
    return found[0] if found else None


def delete(group: Group) -> None:
    """Remove the folder of a group whose runs are gone; what a person put there stays. Raises OSError."""
    for path in (group.record, group.lock, group.stop_mark, group.log):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # something of a person's is in it
        group.path.rmdir()
