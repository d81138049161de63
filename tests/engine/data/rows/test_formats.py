"""The format is found from the columns, the config wins over it, and every format becomes one kind of row."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.quality.structure import form_faults
from engine.data.rows.convert import problem, to_row
from engine.data.rows.formats import ColumnsUnclear, Detected, detect
from engine.data.rows.messages import Message, RawRow, Row
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from tests.engine.data.conftest import source


def raw(values: dict[str, Any], number: int = 1) -> RawRow:
    return RawRow(values, "s", "rows.jsonl", number)


def found(values: dict[str, Any], **fields: Any) -> Detected:
    return detect([raw(values)], source("rows.jsonl", **fields))


def row(values: dict[str, Any], **fields: Any) -> Row:
    return to_row(raw(values), found(values, **fields))


def turns(values: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row(values, **fields).messages]


OPENAI = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
SHAREGPT = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]
BOTH = [("user", "hi"), ("assistant", "ho")]


@pytest.mark.parametrize(
    ("values", "format"),
    [
        ({"instruction": "hi", "input": "", "output": "ho"}, "alpaca"),
        ({"instruction": "hi", "context": None, "response": "ho", "category": "x"}, "alpaca"),
        ({"messages": OPENAI}, "messages"),
        ({"conversations": OPENAI}, "messages"),
        ({"my turns": OPENAI, "id": 3}, "messages"),
        ({"conversations": SHAREGPT}, "sharegpt"),
        ({"messages": SHAREGPT}, "sharegpt"),
        ({"prompt": "hi", "completion": "ho"}, "prompt_completion"),
        ({"Prompt": "hi", "Response": "ho"}, "prompt_completion"),
        ({"question": "hi", "answer": "ho"}, "prompt_completion"),
        ({"input": "hi", "output": "ho"}, "prompt_completion"),
        ({"prompt": OPENAI[:1], "completion": OPENAI[1:]}, "prompt_completion"),
        ({"messages": json.dumps(OPENAI)}, "messages"),
    ],
)
def test_dialogues_of_every_shape_become_the_same_messages(values: dict[str, Any], format: str) -> None:
    assert found(values).format == format
    assert turns(values) == BOTH


@pytest.mark.parametrize("values", [{"text": "t"}, {"content": "t", "url": "u"}])
def test_text_columns_become_text(values: dict[str, Any]) -> None:
    detected = found(values)
    assert detected.format == "text"
    assert row(values) == Row((), "t", "s", "rows.jsonl", 1)


def test_confidence_falls_with_less_usual_names() -> None:
    usual = found({"prompt": "a", "completion": "b"}).confidence
    alias = found({"query": "a", "target": "b"}).confidence
    shape = found({"x": OPENAI}).confidence  # no known name, but a column of turns
    assert usual > alias > shape > 0


def test_evidence_names_columns_that_are_not_used() -> None:
    assert "not used: id, url" in text(found({"conversations": SHAREGPT, "id": 1, "url": "[]"}).evidence)


def test_input_joins_the_instruction() -> None:
    assert turns({"instruction": "add", "input": "1 2", "output": "3"})[0] == ("user", "add\n\n1 2")


def test_history_and_system_come_before() -> None:
    values = {"instruction": "c", "output": "d", "history": [["a", "b"]], "system": "s"}
    assert turns(values) == [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]


def test_a_system_message_in_the_turns_is_not_doubled_by_the_column() -> None:
    values = {"messages": [{"role": "system", "content": "own"}, *OPENAI], "system": "column"}
    assert turns(values)[0] == ("system", "own")
    assert len(turns(values)) == 3


def test_calls_of_functions_are_answers_and_observations_are_tools() -> None:
    values = {
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "weather?"},
            {"from": "function_call", "value": "{}"},
            {"from": "observation", "value": "sun"},
            {"from": "gpt", "value": "sunny"},
        ]
    }
    assert [role for role, _ in turns(values)] == ["system", "user", "assistant", "tool", "assistant"]


def test_parts_of_text_are_joined() -> None:
    parts = [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]
    assert turns({"messages": [{"role": "user", "content": parts}, OPENAI[1]]}) == BOTH


def test_numbers_and_truth_values_are_written_out() -> None:
    assert turns({"question": 6, "answer": True}) == [("user", "6"), ("assistant", "true")]


def test_lone_surrogates_are_replaced_since_no_tokenizer_takes_them() -> None:
    assert turns({"prompt": "\ud800", "completion": "x"})[0] == ("user", "\ufffd")


def test_the_config_maps_columns() -> None:
    values = {"ask": "hi", "reply": "ho"}
    detected = found(values, columns={"prompt": "ask", "completion": "reply"})
    assert (detected.format, detected.confidence) == ("prompt_completion", 1.0)
    assert turns(values, columns={"prompt": "ask", "completion": "reply"}) == BOTH


def test_the_config_may_map_one_column_and_leave_the_other_to_be_found() -> None:
    assert turns({"ask": "hi", "answer": "ho"}, columns={"prompt": "ask"}) == BOTH


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "a", "completion": "b"},
        {"text": "a document"},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"odd name": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ],
)
def test_a_group_or_a_weight_is_mapped_beside_what_is_found(values: dict[str, Any]) -> None:
    plain = found(values)
    mapped = found(values | {"doc_id": 7, "w": 0.5}, columns={"group": "doc_id", "weight": "w"})
    assert mapped.format == plain.format
    assert mapped.columns == plain.columns | {"group": "doc_id", "weight": "w"}
    made = row(values | {"doc_id": 7, "w": 0.5}, columns={"group": "doc_id", "weight": "w"})
    assert (made.group, made.weight) == ("7", 0.5)


def test_a_group_that_is_no_column_is_named() -> None:
    assert refused({"prompt": "a", "completion": "b"}, columns={"group": "doc"}).title == "There is no column 'doc'"


def test_the_config_sets_the_format() -> None:
    values = {"text": "hi", "prompt": "x", "completion": "y"}
    assert row(values, format="text").text == "hi"


def refused(values: dict[str, Any], **fields: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        row(values, **fields)
    assert caught.value.hint
    return caught.value


def test_unknown_columns_are_listed_with_the_accepted_ones_and_the_way_to_map_them() -> None:
    error = refused({"ask": "a", "reply": "b"})
    assert isinstance(error, ColumnsUnclear)
    assert error.title == "The columns are not known"
    assert "ask, reply" in error.message
    assert "prompt + completion" in error.hint
    assert 'columns = {prompt = "..."' in error.hint


def test_a_mapped_column_that_is_not_there_is_named() -> None:
    assert "'nope'" in refused({"ask": "a", "answer": "b"}, columns={"prompt": "nope"}).title


def test_a_field_mapped_to_nothing_is_not_found_by_its_name() -> None:
    values = {"prompt": "a", "completion": "b", "system": "a log line"}
    assert found(values).columns["system"] == "system"
    left_out = found(values, columns={"prompt": "prompt", "completion": "completion", "system": ""})
    assert left_out.columns == {"prompt": "prompt", "completion": "completion"}
    assert "There is no column ''" in refused(values, columns={"prompt": "", "completion": "completion"}).title


def test_a_mapping_to_no_field_lists_the_fields() -> None:
    assert "instruction" in refused({"a": "b"}, columns={"promt": "a"}).message


def test_a_format_without_its_column_is_refused() -> None:
    assert "'output'" in refused({"instruction": "a"}, format="alpaca").title


@pytest.mark.parametrize(
    "values",
    [
        {"chosen": "b", "rejected": "c"},
        {"conversations": SHAREGPT, "chosen": SHAREGPT[1], "rejected": SHAREGPT[1]},
        {"instruction": "a", "input": "", "chosen": "b", "rejected": "c"},
    ],
)
def test_preference_pairs_are_recognised_and_refused(values: dict[str, Any]) -> None:
    assert refused(values).code.startswith("rows.preference-pairs")


REJECTED = [OPENAI[0], {"role": "assistant", "content": "no"}]


@pytest.mark.parametrize(
    ("values", "learnt"),
    [
        ({"chosen": OPENAI, "rejected": REJECTED}, BOTH),
        ({"prompt": "hi", "chosen": OPENAI, "rejected": REJECTED, "score": 3}, BOTH),
        ({"chosen": json.dumps(OPENAI), "rejected": json.dumps(REJECTED)}, BOTH),
        ({"chosen": SHAREGPT, "rejected": SHAREGPT}, BOTH),
        ({"prompt": "hi", "chosen": "ho", "rejected": "no"}, BOTH),
        ({"prompt": OPENAI[:1], "chosen": OPENAI[1:], "rejected": REJECTED[1:]}, BOTH),
        ({"Question": "hi", "response_j": "ho", "response_k": "no"}, BOTH),
        ({"instruction": "hi", "input": "", "chosen": "ho", "reject": "no"}, BOTH),
        ({"messages": OPENAI, "images": ["cat.png"]}, BOTH),
        ({"conversations": SHAREGPT, "images": ["cat.png"]}, BOTH),
        ({"my talk": OPENAI, "image": "cat.png", "images": ["cat.png"]}, BOTH),
        ({"query": "hi", "response": "ho", "images": ["cat.png"]}, BOTH),
    ],
)
def test_the_mapping_in_the_hint_makes_such_rows_trainable(values: dict[str, Any], learnt: Any) -> None:
    hint = refused(values).hint
    columns = tomllib.loads(hint[hint.index("columns = ") :])["columns"]
    assert turns(values, columns=columns) == learnt


@pytest.mark.parametrize(
    "values",
    [
        {"conversations": SHAREGPT[:1], "chosen": SHAREGPT[1], "rejected": SHAREGPT[1]},
        {"chosen": OPENAI[1:], "rejected": REJECTED[1:]},
        {"images": ["cat.png"], "url": "x"},
    ],
)
def test_no_mapping_is_named_where_none_would_help(values: dict[str, Any]) -> None:
    assert "columns" not in refused(values).hint


def test_preferred_texts_without_a_prompt_are_plain_text() -> None:
    values = {"chosen": "Human: hi Assistant: ho", "rejected": "Human: hi Assistant: no"}
    assert refused(values).hint.endswith('columns = {text = "chosen"}')


def test_the_preferred_answers_may_be_learnt() -> None:
    values = {"prompt": "hi", "chosen": "ho", "rejected": "no"}
    assert turns(values, columns={"prompt": "prompt", "completion": "chosen"}) == BOTH


@pytest.mark.parametrize("judged", [[False], [1, 0], ["True", "False"], [1.0, 0.0, None]])
def test_judged_answers_are_refused_since_bad_ones_would_be_learnt(judged: list[Any]) -> None:
    rows = [RawRow({"prompt": "a", "completion": "b", "label": each}, "s", "a.jsonl", 1) for each in judged]
    with pytest.raises(DataError, match="judged") as caught:
        detect(rows, source("a.jsonl"))
    assert "'label'" in caught.value.hint


def test_rows_with_pictures_are_refused_unless_their_text_alone_is_mapped() -> None:
    values = {"messages": OPENAI, "images": ["cat.png"]}
    assert refused(values).reason.args["what"].code == "rows.pictures"
    assert turns(values, columns={"messages": "messages"}) == BOTH
    assert turns({"messages": OPENAI, "images": []}) == BOTH


def test_a_label_is_the_answer_to_its_text() -> None:
    rows = [raw({"text": f"t{number}", "label": ["good", "bad"][number % 2]}, number) for number in range(20)]
    detected = detect(rows, source("rows.jsonl"))
    assert detected.format == "classification"
    assert "labels bad, good" in text(detected.evidence)
    assert [m.content for m in to_row(rows[1], detected).messages] == ["t1", "bad"]


def test_numbers_as_labels_get_names_from_the_config() -> None:
    rows = [raw({"text": "t", "label": number % 2}, number) for number in range(20)]
    unnamed = detect(rows, source("rows.jsonl"))
    assert unnamed.confidence == 0.6
    assert "name them with labels" in text(unnamed.evidence)
    detected = detect(rows, source("rows.jsonl", labels={"0": "bad", "1": "good"}))
    assert [to_row(row, detected).messages[1].content for row in rows[:2]] == ["bad", "good"]
    with pytest.raises(DataError, match="label '7' has no name"):
        to_row(raw({"text": "t", "label": 7}), detected)


def test_two_texts_are_classified_together() -> None:
    values = {"premise": "a", "hypothesis": "b", "label": "entailment"}
    assert found(values).format == "classification"
    assert turns(values) == [("user", "a\n\nb"), ("assistant", "entailment")]


def test_answers_that_never_repeat_are_no_labels() -> None:
    rows = [raw({"text": f"t{number}", "label": f"label {number}"}, number) for number in range(40)]
    with pytest.raises(ColumnsUnclear) as caught:
        detect(rows, source("rows.jsonl"))
    assert "has text in 'text', and beside it: label" in caught.value.message


def test_a_text_with_other_columns_is_text_when_mapped_so() -> None:
    assert found({"text": "t", "label": "x"}, columns={"text": "text"}).format == "text"


def test_the_context_of_a_question_is_read_before_it() -> None:
    values = {"context": "c", "question": "q", "answers": {"text": ["a", "b"], "answer_start": [1, 2]}}
    assert turns(values) == [("user", "c\n\nq"), ("assistant", "a")]


def test_a_problem_and_its_solution_are_prompt_and_completion() -> None:
    assert turns({"problem": "hi", "solution": "ho"}) == BOTH


def test_rows_without_a_needed_column_lower_the_confidence() -> None:
    rows = [raw({"prompt": "a", "completion": "b"}), raw({"prompt": "a"})]
    detected = detect(rows, source("rows.jsonl"))
    assert detected.confidence < 0.5
    assert "1 of the first 2 rows lack" in text(detected.evidence)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "a", "completion": {"b": 1}}, "'completion' is an object"),
        ({"prompt": "a", "completion": ["b"]}, "'completion' is a list"),
        ({"messages": "a"}, "not a list of turns"),
        ({"messages": [{"role": "poet", "content": "a"}]}, "unknown role 'poet'"),
        ({"messages": [{"content": "a"}]}, "turn 1 has no 'role'"),
        ({"prompt": "a"}, "has no 'completion'"),
        ({"instruction": "a", "output": "b", "history": ["x"]}, "'history'"),
    ],
)
def test_a_bad_row_is_named_with_its_place(values: dict[str, Any], said: str) -> None:
    format = "messages" if "messages" in values else "alpaca" if "instruction" in values else "prompt_completion"
    columns = {
        "messages": {"messages": "messages"},
        "alpaca": {"instruction": "instruction", "output": "output", "history": "history"},
        "prompt_completion": {"prompt": "prompt", "completion": "completion"},
    }[format]
    with pytest.raises(DataError) as caught:
        to_row(raw(values, 7), Detected(format, columns, 1.0))
    assert (caught.value.code, caught.value.reason.args["row"]) == ("rows.unusable", 7)
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"prompt": "a", "completion": " "}, "rows.no-assistant-text"),
        ({"prompt": "a", "completion": None}, "rows.no-assistant-text"),
        ({"prompt": "", "completion": "b"}, "rows.prompt-empty"),
        ({"text": "\n "}, "rows.no-text"),
        ({"prompt": "a", "completion": "b"}, None),
        ({"text": "t"}, None),
    ],
)
def test_rows_that_teach_nothing_say_why(values: dict[str, Any], code: str | None) -> None:
    assert problem(row(values)) == (Said(code) if code else None)


def test_an_empty_dialogue_teaches_nothing() -> None:
    detected = Detected("messages", {"messages": "messages"}, 1.0)
    alone = to_row(raw({"messages": []}), detected)
    assert problem(alone) == Said("rows.turns-empty", column="messages")
    beside = to_row(raw({"messages": [], "text": "Not read."}), detected)
    assert problem(beside) == Said("rows.turns-empty-beside", column="messages", text="text")
    assert [code for code, _ in form_faults(beside)] == ["empty_answers"]
    mapped = Detected("messages", {"messages": "turns", "system": "text"}, 1.0)  # a column that is read is no such text
    (said,) = dict(to_row(raw({"turns": [], "text": "Be brief."}), mapped).remarks).values()
    assert said == Said("rows.turns-empty", column="turns")


def test_turns_that_are_empty_everywhere_are_refused_with_the_way_to_the_text() -> None:
    rows = [raw({"messages": [], "text": f"Some text {number}."}) for number in range(3)]
    with pytest.raises(DataError) as caught:
        detect(rows, source("rows.jsonl"))
    args = caught.value.reason.args
    assert (caught.value.code, args["column"], args["text"]) == ("rows.turns-all-empty-beside", "messages", "text")
    mapped = tomllib.loads(str(args["columns"]))["columns"]
    assert detect(rows, source("rows.jsonl", columns=mapped)).format == "text"
    with pytest.raises(DataError) as caught:
        detect([raw({"messages": [], "id": 1})], source("rows.jsonl"))
    assert caught.value.code == "rows.turns-all-empty"


def test_a_dialogue_that_begins_with_the_assistant_is_fine() -> None:
    assert problem(Row((Message("assistant", "hello"),), "", "s", "f", 1)) is None
