"""settings.json: what a person chose once for all runs, read past any damage and changed one field at a time."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from engine.common import paths


def file() -> Path:
    return paths.home() / "settings.json"


def get(*names: str) -> Any:
    """What is kept at ``names``, one for each level: ``get("ui", "bell")``. None where nothing is."""
    found: Any = _read()[0]
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def keep(value: Any, *names: str) -> None:
    """Keep ``value`` at ``names``; all other fields stay, those too that this version does not know.

    A file that can't be understood is put aside as ``settings.json.DATE-TIME``. Raises OSError where nothing can be
    written, or what is there may not be read.
    """
    kept, why = _read()
    if isinstance(why, OSError):
        raise why
    paths.private_dir(file().parent)
    if why is not None:
        file().rename(file().with_name(f"{file().name}.{time.strftime('%Y%m%d-%H%M%S')}"))
    level = kept
    for name in names[:-1]:
        if not isinstance(level.get(name), dict):
            level[name] = {}
        level = level[name]
    level[names[-1]] = value
    part = file().with_name(f".{file().name}.{os.getpid()}")
    part.write_text(json.dumps(kept), "utf-8")
    part.replace(file())


def trouble() -> OSError | ValueError | None:
    """Why the file that is there can't be read; None too where there is none."""
    return _read()[1]


def _read() -> tuple[dict[str, Any], OSError | ValueError | None]:
    try:
        found = json.loads(file().read_text("utf-8"))
    except FileNotFoundError:
        return {}, None
    except RecursionError:
        return {}, ValueError("nested too deep")
    except (OSError, ValueError) as error:
        return {}, error
    return (found, None) if isinstance(found, dict) else ({}, ValueError("no JSON object"))
