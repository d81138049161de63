"""Groups of seeds: start N runs of one config in turn, stop them, and train what is missing of them later."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.app.check import Checked
from engine.app.resume import changes
from engine.app.start import facts_of
from engine.common import paths
from engine.common.errors import MachineError, RunError, TunedeckError, reason_of
from engine.common.regular_files import open_to_append
from engine.config import provenance, toml
from engine.config.presets import Resolved
from engine.memory.disk import free_bytes
from engine.messages.message import Message
from engine.models import origins
from engine.runs import directory, groups
from engine.runs.directory import RunDir
from engine.runs.follow import last_log_line, load_state
from engine.runs.groups import Group
from engine.runs.logout_survival import scope_prefix

MOST_SEEDS = 100
SUPERVISOR = (sys.executable, "-P", "-m", "engine.runs.group_supervise")
_LONGEST_START_S = 20.0
_SEEDS = 2**32


def launch_group(group: Group, accept_changes: bool = False) -> None:
    """Start the detached supervisor of ``group``; returns once it has taken the lock. Raises MachineError."""
    command = [*scope_prefix(), *SUPERVISOR, str(group.path), *(["--accept-changes"] if accept_changes else [])]
    try:
        log = open_to_append(group.log)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=group.path
            )
        finally:
            os.close(log)
    except OSError as error:
        raise MachineError("runs.runner-not-started", path=group.path, reason=reason_of(error)) from error
    deadline = time.monotonic() + _LONGEST_START_S
    while not group.is_alive() and time.monotonic() < deadline:
        if process.poll() is not None:  # also right when every run had ended before one could look
            if process.returncode:
                raise MachineError("runs.runner-not-started", path=group.path, reason=last_log_line(group.log))
            return
        time.sleep(0.02)


def start_group(
    checked: Checked, seeds: int, root: Path | None = None, spawn: Callable[[Group], object] = launch_group,
    duplicated_from: str = "",
) -> Group:  # fmt: skip
    """Create the runs of a group that nothing speaks against, one for each of so many seeds, and start the first.

    The seeds are that of the config and those after it. The split is drawn by the config's own in all of them, so
    that each is tested on the very same rows. Raises TunedeckError as ``start`` does; nothing is left behind then.
    """
    checked.require()
    settled = checked.planned.resolved
    if not 2 <= seeds <= MOST_SEEDS:
        raise RunError("groups.wrong-count", seeds=seeds, most=MOST_SEEDS)
    _require_disk(checked, seeds, root)
    config = settled.config
    name = config.run.name or Path(config.model.name_or_path.rstrip("/")).name
    group = groups.create(name, root)
    made: list[RunDir] = []
    try:
        for number in range(seeds):
            seed = (config.run.seed + number) % _SEEDS
            made.append(_create(settled, name, seed, group, duplicated_from))
        groups.keep(group, name, made)
        spawn(group)
    except (TunedeckError, OSError) as error:
        with contextlib.suppress(OSError, TunedeckError):
            for run in made:
                directory.delete(run)
            groups.delete(group)
        if isinstance(error, OSError):
            where = str(error.filename or group.path)
            raise MachineError("runs.cannot-create", path=where, reason=reason_of(error)) from error
        raise
    return group


def stop_group(group: Group) -> None:
    """Ask ``group`` to stop: its present run stops with a checkpoint, no further one starts. Raises RunError."""
    if not group.is_alive():
        raise RunError("groups.not-running", group=group.id)
    try:
        group.stop_mark.touch(mode=0o600)
    except OSError as error:
        raise MachineError("runs.cannot-create", path=group.stop_mark, reason=reason_of(error)) from error


def missing(group: Group) -> list[RunDir]:
    """The runs of ``group`` that have not finished."""
    return [run for run in group.runs if load_state(run).state != "finished"]


def changed(group: Group) -> list[Message]:
    """What the runs that would go on were made from that is another now; to be accepted before they do."""
    found = [change for run in missing(group) if run.complete_checkpoints() for change in changes(run)]
    return list(dict.fromkeys(found))


def resume_group(
    group: Group, accept_changes: bool = False, spawn: Callable[[Group, bool], object] = launch_group
) -> list[RunDir]:
    """Train what is missing of ``group``, and say which runs that are: begun ones go on, others start.

    Raises RunError when it runs, when nothing is missing, or when changes are not accepted.
    """
    if group.is_alive():
        raise RunError("groups.already-running", group=group.id)
    left = missing(group)
    if not left:
        raise RunError("groups.all-finished", group=group.id)
    if not accept_changes and (found := changed(group)):
        raise origins.refuse(left[0], found)
    group.stop_mark.unlink(missing_ok=True)
    spawn(group, accept_changes)
    return left


def _create(settled: Resolved, name: str, seed: int, group: Group, duplicated_from: str) -> RunDir:
    config = settled.config.model_copy(deep=True)
    config.run.split_seed = config.run.drawn_by
    config.run.seed = seed
    config.run.name = f"{name[:60]} seed {seed}"
    by_group = dict.fromkeys(("run.seed", "run.split_seed", "run.name"), provenance.GROUP)
    resolved = replace(settled, config=config, sources=dict(settled.sources) | by_group)
    facts = facts_of(config, duplicated_from) | {groups.GROUP: group.id, groups.SEED: seed}
    return directory.create(
        config.model.name_or_path, toml.dumps(resolved), config.run.name, group.path.parent, facts
    )  # fmt: skip


def _require_disk(checked: Checked, seeds: int, root: Path | None) -> None:
    """Raise MachineError when the disk can't hold what all runs of the group keep."""
    disk, place = checked.planned.disk, root or paths.runs_dir()
    free = free_bytes(place)
    if disk is not None and free is not None and free < seeds * disk.run:
        needed = Message("groups.disk", seeds=seeds, bytes=seeds * disk.run)
        raise MachineError("memory.disk-too-small", place=place, free=free, disk=needed)
