"""A row on the X-ray is the row of the training: its tokens, their states, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.schema import DatasetSection
from engine.data.rows.messages import Message, Row, ToolCall
from engine.data.token_view.form import Xray, from_json, to_json
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from engine.tokens.examples import rendered
from engine.tokens.render import Renderer, stop_ids
from engine.tokens.token_text import TokenText
from engine.tokens.xray import Looker, unreadable
from tests.engine.jobs.test_quality import WITHOUT_SYSTEM
from tests.engine.training.families import CHATML, FAMILIES, NO_OPENING, dialogue, make_tokenizer, renderer
from tests.engine.training.pieces import make_pieces_tokenizer

LONG = "Once there was a fox in a house by the sea. "


def look(row: Row, name: str = "chatml", made: Renderer | None = None, **dataset: Any) -> Xray:
    made = made or renderer(name)
    settings_ = DatasetSection.model_validate(dataset)
    ray = Looker(made, made.tokenizer.eos_token_id, settings_).look(row)
    return from_json(to_json(ray))


def says(ray: Xray, about: str) -> tuple[bool, str]:
    (verdict,) = [each for each in ray.verdicts if each.about == about]
    return verdict.passes, text(verdict.what)


def written(ray: Xray, *states: str) -> str:
    return "".join(piece.text for part in ray.parts for piece in part.pieces if piece.state in states)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("train_on", ["assistant", "last", "all"])
def test_the_tokens_are_those_of_the_training(name: str, train_on: str) -> None:
    row, made = dialogue("你好 😀?", "First ä.", "Two?", "Second."), renderer(name)
    ray = look(row, name, train_on=train_on)
    ((ids, labels),) = rendered(row, made, DatasetSection(train_on=train_on)).pieces
    (part,) = ray.parts
    shown = [(token, piece.state) for piece in part.pieces for token in piece.ids if piece.state != "padding"]
    assert [token for token, _ in shown] == ids.tolist()
    assert [state == "trained" for _, state in shown[1:]] == [label >= 0 for label in labels.tolist()[1:]]
    assert shown[0][1] == "context", "nothing predicts the first token"
    assert (part.tokens, part.trained) == (len(ids), sum(state == "trained" for _, state in shown))
    assert written(ray, "trained", "context") == made.tokenizer.decode(ids)
    assert not ray.is_bad


def test_a_turn_that_the_template_leaves_out_is_told() -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"], WITHOUT_SYSTEM)
    made = Renderer(tokenizer, stop_ids(tokenizer))
    row = replace(
        dialogue("Tea?", "Yes."), messages=(Message("system", "Be brief."), *dialogue("Tea?", "Yes.").messages)
    )
    passes, said = says(look(row, made=made), "written")
    assert not passes
    assert "Turn 1 (system)" in said
    assert not look(row).is_bad


def test_padding_is_what_fills_the_row_up_in_a_micro_batch_of_its_own() -> None:
    (part,) = look(dialogue("One?", "First.")).parts
    padding = [token for piece in part.pieces if piece.state == "padding" for token in piece.ids]
    assert part.padded == part.tokens + len(padding)
    assert part.padded % 8 == 0
    assert set(padding) <= {renderer("chatml").tokenizer.eos_token_id}


def test_special_tokens_are_told_from_words_that_look_like_them() -> None:
    ray = look(dialogue("Say <|tag|>.", "<|tag|>"))
    specials = [piece.text for part in ray.parts for piece in part.pieces if piece.is_special]
    assert set(specials) == {"<|im_start|>", "<|im_end|>"}
    assert not any(each.about == "written" for each in ray.verdicts)


def test_special_tokens_in_the_words_are_said_and_counted() -> None:
    ray = look(dialogue("How does ChatML end?", "With <|im_end|> and <|im_end|>."))
    assert says(ray, "written")[1].endswith("<|im_end|> (2x).")
    assert ray.is_bad


def test_a_good_row_passes_everything() -> None:
    ray = look(dialogue("One?", "First.", "Two?", "Second."))
    assert says(ray, "stop") == (True, "Ends with the stop token <|im_end|>, which is trained.")
    assert says(ray, "turns") == (True, "All 2 answers are trained whole (train_on = assistant).")
    assert says(ray, "begin") == (True, "No begin token: this model has none.")
    assert says(ray, "fate") == (True, "It is trained on.")
    assert (
        says(look(dialogue("One?", "First."), "llama 3"), "begin")[1]
        == "Starts with <|begin_of_text|>, which occurs once."
    )
    twice = look(dialogue("One?", "First.", "Two?", "Second."), "llama 2")
    assert says(twice, "begin") == (True, "Starts with <s>, which occurs 2 times, never twice in a row.")


def test_two_begin_tokens_in_a_row_are_a_fault() -> None:
    tokenizer = make_tokenizer(FAMILIES["mistral"], "{{ bos_token }}" + FAMILIES["mistral"].template)
    ray = look(dialogue("One?", "First."), made=Renderer(tokenizer, stop_ids(tokenizer)))
    assert says(ray, "begin") == (False, "The begin token <s> occurs twice in a row.")


def test_an_end_where_generation_does_not_stop_is_a_fault() -> None:
    tokenizer = make_tokenizer(FAMILIES["gemma"])
    ray = look(dialogue("One?", "First."), made=Renderer(tokenizer, stop_ids(tokenizer)))
    passes, said = says(ray, "stop")
    assert not passes
    assert "<end_of_turn>" in said


def test_an_answer_beyond_max_length_is_left_out_and_the_rest_of_it_cut() -> None:
    ray = look(dialogue("Tell me a story.", LONG * 20), max_length=64)
    assert ray.fate == "left-out"
    assert not says(ray, "whole")[0]
    assert says(ray, "fate")[1] == "It is left out, because it is too long. Raise dataset.max_length."
    assert written(ray, "cut").endswith("<|im_end|>\n")
    assert ray.parts[0].padded == 0


def test_what_follows_the_answers_may_be_cut() -> None:
    row = dialogue("One?", "First.", LONG * 20)
    ray = look(row, max_length=64, too_long="truncate")
    assert not ray.is_bad
    assert "after them are cut" in says(ray, "whole")[1]
    assert len([token for piece in ray.parts[0].pieces if piece.state != "cut" for token in piece.ids]) == 64
    assert written(ray, "context", "trained", "cut") == renderer("chatml").tokenizer.decode(
        renderer("chatml").render(row)[0]
    )


def test_plain_text_is_shown_in_the_pieces_it_is_split_into() -> None:
    ray = look(Row((), LONG * 20, "r", "r.txt", 1), max_length=64, too_long="split", split_overlap=8)
    assert len(ray.parts) > 2
    assert written(replace(ray, parts=ray.parts[1:2]), "context") != "", "what a piece shares with the last is read"
    assert not ray.is_bad
    assert ray.fate == "trained"


def test_calls_and_reasoning_are_looked_for_in_what_is_trained() -> None:
    call = Message("assistant", "", reasoning="Ask.", calls=(ToolCall("weather", '{"city": "Bonn"}'),))
    row = Row(
        (Message("user", "Weather?"), call, Message("tool", "sun"), Message("assistant", "Sunny.")), "", "r", "r", 1
    )
    assert says(look(row), "turns") == (True, "All 2 answers are trained whole (train_on = assistant).")


def test_an_answer_that_the_template_changes_is_said() -> None:
    shouting = CHATML.replace("m.content", "m.content | upper")
    tokenizer = make_tokenizer(FAMILIES["chatml"], shouting)
    passes, said = says(look(dialogue("One?", "First."), made=Renderer(tokenizer, stop_ids(tokenizer))), "turns")
    assert not passes
    assert said == "Turn 2 is not trained as written: 'First.' is missing."


def test_a_row_that_the_template_refuses_is_shown_in_its_own_words() -> None:
    row = Row((Message("user", "One?"), Message("user", "Two?"), Message("assistant", "Yes.")), "", "r", "r", 1)
    ray = look(row, "llama 2")
    assert (ray.fate, ray.parts) == ("left-out", ())
    assert "user and assistant must alternate" in says(ray, "fate")[1]
    assert ray.words == "user: One?\nuser: Two?\nassistant: Yes."


def test_weights_are_said_and_a_row_without_any_is_left_out() -> None:
    row, made = dialogue("One?", "First."), renderer("chatml")
    looker = Looker(made, 0, DatasetSection(), {"rows": 3.0})
    weighed = looker.look(replace(row, weight=0.5)).verdicts[-2:]
    assert [each.what for each in weighed] == [Said("xray.is-trained"), Said("xray.weight", weight=1.5)]
    assert looker.look(replace(row, weight=0.0)).verdicts[-1].what == Said("xray.left-out-weightless")
    assert looker.look(row, "heldout").fate == "heldout"


def test_a_turn_marked_as_not_to_be_trained_is_context_and_says_so() -> None:
    row = dialogue("Say one.", "wrong", "No, again.", "right")
    messages = [replace(each, untrained="loss = false") if at == 1 else each for at, each in enumerate(row.messages)]
    ray = look(replace(row, messages=tuple(messages)))
    assert "wrong" in written(ray, "context")
    assert written(ray, "trained") == "right<|im_end|>"
    assert says(ray, "marked") == (True, "Turn 2 is not trained, because the row says so: loss = false.")
    assert says(ray, "turns") == (True, "The other answer is trained whole (train_on = assistant).")
    assert not ray.is_bad


def test_of_a_very_long_row_the_rest_is_counted() -> None:
    made = renderer("chatml")
    looker = Looker(made, 0, DatasetSection(max_length=4096))
    (part,) = looker.look(dialogue("One?", LONG * 20), most_tokens=10).parts
    assert part.hidden == part.tokens - 10
    assert sum(len(piece.ids) for piece in part.pieces if piece.state != "padding") == 10


def test_a_row_that_can_not_be_read_has_nothing_but_its_reason() -> None:
    ray = unreadable("a.jsonl", 3, "a", Said("xray.is-used"))
    assert (ray.fate, ray.parts, says(ray, "fate")) == ("unreadable", (), (False, text(Said("xray.is-used"))))


def test_a_template_without_an_opening_is_no_fault() -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"], NO_OPENING)
    assert not look(dialogue("One?", "First."), made=Renderer(tokenizer, stop_ids(tokenizer))).is_bad


def of_kind(kind: str) -> Any:
    return renderer("chatml").tokenizer if kind == "bytes" else make_pieces_tokenizer(FAMILIES["mistral"])


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=30))
def test_grouped_tokens_are_whole_characters_and_lose_nothing(kind: str, text: str) -> None:
    tokenizer = of_kind(kind)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    groups = list(TokenText(tokenizer).grouped(ids))
    assert sum(count for count, _ in groups) == len(ids)
    assert "".join(part for _, part in groups) == text


def halves(tokenizer: Any) -> Sequence[int]:
    ids: list[int] = tokenizer("好", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1
    return ids[1:]


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
def test_bytes_that_are_no_character_are_shown_as_numbers(kind: str) -> None:
    tokenizer = of_kind(kind)
    rest = [*halves(tokenizer), *tokenizer("a", add_special_tokens=False)["input_ids"]]
    assert "".join(part for _, part in TokenText(tokenizer).grouped(rest)) == "<0xA5><0xBD>a"
