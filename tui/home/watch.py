"""Summarise all runs in a thread, reading again only those whose files moved."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump

from engine.messages.catalogue import text
from engine.messages.formats import size
from tui.messages import RunsSummarised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.directory import RunDir
    from engine.runs.group_summary import Known, Line
    from engine.runs.summary import RunSummary

_MOST_RUNS = 5000
_SEEN_FIRST = 40


class RunWatch:
    """``poll`` gives the summaries of all runs under ``root``, newest first, groups folded."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[tuple[object, ...], RunSummary]] = {}
        self._spreads: Known = {}

    def poll(self, most: int = _MOST_RUNS) -> tuple[Line, ...]:
        """Of at most so many runs, the newest."""
        # Loaded here, in the thread: the first frame needs neither runs nor the decoder of their logs.
        from engine.runs import failures
        from engine.runs.directory import list_runs
        from engine.runs.evaluations import SUMMARY, TRAINING, folder
        from engine.runs.group_summary import fold
        from engine.runs.state import ENDED
        from engine.runs.summary import summarise

        fresh: dict[str, tuple[tuple[object, ...], RunSummary]] = {}
        for run in list_runs(self.root)[:most]:
            measured = _mark(folder(run, TRAINING) / SUMMARY)
            files = (run.events, run.run_json, run.exit_json, run.path / failures.FILE)
            mark = (*map(_mark, files), measured, run.is_alive())
            known = self._known.get(run.id)
            # A run that is starting or gone silent changes its state with time alone.
            settled = known is not None and known[0] == mark and (mark[-1] or known[1].state in (*ENDED, "created"))
            fresh[run.id] = known if known is not None and settled else (mark, summarise(run))
        self._known = fresh
        return fold([summary for _, summary in fresh.values()], self._spreads)


def watch(
    root: Path, target: MessagePump, stop: threading.Event, wake: threading.Event, interval_s: float = 1.0
) -> None:
    """Post RunsSummarised to ``target`` every interval until ``stop``; holds still while ``wake`` is clear.

    Meant for a thread worker.
    """
    from tui.flow.matters import waiting_mixes  # in the thread, as what ``poll`` loads

    runs = RunWatch(root)
    first = _SEEN_FIRST  # what fits on a screen, before hundreds of logs are read
    while not stop.is_set():
        if wake.wait(timeout=0.5):
            found = runs.poll(first)
            target.post_message(RunsSummarised(found, waiting_mixes()))
            if first == _MOST_RUNS or sum(map(runs_in, found)) != first:
                stop.wait(interval_s)
            first = _MOST_RUNS


def runs_in(line: Line) -> int:
    """How many runs a line of the list stands for."""
    return len(getattr(line, "members", (line,)))


def _mark(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def removal_of(run: RunDir, root: Path) -> tuple[list[str], tuple[str, ...]]:
    """What a deletion of ``run`` takes, as lines, and the titles of what was made from it. Raises OSError.

    Reads all of its folder: meant for a thread.
    """
    from engine.app import deletion

    removal = deletion.removal_of(run, root)
    return removal_lines(run, removal.paths), removal.children


def removal_lines(run: RunDir, paths: Sequence[Path]) -> list[str]:
    """What a deletion takes, one line each with its size, the whole at the end."""
    lines, total = [], 0
    for path in paths:
        taken = _size(path)
        total += taken
        lines.append(f"{path.relative_to(run.path)}{'/' if path.is_dir() else ''}".ljust(24) + f"{size(taken):>9}")
    return [*lines, text("home.delete-total", bytes=total, folder=run.path)]


def _size(path: Path) -> int:
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size
    return sum(child.lstat().st_size for child in path.rglob("*") if not child.is_dir())
