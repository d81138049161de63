"""Rows as tokens: what the model reads, which of it is trained, what was left out, why, and what would cure that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from engine.common.errors import DataError
from engine.config.schema import DatasetSection
from engine.data.fixes import row_change
from engine.data.rows.messages import Row
from engine.messages.message import Message
from engine.tokens.render import BUILT_IN_TEMPLATES, NOT_TRAINED, Renderer, RenderError

_REPORT_EVERY = 200
REFUSED_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Example:
    """One tokenised row. ``labels[i]`` is ``ids[i]`` where trained, else -100; ``row`` indexes the loaded rows.

    ``weight`` is what each of its trained tokens counts for in the loss: the row's times its source's. ``seed`` is of
    what is drawn for it in a step, None where nothing is.
    """

    ids: np.ndarray  # int32 (length,)
    labels: np.ndarray  # int32 (length,)
    source: int
    row: int
    weight: float = 1.0
    seed: int | None = None

    @property
    def length(self) -> int:
        return len(self.ids)

    @property
    def supervised(self) -> int:
        """Tokens that are predicted: the first token of a row never is."""
        return int((self.labels[1:] >= 0).sum())


class Fate(IntEnum):
    """What became of a row. Their numbers are kept in caches."""

    USED = 0
    TOO_LONG = 1
    ANSWER_CUT = 2  # too long, and cutting it would cut the answer
    REFUSED = 3
    NOT_TRAINED = 4  # it has no token to train on
    WEIGHTLESS = 5
    REPEATED = 6  # it says what another row says


@dataclass
class TokenReport:
    """Counts of what became of the rows; ``refused`` has the first few rows that could not be rendered.

    ``too_long`` counts all rows dropped for their length, ``answer_cut`` those of them that are dropped because
    truncating them would cut the answer, ``long_texts`` those that are plain text.
    """

    rows: int = 0
    too_long: int = 0
    answer_cut: int = 0
    long_texts: int = 0
    longest_seen: int = 0
    no_supervised: int = 0
    weightless: int = 0
    refused: list[Message] = field(default_factory=list)
    refused_count: int = 0
    tokens: int = 0
    supervised: int = 0

    def count(self, fate: Fate, rows: int = 1) -> None:
        """``rows`` more rows that ended so."""
        self.too_long += rows if fate in (Fate.TOO_LONG, Fate.ANSWER_CUT) else 0
        self.answer_cut += rows if fate is Fate.ANSWER_CUT else 0
        self.refused_count += rows if fate is Fate.REFUSED else 0
        self.no_supervised += rows if fate is Fate.NOT_TRAINED else 0
        self.weightless += rows if fate is Fate.WEIGHTLESS else 0


@dataclass(frozen=True)
class Rendered:
    """A row as tokens: ``pieces`` of ids and labels, none unless it is used; ``length`` in tokens before any cut."""

    fate: Fate
    pieces: Sequence[tuple[np.ndarray, np.ndarray]] = ()
    length: int = 0
    error: RenderError | None = None


def rendered(row: Row, renderer: Renderer, dataset: DatasetSection) -> Rendered:
    """The row within ``dataset.max_length``: whole, cut, in pieces, or not at all. Raises nothing for a bad row."""
    if not row.weight:
        return Rendered(Fate.WEIGHTLESS)
    try:
        ids, labels = renderer.render(row, dataset.train_on)
    except RenderError as error:
        return Rendered(Fate.REFUSED, error=error)
    fate, fitting = _fit(row, ids, labels, dataset)
    if fate is not Fate.USED:
        return Rendered(fate, length=len(ids))
    pieces = [(np.asarray(a, np.int32), np.asarray(b, np.int32)) for a, b in fitting]
    trained = [piece for piece in pieces if (piece[1][1:] >= 0).any()]
    return Rendered(Fate.USED if trained else Fate.NOT_TRAINED, trained, len(ids))


def tokenise(
    rows: Sequence[Row],
    which: Sequence[int],
    renderer: Renderer,
    dataset: DatasetSection,
    source_index: dict[str, int],
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
    may_be_empty: bool = False,
) -> tuple[list[Example], TokenReport]:
    """Tokenise ``rows[i] for i in which``. ``on_progress(done, total)`` may raise to stop.

    Raises DataError when not one row can be used (all too long, none with a trained token, none renderable), unless
    the result ``may_be_empty``.
    """
    examples: list[Example] = []
    report = TokenReport(rows=len(which))
    reasons: Counter[str] = Counter()
    hints: dict[str, Message] = {}
    for done, index in enumerate(which):
        if done % _REPORT_EVERY == 0:
            on_progress(done, len(which))
        row = rows[index]
        made = rendered(row, renderer, dataset)
        report.count(made.fate)
        report.long_texts += made.fate is Fate.TOO_LONG and row.kind == "text"
        if made.error is not None:
            code = made.error.code
            reasons[code] += 1
            if code not in hints:
                hints[code] = cure(row, renderer, dataset.train_on, dataset.fixes)
            if len(report.refused) < REFUSED_SHOWN:
                report.refused.append(refusal(row.file, row.number, made.error.reason))
        report.longest_seen = max(report.longest_seen, made.length)
        source = source_index[row.source]
        new = [Example(ids, labels, source, index, row.weight) for ids, labels in made.pieces]
        report.tokens += sum(len(example.ids) for example in new)
        report.supervised += sum(example.supervised for example in new)
        examples += new
    on_progress(len(which), len(which))
    if not examples and which and not may_be_empty:
        raise nothing_left(report, reasons, hints, dataset)
    return examples, report


def refusal(file: str, number: int, reason: Message) -> Message:
    """Which row was refused, and why."""
    return Message("tokens.refused", file=file, row=number, reason=reason)


def _fit(
    row: Row, ids: list[int], labels: list[int], dataset: DatasetSection
) -> tuple[Fate, list[tuple[list[int], list[int]]]]:
    """The row within max_length: itself, cut, in pieces, or [] when it is dropped.

    An answer is never cut: without its end the model would learn not to stop.
    """
    limit = dataset.max_length
    if len(ids) <= limit:
        return Fate.USED, [(ids, labels)]
    if dataset.too_long == "split" and row.kind == "text":
        return Fate.USED, pieces(ids, labels, limit, dataset.split_overlap)
    if dataset.too_long != "truncate":
        return Fate.TOO_LONG, []
    trained_beyond = any(label != NOT_TRAINED for label in labels[limit:])
    if row.kind == "messages" and trained_beyond:
        return Fate.ANSWER_CUT, []
    return Fate.USED, [(ids[:limit], labels[:limit])]


def pieces(ids: list[int], labels: list[int], limit: int, overlap: int) -> list[tuple[list[int], list[int]]]:
    """``ids`` in pieces of at most ``limit`` tokens, each beginning with the last ``overlap`` tokens of the one before.

    What a piece repeats is read there, not trained again. ``overlap`` must be less than ``limit``.
    """
    made = []
    for start in range(0, max(1, len(ids) - overlap), limit - overlap):
        shared = overlap if start else 0
        end = min(start + limit, len(ids))
        made.append((ids[start:end], [NOT_TRAINED] * shared + labels[start + shared : end]))
    return made


def nothing_left(
    report: TokenReport, reasons: Counter[str], hints: Mapping[str, Message], dataset: DatasetSection
) -> DataError:
    """The error of a run without a row to train on. ``reasons`` count the codes of refusals, ``hints`` cure them."""
    rows, limit, longest = report.rows, dataset.max_length, report.longest_seen
    if report.refused_count == rows:
        counted = [
            Message("tokens.reason-count", reason=Message(code), rows=count) for code, count in reasons.most_common(3)
        ]
        cured = hints[reasons.most_common(1)[0][0]]
        return DataError("tokens.all-refused", reasons=counted, first=report.refused[0], cure=cured)
    if report.too_long == rows:
        if report.long_texts == rows:
            return DataError("tokens.all-texts-too-long", limit=limit, rows=rows, longest=longest)
        code = "tokens.all-answers-cut" if report.answer_cut else "tokens.all-too-long"
        return DataError(code, limit=limit, rows=rows, longest=longest, enough=str(longest))
    if report.weightless == rows:
        return DataError("tokens.all-weightless", rows=rows)
    if report.no_supervised == rows:
        return DataError("tokens.all-untrained", rows=rows, selects=dataset.train_on)
    return DataError(
        "tokens.none-usable", rows=rows, long=report.too_long, limit=limit, refused=report.refused_count,
        untrained=report.no_supervised,
    )  # fmt: skip


def cure(row: Row, renderer: Renderer, train_on: str, fixes: Sequence[str]) -> Message:
    """The settings that make ``row`` trainable; of several those that keep most of row and model."""
    merged = row_change(["merge_system_turn"])(row) or row
    names = ", ".join(f'"{name}"' for name in [*fixes, "merge_system_turn"])
    ways = (
        (Message("tokens.cure-merge", fixes=names), merged, train_on),
        (Message("tokens.cure-last"), row, "last"),
        (Message("tokens.cure-merge-last", fixes=names), merged, "last"),
        (Message("tokens.cure-all"), row, "all"),
    )
    for message, changed, chosen in ways:
        if _renders(changed, renderer, chosen):
            return message
    return Message("tokens.cure-plain" if _renders_plainly(row, renderer, train_on) else "tokens.cure-none")


def _renders(row: Row, renderer: Renderer, train_on: str) -> bool:
    try:
        renderer.render(row, train_on)
    except RenderError:
        return False
    return True


def _renders_plainly(row: Row, renderer: Renderer, train_on: str) -> bool:
    tokenizer = renderer.tokenizer
    template = tokenizer.chat_template
    try:
        tokenizer.chat_template = BUILT_IN_TEMPLATES["plain"]
        return _renders(row, Renderer(tokenizer, renderer.stops), train_on)
    finally:
        tokenizer.chat_template = template
