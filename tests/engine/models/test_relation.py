"""From the measured figures to the advice: every sign counts, and what is missing is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row
from engine.data.similarity.compare import compare
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.models.relation import Relation, advise, from_json, to_json
from tests.benchmarks import task_pairs


def rows(task: str, seed: int) -> list[Row]:
    return [
        Row((Turn("user", row["prompt"]), Turn("assistant", row["completion"])), "", task, "f", n)
        for n, row in enumerate(task_pairs.draw(task, 60, seed), start=1)
    ]


def relation(old: str, new: str, **figures: float) -> Relation:
    measured = {"base_new": 2.0, "adapter_new": 0.1, "base_old": 2.0, "adapter_old": 0.05, "mixing": 0.95} | figures
    return Relation(new_rows=60, old_rows=60, likeness=compare(rows(old, 1), rows(new, 2)), **measured)


GONE = Message("adapter.data-gone", path="a.jsonl")
SAME = relation("orders", "orders")
RELATED = relation("orders", "orders_keys", adapter_new=1.2, mixing=0.03)
UNRELATED = relation("orders", "sums", adapter_new=2.4, mixing=0.0)


@pytest.mark.parametrize(("mixing", "verdict"), [(0.9, "same"), (0.02, "related")])
def test_of_an_adapter_that_has_learnt_little_only_the_looks_of_the_rows_tell(mixing: float, verdict: str) -> None:
    advice = advise(relation("orders", "orders", adapter_new=1.98, adapter_old=1.9, mixing=mixing))
    assert (advice.verdict, advice.confidence) == (verdict, "low")
    assert Message("models.learned-little") in advice.reasons


@pytest.mark.parametrize(
    ("measured", "verdict", "strategy"),
    [(SAME, "same", "continue"), (RELATED, "related", "merge"), (UNRELATED, "unrelated", "fresh")],
)
def test_each_relation_has_its_strategy(measured: Relation, verdict: str, strategy: str) -> None:
    advice = advise(measured)
    assert (advice.verdict, advice.strategy) == (verdict, strategy)


@pytest.mark.parametrize("change", [{"mixing": 0.1}, {"adapter_new": 1.3}, {"adapter_new": 1.95}])
def test_the_same_task_needs_every_sign(change: dict[str, float]) -> None:
    assert advise(replace(SAME, **change)).verdict != "same"


def test_another_language_is_never_the_same_task() -> None:
    assert advise(relation("orders", "orders_german")).verdict == "related"


def test_shared_sentences_make_rows_related_even_where_the_adapter_does_not_help() -> None:
    assert advise(replace(RELATED, adapter_new=2.5)).verdict == "related"


def test_the_figures_stand_in_the_reasons() -> None:
    reasons = advise(SAME).reasons
    assert reasons[0] == Message("models.loss-lower", gain=SAME.gain_new, adapted=0.1, base=2.0)
    assert Message("models.similarity", mixing=0.95) in reasons
    assert "format differs: JSON with city, item, name, paid before, JSON with count, customer" in " ".join(
        map(text, advise(RELATED).reasons)
    )


def test_harm_is_called_harm() -> None:
    (first, *_) = advise(UNRELATED).reasons
    assert (first.code, first.args["gain"]) == ("models.loss-higher", pytest.approx(0.2))


def test_without_old_rows_the_advice_is_of_low_confidence_and_says_what_is_missing() -> None:
    bare = Relation(new_rows=60, base_new=2.0, adapter_new=0.2, missing=(GONE,))
    advice = advise(bare)
    assert advice.confidence == "low"
    assert Message("models.not-measured", what=GONE) in advice.reasons
    assert advice.would_change == Message("models.with-old-rows")


def test_clear_figures_give_high_confidence() -> None:
    assert advise(SAME).confidence == advise(UNRELATED).confidence == "high"
    assert advise(replace(SAME, new_rows=10)).confidence == "low"


def test_a_relation_survives_the_way_through_json() -> None:
    assert from_json(json.loads(json.dumps(to_json(SAME)))) == SAME


def test_an_adapter_that_learnt_nothing_has_no_transfer() -> None:
    idle = replace(SAME, adapter_old=2.0, adapter_new=2.0)
    assert idle.transfer is None
    assert (advise(idle).verdict, advise(idle).confidence) == ("same", "low")  # by the looks of the rows alone
