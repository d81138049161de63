"""What was chosen in each step, in a word or two, for the rail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui.draft.draft import Draft, task_of
from tui.draft.mix_sources import short
from tui.draft.relation import WAYS

TASKS = {"instructions": "wizard.chosen-instructions", "text": "wizard.chosen-text"}


def chosen(draft: Draft, step: str) -> str:
    """What ``draft`` answers in the step of that name, cleaned; "" where nothing is."""
    return clean(_CHOSEN[step](draft), keep_newlines=False) if step in _CHOSEN else ""


def _named(codes: Mapping[str, str], answer: str) -> str:
    """An answer that another version kept may be unknown here."""
    return text(codes[answer]) if answer in codes else answer


def _model(draft: Draft) -> str:
    return Path(str(draft.get("model.name_or_path") or "")).name


def _data(draft: Draft) -> str:
    names = [short(item.get("path", "")) for item in draft.data_sources()]
    return names[0] if len(names) == 1 else text("wizard.chosen-files", files=len(names)) if names else ""


def _settings(draft: Draft) -> str:
    return draft.preset or text("wizard.chosen-own")


_CHOSEN = {
    "task": lambda draft: _named(TASKS, task_of(draft)),
    "model": _model,
    "strategy": lambda draft: _named(WAYS, str(draft.get("strategy.kind"))),
    "data": _data,
    "settings": _settings,
}
