"""A run evaluated when it is over: which rows, who answers, what was trained on, and what is kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import ConfigError, DataError, ModelError, RunError, TunedeckError
from engine.evaluation.afterwards import Afterwards, base_mark
from engine.evaluation.generate import Generator
from engine.evaluation.trained_on import trained_runs
from engine.messages.message import Message
from engine.models.for_use import find_for_use
from engine.runs import evaluations, mixes
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.evaluations import BASE, FEW_SHOT, TUNED, Evaluation
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from tests.engine.training.making import train, values, write_rows
from tests.tiny import make_tiny_model

TEST_ROWS = 6


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run and its rows, made once: tests work on copies."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEDECK_HOME", str(folder / "home"))
        rows = write_rows(folder / "orders.jsonl", 30)
        run = train(
            values(tiny, rows, dataset={"max_length": 128, "eval_rows": 3, "test_rows": TEST_ROWS},
                   train={"max_steps": 4})
        ).run  # fmt: skip
    return run.path


@pytest.fixture
def run(trained: Path, home: Path) -> RunDir:
    target = home / "runs" / trained.name
    target.parent.mkdir(parents=True)
    shutil.copytree(trained, target)
    return RunDir(target)


def rows_of(trained: Path) -> Path:
    return trained.parents[2] / "orders.jsonl"


def asked(run: RunDir, **more: Any) -> EvaluationRequest:
    given: dict[str, Any] = {"run": str(run.path), "name": "mine", "against": (BASE,), "new_tokens": 3}
    return EvaluationRequest(**(given | more))


class Told:
    """The evaluation of a request in this process, and what was said on the way."""

    def __init__(self, request: EvaluationRequest, stop_after: int = 0) -> None:
        self.notes: list[Message] = []
        self.phases: list[str] = []
        self._looks, self._stop_after = 0, stop_after
        self.after = Afterwards(request, Phases(self._sink, self._check), self.notes.append)

    def evaluate(self) -> Evaluation:
        return self.after.evaluate()

    def codes(self) -> list[str]:
        return [note.code for note in self.notes]

    def _sink(self, event: ev.Event) -> None:
        if isinstance(event, ev.Phase):
            self.phases.append(event.name)

    def _check(self) -> None:
        self._looks += 1
        if self._stop_after and self._looks > self._stop_after:
            raise StopRequested


def file_of(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": str(path)}


def test_its_own_test_rows_are_answered_by_base_and_adapter(run: RunDir) -> None:
    told = Told(asked(run))
    found = told.evaluate()
    assert (found.part, found.n, found.candidates) == ("test", TEST_ROWS, [BASE, TUNED])
    assert found.step == 4
    assert told.codes() == []
    where = evaluations.folder(run, "mine")
    assert evaluations.read(where) == found
    assert len(list(evaluations.answers(where))) == 2 * TEST_ROWS


def test_answers_of_a_base_are_not_those_of_another_that_lay_in_its_folder(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    marks = [base_mark(find_for_use(str(base))) for _ in range(2)]
    make_tiny_model(base, seed=1)
    assert marks[0] == marks[1] != base_mark(find_for_use(str(base)))


def test_they_are_the_rows_that_the_split_held_out_whatever_the_file_has_become(
    run: RunDir, trained: Path, tmp_path: Path
) -> None:
    before = Told(asked(run)).evaluate()
    config = run.config.read_text()
    more = write_rows(tmp_path / "more.jsonl", 60)  # twice the rows: another draw would hold out others
    run.config.write_text(config.replace(str(rows_of(trained)), str(more)))
    assert Told(asked(run, name="later")).evaluate().rows_sha256 == before.rows_sha256


def test_held_out_rows_that_are_gone_are_an_error_and_no_new_draw(run: RunDir, trained: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 30, start=500)
    run.config.write_text(run.config.read_text().replace(str(rows_of(trained)), str(other)))
    with pytest.raises(DataError) as error:
        Told(asked(run)).evaluate()
    assert error.value.code == "evaluate.held-out-gone"


def test_data_that_is_gone_points_to_a_file_and_a_file_then_does(run: RunDir, trained: Path, tmp_path: Path) -> None:
    run.config.write_text(run.config.read_text().replace(str(rows_of(trained)), "/nowhere/orders.jsonl"))
    with pytest.raises(DataError) as error:
        Told(asked(run)).evaluate()
    assert error.value.code == "evaluate.own-rows-gone"
    told = Told(asked(run, data={"path": str(write_rows(tmp_path / "new.jsonl", 4, start=700))}))
    assert told.evaluate().n == 4
    assert told.codes() == ["evaluate.trained-on-unknown"]


def test_rows_of_a_file_that_were_trained_on_are_found_and_can_be_left_out(
    run: RunDir, trained: Path, tmp_path: Path
) -> None:
    old = [json.loads(line) for line in rows_of(trained).read_text().splitlines()]
    new = [{"prompt": f"unseen {number}", "completion": "yes"} for number in range(5)]
    spaced = [
        {"question": f"{row['prompt']}  ", "answer": row["completion"]} for row in old
    ]  # another format and blanks
    data = file_of(tmp_path / "mixed.jsonl", [*spaced, *({"question": r["prompt"], "answer": "yes"} for r in new)])
    told = Told(asked(run, data=data))
    assert told.evaluate().n == 35
    (note,) = [each for each in told.notes if each.code == "evaluate.trained-on"]
    assert note.args["rows"] == 30 - TEST_ROWS - 3
    found = Told(asked(run, data=data, name="unseen", unseen_only=True)).evaluate()
    assert found.n == 5 + TEST_ROWS + 3
    with pytest.raises(DataError) as error:
        Told(asked(run, data=file_of(tmp_path / "old.jsonl", [_trained_row(run, old)]), unseen_only=True)).evaluate()
    assert error.value.code == "evaluate.all-trained-on"


def _trained_row(run: RunDir, rows: list[dict[str, Any]]) -> dict[str, Any]:
    sample = [json.loads(line) for line in (run.path / "rows_sample.jsonl").read_text().splitlines()]
    first = sample[0]["messages"][0]["content"]
    return next(row for row in rows if row["prompt"] == first)


def test_a_question_that_was_trained_on_with_another_answer_is_said(run: RunDir, trained: Path, tmp_path: Path) -> None:
    old = [json.loads(line) for line in rows_of(trained).read_text().splitlines()]
    row = _trained_row(run, old) | {"completion": "something else"}
    told = Told(asked(run, data=file_of(tmp_path / "other.jsonl", [row])))
    assert told.evaluate().n == 1
    assert told.codes() == ["evaluate.asked-in-training"]


def test_another_run_that_was_trained_on_these_rows_is_named(run: RunDir, trained: Path, tiny: Path) -> None:
    other = train(
        values(tiny, rows_of(trained), run={"seed": 9}, dataset={"max_length": 128, "eval_rows": 3},
               train={"max_steps": 2})
    ).run  # fmt: skip
    told = Told(asked(run, against=(BASE, str(other.path))))
    found = told.evaluate()
    assert found.candidates == [BASE, other.id, TUNED]
    (note,) = [each for each in told.notes if each.code == "evaluate.trained-on"]
    assert note.args["run"] == other.id
    assert told.phases.count("load") == 1  # one base in memory serves both


def test_the_runs_whose_adapters_it_goes_back_to_are_named(
    run: RunDir, trained: Path, tiny: Path, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "later.jsonl", 12, start=900)
    on = {"strategy": {"kind": "continue", "adapter": run.id}, "dataset": {"max_length": 128}}
    later = train(values(tiny, rows, train={"max_steps": 2}, **on)).run
    told = Told(asked(later, data={"path": str(rows_of(trained))}))
    told.evaluate()
    (note,) = [each for each in told.notes if each.code == "evaluate.trained-on-behind"]
    assert (note.args["run"], note.args["behind"], note.args["rows"]) == (run.id, later.id, 30 - TEST_ROWS - 3)
    beside = Told(asked(later, against=(str(run.path),), data={"path": str(rows_of(trained))}))
    beside.evaluate()
    assert [each.code for each in beside.notes if each.args.get("run") == run.id] == ["evaluate.trained-on"]
    mix = RunDir(tmp_path / "a-mix")
    mix.path.mkdir()
    parents = [mixes.Ingredient(path=str(later.adapter), title="later", weight=1.0)]
    made = mixes.Made(combination="cat", least_rank=4, rank=4, layers=1, alone=0, kept_share=1.0, size_bytes=1)
    mixes.write(mix, mixes.Mix(name="a mix", recipe=mixes.Recipe(base="", parents=parents, method="linear"), made=made))
    assert [each.id for each in trained_runs(mix)] == [later.id, run.id]


def test_a_run_on_another_base_is_loaded_after_it_and_that_is_said(run: RunDir, trained: Path, tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "other-base", seed=8)
    rows = write_rows(tmp_path / "elsewhere.jsonl", 12, start=900)
    other = train(values(base, rows, train={"max_steps": 2})).run
    told = Told(asked(run, against=(str(other.path),)))
    assert told.evaluate().candidates == [other.id, TUNED]
    assert "evaluate.other-base" in told.codes()
    assert told.phases.count("load") == 2


def test_few_shot_shows_rows_that_were_trained_on(run: RunDir) -> None:
    Told(asked(run, against=(FEW_SHOT,))).evaluate()
    given = [each for each in evaluations.answers(evaluations.folder(run, "mine")) if each.candidate == FEW_SHOT]
    assert len(given) == TEST_ROWS
    assert all(each.examples for each in given)


def test_few_shot_without_rows_to_show_is_refused(run: RunDir) -> None:
    (run.path / "rows_sample.jsonl").unlink()
    with pytest.raises(RunError) as error:
        Told(asked(run, against=(FEW_SHOT,))).evaluate()
    assert error.value.code == "evaluate.no-examples"


def test_what_was_answered_is_kept_and_not_asked_again(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(asked(run), stop_after=0)
    asked_for: list[int] = []
    original = Generator.answer

    def counted(self: Generator, prompts: Any, *args: Any, **named: Any) -> Any:
        asked_for.append(len(prompts))
        if len(asked_for) == 2:
            raise StopRequested
        return original(self, prompts, *args, **named)

    monkeypatch.setattr(Generator, "answer", counted)
    with pytest.raises(StopRequested):
        told.evaluate()
    where = evaluations.folder(run, "mine")
    assert {each.candidate for each in evaluations.answers(where)} == {BASE}
    assert evaluations.read(where) is None
    found = Told(asked(run)).evaluate()
    assert asked_for == [TEST_ROWS, TEST_ROWS, TEST_ROWS]  # base, then the adapter that was stopped, and again
    assert found.n == TEST_ROWS


def test_answers_of_another_length_are_given_anew(run: RunDir) -> None:
    Told(asked(run)).evaluate()
    marks = {each.mark for each in evaluations.answers(evaluations.folder(run, "mine"))}
    assert Told(asked(run, new_tokens=2)).evaluate().n == TEST_ROWS
    assert not marks & {each.mark for each in evaluations.answers(evaluations.folder(run, "mine"))}


def test_the_kept_strength_is_what_is_measured(run: RunDir) -> None:
    from engine.models.adapter import strength

    Told(asked(run)).evaluate()
    marks = {each.mark for each in evaluations.answers(evaluations.folder(run, "mine")) if each.candidate == TUNED}
    strength.keep(run.adapter, 0.5)
    Told(asked(run)).evaluate()
    later = {each.mark for each in evaluations.answers(evaluations.folder(run, "mine")) if each.candidate == TUNED}
    assert not marks & later


def test_a_changed_base_is_refused_until_it_is_trusted(run: RunDir, tiny: Path, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "changed", seed=11)
    run.config.write_text(run.config.read_text().replace(str(tiny), str(other)))
    record = json.loads((run.adapter / "tunedeck.json").read_text())
    record["base"]["name_or_path"] = str(other)
    (run.adapter / "tunedeck.json").write_text(json.dumps(record))
    with pytest.raises(ModelError) as error:
        Told(asked(run)).evaluate()
    assert error.value.code == "use.base-uncertain"
    assert Told(asked(run, trust_base=True)).evaluate().n == TEST_ROWS


def test_rows_without_answers_are_counted_and_a_file_of_such_is_refused(run: RunDir, tmp_path: Path) -> None:
    def dialogue(*roles: str) -> dict[str, Any]:
        return {"messages": [{"role": role, "content": f"{role} says"} for role in roles]}

    both = [dialogue("user", "assistant"), dialogue("user", "assistant", "user")]
    told = Told(asked(run, data=file_of(tmp_path / "a.jsonl", both)))
    assert told.evaluate().n == 1
    assert "evaluate.rows-unanswered" in told.codes()
    with pytest.raises(DataError) as error:
        Told(asked(run, data=file_of(tmp_path / "b.jsonl", [dialogue("user", "assistant", "user")]))).evaluate()
    assert error.value.code == "evaluate.no-answers"


def test_unknown_columns_of_a_file_are_named_by_what_the_hint_says(run: RunDir, tmp_path: Path) -> None:
    data = file_of(tmp_path / "a.jsonl", [{"frage": "a", "antwort": "b"}] * 2)
    with pytest.raises(DataError) as error:
        Told(asked(run, data=data)).evaluate()
    assert error.value.code == "evaluate.unknown-columns"
    named = re.findall(r"--set data\.0\.columns\.(\w+)=", error.value.hint)
    columns = dict(zip(named, ("frage", "antwort"), strict=True))
    assert Told(asked(run, data={**data, "columns": columns})).evaluate().n == 2


def test_an_empty_reference_is_left_out_with_its_place(run: RunDir, tmp_path: Path) -> None:
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": ""}]
    told = Told(asked(run, data=file_of(tmp_path / "gap.jsonl", rows)))
    assert told.evaluate().n == 1
    (note,) = [each for each in told.notes if each.code == "evaluate.rows-unusable"]
    assert (note.args["rows"], note.args["row"]) == (1, 2)


def test_a_sample_of_a_large_file_is_drawn_and_the_same_each_time(run: RunDir, tmp_path: Path) -> None:
    data = {"path": str(write_rows(tmp_path / "many.jsonl", 40, start=2000))}
    one, two = (Told(asked(run, data=data, name=name, rows=5)).evaluate() for name in ("one", "two"))
    assert one.n == 5
    assert one.rows_sha256 == two.rows_sha256
    first = Told(asked(run, data={"path": str(write_rows(tmp_path / "head.jsonl", 5, start=2000))}, name="head"))
    assert first.evaluate().rows_sha256 != one.rows_sha256


def test_plain_text_is_measured_by_its_loss_and_takes_no_examples(run: RunDir, tmp_path: Path) -> None:
    rows = [{"text": f"Row {number} is a line of plain text about soup and tea."} for number in range(8)]
    data = file_of(tmp_path / "text.jsonl", rows)
    found = Told(asked(run, data=data)).evaluate()
    assert found.metrics == ["bits_per_byte", "perplexity"]
    assert found.mean(TUNED, "bits_per_byte") != found.mean(BASE, "bits_per_byte")
    with pytest.raises(ConfigError) as error:
        Told(asked(run, data=data, against=(FEW_SHOT,))).evaluate()
    assert error.value.code == "evaluate.no-text-candidate"


def test_a_folder_that_can_not_be_written_is_an_error_with_its_path(run: RunDir) -> None:
    (run.path / "evaluations").mkdir(exist_ok=True)
    (run.path / "evaluations" / "mine").write_text("a file where the folder should be")
    with pytest.raises(TunedeckError) as error:
        Told(asked(run)).evaluate()
    assert error.value.code == "baselines.answers-unwritable"
