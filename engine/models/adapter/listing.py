"""The adapters that earlier runs made, those that fit a base model first: what the wizard lets people pick from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.common.errors import TunedeckError
from engine.models.adapter.adapter import AdapterCard, read_adapter
from engine.models.adapter.match import match
from engine.models.card import ModelCard
from engine.runs import directory
from engine.runs.directory import RunDir

_MOST = 200
_RANKED = ("ok", "unsure", "refused")


@dataclass(frozen=True)
class Candidate:
    """The adapter of a run. ``name`` is what a config calls it, ``title`` what people do.

    ``card`` is None where it can't be read. ``level`` is that of the match by names and headers; ``reason`` says why
    it is not "ok".
    """

    name: str
    title: str
    card: AdapterCard | None
    level: Literal["ok", "unsure", "refused"]
    reason: str = ""


def adapters_at_hand(base: ModelCard | None, named: str = "", root: Path | None = None) -> list[Candidate]:
    """The adapters of runs in ``root``, those that fit ``base`` first, newer before older.

    Reads headers alone, some milliseconds each: whether the base's weights changed is asked of the one that is picked.
    """
    found = [_candidate(run, base, named) for run in directory.list_runs(root)[:_MOST] if run.has_adapter]
    return sorted(found, key=lambda candidate: _RANKED.index(candidate.level))


def _candidate(run: RunDir, base: ModelCard | None, named: str) -> Candidate:
    title = str(run.read_run_json().get("name") or run.id)
    try:
        card = read_adapter(run.path)
        if base is None:
            return Candidate(run.id, title, card, "ok")
        found = match(card, base, named, reads_weights=False)
    except TunedeckError as error:
        return Candidate(run.id, title, None, "refused", error.title)
    reason = next((each.text for each in found.reasons if each.level == found.level != "ok"), "")
    return Candidate(run.id, title, card, found.level, reason)
