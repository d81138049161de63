"""What the harness says of each document becomes answers with scores of which more is better."""

from __future__ import annotations

from typing import Any

from engine.evaluation.lm_eval import without_lower


def sample(**scores: float) -> dict[str, Any]:
    return {"doc_id": 0, "filter": "none", "metrics": list(scores), **scores}


def test_metrics_of_which_less_is_better_are_left_out_and_named() -> None:
    found = {
        "samples": {"lambada": [sample(acc=1.0, perplexity=-3.2)] * 2, "asr": [sample(wer=0.4)]},
        "higher_is_better": {"lambada": {"acc": True, "perplexity": False}, "asr": {"wer": False}},
    }
    samples, left_out = without_lower(found)
    assert [each["metrics"] for each in samples["lambada"]] == [["acc"], ["acc"]]
    assert samples["asr"][0]["metrics"] == []
    assert left_out == ["perplexity/lambada", "wer/asr"]


def test_what_a_harness_does_not_say_the_direction_of_is_kept() -> None:
    samples, left_out = without_lower({"samples": {"task": [sample(score=0.5)]}})
    assert (samples["task"][0]["metrics"], left_out) == (["score"], [])
