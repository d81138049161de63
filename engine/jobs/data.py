"""What the rows of a run look like as tokens: how long they are, how much of them is trained, and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.common.child import Say, doing
from engine.config.schema import RunConfig
from engine.data.batches import BySource, Rows
from engine.data.files.sources import source_names
from engine.data.mixing.source_figures import SourceFigures, of_mix
from engine.data.reader import Reading, expected_rows, index_of, parts_of
from engine.data.rows.messages import Row
from engine.data.splitting.row_index import RowIndex
from engine.messages.message import Message

if TYPE_CHECKING:
    import numpy as np

    from engine.tokens.examples import Example, TokenReport

SAMPLE_ROWS = 2000
LEAST_ROWS = 200
"""Of each source, however small its part: the mix is worked out from what one of its rows holds."""
EXAMPLES = 2


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """Lengths and trained share of the rows of ``config``; from a sample of about 2,000 where there are more.

    ``train_rows`` and ``tokens_total`` are those of one pass over the mix; ``sources`` are the figures of each source
    (see ``SourceFigures``), from which any other mix of them follows.
    """
    doing(say, "jobs.reading-rows")
    reading, index, sample = Reading(config), index_of(config), sample_of(config)
    reading.observe([index, sample])
    return figures(reading, index, sample, say)


def sample_of(config: RunConfig) -> BySource[RowSample]:
    """An observer that keeps what ``figures`` looks at."""
    rows = dict(zip(source_names(config.data), map(expected_rows, config.data), strict=True))
    return BySource(partial(_kept, rows=rows))


def figures(reading: Reading, index: RowIndex, kept: BySource[RowSample], say: Say) -> dict[str, Any]:
    """The answer from what was seen of all rows of ``reading``. Raises TunedeckError."""
    import numpy as np

    from engine.modeling.batch_sizes import expected_share
    from engine.models.local import is_here
    from engine.tokens.examples import tokenise
    from engine.tokens.render import Renderer, check_stop_tokens
    from engine.tokens.tokenizer import locate, words_of

    config, names = reading.config, reading.names
    parts = parts_of(reading, index)
    if not is_here(config.model):
        return {"kind": "unavailable", "message": Message("jobs.lengths-later", model=config.model.name_or_path)}
    doing(say, "jobs.loading-tokenizer")
    card = locate(config.model, lambda done, total, message: None)
    words = words_of(config, card)
    renderer = Renderer(words.tokenizer, words.stops)
    numbers = {name: number for number, name in enumerate(names)}
    trained = np.bincount(parts.sources[parts.is_trained], minlength=len(names)).tolist()
    there = np.bincount(parts.sources[parts.is_kept], minlength=len(names)).tolist()
    samples = [
        _sample(kept.at(at, name).among(parts.is_trained[parts.sources == at]), count, sum(trained), config.run.seed)
        for at, (name, count) in enumerate(zip(names, trained, strict=True))
    ]
    in_all = sum(map(len, samples))
    told = 0

    def progress(done: int, total: int) -> None:
        say("progress", done=told + done, total=in_all, message=Message("jobs.tokenizing"))

    examples: list[Example] = []
    by_source: list[SourceFigures] = []
    reports: list[TokenReport] = []
    dialogue: Row | None = None
    for name, rows, in_source, sample in zip(names, trained, there, samples, strict=True):
        made, report = tokenise(
            sample, range(len(sample)), renderer, config.dataset, numbers, progress, may_be_empty=True
        )  # fmt: skip
        told += len(sample)
        examples += made
        dialogue = dialogue or next((sample[e.row] for e in made if sample[e.row].kind == "messages"), None)
        reports.append(report)
        by_source.append(_figures(name, rows, in_source - rows, made, report))
    if not examples:
        every = [row for sample in samples for row in sample]
        tokenise(every, range(len(every)), renderer, config.dataset, numbers)  # says why
    if dialogue is not None:
        check_stop_tokens(renderer, dialogue)
    lengths = sorted(len(example.ids) for example in examples)
    mix = of_mix(by_source, config)
    return {
        "kind": "result",
        "rows": int(parts.is_kept.sum()),
        "train_rows": mix.rows,
        "eval_rows": len(parts.heldout),
        "sample_rows": in_all,
        "tokens_mean": mix.tokens / max(1, mix.rows),
        "tokens_p50": lengths[len(lengths) // 2],
        "tokens_p95": lengths[int(len(lengths) * 0.95)],
        "tokens_max": max(report.longest_seen for report in reports),
        "too_long": sum(source.too_long for source in by_source),
        "supervised_share": mix.trained / max(1.0, mix.tokens),
        "padding_share": expected_share(config, card, np.array([len(example.ids) for example in examples])),
        "tokens_total": round(mix.tokens),
        "no_supervised": sum(source.not_trained for source in by_source),
        "refused": sum(source.refused for source in by_source),
        "refused_rows": [each.as_json() for report in reports for each in report.refused][:5],
        "sources": [asdict(source) for source in by_source],
        "examples": [_example(words.tokenizer, example) for example in examples[:EXAMPLES]],
    }


class RowSample:
    """Rows of one source, chosen by content among ``every`` so many: ``most`` of them, or all there are."""

    def __init__(self, every: int, most: int) -> None:
        self._every, self._most = every, most
        self._seen = 0
        self._kept: list[tuple[int, int, Row]] = []

    def see(self, rows: Rows) -> None:
        for at, (row, (content, _)) in enumerate(zip(rows.used, rows.keys, strict=True)):
            if content % self._every == 0:
                self._kept.append((content, self._seen + at, row))
        self._seen += len(rows.used)

    def merge(self, later: RowSample) -> None:
        self._kept += [(content, self._seen + at, row) for content, at, row in later._kept]
        self._seen += later._seen
        if len(self._kept) > 2 * self._most:
            self._kept = self._first()

    def among(self, chosen: np.ndarray) -> list[Row]:
        """Those that are ``chosen`` (n,) of the source's n rows, in the order they were read in."""
        return [row for _, at, row in sorted(self._first(), key=lambda entry: entry[1]) if chosen[at]]

    def _first(self) -> list[tuple[int, int, Row]]:
        return sorted(self._kept, key=lambda entry: entry[:2])[: self._most]


