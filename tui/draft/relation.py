"""The measured relation between the new rows and what an old adapter has learnt: asking for it, and its words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.messages.catalogue import text
from tui.draft.child import Progress, Result, Unavailable, ask
from tui.draft.draft import Draft

if TYPE_CHECKING:
    from engine.models.relation import Advice, Relation

VERDICTS = {"same": "strategy.same", "related": "strategy.related", "unrelated": "strategy.unrelated"}
WAYS = {"continue": "strategy.continue", "merge": "strategy.merge", "fresh": "strategy.fresh"}
CONFIDENCE = {"low": "strategy.low", "fair": "strategy.fair", "high": "strategy.high"}


@dataclass(frozen=True)
class Measured:
    """``key`` says of which rows, model and adapter (see ``key_of``)."""

    relation: Relation
    advice: Advice
    key: str


def key_of(draft: Draft) -> str:
    """The same for drafts whose relation is the same: model, adapter, new rows and how they are written."""
    prefixes = ("model.", "strategy.adapter", "dataset.max_length", "dataset.train_on")
    values = sorted((name, value) for name, value in draft.values.items() if name.startswith(prefixes))
    return repr((values, _new_rows(draft)))


def can_ask(draft: Draft) -> bool:
    """Whether there is an adapter, and rows to compare with what it has learnt."""
    return bool(draft.get("strategy.adapter")) and bool(_new_rows(draft))


def asked(draft: Draft) -> str:
    """The config that the child is asked about: replay is old by its nature. Raises ConfigError."""
    copy = Draft(dict(draft.values), dict(draft.sources), draft.task, draft.preset)
    copy.set_data(_new_rows(draft))
    return toml.dumps(copy.resolve())


async def compare(
    command: Sequence[str], config_text: str, key: str
) -> AsyncGenerator[Progress | Measured | Unavailable, None]:
    """Progress, then one Measured or Unavailable; errors and early ends as those of ``ask``."""
    async with aclosing(ask(command, config_text)) as answers:
        async for said in answers:
            yield _measured(said.values, key) if isinstance(said, Result) else said


def line(found: Measured, chosen: str) -> str:
    """The verdict in a line or two, and whether the choice agrees with it."""
    advice = found.advice
    said = {
        "verdict": text(VERDICTS[advice.verdict]), "confidence": text(CONFIDENCE[advice.confidence]),
        "way": text(WAYS[advice.strategy]),
    }  # fmt: skip
    if advice.strategy == chosen:
        return text("strategy.line-agrees", **said)
    return text("strategy.line-differs", **said, chosen=text(WAYS[chosen]))


def _new_rows(draft: Draft) -> list[dict[str, Any]]:
    return [item for item in draft.data_sources() if item.get("role", "new") != "replay"]


def _measured(record: dict[str, Any], key: str) -> Measured:
    """Raises TunedeckError for an answer that makes no sense."""
    import msgspec

    from engine.models.relation import Advice, from_json

    try:
        relation, advice = from_json(record["relation"]), msgspec.convert(record["advice"], Advice)
    except (KeyError, ValueError) as error:
        raise TunedeckError("strategy.unreadable", reason=str(error)[:200]) from None
    return Measured(relation, advice, key)
