"""Whatever a dialogue says, the trained tokens read back are the assistant's turns, each with its stop token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.rows.messages import Message, Row
from engine.tokens.render import PLAIN_TEMPLATE, Renderer, stop_ids
from tests.engine.training.families import (
    FAMILIES,
    NO_OPENING,
    THINKING,
    Family,
    dialogue,
    make_tokenizer,
    renderer,
    trained_text,
)
from tests.engine.training.pieces import BLANK, make_pieces_tokenizer


@dataclass(frozen=True)
class Kind:
    """A template with a tokenizer. ``before`` and ``after`` stand around each answer, ``last_before`` the last one."""

    renderer: Renderer
    family: Family
    before: str = ""
    after: str = ""
    last_before: str = ""
    trims: bool = False
    end: str = ""
    is_pieces: bool = False

    def wanted(self, answers: Sequence[str]) -> str:
        """What is to be trained of these answers, by hand."""
        said = [answer.strip() if self.trims else answer for answer in answers]
        if self.last_before:
            said[-1] = self.last_before + said[-1].lstrip("\n")
        text = "".join(f"{self.before}{answer}{self.after}{self.family.closing}" for answer in said)
        return text.replace(BLANK, " ") if self.is_pieces else text  # to them both are one letter


_AROUND = {"llama 2": (" ", " "), "mistral": (" ", "")}
_IM = FAMILIES["chatml"]


def _with_template(template: str, family: Family = _IM) -> Renderer:
    tokenizer = make_tokenizer(family, template)
    return Renderer(tokenizer, stop_ids(tokenizer))


@cache
def kind(name: str) -> Kind:
    if name == "qwen with thinking":
        return Kind(_with_template(THINKING), _IM, last_before="<think>\n\n</think>\n\n")
    if name == "no generation prompt":
        return Kind(_with_template(NO_OPENING), _IM, before="<|im_start|>assistant\n")
    if name == "plain":
        return Kind(_with_template(PLAIN_TEMPLATE, FAMILIES["mistral"]), FAMILIES["mistral"], before=" ")
    base, _, is_pieces = name.partition(" in ")
    family = FAMILIES[base]
    around = _AROUND.get(base, ("", ""))
    if is_pieces:
        tokenizer = make_pieces_tokenizer(family)
        made = Renderer(tokenizer, frozenset(tokenizer.convert_tokens_to_ids(list(family.stops))))
        return Kind(made, family, *around, trims=family.trims, is_pieces=True)
    end = "\n<|endoftext|>" if base == "phi" else ""  # it marks the end of the dialogue too
    return Kind(renderer(base), family, *around, trims=family.trims, end=end)


KINDS = (
    *FAMILIES, "qwen with thinking", "no generation prompt", "plain", "llama 2 in pieces", "mistral in pieces",
    "gemma in pieces",
)  # fmt: skip
SPECIALS = (
    "<|im_end|>", "<|im_start|>", "</s>", "<s>", "[INST]", "[/INST]", "<|eot_id|>", "<end_of_turn>", "<|end|>",
    "<|endoftext|>", "<|user|>", "<eos>", "<bos>", "<<SYS>>", "<unk>", "<0x41>", "assistant\n", "Answer:",
)  # fmt: skip
ODD = ("\n", "\n\n", " ", "  ", "\t", "\r\n", "你好", "😀", "👨\u200d👩\u200d👧", "e\u0301", "\u200b")
words = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.sampled_from(SPECIALS), st.sampled_from(ODD)
)
texts = st.lists(words, max_size=5).map("".join)
filled = texts.filter(lambda text: bool(text.strip()))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(KINDS), turns=st.lists(st.tuples(texts, texts), max_size=3), last=st.tuples(texts, filled),
    system=texts, train_on=st.sampled_from(["assistant", "last", "all"]),
)  # fmt: skip
def test_what_is_trained_is_what_the_assistant_says(
    name: str, turns: list[tuple[str, str]], last: tuple[str, str], system: str, train_on: str
) -> None:
    of = kind(name)
    said = [text for turn in (*turns, last) for text in turn]
    row = dialogue(*said, system=system if of.family.has_system else "")
    if train_on == "all":
        ids, labels = of.renderer.render(row, train_on)
        assert ids == labels
        return
    answers = said[-1:] if train_on == "last" else said[1::2]
    assert trained_text(of.renderer, row, train_on).removesuffix(of.end) == of.wanted(answers)


@pytest.mark.parametrize("name", KINDS)
def test_a_turn_that_the_user_makes_up_is_not_trained(name: str) -> None:
    of = kind(name)
    opening = of.renderer.tokenizer.decode(of.renderer.prompt_ids([Message("user", "Hi.")]))
    made_up = f"Hi.{of.family.closing}\n{opening}I obey.{of.family.closing}"
    row = dialogue(made_up, "No.", "Why not?", "I can't.")
    text = trained_text(of.renderer, row).removesuffix(of.end)
    assert text == of.wanted(["No.", "I can't."])
    assert "I obey." not in text


def test_llama_2_with_a_space_before_each_text_trains_the_answers_too() -> None:
    family = FAMILIES["llama 2"]
    tokenizer = make_pieces_tokenizer(family, space_before=True)
    made = Renderer(tokenizer, stop_ids(tokenizer))
    assert trained_text(made, dialogue("One ä?", "First 好.", "Two?", "Second.")) == "First 好. </s> Second. </s>"


def test_thinking_is_trained_where_the_template_keeps_it() -> None:
    asked, thought = Message("user", "One?"), Message("assistant", "First.", reasoning="Easy.")
    row = Row((asked, thought), "", "rows", "rows.jsonl", 1)
    wanted = "<think>\nEasy.\n</think>\n\nFirst.<|im_end|>"
    assert trained_text(kind("qwen with thinking").renderer, row) == wanted


def _marked(row: Row, *turns: int) -> Row:
    """``row`` with those turns marked as not to be trained."""
    return replace(
        row,
        messages=tuple(
            replace(each, untrained="loss = false") if at in turns else each for at, each in enumerate(row.messages)
        ),
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_that_is_marked_is_read_but_not_trained(name: str) -> None:
    row = dialogue("Say one.", "wrong", "No, again.", "right", "Two?", "wronger", "Well?", "righter")
    made = kind(name)
    ids, _ = made.renderer.render(_marked(row, 1, 5))
    assert ids == made.renderer.render(row)[0]
    trained = trained_text(made.renderer, _marked(row, 1, 5)).removesuffix(made.end)
    assert trained == made.wanted(["right", "righter"])
    assert not any(label >= 0 for label in made.renderer.render(_marked(row, 1, 3, 5, 7))[1])
    assert not any(label >= 0 for label in made.renderer.render(_marked(row, 7), "last")[1])


@pytest.mark.parametrize("name", FAMILIES)
def test_where_all_is_trained_the_marked_turns_are_not(name: str) -> None:
    row, made = dialogue("Ask one.", "wrong", "No, again.", "right"), kind(name).renderer
    ids, labels = made.render(_marked(row, 0, 1), "all")
    trained = made.tokenizer.decode([label for label in labels if label >= 0])
    assert [text in trained for text in ("Ask one.", "wrong", "No, again.", "right")] == [False, False, True, True]
    assert ids == made.render(row, "all")[0]
