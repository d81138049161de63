"""What is measured before, during and after: losses, answers beside their references, and metrics over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from engine.config.schema import RunConfig
from engine.data.rows.messages import Message, Row
from engine.evaluation.assess import Assessor, Moment, Unseen
from engine.metrics.choose import choose
from engine.modeling.batches import cut
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.out_of_memory import MemoryGuard, OutOfMemory
from engine.runs import events as ev
from engine.runs.evaluations import Said
from engine.runs.phases import Phases
from engine.tokens.examples import tokenise
from tests.engine.evaluation.conftest import Loaded


class Scripted:
    """Answers every prompt from a list, and notes what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = answers, [0]

    tokens_at_once, too_long, side_by_side = 100, "", 1

    def groups(self, prompts: Sequence[list[int]], new_tokens: int) -> list[list[int]]:
        return [list(range(len(prompts)))] if prompts else []

    def answer(self, prompts: Sequence[list[int]], max_new_tokens: int, report: Any, whole: Any) -> list[Said]:
        self.asked.append(len(prompts))
        found = [Said(self.answers[i % len(self.answers)], 1, True) for i in range(len(prompts))]
        whole(dict(enumerate(found)))
        return found


ROWS = [
    Row((Message("user", f"Question {i}"), Message("assistant", f"answer {i}")), "", "rows", "rows.jsonl", i)
    for i in range(5)
]


def assessor(
    loaded: Loaded, answers: Scripted, rows: Sequence[Row] = ROWS, test: Sequence[Row] = (), **sections: Any
) -> tuple[Assessor, Any]:
    settings = {"model": {"name_or_path": "tiny"}, "data": [{"path": "rows"}], "sample": {"rows": 2}} | sections
    config = RunConfig.model_validate(settings)
    events: list[Any] = []

    def sink(event: ev.Event) -> None:
        if not isinstance(event, ev.Phase):
            events.append(event)

    def unseen(rows: Sequence[Row]) -> Unseen:
        if not rows:
            return Unseen([], [], lambda tokens: [])
        examples, _ = tokenise(rows, range(len(rows)), loaded.renderer, config.dataset, {"rows": 0})
        pad_id = loaded.base.pad_id
        return Unseen(rows, cut(examples, 64, pad_id), lambda tokens: cut(examples, tokens, pad_id))

    scripted: Any = answers
    made = Assessor(
        config, SupervisedLoss(loaded.model), scripted, loaded.renderer, unseen(rows), unseen(test), ["rows"],
        torch.device("cpu"), Phases(sink), MemoryGuard(torch.device("cpu"), events.append),
        choice=choose([row.messages[-1].text for row in rows], section=config.eval),
    )  # fmt: skip
    return made, events


@pytest.mark.parametrize("moment", ["before", "after"])
def test_answers_are_shown_beside_question_and_reference(loaded: Loaded, moment: Moment) -> None:
    made, events = assessor(loaded, Scripted("answer 0", "wrong"))
    loss = made.evaluate(7, moment)
    *samples, found = events
    assert [(s.step, s.moment, s.index, s.prompt, s.answer, s.reference) for s in samples] == [
        (7, moment, 0, "Question 0", "answer 0", "answer 0"),
        (7, moment, 1, "Question 1", "wrong", "answer 1"),
    ]
    assert isinstance(found, ev.Eval)
    assert (found.step, found.moment, found.n, found.metrics, found.loss) == (7, moment, 5, {}, loss)
    assert found.loss_by_source == {}


def test_metrics_are_over_as_many_rows_as_wanted(loaded: Loaded) -> None:
    scripted = Scripted("answer 0", "answer 1", "answer 2", "wrong", "wrong")
    made, events = assessor(loaded, scripted, eval={"metrics": ["exact_match"], "generate_rows": 4})
    made.evaluate(0, "before")
    assert events[-1].metrics == {"exact_match": 0.75}
    assert events[-1].n == 4
    assert scripted.asked[-1] == 4
    assert len([event for event in events if isinstance(event, ev.Sample)]) == 2


def test_more_samples_than_measured_rows_do_not_change_the_metric(loaded: Loaded) -> None:
    scripted = Scripted("answer 0", "wrong", "answer 2", "wrong", "wrong")
    made, events = assessor(loaded, scripted, eval={"metrics": ["exact_match"], "generate_rows": 2}, sample={"rows": 4})
    made.evaluate(0, "before")
    assert (events[-1].metrics, events[-1].n) == ({"exact_match": 0.5}, 2)
    assert len([event for event in events if isinstance(event, ev.Sample)]) == 4


def test_during_training_only_the_loss_is_measured(loaded: Loaded) -> None:
    scripted = Scripted("answer 0")
    made, events = assessor(loaded, scripted, eval={"metrics": ["exact_match"]})
    made.evaluate(3, "during")
    assert [type(event) for event in events] == [ev.Eval]
    assert scripted.asked == [0]


def test_prompts_of_the_config_are_answered_too_and_have_no_reference(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("a", "b", "c"), sample={"rows": 1, "prompts": ["Who?", "Where?"]})
    made.sample(4)
    assert [(s.index, s.moment, s.prompt, s.answer, s.reference) for s in events] == [
        (0, "during", "Question 0", "a", "answer 0"),
        (1, "during", "Who?", "b", None),
        (2, "during", "Where?", "c", None),
    ]


