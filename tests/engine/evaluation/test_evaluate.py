"""Candidates answer the same rows on one model; what is kept is not asked again, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import AutoTokenizer

from engine.common.errors import MachineError
from engine.data.rows.messages import Message, Row
from engine.evaluation.candidates import Candidate, Examples
from engine.evaluation.evaluate import Questions, ask, evaluate
from engine.evaluation.generate import Generator
from engine.metrics.choose import choose
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.evaluations import Said, Turn
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from engine.tokens.render import BUILT_IN_TEMPLATES, Renderer
from tests.engine.evaluation.conftest import Loaded
from tests.tiny import make_tiny_model


def row(asked: str, answer: str, group: str = "", **more: Any) -> Row:
    turns = (Message("user", asked), Message("assistant", answer))
    return Row(turns, "", "rows", "rows.jsonl", 1, group=group, **more)


ROWS = [row(f"Give me {i} coffees for Noah in Cairo", f"order {i}", group=f"person {i % 2}") for i in range(6)]
TRAINED = [row(f"Give me {i} teas for Mia in Lima", f"order {i}") for i in range(7, 10)]


class Scripted:
    """Stands for a generator: answers in groups of two, from a list, and notes what it was asked."""

    most_positions, too_long, tokens_at_once, side_by_side = 0, "[too long]", 100, 1

    def __init__(self, tokenizer: Any, *answers: str, stop_after: int | None = None) -> None:
        self.tokenizer, self.answers, self.stop_after = tokenizer, answers, stop_after
        self.asked: list[str] = []

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        return [list(range(start, min(start + 2, len(prompts)))) for start in range(0, len(prompts), 2)]

    def answer(self, prompts: Sequence[list[int]], most: int, report: Any, whole: Any) -> list[Said]:
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise StopRequested
        self.asked += [self.tokenizer.decode(ids) for ids in prompts]
        texts = [self.answers[(len(self.asked) - len(prompts) + i) % len(self.answers)] for i in range(len(prompts))]
        counts = [len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
        found = [Said(text, count, count < most) for text, count in zip(texts, counts, strict=True)]
        whole(dict(enumerate(found)))
        return found


def candidate(
    loaded: Loaded, generator: Any, name: str = "base", weights: str = "w", examples: Examples | None = None,
    model: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Candidate:  # fmt: skip
    return Candidate(name, weights, generator, loaded.renderer, model, examples)


def questions(tmp_path: Path, rows: Sequence[Row] = ROWS) -> Questions:
    return Questions(tmp_path / "evaluations" / "training", "training", "test", rows, 16)


def phases(events: list[Any] | None = None) -> Phases:
    return Phases((events if events is not None else []).append)


def test_of_a_dialogue_the_turns_before_the_question_are_kept_too(loaded: Loaded, tmp_path: Path) -> None:
    turns = [("user", "In Celsius."), ("assistant", "Yes."), ("user", "How hot?"), ("assistant", "90")]
    asked = questions(tmp_path, [Row(tuple(Message(*turn) for turn in turns), "", "rows", "rows.jsonl", 1)])
    (found,) = ask(asked, candidate(loaded, Scripted(loaded.base.tokenizer, "80")), phases())
    assert (found.prompt, found.earlier) == ("How hot?", [Turn("user", "In Celsius."), Turn("assistant", "Yes.")])


def test_the_functions_of_a_row_are_kept_with_its_answer_and_with_one_of_an_earlier_version(
    loaded: Loaded, tmp_path: Path
) -> None:
    asked = questions(tmp_path, [row("Hot?", "call", tools=('{"name": "f"}',))])
    who = candidate(loaded, Scripted(loaded.base.tokenizer, "80"))
    (found,) = ask(asked, who, phases())
    assert (found.role, found.tools) == ("user", ['{"name": "f"}'])
    evaluations.keep_answers(asked.where, [msgspec.structs.replace(found, tools=[])])
    (again,) = ask(asked, who, phases())
    assert (again.tools, again.mark) == (found.tools, found.mark)
    assert [each.tools for each in evaluations.answers(asked.where)][-1] == found.tools, "the judge reads what is kept"


def test_how_it_was_asked_is_kept_and_another_template_is_another_prompt(loaded: Loaded, tmp_path: Path) -> None:
    scripted, found = Scripted(loaded.base.tokenizer, "order 0"), []
    other = make_tiny_model(tmp_path / "other")
    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.chat_template = BUILT_IN_TEMPLATES["plain"]
    renderers = {"one": loaded.renderer, "same": loaded.renderer, "other": Renderer(tokenizer, loaded.renderer.stops)}
    for name, renderer in renderers.items():
        asked = questions(tmp_path / name, ROWS if name != "same" else ROWS[::-1])
        who = Candidate("tuned", "w", scripted, renderer)
        found.append(evaluate(asked, [who], choose(["order 0"]), phases()))
    assert [each.new_tokens for each in found] == [16, 16, 16]
    one, same, another = (each.prompts_sha256 for each in found)
    assert one == same != another


def test_answers_are_kept_with_prompt_reference_and_group(loaded: Loaded, tmp_path: Path) -> None:
    scripted = Scripted(loaded.base.tokenizer, "order 0", "wrong")
    ask(questions(tmp_path), candidate(loaded, scripted), phases())
    kept = list(evaluations.answers(questions(tmp_path).where))
    assert [(a.candidate, a.row, a.prompt, a.reference, a.answer, a.group) for a in kept] == [
        ("base", i, ROWS[i].messages[0].text, f"order {i}", ("order 0", "wrong")[i % 2], f"person {i % 2}")
        for i in range(6)
    ]
    assert all(answer.ended and 0 < answer.tokens < 16 for answer in kept)


def test_an_interrupted_evaluation_asks_only_what_is_missing(loaded: Loaded, tmp_path: Path) -> None:
    stopped = Scripted(loaded.base.tokenizer, "yes", stop_after=2)
    with pytest.raises(StopRequested):
        ask(questions(tmp_path), candidate(loaded, stopped), phases())
    assert len(list(evaluations.answers(questions(tmp_path).where))) == 2
    again = Scripted(loaded.base.tokenizer, "no")
    answers = ask(questions(tmp_path), candidate(loaded, again), phases())
    assert [answer.answer for answer in answers] == ["yes", "yes", "no", "no", "no", "no"]
    assert len(again.asked) == 4
    never = Scripted(loaded.base.tokenizer, "never")
    assert ask(questions(tmp_path), candidate(loaded, never), phases()) == answers
    assert never.asked == []


@pytest.mark.parametrize("change", ["weights", "prompt", "reference", "length"])
def test_what_was_kept_of_another_prompt_or_other_weights_is_asked_again(
    loaded: Loaded, tmp_path: Path, change: str
) -> None:
    ask(questions(tmp_path), candidate(loaded, Scripted(loaded.base.tokenizer, "old")), phases())
    rows, weights, asked = list(ROWS), "w", questions(tmp_path)
    if change == "weights":
        weights = "others"
    elif change == "prompt":
        rows = [row(f"{each.messages[0].text}, please", each.messages[1].text) for each in ROWS]
    elif change == "reference":
        rows = [row(each.messages[0].text, "another order") for each in ROWS]
    asked = Questions(asked.where, asked.name, asked.part, rows, 8 if change == "length" else 16)
    answers = ask(asked, candidate(loaded, Scripted(loaded.base.tokenizer, "new"), weights=weights), phases())
    assert {answer.answer for answer in answers} == {"new"}


def test_answers_to_other_rows_that_were_tried_in_between_do_not_count(loaded: Loaded, tmp_path: Path) -> None:
    asked = questions(tmp_path)
    right = Scripted(loaded.base.tokenizer, *(each.messages[-1].text for each in ROWS))
    ask(asked, candidate(loaded, right, "tuned"), phases())
    others = questions(tmp_path, [row("Something else", "other")])
    ask(others, candidate(loaded, Scripted(loaded.base.tokenizer, "no idea"), "tuned"), phases())
    never = Scripted(loaded.base.tokenizer, "never")
    choice = choose([each.messages[-1].text for each in ROWS])
    found = evaluate(asked, [candidate(loaded, never, "tuned")], choice, phases())
    assert never.asked == []
    assert found.means[0].value == 1.0


def test_all_candidates_are_compared_on_the_same_rows(loaded: Loaded, tmp_path: Path) -> None:
    events: list[Any] = []
    right = Scripted(loaded.base.tokenizer, *(each.messages[-1].text for each in ROWS))
    wrong = Scripted(loaded.base.tokenizer, "no idea")
    asked, choice = questions(tmp_path), choose([each.messages[-1].text for each in ROWS])
    found = evaluate(
        asked, [candidate(loaded, wrong), candidate(loaded, right, "tuned")], choice, phases(events), step=6
    )
    assert (found.n, found.candidates, found.step, found.part) == (6, ["base", "tuned"], 6, "test")
    assert evaluations.read(asked.where) == found
    scores = {(a.candidate, a.row): a.scores[choice.primary] for a in evaluations.answers(asked.where)}
    assert scores == {(name, i): float(name == "tuned") for name in ("base", "tuned") for i in range(6)}
    (told,) = [event for event in events if isinstance(event, ev.Evaluated)]
    assert (told.name, told.n) == ("training", 6)


def test_of_a_dialogue_with_several_answers_the_last_alone_is_asked_and_that_is_said(
    loaded: Loaded, tmp_path: Path
) -> None:
    turns = (Message("user", "One coffee"), Message("assistant", "order 1"))
    rows = [*ROWS[:2], Row((*turns, *ROWS[2].messages), "", "rows", "rows.jsonl", 3)]
    asked, scripted = questions(tmp_path, rows), Scripted(loaded.base.tokenizer, "order 2")
    found = evaluate(asked, [candidate(loaded, scripted, "tuned")], choose(["order 2"] * 3), phases())
    assert "order 1" in scripted.asked[2]
    [note] = [each for each in found.notes if each.code == "evaluate.last-alone"]
    assert (note.args["rows"], note.args["of"]) == (1, 3)


def test_the_mark_of_the_rows_is_of_what_they_say(tmp_path: Path) -> None:
    moved = [Row(each.messages, "", "elsewhere", "other.jsonl", 99) for each in ROWS]
    assert questions(tmp_path, moved).rows_mark == questions(tmp_path).rows_mark
    assert questions(tmp_path, ROWS[:-1]).rows_mark != questions(tmp_path).rows_mark
    other = [*ROWS[:-1], row(ROWS[-1].messages[0].text, "another")]
    assert questions(tmp_path, other).rows_mark != questions(tmp_path).rows_mark


def test_an_answer_that_was_cut_is_marked(loaded: Loaded, tmp_path: Path) -> None:
    long = Scripted(loaded.base.tokenizer, "one two three four five six seven eight nine ten " * 4, "short")
    answers = ask(questions(tmp_path), candidate(loaded, long), phases())
    assert [answer.ended for answer in answers] == [False, True] * 3


def test_a_folder_that_can_t_be_written_is_an_error_with_its_path(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "evaluations").write_text("a file")
    with pytest.raises(MachineError) as raised:
        ask(questions(tmp_path), candidate(loaded, Scripted(loaded.base.tokenizer, "a")), phases())
    assert raised.value.code == "baselines.answers-unwritable"


# Examples in the prompt


def test_examples_are_the_nearest_training_rows_the_nearest_last(loaded: Loaded) -> None:
    pool = [row("What is the capital of France?", "Paris"), *TRAINED]
    scripted = Scripted(loaded.base.tokenizer, "a")
    prompt = candidate(loaded, scripted, examples=Examples(pool, 2)).prompt(row("Give me 8 teas for Mia", "?"), 8)
    text = loaded.base.tokenizer.decode(prompt.ids)
    assert prompt.examples == 2
    assert "France" not in text
    assert text.index("order") < text.index("8 teas for Mia in Lima") < text.rindex("8 teas for Mia<|im_end|>")
    assert text.endswith("<|im_start|>assistant\n")


def test_the_question_itself_is_never_its_own_example(loaded: Loaded) -> None:
    pool = [row(ROWS[0].messages[0].text, "another answer"), TRAINED[0]]
    assert Examples(pool, 8).nearest(ROWS[0]) == [TRAINED[0]]


def test_only_questions_and_answers_in_turn_are_shown(loaded: Loaded) -> None:
    text = Row((), "plain text", "rows", "rows", 1)
    tools = row("Give me 9 teas for Mia in Lima", "call", tools=('{"name": "f"}',))
    odd = Row((Message("assistant", "Hello"), Message("user", "Give me"), Message("assistant", "x")), "", "r", "r", 1)
    pool = Examples([text, tools, odd, TRAINED[0]], 8)
    assert pool.nearest(ROWS[0]) == [TRAINED[0]]
    assert Examples([text, odd], 8).nearest(ROWS[0]) == []


def test_there_are_as_many_examples_as_leave_room_for_the_answer(loaded: Loaded) -> None:
    scripted = Scripted(loaded.base.tokenizer, "a")
    examples = Examples(TRAINED, 3)
    whole = candidate(loaded, scripted, examples=examples).prompt(ROWS[0], 16)
    assert whole.examples == 3
    scripted.most_positions = len(whole.ids) + 15  # type: ignore[misc]
    fewer = candidate(loaded, scripted, examples=examples).prompt(ROWS[0], 16)
    assert fewer.examples == 2
    scripted.most_positions = 20  # type: ignore[misc]
    none = candidate(loaded, scripted, examples=examples).prompt(ROWS[0], 16)
    assert (none.examples, none.ids) == (0, candidate(loaded, scripted).prompt(ROWS[0], 16).ids)


def test_a_system_message_stays_in_front_and_those_of_examples_are_left_out(loaded: Loaded) -> None:
    asked = Row((Message("system", "Be brief."), *ROWS[0].messages), "", "rows", "rows", 1)
    shown = Row((Message("system", "Be long."), *TRAINED[0].messages), "", "rows", "rows", 2)
    prompt = candidate(loaded, Scripted(loaded.base.tokenizer, "a"), examples=Examples([shown], 1)).prompt(asked, 8)
    text = loaded.base.tokenizer.decode(prompt.ids)
    assert text.startswith("<|im_start|>system\nBe brief.")
    assert "Be long" not in text
    assert prompt.examples == 1


def test_without_a_chat_template_examples_are_plain_questions_and_answers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from engine.tokens.render import choose_template, stop_ids

    folder = make_tiny_model(tmp_path / "plain", chat_template=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert choose_template(tokenizer, "") == "plain"
    scripted: Any = Scripted(tokenizer, "a")
    made = Candidate(
        "few-shot", "w", scripted, Renderer(tokenizer, stop_ids(tokenizer)), examples=Examples(TRAINED[:1], 8)
    )
    text = tokenizer.decode(made.prompt(ROWS[0], 8).ids, skip_special_tokens=True)
    shown, asked = TRAINED[0].messages, ROWS[0].messages[0].text
    assert (
        text.split()
        == (f"Question: {shown[0].text}\n\nAnswer: {shown[1].text}\n\nQuestion: {asked}\n\nAnswer:").split()
    )


# One model for all


def test_a_real_generator_answers_group_by_group_as_all_at_once(loaded: Loaded, tmp_path: Path) -> None:
    base = loaded.base
    guard = MemoryGuard(torch.device("cpu"), lambda event: None)
    generator = Generator(base.model, base.tokenizer, base.stops, base.pad_id, lambda: None, guard, 150)
    asked = [loaded.renderer.prompt_ids(each.messages[:-1]) for each in ROWS]
    assert len(generator.groups(asked, 16)) > 1
    answers = ask(questions(tmp_path), candidate(loaded, generator), phases())
    assert [answer.answer for answer in answers] == [said.text for said in generator.answer(asked, 16)]


def test_an_evaluation_that_is_stopped_while_other_rows_are_answered_does_not_keep_the_old_figures(
    loaded: Loaded, tmp_path: Path
) -> None:
    asked = questions(tmp_path)
    who = candidate(loaded, Scripted(loaded.base.tokenizer, "order 1"), "tuned")
    evaluate(asked, [who], choose(["order 1"]), phases())
    ask(asked, candidate(loaded, Scripted(loaded.base.tokenizer, "order 2")), phases())  # another candidate
    assert evaluations.read(asked.where) is not None
    ask(questions(tmp_path, TRAINED), who, phases())
    assert evaluations.read(asked.where) is None
