"""Where runs, models and settings live. ``TUNEDECK_HOME`` overrides the platform's own folders."""

from __future__ import annotations

import os
from pathlib import Path

_MOST_NAMES = 2000


def home() -> Path:
    """The folder of everything tunedeck keeps; not created here."""
    override = os.environ.get("TUNEDECK_HOME")
    if override:
        return Path(override).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("tunedeck", appauthor=False))


def runs_dir() -> Path:
    return home() / "runs"


def models_dir() -> Path:
    return home() / "models"


def cache_dir() -> Path:
    return home() / "cache"


def draft_file() -> Path:
    """The wizard's unfinished answers, so that a dropped line loses nothing."""
    return home() / "draft.toml"


def presets_dir() -> Path:
    """The presets that ship with the program, beside the ``engine`` package in checkout and wheel alike."""
    return Path(__file__).resolve().parents[2] / "presets"


def names_a_place(text: str) -> bool:
    """Whether ``text``, which does not exist, is a path by its looks: then it must not be looked up on the hub.

    It begins or ends like one, has a part ``.`` or ``..``, or its folder is here.
    """
    parts = text.split("/")
    if text.startswith(("/", "~")) or any(part in ("", ".", "..") for part in parts):
        return True
    try:
        return len(parts) > 1 and Path(text).parent.is_dir()
    except (OSError, ValueError):
        return False


def nearest(path: Path) -> Path | None:
    """What is there of nearly the same name as ``path``, which is not; None where nothing comes close."""
    try:
        names = [entry.name for entry, _ in zip(os.scandir(path.parent), range(_MOST_NAMES), strict=False)]
    except (OSError, ValueError):
        near = nearest(path.parent) if path.parent != path.parent.parent else None
        return near / path.name if near and (near / path.name).exists() else None
    import difflib

    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return path.parent / close[0] if close else None


def private_dir(path: Path) -> Path:
    """Create ``path`` (and parents) readable by its owner only: GPU servers are shared."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):  # of parents made by mkdir itself the mode would be the system's
        each.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    return path
