"""The sentence of a proof tells of the exported file, whose answers are hoped to be as good as the adapter's."""

from __future__ import annotations

import pytest

from engine.messages.catalogue import text
from engine.metrics.result import TUNED, Comparison, Mean, Verdict
from engine.metrics.sentence import proof_sentence


def mean(candidate: str, value: float) -> Mean:
    return Mean(candidate=candidate, metric="exact_match", value=value, low=None, high=None, n=100)


def against(name: str, difference: float, low: float, high: float, verdict: Verdict) -> Comparison:
    return Comparison(
        candidate=TUNED, against=name, metric="exact_match", difference=difference, low=low, high=high, p=0.5,
        adjusted_p=0.5, test="mcnemar", n=100, verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("compared", "code", "said"),
    [
        (against("q8_0", 0, -0.01, 0.01, "unclear"), "proof.as-good", "q8_0 answers as well as the adapter"),
        (against("q8_0", 0.02, -0.1, 0.14, "unclear"), "proof.unclear", "q8_0 shows no difference"),
        (against("q8_0", 0.24, 0.1, 0.4, "better"), "proof.worse", "q8_0 is worse than the adapter: 71% against 95%"),
        (against("q8_0", -0.2, -0.3, -0.1, "worse"), "proof.better", "q8_0 is better than the adapter"),
    ],
)
def test_what_is_said_of_a_file(compared: Comparison, code: str, said: str) -> None:
    found = proof_sentence("exact_match", [mean(TUNED, 0.95), mean("q8_0", 0.71)], [compared])
    assert found is not None
    assert found.code == code
    assert text(found).startswith(said)
    assert text(found).endswith("on 100 rows")


def test_several_files_are_told_in_turn_and_none_of_nothing() -> None:
    means = [mean(TUNED, 0.95), mean("q8_0", 0.95), mean("q2_k", 0.71)]
    compared = [against("q8_0", 0, -0.01, 0.01, "unclear"), against("q2_k", 0.24, 0.1, 0.4, "better")]
    found = proof_sentence("exact_match", means, compared)
    assert found is not None
    assert text(found) == (
        "q8_0 answers as well as the adapter: 95% against 95% on 100 rows; "
        "q2_k is worse than the adapter: 71% against 95% on 100 rows"
    )
    assert proof_sentence("exact_match", means, []) is None
