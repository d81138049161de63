"""Each metric scores one answer as its field does, whatever the answer looks like."""

from __future__ import annotations

import json
import math
import time

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_chrf

from engine.metrics.score import SCORES, score
from engine.metrics.structured import calls_in, is_wrapped, number_in

ORDER = '{"item": "tea", "count": 2, "to": {"city": "Bern", "fast": true}}'


def of(metric: str, answer: str, reference: str) -> float | None:
    return score([metric], answer, reference).get(metric)


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("billing", "billing", 1), (" Billing. ", "billing", 1),
        ('"billing"', "billing", 1), ("**billing**", "billing", 1),
        ("ｂilling", "billing", 1), ("退款。", "退款", 1), ("It is billing", "billing", 0),
        ("", "billing", 0), ("C++", "C#", 0),
        ("!", "?", 0), ("<think>login?</think>billing", "billing", 1), ("<think>billing", "billing", 0),
    ],
)  # fmt: skip
def test_an_answer_is_its_class_or_not(answer: str, reference: str, right: int) -> None:
    assert of("accuracy", answer, reference) == right


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("#### 18", 18), ("6 + 12 = 18\n#### 18 apples", 18), ("#### 1,234", 1234), ("It is 18.", 18), ("18%", 18),
        ("$1,234.50", 1234.5), ("1.234,50 €", 1234.5), ("3,5 kg", 3.5), ("1.234.567", 1234567), ("x = -5", -5),
        ("−5", -5), ("10-5", 5), ("1/2", 0.5), ("on 3/4/2020", 2020), ("1e3", 1000), (".5", 0.5), ("1,2,3", 3),
        ("\\boxed{7} of 9", 7), ("答案是３，０００元", 3000), ("一共5个", 5),
        ("no number", None), ("abc12", None), ("", None),
        ("1\u202f234", 1234), ("1'234", 1234), ("9" * 1000, None), ("0.30", 0.3), ("1/0", 0), ("v2 gives 4", 4),
        ("-$5", -5), ("$3-$5", 5), ("½", 0.5), ("2½ cups", 2.5), ("1⁄4", 0.25),
    ],
)  # fmt: skip
def test_the_number_that_an_answer_ends_with(written: str, number: float | None) -> None:
    found = number_in(written)
    assert (None if found is None else float(found)) == (None if number is None else pytest.approx(number))


@pytest.mark.parametrize("metric", ["exact_match", "token_f1", "chrf", "bleu", "rouge_l"])
def test_texts_that_look_alike_are_alike(metric: str) -> None:
    assert of(metric, "cafe\u0301 au lait\r\nhot, now", "caf\u00e9 au lait\nhot, now") == pytest.approx(1)
    assert of("json_exact", '{"a": "cafe\u0301"}', '{"a": "caf\u00e9"}') == 1


def test_numbers_are_equal_by_value_and_a_reference_without_one_is_left_out() -> None:
    assert of("exact_number", "so 1,000.0 in all", "#### 1000") == 1
    assert of("exact_number", "no idea", "#### 1000") == 0
    assert of("exact_number", "5", "none") is None


@pytest.mark.parametrize(
    ("answer", "valid", "keys", "values", "whole"),
    [
        (ORDER, 1, 1, 1, 1),
        ('{"to": {"fast": true, "city": "Bern"}, "count": 2.0, "item": "tea"}', 1, 1, 1, 1),
        (ORDER.replace("tea", "milk"), 1, 1, 0.75, 0),
        (ORDER.replace('"item"', '"thing"'), 1, 0.75, 0.75, 0),
        (ORDER.replace("2", "true"), 1, 1, 0.75, 0),
        (ORDER.replace("2", '"2"'), 1, 1, 0.75, 0),
        ('{"item": "tea"}', 1, 0.4, 0.4, 0),
        ("{}", 1, 0, 0, 0),
        ("[]", 1, 0, 0, 0),
        (f"```json\n{ORDER}\n```", 0, 0, 0, 0),
        (ORDER[:-1], 0, 0, 0, 0),
        ('{"count": NaN}', 0, 0, 0, 0),
        ("[" * 100_000, 0, 0, 0, 0),
        ("1" * 5000, 0, 0, 0, 0),
        ("", 0, 0, 0, 0),
    ],
)  # fmt: skip
def test_json_is_scored_by_what_a_program_reads(
    answer: str, valid: float, keys: float, values: float, whole: float
) -> None:
    names = ["json_valid", "json_keys", "json_values", "json_exact"]
    assert score(names, answer, ORDER) == pytest.approx(dict(zip(names, (valid, keys, values, whole), strict=True)))


