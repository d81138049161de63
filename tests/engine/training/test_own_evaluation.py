"""A run measures itself on the same rows before and after: baselines first, its result last, the training untouched."""

from __future__ import annotations

import html
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from engine.app import report
from engine.config.schema import RunConfig
from engine.evaluation.evaluate import Questions
from engine.evaluation.generate import Generator
from engine.evaluation.losses_of_run import LossesOfRun
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import Evaluation
from engine.runs.steering import Steering
from engine.training import assessor as assessor_of
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, create_run, stop_after, train, values

OFF: dict[str, Any] = {"eval": {"metrics": []}}


def kept(run: RunDir) -> Evaluation:
    found = evaluations.read(evaluations.folder(run, evaluations.TRAINING))
    assert found is not None
    return found


def answers(run: RunDir) -> dict[tuple[str, int], evaluations.Answer]:
    where = evaluations.folder(run, evaluations.TRAINING)
    return {(each.candidate, each.row): each for each in evaluations.answers(where)}


def test_a_run_with_short_answers_is_compared_with_its_base(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows))
    found = kept(trained.run)
    assert (found.name, found.part, found.n, found.step) == ("training", "validation", 4, 6)
    assert found.candidates == ["base", "few-shot", "tuned"]
    assert {(c.candidate, c.against) for c in found.comparisons} == {("tuned", "base"), ("tuned", "few-shot")}
    assert found.sentence is not None
    (told,) = trained.of(ev.Evaluated)
    assert (told.name, told.n, told.sentence) == ("training", 4, found.sentence)
    assert [note.code for note in found.notes if note.code.startswith("baselines.")] == ["baselines.examples-fewer"]


def test_baselines_leave_the_training_as_it_is(tiny: Path, rows: Path) -> None:
    settings: dict[str, Any] = {"adapter": {"lora_dropout": 0.3, "modules_to_save": ["lm_head"]}, "eval": {"every": 2}}
    with_them = train(values(tiny, rows, **settings))
    settings["eval"]["metrics"] = []
    without = train(values(tiny, rows, **settings))
    assert with_them.of(ev.Evaluated)
    assert with_them.losses() == without.losses()
    losses = [[(e.step, e.moment, e.loss) for e in each.of(ev.Eval)] for each in (with_them, without)]
    assert losses[0] == losses[1]


def test_examples_are_never_rows_that_are_held_out(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []
    really = Generator.answer

    def answer(self: Generator, asked: Any, *args: Any) -> list[str]:
        prompts.extend(self.tokenizer.decode(ids) for ids in asked)
        return really(self, asked, *args)

    monkeypatch.setattr(Generator, "answer", answer)
    settings = values(tiny, rows, dataset={"test_rows": 5, "max_length": 512}, eval={"few_shot": 8})
    settings["train"]["micro_batch_tokens"] = 500
    trained = train(settings)
    assert kept(trained.run).part == "test"
    held = {each.prompt for each in answers(trained.run).values()}
    assert len(held) == 5
    with_examples = [prompt for prompt in prompts if prompt.count("<|im_start|>user") > 1]
    assert with_examples
    for prompt in with_examples:
        shown, _, asked = prompt.rpartition("<|im_start|>user\n")
        assert asked.split("<|im_end|>")[0] in held
        assert not any(f"<|im_start|>user\n{each}<|im_end|>" in shown for each in held)


def test_the_test_set_is_answered_where_there_is_one(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, dataset={"test_rows": 5}, eval={"every": 2}))
    found = kept(trained.run)
    assert (found.part, found.n) == ("test", 5)
    assert "baselines.on-validation" not in [note.code for note in found.notes]
    assert "baselines.on-validation" in [
        note.code for note in kept(train(values(tiny, rows, eval={"every": 2})).run).notes
    ]


def test_what_was_answered_before_is_what_the_eval_event_says(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, eval={"metrics": ["json_valid"], "max_new_tokens": 8}, sample={"rows": 2}))
    found, told = kept(trained.run), trained.of(ev.Eval)
    for event, name in zip(told, ("base", "tuned"), strict=True):
        mean = found.mean(name, "json_valid")
        assert mean is not None
        assert (event.metrics, event.n) == ({"json_valid": mean.value}, 4)
    said_before = [event.answer for event in trained.of(ev.Sample) if event.moment == "before"]
    assert said_before == [answers(trained.run)["base", place].answer for place in range(2)]


