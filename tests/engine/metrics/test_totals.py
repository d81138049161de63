"""Figures of a whole are those of scikit-learn and sacrebleu, whatever rows they are made of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu import corpus_bleu
from sklearn.metrics import f1_score

from engine.metrics import totals
from engine.metrics.result import NATS, TOKENS

LABELS = ("a", "b", "c")


def test_macro_f1_is_scikit_learns_over_the_classes_that_are_wanted() -> None:
    random = np.random.default_rng(0)
    wanted = random.choice(["a", "b"], 60).tolist()
    given = random.choice(["a", "b", "c", "neither"], 60).tolist()
    found = totals.macro_f1(given, wanted, LABELS)
    assert found.value == pytest.approx(f1_score(wanted, given, labels=["a", "b"], average="macro"))


def test_bleu_is_sacrebleus_over_all_rows_also_in_chinese() -> None:
    answers = ["the cat sat on the mat today", "it was a dark and stormy night", "yes", ""]
    references = ["the cat is on the mat today", "it was a dark night and stormy", "yes it is so", "nothing at all"]
    assert totals.bleu(answers, references).value == pytest.approx(corpus_bleu(answers, [references]).score / 100)
    given, wanted = ["今天天气很好我们去公园"], ["今天天气不错我们去公园吧"]
    assert totals.bleu(given, wanted).value == pytest.approx(corpus_bleu(given, [wanted], tokenize="zh").score / 100)
    assert totals.bleu(["x"], ["y"]).value == 0
    assert totals.bleu([""], ["y"]).value == 0
    short = ["the cat"], ["the cat sat"]
    assert totals.bleu(*short).value == pytest.approx(corpus_bleu(short[0], [short[1]]).score / 100)


def test_bits_per_byte_and_perplexity_are_of_all_rows_not_the_mean_of_each() -> None:
    rows = [totals.text_scores(200.0, 100, 400), totals.text_scores(10.0, 10, 30)]
    assert totals.bits_per_byte(rows).value == pytest.approx(210 / math.log(2) / 430)
    assert totals.perplexity(rows).value == pytest.approx(math.exp(210 / 110))
    assert rows[0]["perplexity"] == pytest.approx(math.exp(2))


@pytest.mark.parametrize(("nats", "tokens", "n_bytes"), [(1.0, 0, 5), (1.0, 5, 0), (math.nan, 5, 5), (math.inf, 5, 5)])
def test_a_row_without_text_or_loss_has_no_figure(nats: float, tokens: int, n_bytes: int) -> None:
    assert totals.text_scores(nats, tokens, n_bytes) == {}


def test_a_loss_beyond_all_bounds_is_still_a_number() -> None:
    assert math.isfinite(totals.perplexity([totals.text_scores(1e6, 2, 10)]).value)


def test_a_loss_is_the_mean_over_tokens_so_that_a_short_row_counts_for_less() -> None:
    found = totals.loss([{NATS: 10.0, TOKENS: 10.0}, {NATS: 4.0, TOKENS: 1.0}])
    assert found.value == pytest.approx(14 / 11)
    assert not found.is_mean
