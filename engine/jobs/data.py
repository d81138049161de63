"""What the rows of a run look like as tokens: how long they are, how much of them is trained, and what is wrong."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.config.schema import RunConfig
from engine.data.mixing.source_figures import SourceFigures, of_mix

if TYPE_CHECKING:
    from engine.data.rows.messages import Row
    from engine.tokens.examples import Example, TokenReport

SAMPLE_ROWS = 2000
LEAST_ROWS = 200
"""Of each source, however small its part: the mix is worked out from what one of its rows holds."""
EXAMPLES = 2
Say = Callable[..., None]


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """Lengths and trained share of the rows of ``config``; from a sample of about 2,000 where there are more.

    ``train_rows`` and ``tokens_total`` are those of one pass over the mix; ``sources`` are the figures of each source
    (see ``SourceFigures``), from which any other mix of them follows.
    """
    import numpy as np

    from engine.data.files.sources import source_names
    from engine.data.trained_rows import parts_of
    from engine.modeling.batch_sizes import expected_share
    from engine.models.local import resolve
    from engine.tokens.examples import tokenise
    from engine.tokens.render import Renderer, check_stop_tokens
    from engine.tokens.tokenizer import locate, words_of

    say("progress", done=0, total=None, message="reading the rows")
    names = source_names(config.data)
    shelves = [_Shelf(config.run.seed) for _ in names]
    counter = itertools.count()
    parts = parts_of(config, on_row=lambda source, row: shelves[source].see(next(counter), row))
    model = config.model
    if resolve(model.name_or_path, model.revision, model.allow_pickle).path is None:
        return {"kind": "unavailable", "message": "lengths are known once the model is downloaded"}
    say("progress", done=0, total=None, message="loading the tokenizer")
    card = locate(model, lambda done, total, message: None)
    words = words_of(config, card)
    renderer = Renderer(words.tokenizer, words.stops)
    index = {name: number for number, name in enumerate(names)}
    trained = np.bincount(parts.sources[parts.is_trained], minlength=len(names)).tolist()
    kept = np.bincount(parts.sources[parts.is_kept], minlength=len(names)).tolist()
    samples = [
        _sample([row for at, row in shelf.rows() if parts.is_trained[at]], count, sum(trained), config.run.seed)
        for shelf, count in zip(shelves, trained, strict=True)
    ]
    in_all = sum(map(len, samples))
    told = 0

    def progress(done: int, total: int) -> None:
        say("progress", done=told + done, total=in_all, message="tokenising")

    examples: list[Example] = []
    figures: list[SourceFigures] = []
    reports: list[TokenReport] = []
    dialogue: Row | None = None
    for name, rows, in_source, sample in zip(names, trained, kept, samples, strict=True):
        made, report = tokenise(
            sample, range(len(sample)), renderer, config.dataset, index, progress, may_be_empty=True
        )  # fmt: skip
        told += len(sample)
        examples += made
        dialogue = dialogue or next((sample[e.row] for e in made if sample[e.row].kind == "messages"), None)
        reports.append(report)
        figures.append(_figures(name, rows, in_source - rows, made, report))
    if not examples:
        every = [row for sample in samples for row in sample]
        tokenise(every, range(len(every)), renderer, config.dataset, index)  # says why
    if dialogue is not None:
        check_stop_tokens(renderer, dialogue)
    lengths = sorted(len(example.ids) for example in examples)
    mix = of_mix(figures, config)
    return {
        "kind": "result",
        "rows": int(parts.is_kept.sum()),
        "train_rows": mix.rows,
        "eval_rows": parts.heldout,
        "sample_rows": in_all,
        "tokens_mean": mix.tokens / max(1, mix.rows),
        "tokens_p50": lengths[len(lengths) // 2],
        "tokens_p95": lengths[int(len(lengths) * 0.95)],
        "tokens_max": max(report.longest_seen for report in reports),
        "too_long": sum(source.too_long for source in figures),
        "supervised_share": mix.trained / max(1.0, mix.tokens),
        "padding_share": expected_share(config, card, np.array([len(example.ids) for example in examples])),
        "tokens_total": round(mix.tokens),
        "no_supervised": sum(source.not_trained for source in figures),
        "refused": sum(source.refused for source in figures),
        "refused_rows": [text for report in reports for text in report.refused][:5],
        "sources": [asdict(source) for source in figures],
        "examples": [_example(words.tokenizer, example) for example in examples[:EXAMPLES]],
    }


class _Shelf:
    """Rows of one source, each as likely to be kept as any other: all there are, or twice as many as are looked at."""

    def __init__(self, seed: int) -> None:
        self._random, self._seen = random.Random(seed), 0
        self._kept: list[tuple[int, Row]] = []

    def see(self, at: int, row: Row) -> None:
        """``at`` is the row's place among all that are read."""
        self._seen += 1
        if len(self._kept) < 2 * SAMPLE_ROWS:
            self._kept.append((at, row))
        elif (place := self._random.randrange(self._seen)) < len(self._kept):
            self._kept[place] = (at, row)

    def rows(self) -> list[tuple[int, Row]]:
        """What was kept, in the order it was read in."""
        return sorted(self._kept, key=lambda entry: entry[0])


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
