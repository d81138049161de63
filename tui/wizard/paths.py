"""Paths that are typed, completed from the file system."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from textual.suggester import Suggester

from engine.common.clean_text import clean
from tui.flow.paths import DATA_SUFFIXES, MOST_ENTRIES, named


class PathSuggester(Suggester):
    """Suggests the first entry that begins with what is typed; the right arrow takes it.

    ``tell`` gets the entry's name ("" for none): a long path leaves no room to show it in the field itself.
    """

    def __init__(self, tell: Callable[[str], None], folders_only: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._tell = tell
        self._folders_only = folders_only

    async def get_suggestion(self, value: str) -> str | None:
        found = None
        if value.strip() and not value.endswith("~"):
            found = await asyncio.to_thread(complete, value, self._folders_only)
        self._tell(os.path.split(found.rstrip("/"))[1] if found and found != value else "")
        return found


def complete(typed: str, folders_only: bool = False) -> str | None:
    """``typed`` with the rest of the first matching name, a slash behind folders; None when nothing matches."""
    folder, beginning = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111 (keeps "~" as typed)
            names = [named(entry) for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)]
    except OSError:
        return None
    fits = sorted(
        name
        for name in names
        if name.startswith(beginning)
        and (beginning or not name.startswith("."))
        and (name.endswith("/") or not (folders_only or not name.rstrip("/").lower().endswith(DATA_SUFFIXES)))
        and clean(name, keep_newlines=False) == name
    )
    return os.path.join(folder, fits[0]) if fits else None  # noqa: PTH118
