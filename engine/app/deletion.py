"""Deleting a run: what goes, what was made from it, and the deed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.models.lineage import made_from, read_lineage
from engine.runs import directory, groups
from engine.runs.directory import RunDir


@dataclass(frozen=True)
class Removal:
    """``paths`` are what tunedeck made and would remove; ``children`` the titles of what would lose its parent."""

    paths: tuple[Path, ...]
    children: tuple[str, ...]


def removal_of(run: RunDir, root: Path) -> Removal:
    """What deleting ``run`` takes, among the runs in ``root``; changes nothing."""
    children = made_from(run, read_lineage(root))
    return Removal(tuple(directory.what_delete_removes(run)), tuple(node.title for node in children))


def delete(run: RunDir) -> None:
    """Remove what tunedeck made for ``run``. Raises RunError while it is running, OSError."""
    group = groups.of_run(run)
    directory.delete(run)
    if group is not None and not group.runs and not group.is_alive():
        groups.delete(group)
