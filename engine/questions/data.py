"""What the rows of a run look like as tokens: how long they are, how much of them is trained, and what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine.config.schema import RunConfig

SAMPLE_ROWS = 2000
EXAMPLES = 2
Say = Callable[..., None]


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """Lengths and trained share of the rows of ``config``; from a sample of 2,000 where there are more.

    ``train_rows`` and ``tokens_total`` are those of one pass over the mix.
    """
    from engine.data.load import load
    from engine.data.sources import source_names
    from engine.data.split import replayed, split
    from engine.models.local import resolve
    from engine.training.mixing import mix_of
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
    which = parts.train
    if len(which) > SAMPLE_ROWS:
        which = sorted(random.Random(config.run.seed).sample(which, SAMPLE_ROWS))
    index = {name: number for number, name in enumerate(source_names(config.data))}

    def progress(done: int, total: int) -> None:
        say("progress", done=done, total=total, message="tokenising")

    examples, report = tokenise(loaded.rows, which, renderer, config.dataset, index, progress)
    dialogue = next((loaded.rows[e.row] for e in examples if loaded.rows[e.row].kind == "messages"), None)
    if dialogue is not None:
        check_stop_tokens(renderer, dialogue)
    lengths = sorted(len(example.ids) for example in examples)
    scale = len(parts.train) / max(1, len(which))
    mix = mix_of(config, examples)
    return {
        "kind": "result",
        "rows": len(loaded.rows),
        "train_rows": round(mix.count * scale),
        "eval_rows": len(parts.heldout),
        "sample_rows": len(which),
        "tokens_mean": report.tokens / len(lengths),
        "tokens_p50": lengths[len(lengths) // 2],
        "tokens_p95": lengths[int(len(lengths) * 0.95)],
        "tokens_max": report.longest_seen,
        "too_long": round(report.too_long * scale),
        "supervised_share": report.supervised / report.tokens,
        "tokens_total": round(mix.tokens * scale),
        "no_supervised": round(report.no_supervised * scale),
        "refused": round(report.refused_count * scale),
        "refused_rows": report.refused,
        "examples": [_example(words.tokenizer, example) for example in examples[:EXAMPLES]],
    }


def _example(tokenizer: Any, example: Any) -> dict[str, str]:
    trained = [token for token, label in zip(example.ids, example.labels, strict=True) if label >= 0]
    return {"text": tokenizer.decode(example.ids), "trained": tokenizer.decode(trained)}
