"""What several processes measure together is what one measures, and all of them end it alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.data.rows.messages import Message, Row
from engine.distributed.ranks import Ranks
from engine.evaluation.assess import Assessor
from engine.evaluation.generate import Generator
from engine.modeling.out_of_memory import MemoryGuard, OutOfMemory
from engine.runs import events as ev
from engine.runs.steering import StopRequested
from tests.engine.evaluation.conftest import Loaded
from tests.engine.evaluation.test_assess import assessor

PATIENCE_S = 60.0
ROWS = [
    Row(
        (Message("user", f"Question {i} {'please ' * (i % 4)}"), Message("assistant", f"answer {i}")),
        "",
        "rows",
        "rows",
        i,
    )
    for i in range(11)
]
MEASURED = {"eval": {"metrics": ["exact_match"], "generate_rows": 7, "max_new_tokens": 4}, "sample": {"rows": 2}}


class Thread(Ranks):
    """One of ``count`` threads of this process, which tell each other what processes would."""

    def __init__(self, index: int, told: list[Any], barrier: threading.Barrier) -> None:
        super().__init__(index, len(told))
        self._told, self._barrier = told, barrier

    def everyone(self, value: Any) -> list[Any]:
        self._told[self.index] = value
        self._barrier.wait(PATIENCE_S)
        found = list(self._told)
        self._barrier.wait(PATIENCE_S)
        return found

    def from_first(self, value: Any) -> Any:
        return self.everyone(value)[0]


def measuring(loaded: Loaded, check: Callable[[], None] = lambda: None) -> tuple[Assessor, list[Any]]:
    """With a real generator that answers three prompts or so at a time."""
    made, events = assessor(loaded, None, ROWS, ROWS[:3], **MEASURED)  # type: ignore[arg-type]
    base = loaded.base
    made.phases.check = check  # type: ignore[method-assign]
    made.generator = Generator(
        base.model, base.tokenizer, base.stops, base.pad_id, check, MemoryGuard(torch.device("cpu"), events.append), 100
    )
    return made, events


def together(makers: list[tuple[Assessor, list[Any]]], work: Callable[[Assessor], Any]) -> list[Any]:
    """What ``work`` gives, or raises, in each of so many threads."""
    told: list[Any] = [None] * len(makers)
    barrier = threading.Barrier(len(makers))
    ends: list[Any] = [None] * len(makers)

    def run(index: int) -> None:
        made = makers[index][0]
        made.ranks = Thread(index, told, barrier)
        try:
            ends[index] = work(made)
        except BaseException as error:
            ends[index] = error

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(makers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    return ends


@pytest.mark.parametrize("count", [2, 3])
def test_losses_metrics_and_answers_are_one_process_s_to_the_last_bit(loaded: Loaded, count: int) -> None:
    alone, events = measuring(loaded)
    loss = alone.evaluate(5, "after")
    asked = [alone._prompt(row) for row in ROWS[:7]]
    assert len(alone.generator.groups(asked, 4)) >= 2  # there is something to deal
    makers = [measuring(loaded) for _ in range(count)]
    assert together(makers, lambda made: made.evaluate(5, "after")) == [loss] * count

    def facts(told: list[Any]) -> list[Any]:
        evals = [(e.part, e.loss, e.n, e.metrics) for e in told if isinstance(e, ev.Eval)]
        return evals + [(e.index, e.prompt, e.answer) for e in told if isinstance(e, ev.Sample)]

    assert [facts(told) for _, told in makers] == [facts(events)] * count


def test_each_process_computes_its_share_only(loaded: Loaded) -> None:
    makers = [measuring(loaded) for _ in range(2)]
    seen: list[list[int]] = [[], []]
    for index, (made, _) in enumerate(makers):
        net = made.net

        class Counting(torch.nn.Module):
            def forward(self, ids: torch.Tensor, *rest: torch.Tensor, at: int = index, net: Any = net) -> Any:
                seen[at].append(len(ids))
                return net(ids, *rest)

        made.net = Counting()
    together(makers, lambda made: made.evaluate(5, "during"))
    batches = len(makers[0][0].validation.batches)
    assert [len(each) for each in seen] == [(batches + 1) // 2, batches // 2]


@pytest.mark.parametrize("who", [0, 1])
def test_a_stop_heard_by_one_ends_the_measuring_of_all(loaded: Loaded, who: int) -> None:
    def stop() -> None:
        raise StopRequested

    for calls, moment in ((0, "during"), (8, "after")):  # while losses are measured, and later while answers are

        def after_some(left: list[int]) -> None:
            left[0] -= 1
            if left[0] < 0:
                stop()

        makers: list[Any] = [
            measuring(loaded, (lambda left=[calls]: after_some(left)) if index == who else lambda: None)
            for index in range(2)
        ]
        ends = together(makers, lambda made, moment=moment: made.evaluate(5, moment))
        assert [type(end) for end in ends] == [StopRequested] * 2


def test_all_cut_smaller_when_memory_runs_out_in_one_and_go_on_alike(loaded: Loaded) -> None:
    alone, _ = measuring(loaded)
    loss = alone.evaluate(5, "during")
    makers = [measuring(loaded) for _ in range(2)]
    net, tried = makers[1][0].net, []

    class Short(torch.nn.Module):
        def forward(self, ids: torch.Tensor, *rest: torch.Tensor) -> Any:
            if not tried:
                tried.append(len(ids))
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return net(ids, *rest)

    makers[1][0].net = Short()
    ends = together(makers, lambda made: made.evaluate(5, "during"))
    assert ends == pytest.approx([loss] * 2, abs=1e-6)
    assert {made.validation.tokens for made, _ in makers} == {makers[0][0].validation.tokens}
    assert makers[0][0].validation.tokens is not None
    assert [[type(event) for event in told] for _, told in makers] == [[ev.OutOfMemory, ev.Eval]] * 2


def test_what_the_first_cut_smaller_by_itself_the_others_cut_too(loaded: Loaded) -> None:
    makers = [measuring(loaded) for _ in range(2)]
    makers[0][0].validation.cut_to(40)
    makers[0][0].generator.tokens_at_once = 50
    together(makers, lambda made: made.evaluate(5, "after"))
    assert makers[1][0].validation.tokens == 40
    assert makers[1][0].generator.tokens_at_once == 50


def test_no_memory_for_one_answer_in_one_process_is_the_error_of_all(loaded: Loaded) -> None:
    makers = [measuring(loaded) for _ in range(2)]

    def short(*arguments: Any) -> Any:
        raise MemoryError

    makers[1][0].generator._answer = short  # type: ignore[method-assign]
    ends = together(makers, lambda made: made.evaluate(5, "after"))
    assert [type(end) for end in ends] == [OutOfMemory] * 2
