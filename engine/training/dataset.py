"""A run's rows, split and tokenised: what is trained on, what is held out, and what must be said about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.config.schema import RunConfig
from engine.data.earlier import sample_of
from engine.data.load import LoadReport, load
from engine.data.messages import Row
from engine.data.sources import source_files, source_names
from engine.data.split import replayed, split
from engine.errors import TunedeckError
from engine.runs import events as ev
from engine.training.phases import Phases, Sink
from engine.training.render import Renderer, check_stop_tokens
from engine.training.tokens import Example, TokenReport, tokenise


@dataclass(frozen=True)
class Prepared:
    """Tokenised rows. ``heldout_rows`` are those whose answers can be compared, in the order of the draw.

    ``sample`` are some of the rows that are trained on, to be remembered when their files are gone.
    """

    sources: list[str]
    train: list[Example]
    heldout: list[Example]
    heldout_rows: list[Row]
    tokens: TokenReport
    tokens_by_source: dict[str, int]
    sample: list[Row]


def prepare(config: RunConfig, renderer: Renderer, phases: Phases, sink: Sink, check: Callable[[], None]) -> Prepared:
    """Read, split and tokenise the data of ``config``; findings go to ``sink`` as warnings. Raises DataError."""
    phases.begin("read", "reading the rows")
    loaded = load(config)
    parts = split(loaded.rows, config.dataset, config.run.seed, replayed(config))
    sources = source_names(config.data)
    index = {name: number for number, name in enumerate(sources)}
    weights = [source.weight for source in config.data]

    def tokenised(which: list[int], what: str, may_be_empty: bool) -> tuple[list[Example], TokenReport]:
        report = phases.progress("tokenise", f"tokenising {what}", "rows")

        def on_progress(done: int, total: int) -> None:
            check()
            report(done, total)

        return tokenise(loaded.rows, which, renderer, config.dataset, index, on_progress, may_be_empty, weights)

    train, report = tokenised(parts.train, "rows to train on", False)
    heldout, _ = tokenised(parts.heldout, "held-out rows", True)
    _warn(loaded.report, report, sink)
    if parts.heldout and not heldout:
        sink(
            ev.Warn(
                title="Not one held-out row can be used: nothing will be measured.",
                message=f"{len(parts.heldout):,} rows are held out; all are too long, or can't be rendered.",
                hint="Raise dataset.max_length, or hold out more rows with dataset.eval_share.",
            )
        )
    answered = [loaded.rows[i] for i in dict.fromkeys(example.row for example in heldout)]
    dialogues = [row for row in answered if row.messages and row.messages[-1].role == "assistant"]
    first = next((loaded.rows[e.row] for e in train if loaded.rows[e.row].kind == "messages"), None)
    if first is not None:
        check_stop_tokens(renderer, first)
    by_source = dict.fromkeys(sources, 0)
    for example in train:
        by_source[sources[example.source]] += len(example.ids)
    return Prepared(
        sources, train, heldout, dialogues, report, by_source, sample_of(loaded.rows, parts.train)
    )  # fmt: skip


def _warn(loaded: LoadReport, report: TokenReport, sink: Sink) -> None:
    """Say what was left out: silence about lost rows is the most common complaint about trainers."""
    if loaded.skipped_count:
        first = loaded.skipped[0]
        sink(
            ev.Warn(
                title=f"{loaded.skipped_count:,} rows were left out while reading.",
                message=f"The first: {first.file}, row {first.row:,}: {first.reason}.",
            )
        )
    if report.too_long:
        sink(
            ev.Warn(
                title=f"{report.too_long:,} of {report.rows:,} rows are too long and were dropped.",
                message=f"The longest has {report.longest_seen:,} tokens.",
                hint="Raise dataset.max_length, or set dataset.too_long.",
            )
        )
    if report.refused_count:
        sink(
            ev.Warn(
                title=f"{report.refused_count:,} rows can't be rendered and were left out.",
                message=f"The first: {report.refused[0]}",
            )
        )
    if report.no_supervised:
        sink(ev.Warn(title=f"{report.no_supervised:,} rows have no token to train on and were left out."))


def file_hashes(config: RunConfig) -> dict[str, str]:
    """SHA-256 of each data file by its path, for the record of what an adapter has seen; not of those gone since."""
    hashes: dict[str, str] = {}
    for source in config.data:
        with suppress(TunedeckError, OSError):
            hashes |= {str(path): sha256(path) for path in source_files(source)}
    return hashes


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
