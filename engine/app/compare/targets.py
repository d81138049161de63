"""What is put side by side: runs and groups, as a person named them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.common.errors import RunError
from engine.runs import directory, groups
from engine.runs.directory import RunDir
from engine.runs.groups import Group

MOST = 8
"""Runs that are compared; more curves and columns could not be told apart."""


@dataclass(frozen=True)
class Target:
    """What a person named: a run, or a group with its runs."""

    id: str
    name: str
    runs: tuple[RunDir, ...]
    group: Group | None = None


def targets(names: Sequence[str], root: Path | None = None) -> list[Target]:
    """What ``names`` mean: runs and groups. One group alone means each of its runs. Raises RunError."""
    return spread_out([_target(name, root) for name in names])


def still_there(names: Sequence[str], root: Path | None = None) -> list[Target]:
    """Those of ``names`` that still mean something, as the sides of a comparison; [] where too few are left."""
    found = []
    for name in names:
        with suppress(RunError):
            found.append(_target(name, root))
    with suppress(RunError):
        return spread_out(found)
    return []


def spread_out(found: Sequence[Target]) -> list[Target]:
    """``found`` as the sides of a comparison. Raises RunError for too few, too many, or the same twice."""
    found = list(found)
    if len(found) == 1 and found[0].group is not None:
        found = [of_run(run) for run in found[0].runs]
    ids = [each.id for each in found]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise RunError("compare.same-twice", run=twice)
    if len(found) < 2:
        raise RunError("compare.too-few", runs=len(found))
    if len(found) > MOST:
        raise RunError("compare.too-many", runs=len(found), most=MOST)
    return found


def of_run(run: RunDir) -> Target:
    return Target(run.id, run.name, (run,))


def of_group(group: Group) -> Target:
    return Target(group.id, group.name, tuple(group.runs), group)


def _target(name: str, root: Path | None) -> Target:
    group = groups.find(name, root)
    if group is not None and group.runs:
        return of_group(group)
    return of_run(directory.find(name, root))
