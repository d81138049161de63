"""Write the report of a run: one HTML file, made from the run's directory alone; nothing of anybody else's is lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from engine.common.errors import MachineError, RunError, reason_of
from engine.common.files import write_atomic
from engine.report.content import content
from engine.report.facts import read
from engine.report.page import html
from engine.runs.directory import RunDir, is_report_of


def write(run: RunDir, to: Path | None = None, force: bool = False) -> Path:
    """Write the report to ``to``, by default ``report.html`` in the run's directory; returns its absolute path.

    An earlier report of the same run is replaced; any other file only with ``force``. Raises RunError for a target
    that is taken or no file, MachineError where it can't be written. Takes a second; not for the screen's own thread.
    """
    path = Path(os.path.abspath(to.expanduser() if to else run.report))  # noqa: PTH100 - a link is not to be followed
    if to is not None and os.path.isdir(path):  # noqa: PTH112 - of a name that can be none False, no error
        path = path / f"{run.id}.html"
    _refuse(path, run, force)
    page = html(content(read(run)))
    try:
        write_atomic(path, page)
    except OSError as error:
        raise MachineError("report.unwritable", path=path, reason=reason_of(error)) from error
    return path


def _refuse(path: Path, run: RunDir, force: bool) -> None:
    """Raise for a target that is not ours to replace."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise MachineError("report.unwritable", path=path, reason=reason_of(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise RunError("report.not-a-file", path=path)
    if not force and not is_report_of(path, run.id):
        raise RunError("report.exists", path=path)


def can_open() -> bool:
    """Whether there is a desktop whose browser could show it: never over ssh."""
    if "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ:
        return False
    if sys.platform == "darwin":
        return True
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_display and shutil.which("xdg-open") is not None


def open_in_browser(path: Path) -> bool:
    """Show a report in the desktop's browser; whether one was started. What it prints goes nowhere."""
    if not can_open():
        return False
    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        subprocess.Popen(
            [program, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return False
    return True
