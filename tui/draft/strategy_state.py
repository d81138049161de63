"""What the choice of a strategy writes into the draft: the adapter's settings, a gentler rate, old rows mixed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.config import presets, provenance
from engine.config.provenance import NOBODYS, REPLAY, THIRD, YOU
from engine.messages.message import Message
from engine.models.adapter.adopt import fixed_by
from tui.draft.draft import Draft, flatten

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from engine.models.adapter.card import AdapterCard
    from engine.models.adapter.training_data import Replay

_RATE = "train.learning_rate"


def choose(draft: Draft, kind: str, old: OldAdapter | None) -> None:
    """Answer the strategy. What continuing fixes is written only when the answer is another one than before.

    So replay that was taken out, or a rate that was set, stays as it is when one passes by again.
    """
    name = named(old)
    before = (draft.get("strategy.kind"), draft.get("strategy.adapter"))
    draft.set("strategy.kind", kind)
    if name:
        draft.set("strategy.adapter", name)
    else:
        draft.unset("strategy.adapter")
    changed = before != (kind, name)
    continues = kind == "continue" and old is not None and old.card is not None
    if changed or (continues and not is_locked(draft, "adapter.r")):
        release(draft)
        if continues and old is not None and old.card is not None:
            take(draft, old.card)
    if changed:
        without_replay(draft)
        if continues and old is not None and old.replay is not None:
            with_replay(draft, old.replay)


def named(old: OldAdapter | None) -> str:
    """What a config calls it: the run where it is a run's result, else its folder; "" for none that can be read."""
    if old is None or old.card is None:
        return ""
    is_result = bool(old.card.run) and old.card.path.name == "adapter"
    return old.card.run if is_result else str(old.card.path.absolute())


def is_locked(draft: Draft, dotted: str) -> bool:
    """Whether the value comes from the adapter that is continued, and can't be another."""
    return draft.source(dotted).code == "source.adapter"


def take(draft: Draft, card: AdapterCard) -> None:
    """Write what ``card`` fixes, and a third of the rate unless a person set it."""
    for name, value in fixed_by(card).items():
        _put(draft, f"adapter.{name}", value, provenance.adapter(card.name))
    if draft.source(_RATE).code in NOBODYS - {"source.third"}:
        _put(draft, _RATE, _third(draft.get(_RATE)), THIRD)


def release(draft: Draft) -> None:
    """Take back what ``take`` wrote; the preset's own values come in its place."""
    taken = [name for name, source in draft.sources.items() if source.code in ("source.adapter", "source.third")]
    for dotted in taken:
        draft.unset(dotted)
    for dotted, value in _of_preset(draft).items():
        if dotted in taken:
            _put(draft, dotted, value, provenance.preset(draft.preset))


def follow_preset(draft: Draft) -> None:
    """After another preset was chosen: a third of its rate, where the rate was a third of the last one's."""
    if draft.source(_RATE) == THIRD:
        draft.unset(_RATE)
        fresh = _of_preset(draft).get(_RATE, draft.get(_RATE))
        _put(draft, _RATE, _third(fresh), THIRD)


def with_replay(draft: Draft, replay: Replay, source: Message = REPLAY) -> None:
    """Put the old rows behind the sources there are, unless they are among them; ``source`` is who wants them."""
    items = draft.data_sources()
    known = {item.get("path") for item in items}
    draft.set_data([*items, *(dict(entry) for entry in replay.sources if entry["path"] not in known)])
    for index, item in enumerate(draft.data_sources()):
        if item.get("path") in {entry["path"] for entry in replay.sources} - known:
            for name in item:
                draft.sources[f"data.{index}.{name}"] = source


def replays(draft: Draft, replay: Replay | None) -> bool:
    """Whether the old rows are among the sources."""
    known = {item.get("path") for item in draft.data_sources()}
    return replay is not None and any(entry["path"] in known for entry in replay.sources)


def toggle_replay(draft: Draft, replay: Replay) -> None:
    """Mix the old rows in because somebody asks for it, whatever the strategy; or take them out again."""
    if not replays(draft, replay):
        with_replay(draft, replay, YOU)
        return
    old = {entry["path"] for entry in replay.sources}
    draft.set_data([item for item in draft.data_sources() if item.get("path") not in old])


def without_replay(draft: Draft) -> None:
    """Take out what ``with_replay`` put there; a source somebody named stays."""
    items: Sequence[Mapping[str, Any]] = draft.data_sources()
    kept = [item for index, item in enumerate(items) if draft.source(f"data.{index}.path") != REPLAY]
    if len(kept) < len(items):
        draft.set_data(kept)


def _third(rate: Any) -> Any:
    return float(f"{rate / 3:.1e}") if isinstance(rate, int | float) and not isinstance(rate, bool) else rate


def _of_preset(draft: Draft) -> dict[str, Any]:
    return dict(flatten(presets.load_preset(draft.preset).values)) if draft.preset else {}


def _put(draft: Draft, dotted: str, value: Any, source: Message) -> None:
    """Even where it is the default: it is not one now."""
    draft.values[dotted], draft.sources[dotted] = value, source