@pytest.mark.parametrize("step", ["baselines", "result"])
def test_a_stop_while_answering_loses_no_answer_and_asks_none_twice(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr("engine.evaluation.generate._PROMPTS_AT_ONCE", {"cpu": 1})
    monkeypatch.setattr("engine.evaluation.generate._GROUPS_TOGETHER", 1)
    asked: list[str] = []
    really = Generator.answer
    stop: list[Steering] = []
    limit = 6 if step == "baselines" else 10

    def answer(self: Generator, prompts: Any, *args: Any) -> list[str]:
        asked.extend(str(ids) for ids in prompts)
        if len(asked) == limit and stop:
            stop[0].stop(said("asked to stop"))
        return really(self, prompts, *args)

    monkeypatch.setattr(Generator, "answer", answer)
    run = create_run(values(tiny, rows))

    def react(event: ev.Event, steering: Steering) -> None:
        stop[:] = [steering]

    stopped = Trained(run, react)
    assert stopped.of(ev.Finished)[0].outcome == "stopped"
    before = dict(answers(run))
    assert len(before) == limit - 1
    stop.clear()
    asked.clear()
    assert run.begins_anew == (step == "baselines")
    resumed = Trained(run, resume=not run.begins_anew)
    assert resumed.of(ev.Finished)[0].outcome == "finished"
    assert len(asked) == 12 - (limit - 1)
    found = answers(run)
    assert len(found) == 12
    assert {key: each.answer for key, each in before.items()}.items() <= {
        key: each.answer for key, each in found.items()
    }.items()
    assert kept(run).candidates == ["base", "few-shot", "tuned"]


def test_a_pause_asks_no_baseline_again(tiny: Path, rows: Path) -> None:
    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 3:
            steering.put("pause")
        if isinstance(event, ev.State) and event.state == "paused":
            steering.put("resume")

    paused = train(values(tiny, rows), react)
    names = [event.name for event in paused.of(ev.Phase)]
    resumed = max(place for place, name in enumerate(names) if name == "rehearsal")
    assert {"answer base", "answer few-shot"} <= {*names[:resumed]}
    assert not {"answer base", "answer few-shot"} & {*names[resumed:]}
    assert len(paused.of(ev.Evaluated)) == 1


def test_rows_that_the_old_adapter_was_trained_on_are_told_as_proving_nothing(tiny: Path, rows: Path) -> None:
    first = train(values(tiny, rows, run={"split_seed": 1}))
    on = {"strategy": {"kind": "continue", "adapter": first.run.id}}
    again = kept(train(values(tiny, rows, run={"split_seed": 1}, **on)).run)
    assert "evaluate.learned-before" not in [note.code for note in again.notes]
    trained = train(values(tiny, rows, run={"split_seed": 2}, **on))
    names = [event.name for event in trained.of(ev.Phase)]
    assert "read" in names[names.index("load") :]  # old data may be large
    other = kept(trained.run)
    (note,) = [note for note in other.notes if note.code == "evaluate.learned-before"]
    assert (note.args["run"], note.args["of"]) == (first.run.id, 4)
    assert note.args["rows"] > 0
    by_loss = kept(train(values(tiny, rows, run={"split_seed": 2}, eval={"metrics": []}, **on)).run)
    assert note in by_loss.notes


@pytest.mark.parametrize("is_text", [False, True], ids=["dialogues", "plain text"])
def test_they_are_told_where_only_losses_are_measured(tiny: Path, rows: Path, tmp_path: Path, is_text: bool) -> None:
    if is_text:
        rows = tmp_path / "texts.jsonl"
        rows.write_text(
            "".join(json.dumps({"text": f"order {n} of tea to Lima, number {n * n}"}) + "\n" for n in range(24))
        )
    losses = {"eval": {"metrics": []}}
    first = train(values(tiny, rows, run={"split_seed": 1}, **losses))
    on = {"strategy": {"kind": "continue", "adapter": first.run.id}, **losses}
    again = kept(train(values(tiny, rows, run={"split_seed": 1}, **on)).run)
    assert "evaluate.learned-before" not in [note.code for note in again.notes]
    other = kept(train(values(tiny, rows, run={"split_seed": 2}, **on)).run)
    (note,) = [note for note in other.notes if note.code == "evaluate.learned-before"]
    assert (note.args["run"], note.args["of"]) == (first.run.id, 4)
    assert note.args["rows"] > 0


def test_the_answers_of_an_old_adapter_that_was_replaced_are_not_taken_for_its_own(tiny: Path, rows: Path) -> None:
    first = train(values(tiny, rows))
    config = RunConfig.model_validate(
        values(tiny, rows, strategy={"kind": "continue", "adapter": first.run.id})
    )  # fmt: skip
    before = assessor_of._begun_with(config)
    weights = first.run.adapter / "adapter_model.safetensors"
    assert before == assessor_of._begun_with(config) != first.run.id
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    assert assessor_of._begun_with(config) != before


def test_a_continued_run_is_compared_with_base_and_old_adapter(tiny: Path, rows: Path) -> None:
    first = train(values(tiny, rows, train={"max_steps": 12, "learning_rate": 0.02}))
    continued = values(tiny, rows, strategy={"kind": "continue", "adapter": str(first.run.adapter)})
    trained = train(continued)
    found = kept(trained.run)
    assert found.candidates == ["base", "few-shot", "old-adapter", "tuned"]
    olds = [each.answer for (name, _), each in answers(first.run).items() if name == "base"]
    news = [each.answer for (name, _), each in answers(trained.run).items() if name == "base"]
    assert news == olds  # the base is the same model, whatever adapter lies on it


def test_a_merged_run_is_compared_with_the_merged_model(tiny: Path, rows: Path) -> None:
    first = train(values(tiny, rows, **OFF))
    trained = train(values(tiny, rows, strategy={"kind": "merge", "adapter": str(first.run.adapter)}))
    found = kept(trained.run)
    assert found.candidates == ["few-shot", "old-adapter", "tuned"]
    assert "baselines.merged-base" in [note.code for note in found.notes]


def test_an_adapter_that_changes_its_base_is_compared_with_the_model_as_it_was(tiny: Path, rows: Path) -> None:
    plain = train(values(tiny, rows))
    pissa = train(values(tiny, rows, adapter={"init_lora_weights": "pissa"}))
    olds, news = (
        [each.answer for (name, _), each in answers(each.run).items() if name == "base"] for each in (plain, pissa)
    )
    assert news == olds


@pytest.mark.parametrize(
    ("section", "candidates"),
    [
        ({"baseline": "zero_shot"}, ["base", "tuned"]),
        ({"baseline": "few_shot"}, ["base", "few-shot", "tuned"]),
        ({"baseline": "none", "metrics": ["json_valid"]}, ["base", "tuned"]),
    ],
)
def test_baselines_are_those_asked_for(tiny: Path, rows: Path, section: dict[str, Any], candidates: list[str]) -> None:
    assert kept(train(values(tiny, rows, eval=section)).run).candidates == candidates


def test_the_best_step_may_be_found_by_a_metric_which_is_then_measured_each_time(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, eval={"every": 2, "best_by": "json_keys", "max_new_tokens": 40},
                      train={"max_steps": 6}, dataset={"test_rows": 4})  # fmt: skip
    trained = train(settings)
    told = [event for event in trained.of(ev.Eval) if event.part == "validation"]
    assert [(event.step, event.moment) for event in told] == [
        (0, "before"), (2, "during"), (4, "during"), (6, "during"), (trained.of(ev.Finished)[0].result_step, "after"),
    ]  # fmt: skip
    assert all("json_keys" in event.metrics for event in told)
    assert [event.moment for event in trained.of(ev.Eval) if event.part == "test"] == ["before", "after"]


def test_a_test_set_of_one_row_is_measured_and_told_of(tiny: Path, rows: Path) -> None:
    found = kept(train(values(tiny, rows, dataset={"test_rows": 1})).run)
    assert found.n == 1
    assert "metrics.one-row" in [note.code for note in found.notes]


def test_rows_alike_for_two_runs_have_one_mark(tiny: Path, rows: Path) -> None:
    one, two = (kept(train(values(tiny, rows)).run) for _ in range(2))
    assert one.rows_sha256 == two.rows_sha256


def test_baselines_kept_are_read_again_where_the_summary_is_gone(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows))
    where = evaluations.folder(trained.run, evaluations.TRAINING)
    lines = (where / "answers.jsonl").read_text().splitlines()
    (where / "answers.jsonl").write_text("".join(f"{line}\n" for line in lines if '"tuned"' in line))
    again = Trained(trained.run, resume=True)
    assert again.of(ev.Evaluated)
    assert kept(trained.run).candidates == ["base", "few-shot", "tuned"]


