"""What a shell offers after Tab: runs, files, and the values of options that have but a few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

THEMES = ("dark", "light", "contrast", "color-blind", "terminal")
"""Names of the screen's, which a verb does not load."""
Offered = Callable[[str], list[str]]


def one_of(*values: str) -> Offered:
    """Offers those of ``values`` that begin with what was typed."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def run_names(incomplete: str) -> list[str]:
    """Names and ids of runs that begin with ``incomplete``. Whatever is wrong with a run, the others are offered."""
    from engine.runs.directory import list_runs

    found: dict[str, None] = {}
    for run in list_runs():
        for name in (run.name, run.id):
            if name.startswith(incomplete) and _is_a_word(name):
                found[name] = None
    return [*found]


def runs_or_paths(incomplete: str) -> list[str]:
    return [*run_names(incomplete), *paths(incomplete)]


def presets(incomplete: str) -> list[str]:
    from engine.config.presets import preset_ids

    return one_of(*preset_ids())(incomplete)


def starters(incomplete: str) -> list[str]:
    from engine.models.starter import STARTERS

    return one_of(*STARTERS)(incomplete)


def export_targets(incomplete: str) -> list[str]:
    from engine.app.export import TARGETS

    return one_of(*TARGETS, "hub")(incomplete)


def mix_methods(incomplete: str) -> list[str]:
    from engine.models.adapter.mix import METHODS

    return one_of(*METHODS)(incomplete)


def paths(incomplete: str) -> list[str]:
    """Files and folders that begin with ``incomplete``; of the only folder what is in it, as a shell goes on there."""
    above, _, begun = incomplete.rpartition("/")
    typed = f"{above}/" if "/" in incomplete else ""
    try:
        folder = Path(typed or ".").expanduser()
        names = sorted(each.name + "/" * each.is_dir() for each in folder.iterdir())
    except (OSError, RuntimeError, ValueError):
        return []
    shown = [name for name in names if _is_a_word(name) and (begun or not name.startswith("."))]
    found = [name for name in shown if name.startswith(begun)]
    if len(found) == 1 and found[0].endswith("/"):
        return paths(typed + found[0]) or [typed + found[0]]
    return [typed + name for name in found]


def offer_paths(command: Any) -> None:
    """Let Tab offer files in the place of a command, where they are opened; before a letter commands alone."""
    verbs = command.shell_complete

    def both(ctx: Any, incomplete: str) -> list[Any]:
        found = [] if incomplete.startswith("-") or not incomplete else paths(incomplete)
        return [*verbs(ctx, incomplete), *(SimpleNamespace(value=each, type="plain", help=None) for each in found)]

    command.shell_complete = both


def _is_a_word(name: str) -> bool:
    """Whether a shell takes it as it is."""
    return name.isprintable() and " " not in name
