"""The measured relation between the new rows and what an old adapter has learnt: asking for it, and its words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.config import toml
from tui.draft.child import Progress, Result, Unavailable, ask
from tui.draft.draft import Draft

if TYPE_CHECKING:
    from engine.models.relation import Advice, Relation

VERDICTS = {
    "same": "the same task as what the adapter has learnt",
    "related": "related to what the adapter has learnt",
    "unrelated": "unrelated to what the adapter has learnt",
}
WAYS = {"continue": "continue", "merge": "merge, then LoRA", "fresh": "fresh"}


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
    agrees = "as you chose" if advice.strategy == chosen else f"you chose {WAYS.get(chosen, chosen)}"
    return (
        f"Your rows are {VERDICTS[advice.verdict]} ({advice.confidence} confidence): "
        f"{WAYS[advice.strategy]} is recommended, {agrees}. F9 shows the figures."
    )


def _new_rows(draft: Draft) -> list[dict[str, Any]]:
    return [item for item in draft.data_sources() if item.get("role", "new") != "replay"]


def _measured(record: dict[str, Any], key: str) -> Measured:
    """Raises TunedeckError for an answer that makes no sense."""
    import msgspec

    from engine.models.relation import Advice, from_json

    try:
        relation, advice = from_json(record["relation"]), msgspec.convert(record["advice"], Advice)
    except (KeyError, ValueError) as error:
        raise TunedeckError("The comparison's answer can't be read", clean(str(error), False)[:200]) from None
    return Measured(relation, advice, key)
