"""Held-out rows are chosen by content and seed: the same rows everywhere, and never ones that are trained on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from engine.common.errors import ConfigError
from engine.config.schema import DatasetSection
from engine.data.rows.messages import Message, Row
from engine.data.splitting.split import content_hash
from tests.engine.data.splitting.making import split


def make(*texts: str) -> list[Row]:
    return [Row((Message("user", text), Message("assistant", "a")), "", "s", "f", n) for n, text in enumerate(texts, 1)]


def dataset(**fields: object) -> DatasetSection:
    return DatasetSection.model_validate(fields)


HUNDRED = make(*[f"question {number}" for number in range(100)])


def heldout_texts(rows: list[Row], seed: int, **fields: object) -> set[str]:
    return {rows[index].first("user") for index in split(rows, dataset(**fields), seed).heldout}


def test_the_same_seed_holds_out_the_same_rows_and_another_seed_others() -> None:
    assert split(HUNDRED, dataset(), 1) == split(HUNDRED, dataset(), 1)
    assert split(HUNDRED, dataset(), 1) != split(HUNDRED, dataset(), 2)


def test_the_order_of_rows_does_not_matter() -> None:
    assert heldout_texts(HUNDRED, 3, eval_rows=20) == heldout_texts(HUNDRED[::-1], 3, eval_rows=20)


def test_more_rows_move_few_old_ones() -> None:
    old = heldout_texts(HUNDRED, 3, eval_share=0.2)
    more = heldout_texts(HUNDRED + make(*[f"new {number}" for number in range(10)]), 3, eval_share=0.2)
    assert len(old & more) >= len(old) - 5


def test_a_share_holds_out_that_share_and_rows_win_over_it() -> None:
    assert len(split(HUNDRED, dataset(eval_share=0.25), 0).heldout) == 25
    assert len(split(HUNDRED, dataset(eval_share=0.25, eval_rows=7), 0).heldout) == 7
    assert split(HUNDRED, dataset(eval_share=0.25, eval_rows=0), 0).heldout == []


def test_a_small_share_of_few_rows_still_holds_one_out() -> None:
    assert len(split(make("a", "b"), dataset(eval_share=0.01), 0).heldout) == 1
    assert split(make("a"), dataset(eval_share=0.5), 0).train == [0]


def test_equal_rows_stay_on_one_side() -> None:
    rows = make(*["same"] * 30, *[f"other {number}" for number in range(30)])
    for seed in range(10):
        parts = split(rows, dataset(eval_rows=31), seed)
        sides = {"same" in {rows[index].first("user") for index in side} for side in (parts.train, parts.heldout)}
        assert sides == {True, False}


def test_holding_everything_out_is_refused_with_the_most_there_can_be() -> None:
    with pytest.raises(ConfigError) as caught:
        split(HUNDRED, dataset(eval_rows=100), 0)
    assert "dataset.eval_rows" in caught.value.message
    assert "99" in caught.value.hint


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.floats(0, 0.9), st.integers(0, 2**32 - 1))
def test_every_row_is_on_exactly_one_side_and_one_is_left_to_train_on(
    texts: list[str], share: float, seed: int
) -> None:
    rows = make(*texts)
    parts = split(rows, dataset(eval_share=share), seed)
    assert sorted(parts.train + parts.heldout) == list(range(len(rows)))
    assert parts.train
    trained = {rows[index].first("user") for index in parts.train}
    assert not trained & {rows[index].first("user") for index in parts.heldout}


def as_it_was(rows: list[Row], fields: DatasetSection, seed: int) -> tuple[list[int], list[int]]:
    """The split of the versions before groups, labels and a test, for rows of which some are left to train on."""
    hashes = []
    for row in rows:
        content = [[message.role, message.text] for message in row.messages] or row.text
        text = json.dumps([seed, content, *row.tools], ensure_ascii=False)
        hashes.append(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest())
    wanted = fields.eval_rows
    if wanted is None:
        wanted = min(max(1, round(fields.eval_share * len(rows))), len(rows) - 1) if fields.eval_share else 0
    equal: dict[bytes, list[int]] = {}
    for index, key in enumerate(hashes):
        equal.setdefault(key, []).append(index)
    heldout: list[int] = []
    for key in sorted(equal):
        if len(heldout) + len(equal[key]) <= wanted:
            heldout += equal[key]
    return [index for index in range(len(rows)) if index not in heldout], heldout


text = st.text(st.sampled_from('ab "\\\n\x01\u00e9\ud800\u4f60'), max_size=3)


@given(st.lists(st.tuples(text, text, st.booleans()), min_size=6, max_size=40), st.integers(0, 5), st.integers(0, 99))
def test_without_groups_and_labels_the_same_rows_are_held_out_as_ever(
    said: list[tuple[str, str, bool]], count: int, seed: int
) -> None:
    rows = [
        Row((), asked, "s", "f", number)
        if is_text
        else Row((Message("user", asked), Message("assistant", answer)), "", "s", "f", number, ('{"name": "\u00e9"}',))
        for number, (asked, answer, is_text) in enumerate(said, 1)
    ]
    for fields in (dataset(eval_rows=count, stratify=False), dataset(eval_share=count / 10, stratify=False)):
        parts = split(rows, fields, seed)
        assert (parts.train, parts.heldout, parts.test) == (*as_it_was(rows, fields, seed), [])


def test_answers_that_are_no_labels_change_nothing() -> None:
    rows = [make(f"q {n}")[0] for n in range(60)]
    rows = [Row((row.messages[0], Message("assistant", f"answer {n}")), "", "s", "f", n) for n, row in enumerate(rows)]
    assert split(rows, dataset(), 5) == split(rows, dataset(stratify=False), 5)


def labelled(**counts: int) -> list[Row]:
    return [
        Row((Message("user", f"{label} text {n}"), Message("assistant", label)), "", "s", "f", n)
        for label, count in counts.items()
        for n in range(count)
    ]


def labels(rows: list[Row], which: list[int]) -> Counter[str]:
    return Counter(rows[index].messages[-1].text for index in which)


def test_labels_are_held_out_in_their_shares_and_rare_ones_at_least_once() -> None:
    rows = labelled(often=600, sometimes=280, seldom=18, once=2)
    for seed in range(5):
        parts = split(rows, dataset(eval_share=0.1, test_share=0.1), seed)
        for found in (labels(rows, parts.heldout), labels(rows, parts.test)):
            assert found.total() == 90
            assert found["often"] in (59, 60)
            assert found["sometimes"] == 28
            assert found["seldom"] in (1, 2)
        assert labels(rows, parts.heldout)["once"] == 1
        assert labels(rows, parts.train)["once"] == 1
    plain = [labels(rows, split(rows, dataset(eval_share=0.1, stratify=False), seed).heldout) for seed in range(5)]
    assert any(found["sometimes"] not in (27, 28) for found in plain)


def test_fewer_rows_than_labels_are_held_out_of_the_frequent_ones() -> None:
    rows = labelled(a=40, b=30, c=20, d=10)
    assert labels(rows, split(rows, dataset(eval_rows=2), 1).heldout) == {"a": 1, "b": 1}


def grouped(*groups: str) -> list[Row]:
    return [
        Row((Message("user", f"question {n}"), Message("assistant", "a b " * 40)), "", "s", "f", n, group=group)
        for n, group in enumerate(groups)
    ]


def test_rows_of_a_group_are_never_parted() -> None:
    rows = grouped(*[str(number % 25) for number in range(100)], *[""] * 20)
    for seed in range(10):
        parts = split(rows, dataset(eval_share=0.2, test_share=0.2), seed)
        sides = [{rows[index].group for index in side} - {""} for side in (parts.train, parts.heldout, parts.test)]
        assert sum(map(len, sides)) == 25
        assert len(parts.heldout) == len(parts.test) == 24


def test_where_each_group_is_too_large_the_smallest_is_held_out() -> None:
    rows = grouped(*"a" * 30, *"b" * 30, *"c" * 20)
    parts = split(rows, dataset(eval_share=0.05), 0)
    assert {rows[index].group for index in parts.heldout} == {"c"}


def test_a_single_group_is_refused_with_a_way_out() -> None:
    for fields, said in (({}, "dataset.eval_share = 0"), ({"eval_share": 0, "test_share": 0.1}, "dataset.test_share")):
        with pytest.raises(ConfigError) as caught:
            split(grouped(*"a" * 30), dataset(**fields), 0)
        assert said in caught.value.hint


def test_equal_rows_tie_their_groups_together() -> None:
    rows = grouped(*"abcdefghij" * 4)
    rows.append(Row(rows[0].messages, "", "s", "f", 41, group="b"))
    for seed in range(20):
        parts = split(rows, dataset(eval_share=0.3), seed)
        trained = {rows[index].group for index in parts.train}
        assert len({"a", "b"} & trained) in (0, 2)


def test_a_group_that_was_learnt_before_is_not_held_out() -> None:
    rows = grouped(*"abcdefghij" * 2)
    rows += [Row((Message("user", "old"), Message("assistant", "b")), "", "old", "g", 1, group="c")]
    for seed in range(20):
        parts = split(rows, dataset(eval_share=0.4), seed, learnt=["old"])
        assert "c" not in {rows[index].group for index in parts.heldout}
        assert len(parts.heldout) == 8


def test_a_row_that_is_replayed_too_is_not_held_out_nor_are_others_of_its_group() -> None:
    copies = [replace(each, source="old") for each in HUNDRED[:60]]
    for seed in range(10):
        parts = split([*HUNDRED, *copies], dataset(eval_rows=10, test_rows=10), seed, learnt=["old"])
        assert {*parts.heldout, *parts.test} <= {*range(60, 100)}
        assert (len(parts.heldout), len(parts.test)) == (10, 10)
    rows = [*grouped("a", "a", *"bcdefghij"), replace(grouped("z")[0], source="old", group="")]
    for seed in range(10):
        parts = split(rows, dataset(eval_share=0.5), seed, learnt=["old"])
        assert {rows[index].group for index in parts.train} >= {"a"}


def test_of_few_new_rows_among_replayed_ones_half_are_trained_on() -> None:
    copies = [replace(each, source="old") for each in HUNDRED[:90]]
    for fields, sizes in (({"eval_share": 0.2}, [5, 0]), ({"eval_rows": 3, "test_rows": 20}, [3, 2])):
        parts = split([*HUNDRED, *copies], dataset(**fields), 0, learnt=["old"])
        assert [len(parts.heldout), len(parts.test)] == sizes
        assert len({*parts.train} & {*range(90, 100)}) == 5


def test_a_test_leaves_the_validation_as_it_is_and_is_another_part() -> None:
    alone = split(HUNDRED, dataset(eval_rows=10), 4)
    parts = split(HUNDRED, dataset(eval_rows=10, test_rows=20), 4)
    assert parts.heldout == alone.heldout
    assert len(parts.test) == 20
    assert split(HUNDRED, dataset(eval_rows=30, test_rows=20), 4).test == parts.test
    assert split(HUNDRED, dataset(eval_rows=0, test_share=0.2), 4).test == parts.test


@pytest.mark.parametrize(
    ("fields", "field", "hint"),
    [
        ({"eval_rows": 60, "test_rows": 40}, "dataset.test_rows is 40", "39"),
        ({"eval_share": 0.6, "test_share": 0.4}, "dataset.test_share is 0.4", "below 1"),
        ({"eval_rows": 90, "test_share": 0.1}, "dataset.test_share is 0.1", "below 1"),
    ],
)
def test_a_test_that_takes_the_last_rows_is_refused(fields: dict[str, object], field: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split(HUNDRED, dataset(**fields), 0)
    assert field in caught.value.message
    assert hint in caught.value.hint


def test_few_rows_leave_one_to_train_on_before_they_make_a_test() -> None:
    parts = split(make("a", "b", "c"), dataset(test_share=0.05), 0)
    assert [len(side) for side in (parts.train, parts.heldout, parts.test)] == [1, 1, 1]
    assert split(make("a", "b"), dataset(test_share=0.05), 0).test == []


asked = st.integers(0, 15).map(str)
row = st.builds(
    lambda asked, answer, group, source: Row(
        (Message("user", asked), Message("assistant", answer)), "", source, "f", 1, group=group
    ),
    asked, st.sampled_from(["yes", "no", "a long answer " * 9]), st.sampled_from(["", "", "g", "h", "i"]),
    st.sampled_from("st"),
)  # fmt: skip


@given(st.lists(row, min_size=1, max_size=60), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 99), st.data())
def test_any_rows_in_any_order_are_split_alike_and_never_leak(
    rows: list[Row], eval_share: float, test_share: float, seed: int, data: st.DataObject
) -> None:
    fields = dataset(eval_share=eval_share, test_share=test_share)
    try:
        parts = split(rows, fields, seed, learnt="t")
    except ConfigError:
        reject()  # one group is all there is
    assert sorted(parts.train + parts.heldout + parts.test) == list(range(len(rows)))
    assert parts.train
    assert all(rows[index].source != "t" for index in parts.heldout + parts.test)
    sides = [[rows[index] for index in side] for side in (parts.train, parts.heldout, parts.test)]
    groups = [{each.group for each in side} - {""} for side in sides]
    said = [{content_hash(each, seed) for each in side} for side in sides]
    for parted in (groups, said):
        assert sum(map(len, parted)) == len(set().union(*parted))
    shuffled = data.draw(st.permutations(rows))
    again = split(shuffled, fields, seed, ["t"])
    assert Counter(shuffled[index] for index in again.heldout) == Counter(sides[1])
    assert Counter(shuffled[index] for index in again.test) == Counter(sides[2])
