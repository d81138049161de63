"""The check of a config as tests ask for it."""

from __future__ import annotations

from engine.app.check import check
from engine.config.presets import Resolved
from engine.config.rules import Issue


def preflight(resolved: Resolved) -> list[Issue]:
    """What rules and files say of ``resolved``, whatever machine this is. Raises what would keep it from starting."""
    found = check(resolved, None)
    found.require()
    return [each.issue for each in found.files]
