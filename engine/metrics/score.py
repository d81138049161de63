"""Scores of one answer against its reference, by the names of metrics."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from engine.metrics import structured
from engine.metrics.texts import is_chinese, is_unspaced, label, said, squad_words, words


def score(metrics: Iterable[str], answer: str, reference: str) -> dict[str, float]:
    """The scores of one answer, 0 to 1 and 1 the best, by metric.

    What was thought in tags counts on neither side. Left out is what can't be told: everything of a row whose reference
    is empty, metrics of JSON where the reference is none. ``macro_f1`` is of a whole and not of a row, metrics of the
    loss and the user's own come from elsewhere.
    """
    given, wanted = said(answer), said(reference)
    if not wanted:
        return {}
    found = {name: SCORES[name](given, wanted) for name in metrics if name in SCORES}
    return {name: value for name, value in found.items() if value is not None}


def is_right(answer: str, reference: str) -> float:
    """Whether an answer is its class, as ``texts.label`` compares them; the class within other words is not."""
    return float(label(answer) == label(reference))


def exact_match(answer: str, reference: str) -> float:
    """Whether both are the same text but for blanks around them."""
    return float(answer.strip() == reference.strip())


def token_f1(answer: str, reference: str) -> float:
    """F1 of the words that both have, as SQuAD counts them; Chinese by characters. Where a side has none, equality."""
    given, wanted = Counter(squad_words(answer)), Counter(squad_words(reference))
    if not given or not wanted:
        return exact_match(answer, reference)
    return 2 * (given & wanted).total() / (given.total() + wanted.total())


def chrf(answer: str, reference: str) -> float:
    """chrF of one answer (sacrebleu, 6 characters, beta 2), 0 to 1."""
    return float(_chrf().sentence_score(answer, [reference]).score) / 100


def bleu(answer: str, reference: str) -> float:
    """BLEU of one answer with effective order, 0 to 1: rough, to sort rows by. ``totals.bleu`` is that of all."""
    return bleu_counts(answer, reference)[0]


@functools.lru_cache(20_000)
def bleu_counts(answer: str, reference: str) -> tuple[float, tuple[int, ...]]:
    """sacrebleu's BLEU of one answer, and its counts: matching n-grams of 1 to 4 words, all of them, words answered,
    words wanted."""
    found = _bleu(bleu_tokenizer(reference)).sentence_score(answer, [reference])
    return min(1.0, float(found.score) / 100), (*found.counts, *found.totals, found.sys_len, found.ref_len)


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L's F1 (rouge-score), 0 to 1; Chinese by characters, and no stemming.

    The package's own tokenizer drops all that is not a to z and 0 to 9, so words are cut as everywhere here.
    """
    return float(_rouge().score(reference, answer)["rougeL"].fmeasure)


SCORES: dict[str, Callable[[str, str], float | None]] = {
    "accuracy": is_right,
    "json_values": structured.json_values,
    "json_exact": structured.json_exact,
    "json_keys": structured.json_keys,
    "json_valid": structured.json_valid,
    "exact_number": structured.exact_number,
    "tool_arguments": structured.tool_arguments,
    "tool_name": structured.tool_name,
    "exact_match": exact_match,
    "token_f1": token_f1,
    "chrf": chrf,
    "rouge_l": rouge_l,
    "bleu": bleu,
}  # fmt: skip


def bleu_tokenizer(reference: str) -> str:
    """sacrebleu's tokenizer for a text: zh, char for other scripts without spaces, else its usual one."""
    return "zh" if is_chinese(reference) else "char" if is_unspaced(reference) else "13a"


@functools.cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@functools.cache
def _bleu(tokenizer: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, effective_order=True)


@functools.cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


class _Words:
    def tokenize(self, text: str) -> list[str]:
        return words(text)
