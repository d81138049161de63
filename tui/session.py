"""What comes back at the next start: the place one was in and how it looked, kept in session.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from engine.common import paths
from engine.common.files import write_atomic

VERSION = 1
_MOST_BYTES = 1 << 20
Choice = TypeVar("Choice", bound=str)


class Session:
    """``place`` is home, wizard or monitor, ``run`` the folder of the run that is watched there.

    ``looks`` are what the screen of each place remembered, ``over`` what those that lay over the last place did.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Read what was kept in ``file``; of another version's, or a broken one, nothing."""
        self.file = file or paths.home() / "session.json"
        kept = _read(self.file)
        self.place = one_of(kept, "place", ("home", "wizard", "monitor")) or "home"
        self.run = texts(kept, "run")
        looks = kept.get("looks")
        self.looks = {
            name: look for name, look in looks.items() if isinstance(look, dict)
        } if isinstance(looks, dict) else {}  # fmt: skip
        over = kept.get("over")
        self.over = [look for look in over if isinstance(look, dict)] if isinstance(over, list) else []

    @property
    def run_folder(self) -> Path | None:
        """The folder of the run to come back to, while it is there."""
        return run_folder(self.run)

    def save(self) -> None:
        """Keep it. A folder that can't be written to loses no more than this."""
        kept = {
            "version": VERSION, "place": self.place, "run": self.run, "looks": self.looks, "over": self.over,
        }  # fmt: skip
        with suppress(OSError, ValueError):
            paths.private_dir(self.file.parent)
            write_atomic(self.file, json.dumps(kept))


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return {}
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("version") == VERSION else {}


def run_folder(named: str) -> Path | None:
    """The folder of a run that was ``named`` by its path, while it is there."""
    folder = Path(named)
    with suppress(OSError, ValueError):
        if named and (folder / "config.toml").is_file():
            return folder
    return None


def one_of(kept: Mapping[str, Any], name: str, choices: Sequence[Choice]) -> Choice | None:
    """The value of ``name`` where it is one of ``choices``."""
    return next((choice for choice in choices if choice == kept.get(name)), None)


def texts(kept: Mapping[str, Any], name: str) -> str:
    """The value of ``name`` where it is text, else ""."""
    value = kept.get(name)
    return value if isinstance(value, str) else ""


def numbers(kept: Mapping[str, Any], name: str, count: int) -> list[float]:
    """The value of ``name`` where it is a list of so many numbers, else []."""
    value = kept.get(name)
    if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
        return []
    return [float(each) for each in value]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15