def test_the_folder_goes_with_the_run(tiny: Path, rows: Path) -> None:
    from engine.runs.directory import delete

    trained = train(values(tiny, rows))
    delete(trained.run)
    assert not trained.run.path.exists()


def test_answers_of_rows_hold_their_group(tiny: Path, tmp_path: Path, home: Path) -> None:
    lines = [{"prompt": f"{i} tea to Oslo", "completion": f"tea {i}", "who": f"p{i % 5}"} for i in range(30)]
    path = tmp_path / "grouped.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = values(tiny, path)
    settings["data"][0]["columns"] = {"group": "who"}
    trained = train(settings)
    assert {each.group for each in answers(trained.run).values()} <= {f"p{i}" for i in range(5)}
    assert all(each.group for each in answers(trained.run).values())


def test_a_mark_is_of_prompt_weights_and_length() -> None:
    assert (
        Questions(Path("x"), "training", "test", [], 8).rows_mark
        == Questions(Path("y"), "other", "file", [], 9).rows_mark
    )


def test_a_metric_of_the_user_s_decides_and_what_it_could_not_score_is_said(
    tiny: Path, rows: Path, tmp_path: Path
) -> None:
    file = tmp_path / "metric.py"
    file.write_text(
        "def score(answer, reference, row):\n"
        "    if row['messages'][0]['content'].startswith('1'):\n        raise ValueError('no ones')\n"
        "    return len(reference)\n"
    )
    trained = train(values(tiny, rows, dataset={"eval_rows": 10}, eval={"metric_file": str(file)}))
    found = kept(trained.run)
    scoring = [each.message for each in trained.of(ev.Phase) if each.name == "score"]
    assert scoring[0] == Message("user-metric.scoring", seconds=10.0)  # what may hang is said with its limit
    assert found.metrics[0] == "user_metric"
    assert found.mean("base", "user_metric") is not None
    assert {"user-metric.row-failed", "metrics.one-seed"} <= {note.code for note in found.notes}


