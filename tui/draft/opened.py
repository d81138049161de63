"""The answers the wizard begins with when a path was given on the command line."""

from __future__ import annotations

from pathlib import Path

from engine.app.opening import Opened
from engine.common.errors import TunedeckError
from engine.messages.message import Message
from tui.draft.draft import Draft, preset_of, task_of


def draft_of(opened: Opened) -> Draft:
    """What ``opened`` answers, with what is to be said of it; not for a run. Raises TunedeckError."""
    if opened.kind == "config":
        return _of_config(opened.path)
    if opened.kind == "adapter":
        return _of_adapter(opened.path)
    draft = Draft(notes=opened.left_out)
    if opened.kind == "model":
        draft.set("model.name_or_path", opened.path)
        return draft
    draft.notes = (Message("opening.rows", files=tuple(Path(path).name for path in opened.sources)), *opened.left_out)
    draft.set_data([{"path": path} for path in opened.sources])
    draft.task = "text" if opened.is_text else "instructions"
    draft.apply_preset(preset_of(draft.task))
    return draft


def _of_config(path: str) -> Draft:
    from engine.config import toml

    draft = Draft.from_resolved(toml.load(Path(path)))
    draft.task, draft.step = task_of(draft), "review"
    draft.notes = (Message("opening.from-config", path=Path(path).name),)
    return draft


def _of_adapter(path: str) -> Draft:
    from engine.models.adapter.card import read_adapter
    from engine.models.local import resolve
    from engine.runs.directory import RunDir
    from tui.draft.from_run import draft_from, draft_of_adapter

    card = read_adapter(path)
    is_result = bool(card.run) and card.path.name == "adapter"
    draft = draft_from(RunDir(card.path.absolute().parent)) if is_result else draft_of_adapter(card)
    base = str(draft.get("model.name_or_path") or "")
    try:
        is_here = resolve(base).path is not None
    except TunedeckError:
        is_here = False
    if not is_here:
        draft.step = "model"
        draft.notes = (Message("opening.base-elsewhere", name=base),) if base else ()
    return draft