def test_prompts_are_not_measured(loaded: Loaded) -> None:
    scripted = Scripted("answer 0", "answer 1", "answer 2", "answer 3", "answer 4")
    made, events = assessor(
        loaded, scripted, eval={"metrics": ["exact_match"]}, sample={"rows": 0, "prompts": ["Who?"]}
    )
    made.evaluate(0, "after")
    assert (events[-1].metrics, events[-1].n) == ({"exact_match": 1.0}, 5)
    assert [(event.prompt, event.reference) for event in events[:-1]] == [("Who?", None)]


def test_with_nothing_held_out_and_nothing_to_ask_nothing_is_measured(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("a"), rows=[])
    assert made.evaluate(0, "before") is None
    assert events == []


def test_with_nothing_held_out_prompts_are_answered_all_the_same(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("a"), rows=[], sample={"prompts": ["Who?"]})
    assert made.evaluate(0, "before") is None
    (sample,) = events
    assert (sample.prompt, sample.answer) == ("Who?", "a")


def test_fewer_held_out_rows_than_wanted_samples_are_all_shown(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("answer 0", "b"), rows=ROWS[:1], sample={"rows": 3, "prompts": ["Who?"]})
    made.evaluate(0, "before")
    assert [(s.prompt, s.answer) for s in events[:-1]] == [("Question 0", "answer 0"), ("Who?", "b")]


def test_answers_of_any_length_fit_the_log(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("x" * 10_000))
    made.sample(1)
    assert len(events[0].answer) == 4000


def test_running_out_of_memory_measures_smaller_batches_with_the_same_loss(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty, _ = assessor(loaded, Scripted("a"))
    scarce, events = assessor(loaded, Scripted("a"))
    seen: list[int] = []

    def narrow(ids: torch.Tensor, *rest: torch.Tensor) -> Any:
        seen.append(ids.numel())
        if len(ids) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8388608 bytes.")
        return plenty.net(ids, *rest)

    class Narrow(torch.nn.Module):
        forward = staticmethod(narrow)

    scarce.validation.batches = scarce.validation.recut(10_000)
    scarce.net = Narrow()
    assert scarce.evaluate(3, "during") == pytest.approx(plenty.evaluate(3, "during"), abs=1e-6)
    shortages = [event for event in events if isinstance(event, ev.OutOfMemory)]
    assert shortages
    assert {shortage.asked_bytes for shortage in shortages} == {8 << 20}
    tries = len(seen)
    scarce.evaluate(4, "during")
    assert len(seen) == tries + 5  # the smaller batches are kept


def test_no_memory_for_one_held_out_row_is_an_error(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("a"))

    class NoRoom(torch.nn.Module):
        def forward(self, *tensors: torch.Tensor) -> Any:
            raise MemoryError

    made.net = NoRoom()
    with pytest.raises(OutOfMemory, match="one held-out row"):
        made.evaluate(3, "during")
    assert isinstance(events[-1], ev.OutOfMemory)
    assert events[-1].retry_tokens is None


TEST = [
    Row((Message("user", f"Test {i}"), Message("assistant", f"result {i}")), "", "rows", "rows.jsonl", 10 + i)
    for i in range(3)
]


def test_the_test_is_measured_before_and_after_and_decides_nothing(loaded: Loaded) -> None:
    scripted = Scripted("result 0", "wrong", "result 2")
    made, events = assessor(loaded, scripted, test=TEST, eval={"metrics": ["exact_match"]}, sample={"rows": 2})
    loss = made.evaluate(0, "before")
    validation, test = (event for event in events if isinstance(event, ev.Eval))
    assert (validation.part, validation.n, validation.loss) == ("validation", 5, loss)
    assert (test.part, test.n, test.moment) == ("test", 3, "before")
    assert test.metrics == {"exact_match": pytest.approx(2 / 3)}
    assert test.loss not in (None, loss)
    samples = [event for event in events if isinstance(event, ev.Sample)]
    assert [sample.prompt for sample in samples] == ["Question 0", "Question 1"]
    events.clear()
    made.evaluate(4, "during")
    assert [event.part for event in events] == ["validation"]


def test_a_test_alone_gives_no_loss_to_stop_by(loaded: Loaded) -> None:
    made, events = assessor(loaded, Scripted("a"), rows=[], test=TEST)
    assert made.evaluate(9, "after") is None
    assert [(event.part, event.n) for event in events] == [("test", 3)]
    assert made.rehearse().rows >= 1


def test_a_long_row_among_short_ones_does_not_keep_batches_from_getting_smaller(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = Row((Message("user", "word " * 60), Message("assistant", "yes")), "", "rows", "rows.jsonl", 9)
    made, _ = assessor(loaded, Scripted("a"), rows=[*ROWS, long], sample={"rows": 0})
    real, tries = made.net.forward, []

    def forward(input_ids: Any, *more: Any) -> Any:
        tries.append(len(input_ids))
        assert len(tries) < 200, "it never ends"
        if len(input_ids) > 1:
            raise MemoryError
        return real(input_ids, *more)

    monkeypatch.setattr(made.net, "forward", forward)
    assert made.evaluate(1, "during") is not None
