"""From rows to one figure: what is added up over the rows for each metric, and the figure that the sums give.

Most metrics are the mean of their scores. Macro F1, BLEU, perplexity and bits per byte are not: they are a function of
sums, so that rows can be drawn anew (``verdict``) for them as for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.metrics.result import BYTES, NATS, TOKENS
from engine.metrics.score import bleu_counts
from engine.metrics.texts import label, said

Floats = NDArray[np.float64]
"""Keys under which a row's scores hold what loss, perplexity and bits per byte are made of."""


@dataclass(frozen=True)
class Total:
    """``parts`` has a line for each row, ``figure`` makes of their sums (any shape, parts last) the metric.

    ``is_mean``: the parts are a score and 1, and the figure is their mean. ``is_bounded``: a score can't lie outside 0
    and 1, whatever the rows show.
    """

    parts: Floats
    figure: Callable[[Floats], Floats]
    is_mean: bool = False
    is_bounded: bool = True

    @property
    def value(self) -> float:
        return float(self.figure(self.parts.sum(axis=0)))

    @property
    def scores(self) -> Floats:
        return self.parts[:, 0]


def mean_of(scores: Sequence[float], is_bounded: bool = True) -> Total:
    values = np.asarray(scores, dtype=np.float64)
    return Total(np.stack([values, np.ones(len(values))], axis=1), _ratio, is_mean=True, is_bounded=is_bounded)


def text_scores(nats: float, tokens: int, n_bytes: int) -> dict[str, float]:
    """The scores of a row from the summed loss of its tokens (nats, of ``tokens`` that count) and its UTF-8 bytes.

    A row without tokens or bytes has none.
    """
    if not tokens or not n_bytes or not math.isfinite(nats):
        return {}
    return {
        "bits_per_byte": nats / math.log(2) / n_bytes, "perplexity": math.exp(min(700.0, nats / tokens)),
        NATS: nats, TOKENS: float(tokens), BYTES: float(n_bytes),
    }  # fmt: skip


def bits_per_byte(scores: Sequence[dict[str, float]]) -> Total:
    """Bits that a byte of the rows' text costs: comparable between models of different tokenizers."""
    return Total(np.array([[each[NATS] / math.log(2), each[BYTES]] for each in scores]), _ratio)


def loss(scores: Sequence[dict[str, float]]) -> Total:
    """Mean loss a token over all rows, in nats: a short row counts for as much less as it has fewer tokens."""
    return Total(np.array([[each[NATS], each[TOKENS]] for each in scores]), _ratio)


def perplexity(scores: Sequence[dict[str, float]]) -> Total:
    """exp of the mean loss a token over all rows; of one tokenizer only."""
    return Total(
        np.array([[each[NATS], each[TOKENS]] for each in scores]), lambda sums: np.exp(np.minimum(700.0, _ratio(sums)))
    )


def macro_f1(answers: Sequence[str], references: Sequence[str], labels: Sequence[str]) -> Total:
    """Mean F1 of the classes that are among the references, as scikit-learn's ``f1_score`` with these ``labels``.

    An answer that is no class counts against the class of its row. Parts are, for each class, what is right, wanted
    and answered.
    """
    wanted, given = class_numbers(references, labels), class_numbers(answers, labels)
    which = np.arange(len(labels))
    is_wanted, is_given = wanted[:, None] == which, given[:, None] == which
    parts = np.concatenate([is_wanted & is_given, is_wanted, is_given], axis=1).astype(np.float64)

    def figure(sums: Floats) -> Floats:
        right, asked, said_so = np.split(sums, 3, axis=-1)
        f1 = np.divide(2 * right, asked + said_so, out=np.zeros_like(right), where=asked > 0)
        return np.asarray(f1.sum(axis=-1) / np.maximum(1, (asked > 0).sum(axis=-1)))

    return Total(parts, figure)


def class_numbers(texts: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """The place of each text among ``labels``, -1 for one that is none of them."""
    places = {label(each): at for at, each in enumerate(labels)}
    return np.array([places.get(label(said(text)), -1) for text in texts], dtype=np.int64)


def bleu(answers: Sequence[str], references: Sequence[str]) -> Total:
    """BLEU of all rows as sacrebleu's ``corpus_score`` (13a, or zh for Chinese; exponential smoothing), 0 to 1.

    Parts are ``bleu_counts``.
    """
    parts = np.array([bleu_counts(said(a), said(r))[1] for a, r in zip(answers, references, strict=True)])

    def figure(sums: Floats) -> Floats:
        right, all_of, length, wanted = sums[..., :4], sums[..., 4:8], sums[..., 8], sums[..., 9]
        smoothed = 0.5 ** np.cumsum((right == 0) & (all_of > 0), axis=-1)
        counts = np.where(right > 0, right, smoothed)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(all_of > 0, counts / all_of, 0.0)
            found = np.exp(np.log(precision).mean(axis=-1) + np.minimum(0.0, 1 - wanted / length))
        return np.where((right.sum(axis=-1) > 0) & (length > 0), np.minimum(1.0, found), 0.0)

    return Total(parts.astype(np.float64), figure)


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / np.where(sums[..., 1] == 0, np.nan, sums[..., 1]))
