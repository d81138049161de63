"""The runs of a group are one line of a list: how far they are, and mean, range and verdict over their seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import directory, evaluations
from engine.runs import events as ev
from engine.runs.directory import RunLock, list_runs
from engine.runs.group_summary import GroupSummary, Known, Line, fold, spread_of
from engine.runs.summary import summarise
from tests.engine.runs.making import failure, make_checkpoint, make_group, measure, step, write

ROWS = 40
DONE = (ev.RunStarted(total_steps=4), step(4, 0.5), ev.Finished(outcome="finished", step=4))


def lines(root: Path, known: Known | None = None) -> tuple[Line, ...]:
    return fold([summarise(run) for run in list_runs(root)], known)


def scores(right: int) -> list[float]:
    return [1.0] * right + [0.0] * (ROWS - right)


def folded(root: Path) -> GroupSummary:
    [line] = lines(root)
    assert isinstance(line, GroupSummary)
    return line


def test_the_runs_of_a_group_are_one_line_among_others(tmp_path: Path) -> None:
    alone = directory.create("tiny", "", "alone", tmp_path)
    make_group(tmp_path)
    found = lines(tmp_path)
    assert {line.name for line in found} == {"orders", "alone"}
    group = next(line for line in found if isinstance(line, GroupSummary))
    assert [each.seed for each in group.members] == [42, 43, 44]
    assert group.data == ("/data/orders.jsonl",)
    assert alone.id in {line.id for line in found}


def test_mean_range_and_verdict_are_over_the_seeds(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path)
    for run, right in zip(runs, (36, 37, 38), strict=True):
        write(run, *DONE)
        measure(run, scores(right), scores(10))
    found = folded(tmp_path)
    spread = found.spread
    assert spread is not None
    assert (spread.metric, spread.mean, spread.low, spread.high, spread.seeds) == (
        "exact_match", pytest.approx(37 / ROWS), 36 / ROWS, 38 / ROWS, 3,
    )  # fmt: skip
    assert (spread.against, spread.verdict) == (evaluations.BASE, "better")
    assert (found.state, found.step, found.total_steps, found.loss) == ("finished", 12, 12, 0.5)
    assert found.score is not None
    assert (found.score.value, found.score.verdict) == (spread.mean, "better")


def test_seeds_that_disagree_are_no_verdict(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path)
    for run, right in zip(runs, (2, 38, 20), strict=True):
        measure(run, scores(right), scores(10))
    spread = spread_of(runs)
    assert spread is not None
    assert spread.verdict == "unclear"


def test_seeds_asked_different_rows_have_a_mean_and_no_verdict(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path)
    for run, rows in zip(runs, ("row", "row", "other"), strict=True):
        measure(run, scores(30), scores(10), rows=rows)
    spread = spread_of(runs)
    assert spread is not None
    assert (spread.mean, spread.verdict, spread.against) == (0.75, None, "")


def test_one_measured_seed_is_no_spread(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path)
    measure(runs[0], scores(30), scores(10))
    assert spread_of(runs) is None
    score = folded(tmp_path).score
    assert score is not None
    assert score.value == 0.75


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (("finished", "failed", "finished"), "failed"),
        (("finished", "stopped", ""), "stopped"),
        (("finished", "", ""), "stopped"),
        (("", "", ""), "stopped"),
    ],
)
def test_a_group_that_is_not_whole_says_what_is_missing(tmp_path: Path, ends: tuple[str, ...], state: str) -> None:
    _, runs = make_group(tmp_path)
    for run, end in zip(runs, ends, strict=True):
        if end:
            write(run, *DONE[:2], failure() if end == "failed" else ev.Finished(outcome=end, step=4))  # type: ignore[arg-type]
    found = folded(tmp_path)
    assert found.state == state
    assert found.resumable
    assert found.reason is not None


def test_a_group_whose_supervisor_lives_is_running_or_stopping(tmp_path: Path) -> None:
    group, _ = make_group(tmp_path)
    lock = RunLock(group.lock)
    lock.acquire()
    assert folded(tmp_path).state == "running"
    group.stop_mark.touch()
    assert folded(tmp_path).state == "stopping"
    lock.release()


def test_answers_are_read_again_only_when_an_evaluation_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runs = make_group(tmp_path)
    for run in runs:
        measure(run, scores(30), scores(10))
    known: Known = {}
    lines(tmp_path, known)
    read: list[object] = []
    whole = evaluations.answers
    monkeypatch.setattr(evaluations, "answers", lambda where: read.append(where) or whole(where))
    lines(tmp_path, known)
    assert read == []
    measure(runs[0], scores(31), scores(10))
    lines(tmp_path, known)
    assert len(read) == 3


def test_a_run_whose_siblings_are_gone_stands_by_itself(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path)
    for run in runs[1:]:
        directory.delete(run)
    [line] = lines(tmp_path)
    assert line.id == runs[0].id


def test_equal_rows_are_paired_in_their_order(tmp_path: Path) -> None:
    _, runs = make_group(tmp_path, (1, 2))
    for run in runs:
        measure(run, scores(39), scores(1))
        where = evaluations.folder(run, evaluations.TRAINING)
        told = list(evaluations.answers(where))
        (where / evaluations.ANSWERS).unlink()
        same = [type(each)(**{**{f: getattr(each, f) for f in each.__struct_fields__}, "prompt": "p", "reference": "r"})
                for each in told]  # fmt: skip
        evaluations.keep_answers(where, same)
    make_checkpoint(runs[0], 1)
    spread = spread_of(runs)
    assert spread is not None
    assert spread.over is not None
    assert spread.over.n == ROWS
