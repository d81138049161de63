"""Runs side by side: a verdict only on the very same rows, and what can't be compared is said."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.app.compare.compare import Compared, compare
from engine.app.compare.tables import tables
from engine.app.compare.targets import MOST, Target, of_group, of_run, targets
from engine.common.errors import RunError
from engine.messages import language
from engine.messages.catalogue import text
from engine.runs import directory, evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests.engine.runs.making import (
    failure,
    make_checkpoint,
    make_group,
    mark_exited,
    mark_launched,
    measure,
    step,
    write,
)

CONFIG = '[model]\nname_or_path = "/m/{model}"\n[train]\nlearning_rate = {rate}\n[[data]]\npath = "/d/rows.jsonl"\n'


def right(count: int, of: int = 100, seed: int = 0) -> list[float]:
    """So many rows right, at places that the seed decides."""
    scores = [1.0] * count + [0.0] * (of - count)
    random.Random(seed).shuffle(scores)
    return scores


def make(root: Path, name: str, losses: Sequence[float] = (2.0, 1.0, 0.5), end: str = "finished", rate: float = 1e-4,
         model: str = "tiny") -> RunDir:  # fmt: skip
    run = directory.create(model, CONFIG.format(rate=rate, model=model), name, root)
    write(run, ev.RunStarted(total_steps=len(losses), model=model, device="CPU"))
    write(run, *(step(number, loss) for number, loss in enumerate(losses, 1)))
    write(run, ev.Eval(step=len(losses), moment="after", loss=losses[-1], n=9))
    if end == "finished":
        write(run, ev.Finished(outcome="finished", step=len(losses), adapter="adapter", seconds=61.0))
        make_checkpoint(run, len(losses))
    return run


def side_by_side(*found: RunDir | Target, by: str = "") -> Compared:
    return compare([of_run(each) if isinstance(each, RunDir) else each for each in found], by)


def codes(found: Compared) -> list[str]:
    return [note.code for note in found.notes]


def test_a_verdict_is_made_on_the_same_rows_and_holds_for_the_second_against_the_first(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60))
    measure(second, right(90, seed=1))
    found = side_by_side(first, second)
    [row_set] = found.row_sets
    [figure] = row_set.figures
    [versus] = figure.versus
    assert (row_set.n, row_set.letters, versus.side, versus.against) == (100, ("A", "B"), "B", "A")
    assert versus.difference == pytest.approx(0.3)
    assert (versus.verdict, versus.test) == ("better", "mcnemar")
    [turned] = side_by_side(second, first).row_sets[0].figures[0].versus
    assert turned.verdict == "worse"


def test_rows_in_another_order_are_the_same_rows(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, [1.0, 0.0, 1.0])
    measure(second, [1.0, 0.0, 1.0])
    where = evaluations.folder(second, evaluations.TRAINING)
    told = list(evaluations.answers(where))[::-1]
    evaluations.write_answers(where, told)
    [versus] = side_by_side(first, second).row_sets[0].figures[0].versus
    assert versus.difference == 0


@pytest.mark.parametrize("change", ["rows", "fewer"])
def test_figures_of_different_rows_get_no_verdict_and_a_way_to_one(tmp_path: Path, change: str) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60))
    measure(second, right(90) if change == "rows" else right(40, 50), rows="other" if change == "rows" else "row")
    found = side_by_side(first, second)
    assert [each.letters for each in found.row_sets] == [("A",), ("B",)]
    assert not any(figure.versus for each in found.row_sets for figure in each.figures)
    note = next(note for note in found.notes if note.code == "compare.different-rows")
    assert f"`tunedeck evaluate {first.id} --against {second.id}`" in text(note)


def test_figures_of_one_name_that_are_not_of_one_thing_get_no_verdict(tmp_path: Path) -> None:
    first, second, third = (make(tmp_path, name, model=name[0]) for name in ("a1", "b2", "a3"))
    for run, digest in ((first, "1" * 64), (second, "2" * 64), (third, "1" * 64)):
        measure(run, right(60 if run is first else 95), metric="user_metric", metric_sha256=digest)
    assert side_by_side(first, third).row_sets[0].figures[0].versus
    found = side_by_side(first, second)
    assert (found.row_sets[0].figures[0].versus, "compare.other-metric" in codes(found)) == ((), True)
    assert "compare.no-verdict" not in codes(found)
    for run in (first, second, third):
        measure(run, right(50), metric="perplexity")
    assert "compare.other-tokens" in codes(side_by_side(first, second))
    assert "compare.other-tokens" not in codes(side_by_side(first, third))


@pytest.mark.parametrize(("tokens", "is_told"), [(16, True), (40, True), (9, False)])
def test_answers_cut_at_other_lengths_get_no_verdict_where_that_tells(
    tmp_path: Path, tokens: int, is_told: bool
) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60), tokens=min(tokens, 16), new_tokens=16)
    measure(second, right(90, seed=1), tokens=tokens, new_tokens=64)
    found = side_by_side(first, second)
    [row_set] = found.row_sets
    assert row_set.new_tokens == {"A": [16], "B": [64]}
    assert bool(row_set.figures[0].versus) is not is_told
    told = [note for note in found.notes if note.code == "compare.other-limits"]
    assert len(told) == is_told
    assert all("A 16 tokens, B 64 tokens" in text(note) for note in told)


def pairs(found: Compared) -> list[tuple[str, str]]:
    return [(each.side, each.against) for each in found.row_sets[0].figures[0].versus]


@pytest.mark.parametrize(
    ("limits", "compared"),
    [
        ((16, 16, 64), [("B", "A")]),
        ((64, 16, 16), [("C", "B")]),
        ((16, 64, 16), [("C", "A")]),
        ((16, 64, 16, 64), [("C", "A"), ("D", "B")]),
        ((16, 32, 64), []),
    ],
)
def test_only_the_sides_that_were_cut_otherwise_lose_their_verdict(
    tmp_path: Path, limits: tuple[int, ...], compared: list[tuple[str, str]]
) -> None:
    runs = [make(tmp_path, f"run{at}") for at in range(len(limits))]
    for at, (run, limit) in enumerate(zip(runs, limits, strict=True)):
        measure(run, right(60 + 10 * at, seed=at), tokens=limit, new_tokens=limit)
    found = side_by_side(*runs)
    assert pairs(found) == compared
    assert codes(found).count("compare.other-limits") == 1
    assert "compare.no-verdict" not in codes(found)
    assert found.looked_at == len(compared), "Holm counts what was compared"


def test_a_metric_of_another_file_takes_the_verdict_of_its_own_side_alone(tmp_path: Path) -> None:
    runs = [make(tmp_path, name) for name in ("one", "two", "three")]
    for run, digest in zip(runs, "122", strict=True):
        measure(run, right(50), metric="user_metric", metric_sha256=digest * 64)
    found = side_by_side(*runs)
    assert (pairs(found), "compare.other-metric" in codes(found)) == ([("C", "B")], True)


def test_losses_compare_whatever_the_limit_of_answers_was(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60), metric="loss", tokens=16, new_tokens=16)
    measure(second, right(90, seed=1), metric="loss", tokens=64, new_tokens=64)
    assert side_by_side(first, second).row_sets[0].figures[0].versus


def test_prompts_that_were_others_are_told_on_the_same_base_alone(tmp_path: Path) -> None:
    first, second, third, fourth = (make(tmp_path, name, model=name[0]) for name in ("a1", "a2", "b3", "a4"))
    for run, digest in ((first, "1"), (second, "2"), (third, "3"), (fourth, "1")):
        measure(run, right(60), new_tokens=64, prompts_sha256=digest * 64)
    found = side_by_side(first, second)
    [note] = [note for note in found.notes if note.code == "compare.other-prompts"]
    assert note.args["sides"] == ("B",)
    assert found.row_sets[0].figures[0].versus  # each was asked as it was trained
    assert "compare.other-prompts" not in codes(side_by_side(first, third))
    assert "compare.other-prompts" not in codes(side_by_side(first, fourth))


def test_a_limit_that_an_earlier_version_did_not_record_is_told(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60))
    measure(second, right(90, seed=1), new_tokens=64)
    [note] = [note for note in side_by_side(first, second).notes if note.code == "compare.asked-unknown"]
    assert note.args["sides"] == ("A",)
    measure(second, right(90, seed=1))
    assert "compare.asked-unknown" not in codes(side_by_side(first, second))


def test_a_later_evaluation_on_the_same_rows_is_used(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    measure(first, right(60))
    measure(second, right(90), rows="other")
    measure(second, right(95), name="again")
    found = side_by_side(first, second)
    assert found.row_sets[0].letters == ("A", "B")
    assert "compare.different-rows" not in codes(found)


def test_the_proof_of_an_export_is_no_result_of_the_run(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    for run in (first, second):
        measure(run, right(60))
    before = side_by_side(first, second)
    measure(first, right(60), metric="perplexity", name="export-gguf")
    found = side_by_side(first, second)
    assert codes(found) == codes(before)
    assert found.row_sets == before.row_sets


def test_several_comparisons_are_corrected_by_holm(tmp_path: Path) -> None:
    runs = [make(tmp_path, f"run {at}") for at in range(4)]
    for at, run in enumerate(runs):
        measure(run, right(60 + 4 * at, seed=at))
    found = side_by_side(*runs)
    versus = found.row_sets[0].figures[0].versus
    assert [each.side for each in versus] == ["B", "C", "D"]
    assert (found.looked_at, found.secondary) == (3, 0)
    assert "compare.corrected" in codes(found)
    for each in versus:
        assert each.p is not None
        assert each.adjusted_p is not None
        assert each.p <= each.adjusted_p <= min(1.0, 3 * each.p) + 1e-12


def test_without_a_true_difference_better_or_worse_is_seldom_said(tmp_path: Path) -> None:
    runs = [make(tmp_path, f"run {at}") for at in range(MOST)]
    for at, run in enumerate(runs):
        measure(run, right(60, seed=at))
    found = side_by_side(*runs)
    assert [each.verdict for each in found.row_sets[0].figures[0].versus] == ["unclear"] * (MOST - 1)


def test_one_metric_alone_is_compared_by_its_name(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    for run in (first, second):
        measure(run, right(60))
        measure(run, right(60), metric="token_f1", name="again", rows="other")
    assert len(side_by_side(first, second).row_sets) == 2
    found = side_by_side(first, second, by="token_f1")
    assert [figure.metric for each in found.row_sets for figure in each.figures] == ["token_f1"]
    assert found.looked_at == 1
    with pytest.raises(RunError) as error:
        side_by_side(first, second, by="colour")
    assert error.value.code == "compare.no-such-metric"
    known = error.value.reason.args["known"]
    assert list(known) == ["exact_match", "token_f1"]
    assert side_by_side(first, second, by=known[0])  # what the hint says helps


def test_a_group_is_compared_over_its_seeds(tmp_path: Path) -> None:
    group, runs = make_group(tmp_path)
    for at, run in enumerate(runs):
        measure(run, right(90 + at, seed=9))
    alone = make(tmp_path, "alone")
    measure(alone, right(60, seed=4))
    found = side_by_side(alone, of_group(group))
    [figure] = found.row_sets[0].figures
    assert (figure.values["B"].value, figure.values["B"].seeds) == (pytest.approx(0.91), 3)
    assert (figure.values["B"].low, figure.values["B"].high) == (0.90, 0.92)
    [versus] = figure.versus
    assert (versus.test, versus.verdict, versus.difference) == ("seeds", "better", pytest.approx(0.31))
    assert "compare.over-seeds" in codes(found)
    note = next(note for note in found.notes if note.code == "compare.one-seed-varies")
    assert (list(note.args["sides"]), note.args["groups"]) == (["A"], 1)


def test_a_group_by_itself_means_its_runs(tmp_path: Path) -> None:
    group, runs = make_group(tmp_path)
    assert [each.id for each in targets([group.id], tmp_path)] == [run.id for run in runs]
    found = compare(targets(["orders"], tmp_path))
    assert "run.seed" in [each.field for each in found.settings]


def test_without_groups_a_single_seed_is_still_named(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    for run in (first, second):
        measure(run, right(60))
    assert "compare.one-seed" in codes(side_by_side(first, second))


def test_settings_and_cost_stand_beside_each_other(tmp_path: Path) -> None:
    found = side_by_side(make(tmp_path, "first"), make(tmp_path, "second", rate=3e-4))
    assert [(each.field, each.values) for each in found.settings] == [("train.learning_rate", (0.0001, 0.0003))]
    cost = found.sides[0].cost
    assert (cost.seconds, cost.tokens, cost.steps, cost.device) == (61.0, 300, 3, "CPU")
    assert found.sides[0].losses == {"validation": 0.5}


def test_curves_run_over_steps_tokens_and_time(tmp_path: Path) -> None:
    found = side_by_side(make(tmp_path, "first"), make(tmp_path, "second"))
    curves = found.sides[0].curves["loss"]
    assert list(curves["steps"].x) == [1, 2, 3]
    assert list(curves["tokens"].x) == [100, 200, 300]
    assert list(curves["time"].x) == sorted(curves["time"].x)
    assert curves["steps"].y == curves["time"].y
    assert list(found.sides[0].curves["eval_loss"]["tokens"].x) == [300]


def test_the_curve_of_a_group_is_the_mean_where_all_have_a_step(tmp_path: Path) -> None:
    group, runs = make_group(tmp_path, (1, 2))
    write(runs[0], step(1, 2.0), step(2, 1.0), step(3, 1.0))
    write(runs[1], step(1, 4.0), step(2, 3.0))
    found = side_by_side(of_group(group), make(tmp_path, "alone"))
    curve = found.sides[0].curves["loss"]["steps"]
    assert list(curve.x) == [1, 2]
    assert curve.y[0] == 3.0


def unlike(root: Path) -> dict[str, RunDir]:
    """Runs of every kind, state and age."""
    runs = {"finished": make(root, "finished"), "other base": make(root, "other", model="llama")}
    measure(runs["finished"], right(60))
    measure(runs["other base"], right(50))
    runs["text"] = make(root, "text")
    measure(runs["text"], [1.2] * 100, metric="bits_per_byte")
    runs["created"] = directory.create("tiny", CONFIG.format(rate=1e-4, model="tiny"), "created", root)
    runs["crashed"] = make(root, "crashed", end="")
    mark_launched(runs["crashed"])
    mark_exited(runs["crashed"], -9)
    runs["failed"] = make(root, "failed", end="")
    write(runs["failed"], failure())
    runs["no config"] = make(root, "no config")
    runs["no config"].config.write_text("[[[")
    runs["nan"] = make(root, "nan", losses=(float("nan"), 1.0, float("inf")))
    runs["garbage"] = make(root, "garbage")
    runs["garbage"].events.write_bytes(b"\x00\xff{\n" * 20)
    runs["cut off"] = make(root, "cut off")
    measure(runs["cut off"], right(60))
    where = evaluations.folder(runs["cut off"], evaluations.TRAINING)
    (where / evaluations.ANSWERS).write_bytes((where / evaluations.ANSWERS).read_bytes()[:-30])
    runs["no answers"] = make(root, "no answers")
    measure(runs["no answers"], right(60))
    (evaluations.folder(runs["no answers"], evaluations.TRAINING) / evaluations.ANSWERS).unlink()
    runs["earlier version"] = make(root, "earlier", end="")
    lines = [
        '{"v":1,"seq":1,"t":1.0,"type":"run_started","total_steps":2,"model":"tiny"}',
        '{"v":1,"seq":2,"t":2.0,"type":"eval","step":2,"moment":"after","loss":0.5,"n":9,"metrics":{"exact_match":0.5}}',
        '{"v":1,"seq":3,"t":3.0,"type":"finished","outcome":"finished","step":2,"reason":"done"}',
    ]
    runs["earlier version"].events.write_text("".join(line + "\n" for line in lines))
    return runs


@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_no_two_kinds_of_runs_compare_with_a_fault(tmp_path: Path, spoken: str) -> None:
    language.use(spoken)
    runs = list(unlike(tmp_path).values())
    for first in runs:
        for second in runs:
            if first is not second:
                found = side_by_side(first, second)
                for table in tables(found):
                    assert all(len(row) == len(table.header) for row in table.rows)
                    assert all(text(sentence) for sentence in table.below)


def test_what_can_not_be_compared_is_said(tmp_path: Path) -> None:
    runs = unlike(tmp_path)

    def said(*names: str) -> list[str]:
        return codes(side_by_side(*(runs[name] for name in names)))

    assert "compare.other-kinds" in said("finished", "text")
    assert "compare.other-bases" in said("finished", "other base")
    assert {"compare.no-adapter", "compare.not-begun"} <= {*said("finished", "created")}
    assert "compare.not-finished" in said("finished", "crashed")
    assert "compare.config-unreadable" in said("finished", "no config")
    assert "compare.no-answers" not in said("finished", "failed")
    assert "compare.different-rows" in said("finished", "cut off")
    make_checkpoint(runs["earlier version"], 2)
    found = side_by_side(runs["finished"], runs["earlier version"])
    assert "compare.no-answers" in codes(found)
    assert found.row_sets[-1].figures[0].values["B"].value == 0.5


def test_the_settings_of_two_unreadable_configs_are_not_called_the_same(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    for run in (first, second):
        run.config.write_text("[[[")
    assert tables(side_by_side(first, second))[-1].below[0].code == "compare.settings-unread"


def test_losses_compare_only_of_the_same_held_out_rows(tmp_path: Path) -> None:
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    assert "compare.losses-unknown" in codes(side_by_side(first, second))
    np.save(first.held_out, np.array([[1, 2, 0], [3, 4, 1]], np.uint64))
    np.save(second.held_out, np.array([[3, 4, 1], [1, 2, 0]], np.uint64))
    found = codes(side_by_side(first, second))
    assert "compare.losses-unknown" not in found
    assert "compare.losses-of-other-rows" not in found
    np.save(second.held_out, np.array([[3, 4, 1], [1, 9, 0]], np.uint64))
    assert "compare.losses-of-other-rows" in codes(side_by_side(first, second))


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["one"], "compare.too-few"), (["one", "one"], "compare.same-twice"), (["one", "gone"], "runs.no-such-run"),
        ([f"run {at}" for at in range(MOST + 1)], "compare.too-many"),
    ],
)  # fmt: skip
def test_what_is_no_comparison_is_refused(tmp_path: Path, names: list[str], code: str) -> None:
    make(tmp_path, "one")
    for at in range(MOST + 1):
        directory.create("tiny", "", f"run {at}", tmp_path)
    with pytest.raises(RunError) as error:
        targets(names, tmp_path)
    assert error.value.code == code
