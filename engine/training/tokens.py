"""Rows as tokens: what the model reads, which of it is trained, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.config.schema import DatasetSection
from engine.data.messages import Row
from engine.errors import DataError
from engine.training.render import NOT_TRAINED, Renderer, RenderError

_REPORT_EVERY = 200


@dataclass(frozen=True, eq=False)
class Example:
    """One tokenised row. ``labels[i]`` is ``ids[i]`` where trained, else -100; ``row`` indexes the loaded rows.

    ``weight`` is what each of its trained tokens counts for in the loss: the row's times its source's.
    """

    ids: np.ndarray  # int32 (length,)
    labels: np.ndarray  # int32 (length,)
    source: int
    row: int
    weight: float = 1.0

    @property
    def supervised(self) -> int:
        """Tokens that are predicted: the first token of a row never is."""
        return int((self.labels[1:] >= 0).sum())


@dataclass
class TokenReport:
    """Counts of what became of the rows; ``refused`` has the first few rows that could not be rendered."""

    rows: int = 0
    too_long: int = 0
    longest_seen: int = 0
    no_supervised: int = 0
    refused: list[str] = field(default_factory=list)
    refused_count: int = 0
    tokens: int = 0
    supervised: int = 0


def tokenise(
    rows: Sequence[Row],
    which: Sequence[int],
    renderer: Renderer,
    dataset: DatasetSection,
    source_index: dict[str, int],
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
    may_be_empty: bool = False,
    source_weights: Sequence[float] = (),
) -> tuple[list[Example], TokenReport]:
    """Tokenise ``rows[i] for i in which``. ``on_progress(done, total)`` may raise to stop.

    ``source_weights``, by the numbers of ``source_index``, multiply those of the rows; none: each is 1.

    Raises DataError when not one row can be used (all too long, none with a trained token, none renderable), unless
    the result ``may_be_empty``.
    """
    examples: list[Example] = []
    report = TokenReport(rows=len(which))
    reasons: Counter[str] = Counter()
    for done, index in enumerate(which):
        if done % _REPORT_EVERY == 0:
            on_progress(done, len(which))
        row = rows[index]
        try:
            ids, labels = renderer.render(row, dataset.train_on)
        except RenderError as error:
            report.refused_count += 1
            reasons[error.title] += 1
            if len(report.refused) < 5:
                report.refused.append(f"{row.file}, row {row.number}: {error.title}. {error.message}")
            continue
        report.longest_seen = max(report.longest_seen, len(ids))
        pieces = _fit(row, ids, labels, dataset)
        if not pieces:
            report.too_long += 1
            continue
        source = source_index[row.source]
        weight = row.weight * (source_weights[source] if source_weights else 1.0)
        made = [Example(np.asarray(a, np.int32), np.asarray(b, np.int32), source, index, weight) for a, b in pieces]
        made = [example for example in made if example.supervised]
        report.no_supervised += not made
        report.tokens += sum(len(example.ids) for example in made)
        report.supervised += sum(example.supervised for example in made)
        examples += made
    on_progress(len(which), len(which))
    if not examples and which and not may_be_empty:
        raise _nothing_left(report, reasons, dataset)
    return examples, report


def _fit(row: Row, ids: list[int], labels: list[int], dataset: DatasetSection) -> list[tuple[list[int], list[int]]]:
    """The row within max_length: itself, cut, in pieces, or [] when it is dropped.

    An answer is never cut: without its end the model would learn not to stop.
    """
    limit = dataset.max_length
    if len(ids) <= limit:
        return [(ids, labels)]
    if dataset.too_long == "split" and row.kind == "text":
        return [(ids[i : i + limit], labels[i : i + limit]) for i in range(0, len(ids), limit)]
    trained_beyond = any(label != NOT_TRAINED for label in labels[limit:])
    if dataset.too_long == "truncate" and (row.kind == "text" or not trained_beyond):
        return [(ids[:limit], labels[:limit])]
    return []


def _nothing_left(report: TokenReport, reasons: Counter[str], dataset: DatasetSection) -> DataError:
    refused = "; ".join(f"{reason} ({count:,} rows)" for reason, count in reasons.most_common(3))
    first = f" First: {report.refused[0]}" if report.refused else ""
    if report.refused_count == report.rows:
        return DataError(
            "Not one row can be rendered with this model's template",
            f"{refused}.{first}",
            'Check the roles and their order, or set model.chat_template = "chatml".',
        )
    if report.too_long == report.rows:
        return DataError(
            "Every row is longer than max_length",
            f"dataset.max_length is {dataset.max_length:,} tokens; the longest of {report.rows:,} rows "
            f"has {report.longest_seen:,}.",
            "Raise dataset.max_length, or set dataset.too_long to truncate or split.",
        )
    if report.no_supervised == report.rows:
        return DataError(
            "No row has a token to train on",
            f"{report.rows:,} rows, and dataset.train_on = {dataset.train_on!r} selects nothing in them.",
            "Rows need an assistant turn with text, or set dataset.train_on = 'all'.",
        )
    return DataError(
        "Not one row can be used",
        f"Of {report.rows:,} rows {report.too_long:,} are longer than dataset.max_length ({dataset.max_length:,}), "
        f"{report.refused_count:,} can't be rendered with this model's template, and {report.no_supervised:,} "
        f"have no token to train on.{first}",
        "Raise dataset.max_length, and check the roles of the rows.",
    )