# Where nothing is answered, the loss of each row is compared


def text_rows(path: Path, count: int = 30) -> Path:
    lines = [{"text": f"{i} {['tea', 'soup', 'bread', 'rice'][i % 4]} to Oslo, " * 3} for i in range(count)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_plain_text_is_compared_by_the_bits_that_a_byte_takes(tiny: Path, tmp_path: Path, home: Path) -> None:
    settings = values(tiny, text_rows(tmp_path / "text.jsonl"), dataset={"eval_rows": 8, "train_on": "all"},
                      train={"max_steps": 12})  # fmt: skip
    trained = train(settings)
    found = kept(trained.run)
    assert (found.candidates, found.metrics, found.n, found.step) == (
        ["base", "tuned"], ["bits_per_byte", "perplexity"], 8, 12,
    )  # fmt: skip
    base, tuned = (found.mean(name, "perplexity") for name in ("base", "tuned"))
    losses = {event.moment: event.loss for event in trained.of(ev.Eval)}
    assert base is not None
    assert tuned is not None
    assert base.value == pytest.approx(math.exp(losses["before"]), rel=1e-3)
    assert tuned.value == pytest.approx(math.exp(losses["after"]), rel=1e-3)
    assert trained.of(ev.Evaluated)
    assert Message("baselines.because", reason=Message("baselines.no-rows")) in found.notes


@pytest.mark.parametrize(
    ("section", "reason"), [({"metrics": []}, "baselines.only-loss"), ({"baseline": "none"}, "baselines.asked-none")]
)
def test_a_run_that_answers_nothing_is_judged_by_its_loss_and_says_why(
    tiny: Path, rows: Path, section: dict[str, Any], reason: str
) -> None:
    trained = train(values(tiny, rows, dataset={"test_rows": 6}, eval=section))
    found = kept(trained.run)
    assert (found.part, found.n, found.candidates) == ("test", 6, ["base", "tuned"])
    assert Message("baselines.because", reason=Message(reason)) in found.notes
    assert found.reason == Message("metrics.only-loss")
    measured = list(evaluations.answers(evaluations.folder(trained.run, "training")))
    assert len(measured) == 12
    assert not any(answer.was_asked for answer in measured)
    assert all(answer.reference for answer in measured)
    page = report.write(trained.run).read_text("utf-8")
    assert text("report.empty") not in page
    assert measured[0].reference in html.unescape(page)
    assert not [event for event in trained.of(ev.Phase) if event.name.startswith("answer")]


def test_losses_are_not_measured_twice_after_a_stop(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    really = LossesOfRun._losses

    def losses(self: LossesOfRun) -> Any:
        measured.append(len(self.rows))
        return really(self)

    monkeypatch.setattr(LossesOfRun, "_losses", losses)
    stopped = train(values(tiny, rows, **OFF), stop_after(3))
    Trained(stopped.run, resume=True)
    assert measured == [4, 4]
    assert kept(stopped.run).candidates == ["base", "tuned"]


def test_the_loss_of_a_continued_run_is_compared_with_base_and_old_adapter(tiny: Path, rows: Path) -> None:
    first = train(values(tiny, rows, train={"max_steps": 12, "learning_rate": 0.02}, **OFF))
    trained = train(values(tiny, rows, strategy={"kind": "continue", "adapter": str(first.run.adapter)}, **OFF))
    found = kept(trained.run)
    assert found.candidates == ["base", "old-adapter", "tuned"]
    old, before = found.mean("old-adapter", "perplexity"), kept(first.run).mean("tuned", "perplexity")
    assert old is not None
    assert before is not None
    assert old.value == pytest.approx(before.value, rel=1e-5)
