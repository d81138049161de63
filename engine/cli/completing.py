"""What a shell offers after Tab where a verb wants a run: names and ids, the newest first."""

from __future__ import annotations


def run_names(incomplete: str) -> list[str]:
    """Names and ids of runs that begin with ``incomplete``. Whatever is wrong with a run, the others are offered."""
    from engine.runs.directory import list_runs

    found: dict[str, None] = {}
    for run in list_runs():
        for name in (run.name, run.id):
            if name.startswith(incomplete) and name.isprintable() and " " not in name:
                found[name] = None
    return [*found]
