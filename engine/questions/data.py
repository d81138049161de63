"""What the rows of a run look like as tokens: how long they are, how much of them is trained, and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.config.schema import RunConfig
from engine.data.source_figures import SourceFigures, of_mix

if TYPE_CHECKING:
    from engine.training.tokens import Example, TokenReport

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

    from engine.data.load import load
    from engine.data.sources import source_names
    from engine.data.split import replayed, split
    from engine.models.local import resolve
    from engine.training.padding import expected_share
    from engine.training.render import Renderer, check_stop_tokens
    from engine.training.tokenizer import load_words, locate
    from engine.training.tokens import tokenise

    say("progress", done=0, total=None, message="reading the rows")
    loaded = load(config)
    parts = split(loaded.rows, config.dataset, config.run.seed, replayed(config))
    model = config.model
    if resolve(model.name_or_path, model.revision, model.allow_pickle).path is None:
        return {"kind": "unavailable", "message": "lengths are known once the model is downloaded"}
    say("progress", done=0, total=None, message="loading the tokenizer")
    card = locate(model, lambda done, total, message: None)
    words = load_words(card, model)
    renderer = Renderer(words.tokenizer, words.stops)
    names = source_names(config.data)
    index = {name: number for number, name in enumerate(names)}
    of_source: list[list[int]] = [[] for _ in names]
    for row in parts.train:
        of_source[index[loaded.rows[row].source]].append(row)
    samples = [_sample(rows, len(parts.train), config.run.seed) for rows in of_source]
    in_all = sum(map(len, samples))
    told = 0

    def progress(done: int, total: int) -> None:
        say("progress", done=told + done, total=in_all, message="tokenising")

    examples: list[Example] = []
    figures: list[SourceFigures] = []
    reports: list[TokenReport] = []
    for name, rows, sample in zip(names, of_source, samples, strict=True):
        made, report = tokenise(loaded.rows, sample, renderer, config.dataset, index, progress, may_be_empty=True)
        told += len(sample)
        examples += made
        reports.append(report)
        held_out = loaded.report.rows_per_source[name] - len(rows)
        figures.append(_figures(name, len(rows), held_out, made, report))
    if not examples:
        tokenise(
            loaded.rows, [row for sample in samples for row in sample], renderer, config.dataset, index
        )  # says why
    dialogue = next((loaded.rows[e.row] for e in examples if loaded.rows[e.row].kind == "messages"), None)
    if dialogue is not None:
        check_stop_tokens(renderer, dialogue)
    lengths = sorted(len(example.ids) for example in examples)
    mix = of_mix(figures, config)
    return {
        "kind": "result",
        "rows": len(loaded.rows),
        "train_rows": mix.rows,
        "eval_rows": len(parts.heldout),
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


def _sample(rows: Sequence[int], in_all: int, seed: int) -> Sequence[int]:
    """Rows of one source that stand for all of it: its part of SAMPLE_ROWS, but LEAST_ROWS where it has so many."""
    most = max(min(LEAST_ROWS, SAMPLE_ROWS), round(SAMPLE_ROWS * len(rows) / max(1, in_all)))
    if in_all <= SAMPLE_ROWS or len(rows) <= most:
        return rows
    return sorted(random.Random(seed).sample(rows, most))


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
