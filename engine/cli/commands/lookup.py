"""Which run a verb means when none, or only part of a name, is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.errors import RunError

if TYPE_CHECKING:
    from engine.runs.directory import RunDir


def run_or_latest(name: str) -> RunDir:
    """The run called ``name``, of a group the one that runs or began last; without a name the running one, else the
    newest. Raises RunError."""
    from engine.runs import groups
    from engine.runs.directory import find, list_runs

    if name:
        group = groups.find(name)
        return find(name) if group is None or not group.runs else _present(group.runs)
    alive = [run for run in list_runs() if run.is_alive()]
    return alive[0] if alive else find("last")


def run_to_steer(name: str) -> RunDir:
    """The run called ``name``; without one the only one that runs. Raises RunError, also when several run."""
    from engine.runs.directory import find, list_runs

    if name:
        return find(name)
    alive = [run for run in list_runs() if run.is_alive()]
    if not alive:
        raise RunError("runs.nothing-running")
    if len(alive) > 1:
        raise RunError("runs.several-running", runs=[run.id for run in alive])
    return alive[0]


def _present(runs: list[RunDir]) -> RunDir:
    """The run of a group that runs, else the last that began, else the first."""
    begun = [run for run in runs if run.events.exists()]
    return next((run for run in runs if run.is_alive()), begun[-1] if begun else runs[0])
