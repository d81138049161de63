"""What waits for a person: runs that failed, spikes and much forgotten, exports that failed, mixes, what is new."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.runs.evaluations import EXPORT
from engine.runs.group_summary import GroupSummary
from tui import words

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.failures import Failure
    from engine.runs.group_summary import Line
    from engine.runs.summary import RunSummary

_RECENT_S = 7 * 86_400
"""What ended longer ago was seen."""
_WORK = {
    "export": ("home.export-failed", "export"), "proof": ("home.proof-failed", "export"),
    "push": ("home.push-failed", "export"), "evaluation": ("home.evaluation-failed", "evaluate"),
    "mix": ("home.mix-failed", "mix"),
}  # fmt: skip
"""Of each kind of work what is said of its failure, and the action of home that does it anew."""


@dataclass(frozen=True)
class Matter:
    """``run`` is the id of the line it is about; ``key`` acts there, by the name of an action of home.

    Of a ``mix`` there is no line: it opens its own screen. News is good news.
    """

    run: str
    words: str
    key: str = ""
    is_lost: bool = False
    mix: RunDir | None = None
    is_news: bool = False


def waiting_mixes() -> list[RunDir]:
    """Mixes that were measured, and neither kept nor thrown away."""
    from engine.runs import mixes  # not for the first frame

    return [run for run in mixes.candidates() if (made := mixes.read(run)) is not None and made.tasks]


def matters(
    lines: Sequence[Line], mixes: Sequence[RunDir], now: float, left: float | None = None, seen: Container[str] = ()
) -> list[Matter]:
    """What needs a person: alarms of running trainings first, then what failed, the newest first, then mixes.

    Behind them are the runs that finished since a person ``left``, but for those ``seen`` in the meantime.
    """
    runs: list[RunSummary] = []
    for line in lines:
        runs += line.members if isinstance(line, GroupSummary) else (line,)
    found = [Matter(run.id, _said("home.alarmed", run), "open") for run in runs if run.alarm]
    failed = [
        (run.last_t, Matter(run.id, _said("home.broke", run), "resume" if run.resumable else "open", is_lost=True))
        for run in runs
        if run.state == "failed" or (run.state == "crashed" and run.resumable)
    ]
    failed += [(each.t, _of_work(run, each)) for run in runs for each in run.failures]
    failed = sorted((each for each in failed if now - each[0] < _RECENT_S), key=lambda each: -each[0])
    found += [matter for _, matter in failed]
    found += [Matter("", text("home.mix-waits", mix=words.run_name(mix)), mix=mix) for mix in mixes]
    new = [] if left is None else [run for run in runs if run.state == "finished" and run.last_t > left]
    return found + [
        Matter(run.id, _said("home.finished-since", run), "open", is_news=True) for run in new if run.id not in seen
    ]


def _of_work(run: RunSummary, failure: Failure) -> Matter:
    code, key = _WORK[failure.work]
    name = failure.name.removeprefix(EXPORT) if failure.work == "proof" else failure.name
    told = text(code, run=clean(run.name, keep_newlines=False), name=clean(name, keep_newlines=False),
                why=words.said(failure.reason))  # fmt: skip
    return Matter(run.id, told, key, is_lost=True)


def _said(code: str, run: RunSummary) -> str:
    why = run.alarm or run.reason
    return text(code, run=clean(run.name, keep_newlines=False), why=words.said(why) if why else "")
