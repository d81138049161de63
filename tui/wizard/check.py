"""The rows as the model will see them: what the child process says that tokenises a sample of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from typing import Any

from engine.data.text import clean
from tui.wizard.child import Progress, Result, Unavailable, ask


@dataclass(frozen=True)
class Inspection:
    """The rows as the model will see them. Counts are of all rows, taken from a sample of ``sample_rows``.

    ``refused``: rows that the model's template can't express. Shares are 0 to 1.
    """

    rows: int = 0
    train_rows: int = 0
    eval_rows: int = 0
    sample_rows: int = 0
    tokens_mean: float = 0.0
    tokens_p50: int = 0
    tokens_p95: int = 0
    tokens_max: int = 0
    too_long: int = 0
    supervised_share: float = 0.0
    tokens_total: int = 0
    no_supervised: int = 0
    refused: int = 0
    examples: tuple[dict[str, str], ...] = field(default=())


async def inspect(
    command: Sequence[str], config_text: str
) -> AsyncGenerator[Progress | Inspection | Unavailable, None]:
    """Progress, then one Inspection or Unavailable; errors and early ends as those of ``ask``."""
    async with aclosing(ask(command, config_text)) as answers:  # whoever stops listening ends the child too
        async for said in answers:
            yield _inspection(said.values) if isinstance(said, Result) else said


def _inspection(record: dict[str, Any]) -> Inspection:
    known = {item.name for item in fields(Inspection)} - {"examples"}
    figures: dict[str, Any] = {
        name: value for name, value in record.items() if name in known and isinstance(value, int | float)
    }
    examples = tuple(
        {part: clean(str(item.get(part, ""))) for part in ("text", "trained")}
        for item in record.get("examples", [])
        if isinstance(item, dict)
    )
    return Inspection(**figures, examples=examples)
