"""Rows compared as texts: phrases, shape of the answers, language."""

from __future__ import annotations

import pytest

from engine.data.rows.messages import Message, Row
from engine.data.similarity.compare import Likeness, compare, phrases, portray
from engine.data.similarity.language import language_of, languages
from tests.benchmarks import task_pairs


def rows(task: str, seed: int, count: int = 60) -> list[Row]:
    return [
        Row((Message("user", row["prompt"]), Message("assistant", row["completion"])), "", task, f"{task}.jsonl", n)
        for n, row in enumerate(task_pairs.draw(task, count, seed), start=1)
    ]


def likeness(old: str, new: str) -> Likeness:
    return compare(rows(old, 1), rows(new, 2))


def test_other_draws_of_one_task_are_alike_in_every_way() -> None:
    found = likeness("orders", "orders")
    assert found.same_format
    assert found.same_language
    assert found.prompt_overlap > 0.3


def test_other_keys_are_another_format_under_the_same_sentences() -> None:
    found = likeness("orders", "orders_keys")
    assert not found.same_format
    assert found.old.shape == found.new.shape == "JSON"
    assert found.new.fields == {"product", "count", "customer", "settled"}
    assert found.prompt_overlap > 0.3


def test_another_language_is_told() -> None:
    found = likeness("orders", "orders_german")
    assert (found.old.language, found.new.language) == ("en", "de")
    assert not found.same_language
    assert found.same_format


def test_unrelated_tasks_share_hardly_a_phrase() -> None:
    found = likeness("orders", "sums")
    assert found.prompt_overlap < 0.05
    assert (found.old.shape, found.new.shape) == ("JSON", "number")


@pytest.mark.parametrize(
    ("answer", "shape"),
    [('{"a": 1}', "JSON"), ("[1, 2]", "JSON"), ("{oops", "word"), ("-3.5", "number"), ("2020-01-31", "number"),
     ("positive", "word"), ("two words", "line"), ("a\nb", "several lines")],
)  # fmt: skip
def test_the_shape_of_answers(answer: str, shape: str) -> None:
    assert portray([Row((Message("user", "q"), Message("assistant", answer)), "", "s", "f", 1)]).shape == shape


def test_the_same_dates_written_otherwise_are_another_format() -> None:
    found = likeness("dates", "dates_slashed")
    assert not found.same_format
    assert (found.old.fields, found.new.fields) == ({"-"}, {"/"})


def test_plain_text_is_a_kind_of_its_own() -> None:
    seen = portray([Row((), "Some text that is long enough to tell.", "s", "f", 1)])
    assert (seen.kind, seen.shape, seen.turns) == ("text", "plain text", 0)


def test_chinese_has_phrases_of_characters() -> None:
    assert ("细", "胞", "理") in phrases("细胞理论")
    assert language_of("识别并解释给定列表中的两个科学理论：细胞理论和日心说。细胞理论是生物科学的一个理论。") == "zh"


def test_texts_too_short_to_tell_have_no_language() -> None:
    assert languages(["hi", "ok"]) == {}
    assert languages(["This is a sentence that anyone can place.", "ok"]) == {"en": 1.0}


@pytest.mark.parametrize(
    "text",
    ["small margherita for Ivana", "Translate to French: dog", "order for Petra: one cola zero",
     "3 small hawaii pizza for Luka", "SELECT name FROM users WHERE id = 3", "12345 67890 12345 67890"],
)  # fmt: skip
def test_a_few_words_and_names_are_of_no_language(text: str) -> None:
    assert language_of(text) == ""


def test_sentences_of_related_languages_count_as_one() -> None:
    assert language_of("Summarise the note below in two sentences, please.") == "en"
    assert language_of("Das ist ein deutscher Satz, den man erkennt.") == "de"
    assert language_of("Bonjour, comment allez-vous aujourd'hui ?") == "fr"


def test_rows_that_say_too_little_alone_tell_their_language_together() -> None:
    short = ["Add 3 and 1.", "Name a colour.", "Write a haiku about rain", "What is 12 + 30?",
             "Is it good?", "Translate to French: dog", "Sort these: pear, apple, kiwi",
             "Explain gradient descent simply."]  # fmt: skip
    assert all(language_of(text) in ("", "en") for text in short)
    assert languages(short * 5) == {"en": 1.0}


def test_a_source_is_of_a_language_only_where_enough_rows_tell() -> None:
    names = [f"Luka {n} Ivana {n * 7} Zagreb" for n in range(19)]
    assert languages([*names, "This is a sentence that anyone can place."]) == {}