def _kept(name: str, rows: dict[str, int]) -> RowSample:
    return RowSample(max(1, rows[name] // (2 * SAMPLE_ROWS)), 2 * SAMPLE_ROWS)


def _sample(rows: Sequence[Row], in_source: int, in_all: int, seed: int) -> Sequence[Row]:
    """Rows that stand for one source: its part of SAMPLE_ROWS, but LEAST_ROWS where it has so many."""
    most = max(min(LEAST_ROWS, SAMPLE_ROWS), round(SAMPLE_ROWS * in_source / max(1, in_all)))
    if in_all <= SAMPLE_ROWS or len(rows) <= most:
        return rows
    return [rows[at] for at in sorted(random.Random(seed).sample(range(len(rows)), most))]


def _figures(name: str, rows: int, held_out: int, made: Sequence[Example], report: TokenReport) -> SourceFigures:
    scale = rows / max(1, report.rows)
    count = max(1, len(made))
    return SourceFigures(
        name=name,
        rows=rows,
        held_out=held_out,
        examples=round(len(made) * scale),
        tokens_mean=report.tokens / count,
        trained_mean=report.supervised / count,
        too_long=round(report.too_long * scale),
        refused=round(report.refused_count * scale),
        not_trained=round(report.no_supervised * scale),
    )


def _example(tokenizer: Any, example: Any) -> dict[str, str]:
    trained = [token for token, label in zip(example.ids, example.labels, strict=True) if label >= 0]
    return {"text": tokenizer.decode(example.ids), "trained": tokenizer.decode(trained)}
