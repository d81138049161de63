"""The demo without a screen: the run it makes, and the table of before and after."""

from __future__ import annotations

import math

import pytest

from engine.app import preflight
from engine.cli.commands import demo
from engine.config.provenance import SET
from engine.runs import events as ev
from tests.engine.cli.cli_calls import FakeRunner, Shell, launches
from tests.engine.runs.making import failure, measure, step

LEARNT = [
    ev.RunStarted(total_steps=1),
    ev.Eval(step=0, moment="before", loss=2.5, n=100, metrics={"exact_match": 0.01}),
    *(ev.Sample(step=0, moment="before", index=i, prompt=f"order {i}", answer="Sure!\x1b[2J\nI can") for i in range(4)),
    step(1, 0.5), ev.Device(peak_rss=2 * 2**30),
    ev.Eval(step=1, moment="after", loss=0.02, n=100, metrics={"exact_match": 0.97}),
    *(ev.Sample(step=1, moment="after", index=i, prompt=f"order {i}", answer='{"qty": 1}', reference='{"qty": 1}')
      for i in (3, 2, 1, 0)),
    ev.Finished(outcome="finished", step=1),
]  # fmt: skip


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The starter model is here and the preflight, which has tests of its own, has passed."""
    monkeypatch.setattr(demo, "_fetch_starter", lambda name: None)
    monkeypatch.setattr(preflight._Look, "model", lambda look: iter(()))


def test_the_demo_on_the_screen_comes_filled_in(shell: Shell) -> None:
    assert shell("demo", "--set", "adapter.r=8").code == 0
    [(route, options)] = shell.screens
    assert route == "demo"
    config = options["prefill"].config
    assert (config.model.name_or_path, config.adapter.r) == ("smollm2-135m", 8)
    assert options["prefill"].source("adapter.r") == SET


@pytest.mark.usefixtures("ready")
def test_the_demo_compares_before_and_after_on_stdout(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: LEARNT)
    answer = shell("demo", "--headless")
    assert answer.code == 0, answer.err
    table, *examples = answer.out.split("\n\n")
    assert "100 UNSEEN ROWS" in table
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["exact", "match", "1%", "97%"],
        ["loss", "(n", "=", "100)", "2.500", "0.020"],
    ]
    assert len([text for text in examples if text.startswith("example")]) == 3
    assert "before     Sure! I can" in examples[0]
    assert 'after      {"qty": 1}' in examples[0]
    assert "\x1b" not in answer.out


@pytest.mark.usefixtures("ready")
def test_the_demos_result_is_the_last_line_as_json(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: LEARNT)
    result = shell("demo", "--headless", "--json").json
    assert set(result) == {
        "exact_match_before", "exact_match_after", "loss_before", "loss_after", "n", "loss_n", "seconds",
        "peak_rss_gib", "evaluation",
    }  # fmt: skip
    assert (result["exact_match_before"], result["exact_match_after"], result["n"]) == (0.01, 0.97, 100)
    assert (result["loss_before"], result["loss_after"], result["peak_rss_gib"]) == (2.5, 0.02, 2.0)
    assert result["seconds"] >= 0


@pytest.mark.usefixtures("ready")
def test_the_demo_says_whether_it_worked_before_its_tables(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(runner: FakeRunner) -> list[ev.Event]:
        measure(runner.run, [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0], metric="json_values")
        return LEARNT

    launches(monkeypatch, script)
    answer = shell("demo", "--headless")
    verdict, table, *_ = answer.out.split("\n\n")
    assert verdict == "No verdict."  # this one was kept without a sentence
    head, base, tuned = (line.split() for line in table.splitlines())
    assert head[0] == "METRIC"
    assert {"base", "25%", "better"} <= {*base}
    assert "75%" in tuned


@pytest.mark.usefixtures("ready")
def test_a_demo_that_fails_has_no_table_and_ends_with_1(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: [ev.RunStarted(), failure("Out of memory", error="OutOfMemory")])
    answer = shell("demo", "--headless")
    assert answer.code == 1
    assert answer.out == ""
    assert "Out of memory" in answer.err


@pytest.mark.usefixtures("ready")
def test_a_demo_without_its_evaluations_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    launches(monkeypatch, lambda runner: [ev.RunStarted(), step(1), ev.Finished(outcome="finished", step=1)])
    answer = shell("demo", "--headless")
    assert answer.code == 6
    assert "lacks an evaluation" in answer.err


def test_answers_are_paired_by_prompt_and_the_lonely_left_out() -> None:
    samples = [
        ev.Sample(step=0, moment="before", index=2), ev.Sample(step=0, moment="before", index=0),
        ev.Sample(step=5, moment="during", index=1), ev.Sample(step=9, moment="after", index=0),
        ev.Sample(step=9, moment="after", index=1), ev.Sample(step=9, moment="after", index=2),
    ]  # fmt: skip
    assert [(a.index, b.index) for a, b in demo.pairs(samples)] == [(0, 0), (2, 2)]


def test_a_metric_that_was_not_taken_is_no_number() -> None:
    from engine.runs.reducer import reduce

    state = reduce([ev.Eval(step=0, moment="before", n=1), ev.Eval(step=1, moment="after", n=1)])
    result = demo.compare(state, 1.0)
    assert math.isnan(result["exact_match_before"])
    assert result["loss_after"] is None
