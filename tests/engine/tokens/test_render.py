"""Training sees the assistant's turns with their stop token and nothing else, in every family of templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.common.errors import ModelError
from engine.data.rows.messages import Message, Row
from engine.messages.message import Message as Said
from engine.tokens.render import (
    MODELS_OWN,
    NOT_TRAINED,
    PLAIN_TEMPLATE,
    Renderer,
    RenderError,
    check_stop_tokens,
    choose_template,
    stop_ids,
)
from tests.engine.training.families import (
    CHATML,
    FAMILIES,
    FORGETS_THINKING,
    NEVER_CLOSES,
    NO_OPENING,
    dialogue,
    make_tokenizer,
    renderer,
    trained_text,
)

every_family = pytest.mark.parametrize("name", FAMILIES)


def with_template(template: str, family: str = "chatml") -> Renderer:
    tokenizer = make_tokenizer(FAMILIES[family], template)
    return Renderer(tokenizer, stop_ids(tokenizer))


def answers(name: str, *texts: str) -> str:
    """What is trained of ``texts`` in a family: each with its stop token (Llama 2 has a space before it)."""
    space = {"llama 2": (" ", " "), "mistral": (" ", "")}.get(name, ("", ""))
    closing = FAMILIES[name].closing
    stripped = (text.strip() if FAMILIES[name].trims else text for text in texts)
    return "".join(f"{space[0]}{text}{space[1]}{closing}" for text in stripped)


def without_end_mark(name: str, text: str) -> str:
    """Phi marks the end of the whole dialogue too; that mark is trained with the last answer."""
    return text.removesuffix("\n<|endoftext|>") if name == "phi" else text


@every_family
def test_the_trained_tokens_are_the_answer_and_its_stop_token(name: str) -> None:
    made = renderer(name)
    text = trained_text(made, dialogue("What is the capital of France?", "It is Paris."))
    assert without_end_mark(name, text) == answers(name, "It is Paris.")


@every_family
def test_every_answer_of_a_dialogue_is_trained(name: str) -> None:
    made = renderer(name)
    row = dialogue("One?", "First.", "Two?", "Second.", "Three?", "Third.")
    assert without_end_mark(name, trained_text(made, row)) == answers(name, "First.", "Second.", "Third.")


@every_family
def test_only_the_last_answer_is_trained_if_wanted(name: str) -> None:
    row = dialogue("One?", "First.", "Two?", "Second.")
    assert without_end_mark(name, trained_text(renderer(name), row, "last")) == answers(name, "Second.")


@every_family
def test_all_tokens_are_trained_if_wanted(name: str) -> None:
    ids, labels = renderer(name).render(dialogue("One?", "First."), "all")
    assert ids == labels
    assert ids == renderer(name).render(dialogue("One?", "First."))[0]


@every_family
def test_a_system_message_is_read_and_not_trained(name: str) -> None:
    made = renderer(name)
    row = dialogue("One?", "First.", system="Answer in one word.")
    if not FAMILIES[name].has_system:
        with pytest.raises(RenderError, match="System role not supported"):
            made.render(row)
        return
    assert "Answer in one word." in made.tokenizer.decode(made.render(row)[0])
    assert without_end_mark(name, trained_text(made, row)) == answers(name, "First.")


@every_family
def test_training_begins_where_generation_begins(name: str) -> None:
    made = renderer(name)
    row = dialogue("One?", "First.", "Two?", "Second.")
    ids, labels = made.render(row, "last")
    prompt = made.prompt_ids(row.messages[:-1])
    assert ids[: len(prompt)] == prompt
    assert labels[: len(prompt)] == [NOT_TRAINED] * len(prompt)
    assert labels[len(prompt)] != NOT_TRAINED


@every_family
def test_generation_stops_at_a_token_that_was_trained(name: str) -> None:
    made = renderer(name)
    _, labels = made.render(dialogue("One?", "First."))
    assert [label for label in labels if label != NOT_TRAINED][-1] in made.stops
    check_stop_tokens(made, dialogue("One?", "First."))


@every_family
def test_the_beginning_token_is_there_exactly_once(name: str) -> None:
    """Llama 2 begins each exchange anew; every other family begins once."""
    made, bos = renderer(name), FAMILIES[name].bos
    row = dialogue("One?", "First.", "Two?", "Second.")
    text = made.tokenizer.decode(made.render(row)[0])
    if bos and name != "zephyr":  # Zephyr's template has none
        assert text.count(bos) == (2 if name == "llama 2" else 1)
        assert text.startswith(bos)
        assert made.tokenizer.decode(made.prompt_ids(row.messages[:1])).count(bos) == 1
    plain, _ = made.render(Row((), "Some text.", "rows", "rows.txt", 1))
    assert made.tokenizer.decode(plain) == f"{bos}Some text.{FAMILIES[name].eos}"


letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<[]|"), min_size=1, max_size=30)
contents = letters.filter(lambda text: bool(text.strip()))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(FAMILIES)), turns=st.lists(contents, min_size=2, max_size=6), system=contents)
def test_whatever_is_said_the_answers_are_trained_and_nothing_else(name: str, turns: list[str], system: str) -> None:
    turns = turns[: len(turns) // 2 * 2]
    row = dialogue(*turns, system=system if FAMILIES[name].has_system else "")
    assert without_end_mark(name, trained_text(renderer(name), row)) == answers(name, *turns[1::2])


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(FAMILIES)), turns=st.lists(contents, min_size=2, max_size=2),
    breaks=st.text(" \n\t\r", min_size=1, max_size=3),
)  # fmt: skip
def test_an_answer_may_begin_with_a_line_break(name: str, turns: list[str], breaks: str) -> None:
    """The tokenizer would join it with the prompt's own line break; the prompt stays what generation is given."""
    made, row = renderer(name), dialogue(turns[0], breaks + turns[1])
    assert without_end_mark(name, trained_text(made, row)) == answers(name, breaks + turns[1])
    ids, _ = made.render(row)
    prompt = made.prompt_ids(row.messages[:1])
    assert ids[: len(prompt)] == prompt
    whole = made.tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in row.messages], tokenize=False
    )
    assert made.tokenizer.decode(ids) == whole


