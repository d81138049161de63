"""Judging by hand: blind, one key a pair, kept at once, and taken back again."""

from __future__ import annotations

import re
import threading
import zlib
from pathlib import Path

import pytest

from engine.app import judge
from engine.common.errors import MachineError
from engine.runs import choices, evaluations
from engine.runs.choices import HAND
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation
from tests.tui import fake_runs
from tests.tui.looking import screen_text, until, until_shows
from tui import messages
from tui.app import TunedeckApp
from tui.judge.screen import JudgeScreen
from tui.world import World

PAIR = ("tuned", "base")


def run_with_answers(root: Path, rows: int = 6) -> RunDir:
    run = fake_runs.finished_run(root)
    where = evaluations.folder(run, "training")
    given = [
        Answer(candidate=name, row=row, prompt=f"Question {row}?", reference=f"right {row}",
               answer=f"{name} \x1b[2J answer {row}" * (1 + 40 * (row == 5)))
        for row in range(rows)
        for name in ("base", "tuned")
    ]  # fmt: skip
    evaluations.keep_answers(where, given)
    kept = Evaluation(name="training", part="test", n=rows, candidates=["base", "tuned"], metrics=["exact_match"])
    evaluations.keep(where, kept)
    return run


def app_for(root: Path, run: RunDir) -> TunedeckApp:
    return TunedeckApp(World(root=root), run=run, judged=("training", ""))


async def test_arrows_choose_the_side_and_the_candidate_behind_it_is_kept(tmp_path: Path) -> None:
    run = run_with_answers(tmp_path)
    app = app_for(tmp_path, run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "0 of 6")
        where = evaluations.folder(run, "training")
        pairs = choices.pairs_in(where, PAIR, zlib.crc32(run.id.encode())).pairs
        for key, pair, side in (("left", pairs[0], 0), ("right", pairs[1], 1)):
            await until_shows(pilot, pair.prompt)
            assert app.screen.copied().split("\n")[:3] == [pair.prompt, "", "A:"]  # type: ignore[attr-defined]
            await pilot.press(key)
            await pilot.pause()
            assert choices.read(where, HAND, PAIR)[pair.row].chosen == pair.at(side)
        await pilot.press("down")
        await until_shows(pilot, "3 of 6")
        assert choices.read(where, HAND, PAIR)[pairs[2].row].chosen == choices.TIE


async def test_nothing_on_the_screen_says_whose_answer_it_is_but_the_answers(tmp_path: Path) -> None:
    run = run_with_answers(tmp_path, rows=5)
    app = app_for(tmp_path, run)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shows(pilot, "0 of 5")
        shown = re.sub(r"(tuned|base)\W+answer", "", screen_text(app))
        assert "tuned" not in shown.lower().replace("tunedeck", "")
        assert "base" not in shown.lower()
        assert "\x1b" not in shown


async def test_undo_brings_the_last_pair_back_and_a_second_visit_goes_on(tmp_path: Path) -> None:
    run = run_with_answers(tmp_path)
    app = app_for(tmp_path, run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "0 of 6")
        first = screen_text(app)
        await pilot.press("left", "right", "u", "u")
        await until_shows(pilot, "0 of 6")
        assert screen_text(app).splitlines()[3:10] == first.splitlines()[3:10]
        await pilot.press("left", "left")
        await until_shows(pilot, "2 of 6")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, JudgeScreen))
        app.post_message(messages.JudgeAsked(run))
        await until_shows(pilot, "2 of 6")


async def test_after_the_last_pair_the_verdict_says_who_it_was(tmp_path: Path) -> None:
    run = run_with_answers(tmp_path)
    app = app_for(tmp_path, run)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shows(pilot, "0 of 6")
        await pilot.press(*["left"] * 6)
        await until_shows(pilot, "Judged by hand")
        assert "can't tell which is better" in screen_text(app).replace("\n", " ").replace("  ", " ")
        assert evaluations.read(evaluations.folder(run, "training.judged-by-hand")) is not None
        await pilot.press("u")
        await until_shows(pilot, "5 of 6")


async def test_a_full_disk_is_told_and_the_pair_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with_answers(tmp_path)
    app = app_for(tmp_path, run)

    def full(where: Path, judge: str, choice: choices.Choice) -> None:
        raise OSError(28, "No space left on device")

    async with app.run_test(size=(100, 30)) as pilot:
        await until_shows(pilot, "0 of 6")
        monkeypatch.setattr(choices, "keep", full)
        await pilot.press("left")
        await until(pilot, lambda: len(app._notifications) > 0)
        assert "0 of 6" in screen_text(app)
        with pytest.raises(MachineError):
            app.screen._bench.choose(0)  # type: ignore[attr-defined]


async def test_a_run_without_answers_says_what_to_do(tmp_path: Path) -> None:
    run = fake_runs.finished_run(tmp_path)
    app = app_for(tmp_path, run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "Nothing to judge yet")
        assert "tunedeck evaluate" in screen_text(app)
        await pilot.press("left", "u", "v", "escape")
        await until(pilot, lambda: not isinstance(app.screen, JudgeScreen))


async def test_a_verdict_that_comes_late_does_not_cover_the_pair_that_keys_choose_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_conclude, concluded = threading.Event(), threading.Event()

    def slowly(bench: judge.Bench) -> Evaluation:
        may_conclude.wait(10)
        try:
            return conclude(bench)
        finally:
            concluded.set()

    conclude = judge.conclude
    monkeypatch.setattr(judge, "conclude", slowly)
    app = app_for(tmp_path, run_with_answers(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "0 of 6")
        await pilot.press("left")
        await until_shows(pilot, "1 of 6")
        await pilot.press("v", "v")  # the verdict, and on with the pairs before it is there
        may_conclude.set()
        await until(pilot, concluded.is_set)
        await until(pilot, lambda: all(each.is_finished for each in app.workers if each.group == "conclude"))
        await pilot.pause()
        assert not app.screen.has_class("-done")
        assert "Question" in screen_text(app)
