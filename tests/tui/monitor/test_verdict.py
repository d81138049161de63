"""At its end a run says in one sentence whether it worked, how sure that is, and what leads on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.evaluations import Evaluation
from tests.engine.report import making
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import screen_text, until_shows
from tui.app import TunedeckApp
from tui.monitor import verdict

SHOWN = ("47.5%", "42.5% to 52.5%", "+62.5", "better", "inconclusive", "o Report", "right")


@pytest.mark.parametrize("colours", ["truecolor", "16"])
async def test_verdict_table_answers_and_what_next_stand_on_one_screen(
    make_world: MakeWorld, root: Path, colours: str
) -> None:
    app = TunedeckApp(make_world(colours, colours != "16"), "monitor", making.whole_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "Better: the tuned model answers 94%")
        shown = screen_text(app)
        for part in SHOWN:
            assert part in shown, part
        assert shown.index("Better:") < shown.index("####" if colours == "16" else "━━━━") < shown.index("+62.5")


async def test_a_narrow_pane_keeps_value_difference_and_verdict(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", making.whole_run(root))
    async with app.run_test(size=(66, 30)) as pilot:
        await until_shows(pilot, "base, few-shot 71.7%")
        line = next(line for line in screen_text(app).splitlines() if "few-shot 71.7%" in line)
        assert line.rstrip().endswith("+3.0 inconclusive")
        await pilot.resize_terminal(120, 40)  # beside the curve of an ended run there is room for the intervals
        await until_shows(pilot, "66.7% to 76.7%")


async def test_the_verdict_comes_when_the_run_has_measured_it(make_world: MakeWorld, live: Live) -> None:
    run, writer = live(212, "orders")
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "212 of 900")
        found = making.keep_evaluation(run)
        writer.emit(ev.Evaluated(name=found.name, n=found.n, sentence=found.sentence))
        await until_shows(pilot, "+62.5")


async def test_texts_of_models_are_cleaned(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world(), "monitor", making.whole_run(root, evil=making.EVIL + "[red]x[/red]\n"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "+62.5")
        assert not set(screen_text(app)) & {"\x1b", "\x00", "\u202e"}


def test_a_run_without_an_evaluation_has_none_and_damage_is_no_error(root: Path) -> None:
    run = fake_runs.finished_run(root)
    assert verdict.read(run) is None
    making.keep_evaluation(run)
    where = evaluations.folder(run, evaluations.TRAINING)
    with (where / evaluations.ANSWERS).open("ab") as file:
        file.write(b'{"candidate": "tuned", "row": 0, "prom')
    found = verdict.read(run)
    assert found is not None
    assert len(found.answers) == verdict.MOST_ANSWERS
    (where / evaluations.SUMMARY).write_text("{")
    assert verdict.read(run) is None


def test_what_it_cost_elsewhere_is_not_the_verdict(root: Path) -> None:
    run = fake_runs.finished_run(root)
    making.keep_elsewhere(run)
    assert verdict.read(run) is None


def test_an_evaluation_made_later_is_shown_where_the_run_made_none(root: Path) -> None:
    run = fake_runs.finished_run(root)
    making.keep_evaluation(run)
    evaluations.folder(run, evaluations.TRAINING).rename(run.path / evaluations.FOLDER / "later")
    found = verdict.read(run)
    assert found is not None
    assert found.verdict is not None
    assert found.verdict.verdict == "better"


def test_the_proof_of_an_export_is_no_verdict_on_the_run(root: Path) -> None:
    run, writer = fake_runs.new_run(root)
    writer.close()
    proof = Evaluation(name="export-gguf", part="test", n=4, candidates=["tuned", "q8_0"], metrics=["accuracy"])
    evaluations.keep(evaluations.folder(run, proof.name), proof)
    assert verdict.read(run) is None
