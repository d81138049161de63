"""Runs that a version with event log 1 wrote, as they were: one finished, one built on it, one stopped, one failed."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.runs.directory import RunDir

FINISHED, CONTINUED = "20261130-032357-tiny-76e9", "20261130-032420-tiny-ea8b"
STOPPED, FAILED = "20261130-032543-tiny-ed40", "20261130-032605-tiny-nan-85d2"
_KEPT = Path(__file__).parent / "v1"
_THERE = "/srv/deck"
"""Where they were written: model, rows and runs lay there."""


def put_back(home: Path) -> dict[str, RunDir]:
    """Copy the runs and their rows to ``home``, as if they had been written there; by their ids."""
    for path in _KEPT.rglob("*"):
        target = home / ("" if path.name == "rows.jsonl" else "runs") / path.relative_to(_KEPT)
        if path.is_dir():
            target.mkdir(parents=True, mode=0o700, exist_ok=True)
        elif path.suffix in (".toml", ".json", ".jsonl", ".log") and not path.parent.name.startswith("checkpoint"):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text().replace(_THERE, str(home)))
        else:
            shutil.copyfile(path, target)
    return {each: RunDir(home / "runs" / each) for each in (FINISHED, CONTINUED, STOPPED, FAILED)}
