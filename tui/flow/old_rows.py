"""The rows an old adapter was trained on as lines of the board, whatever the strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from tui.draft.mix_board import Line
from tui.draft.mix_sources import names_of
from tui.draft.strategy_state import named

if TYPE_CHECKING:
    from engine.models.adapter.training_data import Replay
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


def old_rows(draft: Draft, facts: Facts) -> list[Line]:
    """Sources that replay what the draft's adapter has learnt; [] without one, or where its rows are gone.

    Reads the adapter where nobody has: some milliseconds, away from the screen.
    """
    replay = _replay(draft, facts)
    entries = [dict(entry) for entry in replay.sources] if replay else []
    return [
        Line(str(entry["path"]), name, "replay", entry.get("share"), entry=entry)
        for entry, name in zip(entries, names_of(entries), strict=True)
    ]


def _replay(draft: Draft, facts: Facts) -> Replay | None:
    wanted = str(draft.get("strategy.adapter") or "")
    if not wanted:
        return None
    if facts.old_adapter is not None and wanted in (named(facts.old_adapter), facts.old_adapter.named):
        return facts.old_adapter.replay
    from engine.models.adapter.card import read_adapter
    from engine.models.adapter.training_data import replay_of

    try:
        return replay_of(read_adapter(wanted, draft.get("model.allow_pickle") is True))
    except TunedeckError:
        return None
