"""What the present phase of a run is for, in a sentence for whoever sees it for the first time."""

from __future__ import annotations

from engine.messages.catalogue import text
from engine.runs.state import RunState

_MEANINGS = {
    "import": "now.import", "download": "now.load", "load": "now.load", "join": "now.load", "merge": "now.merge",
    "prove": "now.merge", "read": "now.read", "fetch": "now.read", "tokenise": "now.tokenise", "wait": "now.tokenise",
    "rehearsal": "now.rehearsal", "evaluate before": "now.before", "evaluate test before": "now.before",
    "answer before": "now.baseline", "answer": "now.baseline", "answer base": "now.baseline",
    "answer few-shot": "now.baseline", "answer old-adapter": "now.baseline", "train": "now.train",
    "evaluate during": "now.during", "answer during": "now.during", "score": "now.during",
    "evaluate after": "now.after", "evaluate test after": "now.after", "answer after": "now.after",
    "answer tuned": "now.after", "forgetting": "now.forgetting",
}  # fmt: skip


def meaning(state: RunState) -> str:
    """The sentence, "" for a run that has ended or is not under way."""
    if state.ended or state.state in ("created", "paused", "stopping"):
        return ""
    phase = state.phase.name if state.phase is not None else "train" if state.step is not None else "import"
    code = _MEANINGS.get(phase)
    return text(code) if code else ""