def test_a_stop_token_written_in_an_answer_does_not_end_it() -> None:
    row = dialogue("How does ChatML end?", "With <|im_end|>, always.")
    assert trained_text(renderer("chatml"), row) == "With <|im_end|>, always.<|im_end|>"


def test_padding_with_the_stop_token_does_not_mask_it() -> None:
    made = renderer("chatml")
    assert made.tokenizer.pad_token_id == made.tokenizer.eos_token_id
    _, labels = made.render(dialogue("One?", "First."))
    assert made.tokenizer.eos_token_id in labels


def test_a_template_that_forgets_earlier_thinking_is_refused_loudly() -> None:
    made = with_template(FORGETS_THINKING)
    thinking = dialogue("One?", "<think>Easy.</think>First.", "Two?", "<think>Hard.</think>Second.")
    with pytest.raises(RenderError) as caught:
        made.render(thinking)
    assert caught.value.reason == Said("tokens.answer-not-closed", turn=2)
    assert 'train_on = "last"' in caught.value.hint


def test_the_hint_about_earlier_thinking_helps() -> None:
    made = with_template(FORGETS_THINKING)
    thinking = dialogue("One?", "<think>Easy.</think>First.", "Two?", "<think>Hard.</think>Second.")
    assert trained_text(made, thinking, "last") == "<think>Hard.</think>Second.<|im_end|>"
    without = dialogue("One?", "First.", "Two?", "Second.")
    assert trained_text(made, without) == "First.<|im_end|>Second.<|im_end|>"


def test_a_template_that_rewrites_the_prompt_is_refused_loudly_and_may_train_on_all() -> None:
    counting = "{{ 'Turns: ' ~ messages | length ~ '\n' }}" + CHATML
    made, row = with_template(counting), dialogue("One?", "First.")
    with pytest.raises(RenderError) as caught:
        made.render(row)
    assert caught.value.reason == Said("tokens.prompt-changes", turn=2)
    assert 'train_on = "all"' in caught.value.hint
    ids, labels = made.render(row, "all")
    assert ids == labels


def test_without_an_opening_the_model_learns_to_write_it() -> None:
    """Generation gives no opening either, so what it has to write is what is trained."""
    made, row = with_template(NO_OPENING), dialogue("One?", "First.")
    assert trained_text(made, row) == "<|im_start|>assistant\nFirst.<|im_end|>"
    assert made.tokenizer.decode(made.prompt_ids(row.messages[:1])) == "<|im_start|>user\nOne?<|im_end|>\n"


def test_a_template_that_never_closes_gets_the_stop_token_behind_the_last_answer() -> None:
    made = with_template(NEVER_CLOSES)
    assert trained_text(made, dialogue("One?", "First.")) == " First.\n<|im_end|>"
    assert trained_text(made, dialogue("One?", "First."), "all").endswith("First.\n<|im_end|>")
    with pytest.raises(RenderError, match="no stop token of its own"):
        made.render(dialogue("One?", "First.", "Two?", "Second."))
    assert trained_text(made, dialogue("One?", "First.", "Two?", "Second."), "last") == " Second.\n<|im_end|>"


