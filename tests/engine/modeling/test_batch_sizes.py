"""What is padding of what a run computes is known, and said, before its first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.mixing.mix import Shuffle
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.modeling.batch_sizes import LOOKED_AT, padding_share, shapes_met
from engine.modeling.batches import StepPlan, cut
from engine.runs import events as ev
from engine.runs import story
from engine.runs.reducer import reduce
from engine.tokens.examples import Example
from tests.engine.training.making import train, values


def example(length: int) -> Example:
    return Example(np.ones(length, np.int32), np.ones(length, np.int32), 0, 0)


@given(
    st.lists(st.integers(2, 60), min_size=1, max_size=40), st.integers(1, 9), st.integers(8, 200), st.integers(1, 12),
    st.booleans(), st.sampled_from([8, 64]),
)  # fmt: skip
def test_the_share_and_the_shapes_are_those_of_the_micro_batches(
    sizes: list[int], batch: int, budget: int, steps: int, packed: bool, coarsest: int
) -> None:
    plan = StepPlan(Shuffle(len(sizes), 7), batch, 1.0, steps)
    examples = [example(size) for size in sizes]
    made = [
        each for step in range(1, steps + 1)
        for each in cut([examples[i] for i in plan.rows(step)], budget, 0, packed, coarsest)
    ]  # fmt: skip
    computed, tokens = sum(each.input_ids.numel() for each in made), sum(each.num_tokens for each in made)
    how = (np.array(sizes), plan, budget, packed, coarsest)
    assert padding_share(*how) == pytest.approx(1 - tokens / computed)
    assert shapes_met(*how) == len({each.input_ids.numel() for each in made})


def test_of_a_long_run_some_steps_are_looked_at() -> None:
    sizes = np.tile([8, 16], 50_000)
    plan = StepPlan(Shuffle(len(sizes), 7), 2, 1.0)
    assert plan.total_steps > 10 * LOOKED_AT
    # Of two rows they are alike half the time, else 8 of 32 tokens are padding.
    assert padding_share(sizes, plan, 1000) == pytest.approx(4 / 28, abs=0.02)


def test_a_run_says_what_it_trains_on(tiny: Path, rows: Path) -> None:
    with rows.open("a") as file:
        file.write('{"prompt": "What?", "completion": ""}\n')
    settings = values(tiny, rows, train={"max_steps": 1})
    first, second = train(settings), train(settings)
    [told], [again] = first.of(ev.Rows), second.of(ev.Rows)
    assert (told.rows, told.cached, again.cached) == (20, False, True)
    assert told.dropped == again.dropped
    assert told.dropped["unreadable"] == 1
    assert 0 < told.supervised_share < 1
    assert 0 <= told.padding_share < 0.5
    kinds = [type(event) for event in first.events]
    assert kinds.index(ev.Rows) < kinds.index(ev.RunStarted) < kinds.index(ev.Step)
    first_line, left_out = (text(line.message) for line in reduce([again]).log)
    assert first_line.startswith("20 training rows, ")
    assert "from the cache in" in first_line
    assert left_out == "left out: 1 unreadable"


def test_nothing_is_said_of_what_did_not_happen() -> None:
    event = ev.Rows(rows=5, tokens=1200, supervised_share=0.4, dropped={"too-long": 0}, seconds=2.0)
    assert [each.code for each in story.rows(event)] == ["events.rows-tokenised"]
    event = ev.Rows(
        rows=5, tokens=1200, supervised_share=0.4, cached=True, unused={"a": ["id", "url"]},
        noted=[Message("events.rows-with", rows=2, what="null fields in tools or calls")],
    )  # fmt: skip
    assert list(map(text, story.rows(event)))[1:] == [
        "2 rows with null fields in tools or calls", "columns of a not used: id, url",
    ]  # fmt: skip
