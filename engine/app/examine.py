"""The rows of a run as they were found to be: what the child process says that examines them and tokenises a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.config.schema import RunConfig
from engine.data.mixing.source_figures import SourceFigures
from engine.data.quality.examine import Progress, ask
from engine.data.quality.findings import Report, from_json
from engine.memory.duration import DataSize
from engine.messages.message import Message


@dataclass(frozen=True)
class Inspection:
    """The rows as the model will see them. Counts are of all rows, taken from a sample of ``sample_rows``.

    ``refused``: rows that the model's template can't express. Shares are 0 to 1. ``sources`` are in the config's order.
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
    padding_share: float | None = None
    tokens_total: int = 0
    no_supervised: int = 0
    refused: int = 0
    examples: tuple[dict[str, str], ...] = field(default=())
    sources: tuple[SourceFigures, ...] = field(default=())

    @property
    def size(self) -> DataSize:
        """The rows to train on, for estimates of time."""
        return DataSize(self.train_rows, self.tokens_total, True, self.answer_tokens)

    @property
    def answer_tokens(self) -> float:
        """Trained tokens of a row on average."""
        return self.supervised_share * self.tokens_mean


@dataclass(frozen=True)
class Examined:
    """All that was found out about rows. Texts of ``report`` are not cleaned.

    ``inspection`` is None where the figures could not be had: ``refused`` says what stands in the way, or
    ``not_known`` why it is too early. ``report`` is None where the rows could not be looked at at all.
    """

    report: Report | None = None
    inspection: Inspection | None = None
    refused: TunedeckError | None = None
    not_known: Message | None = None


def examine(config: RunConfig, on_progress: Progress) -> Examined:
    """Ask a child process about the rows of ``config``; what stands against them is in the answer."""
    try:
        said = ask("examine", config, on_progress)
        return (
            Examined(not_known=Message.from_json(said["message"])) if said["type"] == "unavailable" else examined(said)
        )
    except TunedeckError as error:
        return Examined(refused=error)


def examined(record: Mapping[str, Any]) -> Examined:
    """The child's answer. Raises TunedeckError for one that makes no sense."""
    try:
        report = from_json(record["report"])
    except (KeyError, TypeError, ValueError) as error:
        raise TunedeckError("cli.answer-unreadable", reason=str(error)[:200]) from None
    trouble, later = record.get("trouble"), record.get("not_known")
    refused = TunedeckError.from_json(trouble) if isinstance(trouble, dict) else None
    inspection = _inspection(record) if "rows" in record else None
    return Examined(report, inspection, refused, Message.from_json(later) if later else None)


def _inspection(record: Mapping[str, Any]) -> Inspection:
    known = {item.name for item in fields(Inspection)} - {"examples", "sources"}
    figures: dict[str, Any] = {
        name: value for name, value in record.items() if name in known and isinstance(value, int | float)
    }
    examples = tuple(
        {part: clean(str(item.get(part, ""))) for part in ("text", "trained")}
        for item in record.get("examples", [])
        if isinstance(item, dict)
    )
    sources = tuple(_source(item) for item in record.get("sources", []) if isinstance(item, dict))
    return Inspection(**figures, examples=examples, sources=sources)


def _source(record: dict[str, Any]) -> SourceFigures:
    numbers = {
        item.name: record[item.name]
        for item in fields(SourceFigures)
        if item.name not in ("name", "guessed") and isinstance(record.get(item.name), int | float)
    }
    return SourceFigures(name=clean(str(record.get("name", "")), keep_newlines=False), **numbers)
