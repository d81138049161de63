"""``tunedeck evaluate``, ``strength`` and ``judge`` as a shell sees them; one test has a real child process."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import evaluate as afterwards
from engine.messages.message import Message
from engine.metrics.choose import choose
from engine.metrics.result import Comparison, Confusion, Mean
from engine.metrics.score import score
from engine.metrics.summary import summarize
from engine.models.adapter import strength
from engine.runs import choices, evaluations, strength_curve
from engine.runs.choices import HAND, Choice
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.evaluations import Answer, Evaluation
from engine.runs.strength_curve import Point, StrengthCurve
from tests.engine.cli.cli_calls import Shell
from tests.engine.models.making import write_adapter
from tests.engine.training.making import create_run, train, values, write_rows
from tests.tiny import make_tiny_model


@pytest.fixture
def run(home: Path, tmp_path: Path) -> RunDir:
    """A run with an adapter, as far as its files tell."""
    return made_run(tmp_path, "orders")


def made_run(tmp_path: Path, name: str) -> RunDir:
    made = create_run(values(tmp_path / "tiny", write_rows(tmp_path / f"{name}.jsonl"), run={"name": name}))
    facts = json.loads(made.run_json.read_text())
    made.run_json.write_text(json.dumps(facts | {"name": name}))
    write_adapter(made.adapter)
    return made


def evaluation(name: str = "held-out", notes: list[Message] | None = None) -> Evaluation:
    means = [
        Mean(candidate=who, metric="accuracy", value=value, low=value - 0.05, high=value + 0.05, n=20)
        for who, value in (("base", 0.4), ("tuned", 0.9))
    ]
    compared = Comparison(
        candidate="tuned", against="base", metric="accuracy", difference=0.5, low=0.4, high=0.6, p=0.0001,
        adjusted_p=0.0001, test="mcnemar", n=20, verdict="better",
    )  # fmt: skip
    return Evaluation(
        name=name, part="test", n=20, candidates=["base", "tuned"], metrics=["accuracy"], means=means,
        comparisons=[compared], looked_at=1, sentence=Message.literal("Better than the base model."), notes=notes or [],
        confusions=[Confusion(candidate="tuned", labels=["tea", "soup"], counts=[[9, 1, 0], [0, 8, 2]])],
        reason=Message.literal("two classes"),
    )  # fmt: skip


def answers(run: RunDir, name: str = "held-out", count: int = 20) -> None:
    given = [
        Answer(candidate=who, row=row, prompt=f"question {row}", reference="tea",
               answer="tea" if right else f"\x1b[31m{who} is wrong", scores={"accuracy": float(right)})
        for row in range(count)
        for who, right in (("base", row % 2 == 0), ("tuned", row not in (3, 4)))
    ]  # fmt: skip
    evaluations.keep_answers(evaluations.folder(run, name), given)


def stand_in(request: EvaluationRequest, *_: Any, **__: Any) -> Evaluation:
    """In the place of the child: a real summary of made answers, kept where the child would keep it."""
    run = RunDir(Path(request.run))
    where = evaluations.folder(run, request.name)
    answers(run, request.name)
    given = list(evaluations.answers(where))
    choice = choose([each.reference for each in given if each.candidate == "base"], ("tea", "soup") * 20)
    scored = [
        msgspec.structs.replace(each, scores=score(choice.metrics, each.answer, each.reference)) for each in given
    ]
    evaluations.write_answers(where, scored)
    found = summarize(scored, choice, candidates=("base", "tuned"))
    made = Evaluation(
        name=request.name, part="test", n=found.n, candidates=found.candidates, metrics=found.metrics,
        reason=found.reason, rows_sha256="9f86d0", step=40, means=found.means, comparisons=found.comparisons,
        confusions=found.confusions, looked_at=found.looked_at, sentence=found.sentence,
        notes=[Message("evaluate.trained-on", run="orders", rows=3, of=20)], seconds={"base": 2.5, "tuned": 2.4},
        versions={"torch": "2.8.0"},
    )  # fmt: skip
    evaluations.keep(where, made)
    if request.scales:
        strength_curve.keep(where, CURVE)
    return made


@pytest.fixture
def child(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> list[EvaluationRequest]:
    """Stands for the child process: keeps an evaluation. The requests that were made."""
    asked: list[EvaluationRequest] = []

    def carry_out(request: EvaluationRequest, *_: Any, **__: Any) -> Evaluation:
        asked.append(request)
        target = RunDir(Path(request.run))
        answers(target, request.name)
        found = evaluation(request.name, [Message("evaluate.trained-on", run="orders", rows=3, of=20)])
        evaluations.keep(evaluations.folder(target, request.name), found)
        return found

    monkeypatch.setattr(afterwards, "run_request", carry_out)
    return asked


def test_the_verdict_comes_first_then_what_takes_its_worth_then_the_figures(
    shell: Shell, run: RunDir, child: list[EvaluationRequest]
) -> None:
    said = shell("evaluate", "orders")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0] == "Better than the base model."
    assert lines[1].startswith("! orders was trained on 3 of these 20 rows.")
    assert any("tuned" in line and "90%" in line and "85% to 95%" in line for line in lines)
    assert any("+50.0" in line and "better" in line for line in lines)
    assert any(line.split()[:4] == ["tea", "9", "1", "0"] for line in lines)
    assert any(line.startswith("Row 5: question 4") for line in lines)  # the base had it right: this comes first
    assert "\x1b" not in said.out


def test_what_is_asked_for_reaches_the_child(
    shell: Shell, run: RunDir, child: list[EvaluationRequest], tmp_path: Path
) -> None:
    other = made_run(tmp_path, "other")
    file = tmp_path / "My Rows.jsonl"
    file.write_text('{"q": "a", "a": "b"}\n')
    said = shell(
        "evaluate", "orders", "--data", file, "--set", "data.0.columns.prompt=q", "--against", "few-shot",
        "--against", "other", "--rows", 7, "--max-new-tokens", 9, "--unseen-only", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    (asked,) = child
    assert asked.name == "my-rows"
    assert asked.against == ("few-shot", str(other.path))
    assert (asked.rows, asked.new_tokens, asked.unseen_only) == (7, 9, True)
    assert asked.data is not None
    assert asked.data["columns"] == {"prompt": "q"}
    assert said.json["worst"][0]["row"] == 4
    assert said.json["comparisons"][0]["verdict"] == "better"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--against", "orders"], "evaluate.against-itself"),
        (["--against", "nobody"], "runs.no-such-run"),
        (["--name", "../out"], "evaluate.bad-name"),
        (["--name", "training"], "evaluate.name-taken"),
        (["--set", "data.0.format=text"], "evaluate.settings-without-data"),
        (["--data", "x.jsonl", "--set", "train.max_steps=3"], "evaluate.settings-elsewhere"),
        (["--data", "nowhere-to-be-found.jsonl"], "data.no-place"),
        (["--tasks", "gsm8k", "--data", "x.jsonl"], "evaluate.tasks-alone"),
        (["--tasks", " , "], "evaluate.task-folder-alone"),
        (["--task-folder", "."], "evaluate.task-folder-alone"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    shell: Shell, run: RunDir, child: list[EvaluationRequest], arguments: list[str], code: str
) -> None:
    said = shell("evaluate", "orders", *arguments, "--json")
    assert said.code != 0
    assert said.json["error"]["code"] == code
    assert child == []


def test_runs_whose_folders_have_one_name_are_not_taken_for_each_other(
    shell: Shell, run: RunDir, tmp_path: Path, child: list[EvaluationRequest]
) -> None:
    other = made_run(tmp_path, "other")
    copies = [tmp_path / "tuned", tmp_path / "a" / "mine", tmp_path / "b" / "mine"]
    for copy in copies:
        shutil.copytree(other.path, copy)
    against = [each for copy in copies for each in ("--against", copy)]
    for chosen in (against[:2], against[2:]):
        said = shell("evaluate", "orders", *chosen, "--json")
        assert said.json["error"]["code"] == "evaluate.same-name"
    assert child == []
    copies[2].rename(tmp_path / "b" / "another")  # as the hint says
    shell("evaluate", "orders", "--against", copies[1], "--against", tmp_path / "b" / "another")
    assert len(child) == 1


def test_without_lm_eval_the_error_says_how_to_get_it(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = shell("evaluate", "orders", "--tasks", "gsm8k", "--json")
    assert said.json["error"]["code"] == "evaluate.no-lm-eval"
    assert 'pip install "tunedeck[eval]"' in said.err


def test_a_run_without_an_adapter_is_refused(shell: Shell, home: Path, tmp_path: Path) -> None:
    create_run(values(tmp_path / "tiny", write_rows(tmp_path / "rows.jsonl")))
    said = shell("evaluate", "last", "--json")
    assert said.json["error"]["code"] == "adapter.run-without"
    said = shell("strength", "last", "--keep", 0.5, "--json")
    assert said.json["error"]["code"] == "strength.no-result"


def test_stopping_says_what_is_kept(shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> Evaluation:
        raise afterwards.Stopped(12)

    monkeypatch.setattr(afterwards, "run_request", stopped)
    said = shell("evaluate", "orders")
    assert said.code == 130
    assert "12 answers are kept" in said.err

    def interrupted(*_: Any, **__: Any) -> Evaluation:
        answers(run, count=4)
        raise KeyboardInterrupt

    monkeypatch.setattr(afterwards, "run_request", interrupted)
    said = shell("evaluate", "orders")
    assert said.code == 130
    assert "8 answers are kept" in said.err


@pytest.mark.usefixtures("warm")
def test_the_real_child_keeps_what_it_answered_when_it_is_stopped_and_goes_on(home: Path, tmp_path: Path) -> None:
    """One real process: Ctrl+C in the middle, then the same command again."""
    tiny = make_tiny_model(tmp_path / "tiny")
    rows = write_rows(tmp_path / "orders.jsonl", 30)
    made = train(values(tiny, rows, dataset={"max_length": 128, "test_rows": 6}, train={"max_steps": 2})).run
    asked = afterwards.request(made, new_tokens=4)
    where = evaluations.folder(made, asked.name)

    def interrupt(done: int, total: int | None, message: Message) -> None:
        if message.code == "events.answering-as" and len(list(evaluations.answers(where))) >= 6:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):  # a child that was too quick to be stopped is no fault
        afterwards.run_request(asked, interrupt)
    kept = afterwards.kept_in(where)
    assert kept >= 6
    notes: list[Message] = []
    found = afterwards.run_request(asked, lambda *_: None, notes.append)
    assert found.n == 6
    assert found.candidates == ["base", "tuned"]


CURVE = StrengthCurve(
    points=[
        Point(scale=scale, task_loss=2 - scale, general_loss=3 + 0.1 * scale, task=0.4 + scale / 2, low=0.3, high=0.99)
        for scale in (0.0, 0.5, 1.0)
    ],
    metric="accuracy", n=40, general_rows=90, suggested=0.5,
)  # fmt: skip


def test_strength_shows_the_curve_and_how_to_keep_what_it_suggests(
    shell: Shell, run: RunDir, child: list[EvaluationRequest]
) -> None:
    strength_curve.keep(evaluations.folder(run, strength_curve.NAME), CURVE)
    said = shell("strength", "orders", "--scales", "0.5,1", "--losses-only")
    assert said.code == 0, said.err
    (asked,) = child
    assert (asked.scales, asked.answers) == ((0.0, 0.5, 1.0), False)  # base and full strength are always measured
    assert said.out.startswith("Strength 0.5 does the task as well and forgets less")
    assert "suggested" in said.out
    assert f"tunedeck strength {run.id} --keep 0.5" in said.err


def test_keeping_writes_the_adapter_and_says_where_the_full_strength_is(shell: Shell, run: RunDir) -> None:
    said = shell("strength", "orders", "--keep", 0.5, "--json")
    assert said.json["kept"] == 0.5
    full = Path(said.json["full"])
    assert full.is_file()
    assert strength.kept(run.adapter) == 0.5
    said = shell("strength", "orders", "--keep", 1)
    assert "as it was trained" in said.err
    assert not full.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--keep", "0"], "strength.no-scale"), (["--keep", "nan"], "strength.no-scale"),
        (["--scales", "a,b"], "strength.no-numbers"), (["--scales", "0,3"], "strength.bad-scales"),
        (["--scales", ",".join(str(n / 20) for n in range(1, 40))], "strength.bad-scales"),
    ],
)  # fmt: skip
def test_a_senseless_strength_is_refused(shell: Shell, run: RunDir, arguments: list[str], code: str) -> None:
    said = shell("strength", "orders", *arguments, "--json")
    assert said.json["error"]["code"] == code


def test_judging_by_hand_opens_the_screen_and_needs_a_terminal(
    shell: Shell, run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = shell("judge", "orders", "--json")
    assert said.json["error"]["code"] == "judge.no-evaluation"
    answers(run)
    evaluations.keep(evaluations.folder(run, "held-out"), evaluation())
    said = shell("judge", "orders", "--json")
    assert said.json["error"]["code"] == "judge.needs-terminal"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert shell("judge", "orders").code == 0
    ((route, given),) = shell.screens
    assert (route, given["judged"]) == ("judge", ("held-out", ""))


def test_the_choices_so_far_become_a_verdict_that_is_kept(shell: Shell, run: RunDir) -> None:
    answers(run)
    where = evaluations.folder(run, "held-out")
    evaluations.keep(where, evaluation())
    said = shell("judge", "orders", "--verdict", "--json")
    assert said.json["error"]["code"] == "judge.nothing-judged"
    pairs = choices.pairs_in(where, ("tuned", "base"), 0).pairs
    for pair in pairs:
        choices.keep(where, HAND, Choice(row=pair.row, pair=pair.names, chosen="tuned", seconds=1.0))
    said = shell("judge", "orders", "--verdict", "--json")
    assert said.json["comparisons"][0]["verdict"] == "better"
    assert said.json["means"][1]["value"] == 1.0
    assert said.json["name"] == "held-out.judged-by-hand"
    assert [each.name for each in evaluations.all_of(run)] == ["held-out", "held-out.judged-by-hand"]
    assert "is preferred to" in shell("judge", "orders", "--evaluation", "held-out", "--verdict").out