def test_the_order_of_a_list_counts_and_a_broken_reference_is_left_out() -> None:
    assert of("json_exact", "[2, 1]", "[1, 2]") == 0
    assert score(["json_valid", "json_values"], ORDER, "{broken") == {}


def test_json_in_a_fence_or_among_words_is_known_as_such() -> None:
    assert is_wrapped(f"```json\n{ORDER}\n```")
    assert is_wrapped(f"Here it is: {ORDER}. Anything else?")
    assert not is_wrapped(ORDER)
    assert not is_wrapped("see [1] and {this}")


@pytest.mark.parametrize(
    "written",
    [
        '{"name": "f", "arguments": {"a": 1, "b": "x"}}',
        '<tool_call>\n{"name": "f", "arguments": {"b": "x", "a": 1}}\n</tool_call>',
        '[TOOL_CALLS] [{"name": "f", "arguments": "{\\"b\\": \\"x\\", \\"a\\": 1.0}"}]',
        '{"name": "f", "parameters": {"a": 1, "b": "x"}}',
        '{"type": "function", "function": {"name": "f", "arguments": {"a": 1, "b": "x"}}}',
        "<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\nx\n</parameter>\n</function>",
    ],
)
def test_a_call_is_the_same_however_a_model_writes_it(written: str) -> None:
    assert calls_in(written) == calls_in('{"name": "f", "arguments": {"a": 1, "b": "x"}}')


def test_a_text_of_nothing_but_beginnings_is_read_in_time() -> None:
    began = time.process_time()
    for piece in ("<function=a>", "[", '{"a":', "1,", "1/", "```", "1.", "<think>"):
        score(SCORES, piece * 5_000, ORDER)
        calls_in(piece * 5_000)
        number_in(piece * 5_000)
        is_wrapped(piece * 5_000)
    assert time.process_time() - began < 60


def test_calls_are_right_by_name_and_by_arguments_in_any_order() -> None:
    wanted = '{"name": "f", "arguments": {"a": 1}}\n{"name": "g", "arguments": {}}'
    names = ["tool_name", "tool_arguments"]
    swapped = '{"name": "g", "arguments": {}}\n{"name": "f", "arguments": {"a": 1}}'
    assert score(names, swapped, wanted) == {"tool_name": 1, "tool_arguments": 1}
    assert score(names, swapped.replace("1", "2"), wanted) == {"tool_name": 1, "tool_arguments": 0}
    assert score(names, "I can't", wanted) == {"tool_name": 0, "tool_arguments": 0}
    assert score(names, "Good day", "Hello") == {"tool_name": 1, "tool_arguments": 1}
    assert score(names, wanted, "Hello") == {"tool_name": 0, "tool_arguments": 0}


@pytest.mark.parametrize(
    ("answer", "reference", "f1"),
    [
        ("The Rome.", "rome", 1), ("in Rome, Italy", "Rome", 0.5), ("Bern", "Rome", 0), ("", "Rome", 0),
        ("the", "a", 0),
        ("北京市", "北京", 0.8), ("it's", "its", 1), ("!", "!", 1), ("!", "?", 0),
    ],
)  # fmt: skip
def test_token_f1_counts_words_as_squad_does(answer: str, reference: str, f1: float) -> None:
    assert of("token_f1", answer, reference) == pytest.approx(f1)


def test_exact_match_forgives_blanks_around_the_text_only() -> None:
    assert of("exact_match", " yes\n", "yes") == 1
    assert of("exact_match", "Yes", "yes") == 0


def test_chrf_and_rouge_are_those_of_their_packages() -> None:
    answer, reference = "The cat sat on a mat today", "the cat is on the mat"
    assert of("chrf", answer, reference) == pytest.approx(sentence_chrf(answer, [reference]).score / 100)
    theirs = RougeScorer(["rougeL"]).score(reference, answer)["rougeL"].fmeasure
    assert of("rouge_l", answer, reference) == pytest.approx(theirs)


def test_rouge_and_bleu_do_not_lose_what_is_not_latin() -> None:
    for text in ("今天天气很好", "Сегодня хорошая погода была", "今日はとてもいい天気です"):
        assert of("rouge_l", text, text) == pytest.approx(1)
        assert of("bleu", text, text) == pytest.approx(1)
        assert of("rouge_l", "nothing", text) == 0


@pytest.mark.parametrize("metric", SCORES)
@pytest.mark.parametrize("answer", ["", "\x1b[31mred\x07", "\ud800", "{" * 300, "\x00", "<think>", "####"], ids=ascii)
def test_any_answer_has_a_score_and_an_empty_reference_none(metric: str, answer: str) -> None:
    found = of(metric, answer, json.dumps({"a": 7}))
    assert found is not None
    assert 0 <= found <= 1
    assert math.isfinite(found)
    assert score([metric], answer, " ") == {}