def test_what_a_template_refuses_is_said_in_its_own_words() -> None:
    row = Row((Message("user", "One?"), Message("user", "Two?"), Message("assistant", "Yes.")), "", "r", "r.jsonl", 1)
    with pytest.raises(RenderError, match="user and assistant must alternate"):
        renderer("llama 2").render(row)


def test_a_template_with_a_mistake_is_an_error_in_words() -> None:
    with pytest.raises(RenderError, match="The template refuses the row"):
        with_template("{{ messages[0].content + 1 }}").render(dialogue("One?", "First."))


def test_a_dialogue_without_an_answer_can_not_be_trained_on() -> None:
    row = Row((Message("user", "One?"),), "", "rows", "rows.jsonl", 1)
    with pytest.raises(RenderError, match="no assistant turn to train"):
        renderer("chatml").render(row)
    ids, labels = renderer("chatml").render(row, "all")
    assert ids == labels


def test_what_follows_the_last_answer_is_not_trained() -> None:
    row = dialogue("One?", "First.", "Thank you.")
    assert trained_text(renderer("chatml"), row) == "First.<|im_end|>"


def test_a_greeting_that_answers_nothing_is_read_and_not_trained() -> None:
    greeting, made = Message("assistant", "Hello."), renderer("chatml")
    row = Row((greeting, Message("user", "Hi."), Message("assistant", "How are you?")), "", "rows", "rows.jsonl", 1)
    assert "Hello." in made.tokenizer.decode(made.render(row)[0])
    assert trained_text(made, row) == "How are you?<|im_end|>"
    with pytest.raises(RenderError, match="no assistant turn to train"):
        made.render(Row((greeting, Message("user", "Hi.")), "", "rows", "rows.jsonl", 1))


def test_an_answer_that_ends_where_generation_does_not_is_refused() -> None:
    tokenizer = make_tokenizer(FAMILIES["gemma"])
    made = Renderer(tokenizer, stop_ids(tokenizer))  # no generation config: only <eos> stops
    with pytest.raises(ModelError) as caught:
        check_stop_tokens(made, dialogue("One?", "First."))
    assert caught.value.reason == Said("tokens.stop-token-unknown", token="<end_of_turn>")
    assert "generation_config.json" in caught.value.hint


def test_stop_tokens_come_from_tokenizer_and_generation_config() -> None:
    class Config:
        eos_token_id: Any = None

    tokenizer, config = make_tokenizer(FAMILIES["llama 3"]), Config()
    eos, eot = (tokenizer.convert_tokens_to_ids(name) for name in ("<|end_of_text|>", "<|eot_id|>"))
    assert stop_ids(tokenizer) == stop_ids(tokenizer, config) == {eos}
    config.eos_token_id = eot
    assert stop_ids(tokenizer, config) == {eos, eot}
    config.eos_token_id = [eot, eos]
    assert stop_ids(tokenizer, config) == {eos, eot}


def test_a_tokenizer_without_a_stop_token_is_refused() -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"])
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no stop token"):
        Renderer(tokenizer, frozenset())


def test_a_base_model_gets_the_plain_template() -> None:
    tokenizer = make_tokenizer(FAMILIES["mistral"], template="")
    assert choose_template(tokenizer, "") == "plain"
    made = Renderer(tokenizer, stop_ids(tokenizer))
    row = dialogue("One?", "First.", "Two?", "Second.", system="Be brief.")
    ids, _ = made.render(row)
    assert tokenizer.decode(ids).startswith("<s>Be brief.\n\nQuestion: One?\n\nAnswer: First.</s>")
    assert trained_text(made, row) == " First.</s> Second.</s>"
    assert tokenizer.decode(made.prompt_ids(row.messages[:2])).endswith("Question: One?\n\nAnswer:")


def test_a_models_own_template_is_kept_unless_another_is_wanted(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(FAMILIES["zephyr"])
    assert choose_template(tokenizer, "") == MODELS_OWN
    assert tokenizer.chat_template == FAMILIES["zephyr"].template
    assert choose_template(tokenizer, "plain") == "plain"
    assert tokenizer.chat_template == PLAIN_TEMPLATE
    file = tmp_path / "mine.jinja"
    file.write_text(CHATML)
    assert choose_template(tokenizer, str(file)) == str(file)
    assert tokenizer.chat_template == CHATML


@pytest.mark.parametrize("content", [None, b"\xff\xfe broken"])
def test_a_template_file_that_can_not_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "mine.jinja"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.jinja"):
        choose_template(make_tokenizer(FAMILIES["chatml"]), str(file))
