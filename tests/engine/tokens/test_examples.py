"""Rows become tokens whole: an answer is never cut, and what is left out is counted and said."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import DataError
from engine.config.schema import DatasetSection
from engine.data.rows.messages import Message, Row
from engine.messages.message import Message as Said
from engine.tokens import examples
from engine.tokens.examples import Example, TokenReport, pieces, tokenise
from engine.tokens.render import NOT_TRAINED, RenderError

STOP = 9


class Counting:
    """Renders a row as as many tokens as its text says: "prompt answer [after]"; texts are one token a letter."""

    def render(self, row: Row, train_on: str) -> tuple[list[int], list[int]]:
        if row.kind == "text":
            ids = [1] * len(row.text) + [STOP]
            return ids, list(ids)
        content = row.messages[0].content
        if content == "bad":
            raise RenderError("tokens.template-refuses", reason="two users in a row")
        prompt, answer, *after = (int(part) for part in content.split())
        behind = sum(after)
        ids = [1] * prompt + [2] * answer + [3] * behind
        if train_on == "all":
            return ids, list(ids)
        return ids, [NOT_TRAINED] * prompt + [2] * answer + [NOT_TRAINED] * behind


@pytest.fixture(autouse=True)
def one_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "cure", lambda *args: "Mend it.")


def dialogue(content: str, number: int = 1) -> Row:
    return Row((Message("user", content),), "", "rows", "rows.jsonl", number)


def text(length: int) -> Row:
    return Row((), "x" * length, "rows", "rows.txt", 1)


def tokenised(rows: list[Row], may_be_empty: bool = False, **dataset: Any) -> tuple[list[Example], TokenReport]:
    section = DatasetSection.model_validate({"max_length": 10} | dataset)
    renderer: Any = Counting()
    return tokenise(rows, range(len(rows)), renderer, section, {"rows": 0}, may_be_empty=may_be_empty)


def lengths(examples: list[Example]) -> list[int]:
    return [len(example.ids) for example in examples]


def test_a_row_keeps_its_tokens_its_labels_and_its_place() -> None:
    (first, second), report = tokenised([dialogue("3 2"), dialogue("1 4 2")])
    assert first.ids.tolist() == [1, 1, 1, 2, 2]
    assert first.labels.tolist() == [NOT_TRAINED] * 3 + [2, 2]
    assert (first.row, second.row) == (0, 1)
    assert (first.supervised, second.supervised) == (2, 4)
    assert (report.rows, report.tokens, report.supervised, report.longest_seen) == (2, 12, 6, 7)


def test_the_first_token_of_a_row_is_never_predicted() -> None:
    (example,), report = tokenised([dialogue("0 3")])
    assert example.supervised == report.supervised == 2


@pytest.mark.parametrize("too_long", ["drop", "truncate", "split"])
def test_a_row_of_exactly_max_length_is_taken_whole(too_long: str) -> None:
    examples, report = tokenised([dialogue("6 4"), text(9)], too_long=too_long)
    assert lengths(examples) == [10, 10]
    assert report.too_long == 0


@pytest.mark.parametrize("too_long", ["drop", "truncate", "split"])
def test_an_answer_is_never_cut(too_long: str) -> None:
    examples, report = tokenised([dialogue("6 5"), dialogue("11 1"), dialogue("1 1")], too_long=too_long)
    assert [example.row for example in examples] == [2]
    assert (report.too_long, report.longest_seen) == (2, 12)


def test_truncating_cuts_what_comes_behind_the_last_answer() -> None:
    (example,), report = tokenised([dialogue("3 4 20")], too_long="truncate")
    assert example.ids.tolist() == [1] * 3 + [2] * 4 + [3] * 3
    assert example.supervised == 4
    assert report.too_long == 0


def test_dropping_drops_it_all_the_same() -> None:
    examples, report = tokenised([dialogue("3 4 20"), dialogue("1 1")], too_long="drop")
    assert (lengths(examples), report.too_long) == ([2], 1)


def test_a_text_is_dropped_truncated_or_split() -> None:
    long, short = text(24), text(3)
    assert lengths(tokenised([long, short], too_long="drop")[0]) == [4]
    assert lengths(tokenised([long, short], too_long="truncate")[0]) == [10, 4]
    examples, report = tokenised([long, short], too_long="split")
    assert lengths(examples) == [10, 10, 5, 4]
    assert [example.row for example in examples] == [0, 0, 0, 1]
    assert (report.too_long, report.tokens) == (0, 29)


def test_the_pieces_of_a_split_text_are_the_text_and_only_the_last_stops() -> None:
    examples, _ = tokenised([text(24)], too_long="split")
    joined = [token for example in examples for token in example.ids.tolist()]
    assert joined == [1] * 24 + [STOP]


@given(st.integers(1, 200), st.integers(8, 40), st.data())
def test_pieces_that_overlap_cover_the_text_and_train_each_token_once(length: int, limit: int, data: Any) -> None:
    overlap = data.draw(st.integers(0, limit - 1))
    made = pieces(list(range(length)), list(range(length)), limit, overlap)
    read = made[0][0]
    for (before, _), (ids, labels) in pairwise(made):
        shared = before[len(before) - overlap :]
        assert (ids[:overlap], labels[:overlap]) == (shared, [NOT_TRAINED] * overlap)
        assert len(ids) > overlap  # a piece of what was there already is none
        read = read + ids[overlap:]
    assert read == list(range(length))
    assert [label for _, labels in made for label in labels if label != NOT_TRAINED] == list(range(length))
    assert all(len(ids) == len(labels) <= limit for ids, labels in made)
    assert all(len(ids) == limit for ids, _ in made[:-1])


def test_with_an_overlap_every_token_but_the_first_is_predicted_once() -> None:
    examples, report = tokenised([text(24)], too_long="split", split_overlap=3)
    assert lengths(examples) == [10, 10, 10, 4]
    assert report.supervised == 24


def test_an_answer_that_would_be_cut_is_counted_apart() -> None:
    _, report = tokenised([dialogue("6 5"), dialogue("3 4 20"), dialogue("1 1")], too_long="truncate")
    assert (report.too_long, report.answer_cut) == (1, 1)
    assert tokenised([dialogue("6 5"), dialogue("1 1")], too_long="drop")[1].answer_cut == 0


def test_a_row_of_weight_zero_is_left_out_and_counted() -> None:
    examples, report = tokenised([replace(dialogue("1 1"), weight=0.0), replace(dialogue("1 2"), weight=2.5)])
    assert ([example.weight for example in examples], report.weightless) == ([2.5], 1)


def test_a_piece_with_nothing_to_predict_is_no_row_lost() -> None:
    examples, report = tokenised([text(20)], too_long="split")  # the stop token alone is left over
    assert lengths(examples) == [10, 10]
    assert report.no_supervised == 0


def test_rows_without_a_trained_token_are_left_out_and_counted() -> None:
    examples, report = tokenised([dialogue("5 0"), dialogue("2 2")])
    assert [example.row for example in examples] == [1]
    assert (report.no_supervised, report.supervised) == (1, 2)


def test_rows_that_can_not_be_rendered_are_named_the_first_five() -> None:
    rows = [dialogue("bad", number) for number in range(1, 8)] + [dialogue("1 1")]
    examples, report = tokenised(rows)
    assert len(examples) == 1
    assert (report.refused_count, len(report.refused)) == (7, 5)
    reason = Said("tokens.template-refuses", reason="two users in a row")
    assert report.refused[0] == Said("tokens.refused", file="rows.jsonl", row=1, reason=reason)


def test_every_row_too_long_says_how_long_the_longest_is() -> None:
    with pytest.raises(DataError) as caught:
        tokenised([dialogue("3000 1"), dialogue("5 9")])
    known = {"limit": 10, "rows": 2, "longest": 3001, "enough": "3001"}
    assert caught.value.reason == Said("tokens.all-too-long", **known)
    assert caught.value.hint.startswith("Set dataset.max_length = 3001 ")


@pytest.mark.parametrize("too_long", ["drop", "truncate"])
def test_the_length_in_the_hint_is_long_enough_and_truncating_is_not_offered(too_long: str) -> None:
    rows = [dialogue("30 1"), dialogue("5 19")]
    with pytest.raises(DataError) as caught:
        tokenised(rows, too_long=too_long)
    assert "truncate" not in caught.value.hint
    assert caught.value.code == ("tokens.all-answers-cut" if too_long == "truncate" else "tokens.all-too-long")
    assert caught.value.reason.args["enough"] == "31"
    assert len(tokenised(rows, too_long=too_long, max_length=31)[0]) == 2


def test_plain_text_that_is_too_long_is_to_be_split() -> None:
    with pytest.raises(DataError) as caught:
        tokenised([text(40), text(50)])
    assert caught.value.hint == 'Set dataset.too_long = "split".'
    assert tokenised([text(40), text(50)], too_long="split")[0]


def test_no_supervised_token_in_any_row_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        tokenised([dialogue("5 0"), dialogue("4 0")])
    assert caught.value.reason == Said("tokens.all-untrained", rows=2, selects="assistant")


def test_no_row_that_can_be_rendered_is_an_error_with_the_reasons() -> None:
    with pytest.raises(DataError) as caught:
        tokenised([dialogue("bad", 4), dialogue("bad", 5)])
    assert caught.value.code == "tokens.all-refused"
    assert "The template refuses the row (2 rows)" in caught.value.message
    assert "rows.jsonl, row 4" in caught.value.message
    assert caught.value.hint == "Mend it."


def test_one_bad_row_does_not_hide_that_the_others_are_too_long() -> None:
    with pytest.raises(DataError) as caught:
        tokenised([dialogue("bad"), dialogue("50 1"), dialogue("60 1"), dialogue("5 0")])
    counts = {"rows": 4, "long": 2, "limit": 10, "refused": 1, "untrained": 1}
    assert caught.value.reason == Said("tokens.none-usable", **counts)


def test_held_out_rows_may_all_be_unusable() -> None:
    examples, report = tokenised([dialogue("50 1")], may_be_empty=True)
    assert (examples, report.too_long) == ([], 1)


def test_training_on_all_counts_the_prompt_too() -> None:
    (example,), _ = tokenised([dialogue("3 2 1")], train_on="all")
    assert example.supervised == 5


def test_progress_is_told_from_nothing_to_all() -> None:
    seen: list[tuple[int, int]] = []
    renderer: Any = Counting()
    rows = [dialogue("1 1")] * 450
    tokenise(rows, range(450), renderer, DatasetSection(), {"rows": 0}, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 450), (200, 450), (400, 450), (450, 450)]


def test_a_stop_request_ends_the_work_at_once() -> None:
    class Stopped(Exception):
        pass

    def on_progress(done: int, total: int) -> None:
        if done >= 200:
            raise Stopped

    renderer: Any = Counting()
    with pytest.raises(Stopped):
        tokenise([dialogue("1 1")] * 450, range(450), renderer, DatasetSection(), {"rows": 0}, on_progress)
