"""A mix from the question to the run that it becomes: checked, made by a child, measured, kept or thrown away."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import mix as mixing
from engine.common.errors import ConfigError, DataError, ModelError, TunedeckError
from engine.common.file_hash import sha256_of
from engine.config.schema import StrategySection
from engine.jobs import mix as job
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.models.adapter import strength
from engine.models.adapter.card import read_adapter
from engine.models.adapter.facts import facts
from engine.models.adapter.match import adapters_at_hand
from engine.models.adapter.mix import check_parents
from engine.models.for_use import check, find_for_use
from engine.models.lineage import draw, read_lineage
from engine.runs import directory, evaluations, mixes
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from engine.runs.mixes import MIX, Mix, OnTask
from engine.runs.summary import summarise
from tests.codes import raises
from tests.engine.modeling.test_load_for_use import write_adapter
from tests.engine.runs.mixing import mix_of
from tests.engine.training.making import train, values, write_rows
from tests.tiny import make_tiny_model

TEST_ROWS = 6


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two finished runs on one base, of two tasks, made once: tests work on copies."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEDECK_HOME", str(folder / "home"))
        for name, start, rank in (("orders", 0, 4), ("tickets", 500, 2)):
            rows = write_rows(folder / f"{name}.jsonl", 30, start=start)
            made = train(
                values(tiny, rows, dataset={"max_length": 128, "eval_rows": 3, "test_rows": TEST_ROWS},
                       adapter={"r": rank, "lora_alpha": 8}, train={"max_steps": 2}, eval={"baseline": "none"})
            ).run  # fmt: skip
            facts_of = json.loads(made.run_json.read_text())
            made.run_json.write_text(json.dumps(facts_of | {"name": name}))
    return folder / "home"


@pytest.fixture
def runs(trained: Path, home: Path) -> list[RunDir]:
    shutil.copytree(trained, home)
    return [directory.find(name) for name in ("orders", "tickets")]


def planned(*names: str, method: str = "linear", **more: Any) -> mixing.Plan:
    return mixing.parents(names).plan(method, **more)


def measured(plan: mixing.Plan, run: RunDir, **more: Any) -> tuple[Mix, list[Message]]:
    notes: list[Message] = []
    return mixing.measure(plan, run, lambda done, total, said: None, notes.append, **more), notes


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the child does, without the seconds that it takes to begin."""

    def ask(asked: Any, on_progress: Any, on_note: Any, on_silence: Any) -> dict[str, Any]:
        def say(kind: str, /, **told: Any) -> None:
            if kind == "note":
                on_note(told["message"])

        return {"type": "result", **job.answer(asked, say, lambda event: None, lambda: None)}

    monkeypatch.setattr(mixing, "ask_child", ask)


def refused(code: str, *names: str | Path, **more: Any) -> Any:
    with raises(TunedeckError, code) as error:
        planned(*map(str, names), **more)
    return error.value.reason.args


@pytest.mark.usefixtures("warm")
def test_a_mix_is_measured_on_the_task_of_each_parent_and_kept_as_a_run(runs: list[RunDir], tiny: Path) -> None:
    before = [sha256_of(file) for run in runs for file in sorted(run.adapter.iterdir())]
    plan = planned("orders", "tickets", weights=[0.7, 0.3], seed=3)
    assert (plan.recipe.seed, plan.recipe.density) == (0, 1.0)  # linear has no use for them
    candidate = mixing.candidate(plan, "both")
    mix, _ = measured(plan, candidate)
    assert [task.title for task in mix.tasks] == ["orders", "tickets"]
    assert [task.n for task in mix.tasks] == [TEST_ROWS, TEST_ROWS]
    assert (mix.made.combination, mix.made.rank, mix.made.kept_share) == ("cat", 6, 1.0)
    found = evaluations.all_of(candidate)
    assert {name for each in found for name in each.candidates} == {"base", "orders", "tickets", MIX}
    assert {(c.candidate, c.against) for c in found[0].comparisons} == {
        (MIX, "base"), (MIX, "orders"), (MIX, "tickets")}  # fmt: skip
    assert "orders" in text(mixing.sentence(mix))
    assert len(mixing.table(candidate, mix)) == 8
    assert directory.find("orders").id == runs[0].id
    assert len(directory.list_runs()) == 2  # nobody kept it yet

    kept = mixing.keep(candidate)
    assert not candidate.path.exists()
    assert (summarise(kept).state, summarise(kept).name, summarise(kept).has_adapter) == ("finished", "both", True)
    assert load_state(kept).ended
    use = find_for_use("both")
    check(use)
    assert use.card.path == tiny
    hand = next(each for each in adapters_at_hand(use.card, str(tiny)) if each.title == "both")
    assert hand.level == "ok"
    assert before == [sha256_of(file) for run in runs for file in sorted(run.adapter.iterdir())]
    _asks_its_own_rows(kept)
    _is_in_the_family(kept, runs)


def _asks_its_own_rows(kept: RunDir) -> None:
    """Later evaluations of the mix have the held-out rows of both parents."""
    from engine.evaluation.afterwards import Afterwards
    from engine.runs.evaluation_request import EvaluationRequest
    from engine.runs.phases import Phases

    asked = EvaluationRequest(run=str(kept.path), name="mine", new_tokens=2)
    found = Afterwards(asked, Phases(lambda event: None, lambda: None), lambda note: None).evaluate()
    assert (found.part, found.n) == ("test", 2 * TEST_ROWS)


def _is_in_the_family(kept: RunDir, runs: list[RunDir]) -> None:
    """It stands under its parents; one that changes or goes is told, by the lineage and by the adapter's own facts."""
    node = read_lineage().nodes[f"run:{kept.id}"]
    assert (node.strategy, node.parents[1:]) == ("mix", tuple(f"run:{run.id}" for run in runs))
    assert text(node.details[1]) == "linear mix: 0.7 orders + 0.3 tickets"
    weights = runs[0].adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    directory.delete(runs[1])
    lineage = read_lineage()
    assert text(lineage.nodes[f"run:{kept.id}"].details[-1]) == f"{runs[0].id} has changed since"
    assert lineage.nodes[f"run:{runs[1].id}"].is_missing
    told = [text(value) for what, value in facts(read_adapter("both"), None) if what.code == "adapter.parent"]
    assert told == [f"{runs[0].id} x 0.7 (changed since)", f"{runs[1].id} x 0.3 (moved or deleted)"]
    assert any(line.node.key == f"run:{kept.id}" for line in draw(lineage))


@pytest.mark.usefixtures("in_this_process")
def test_what_is_thrown_away_is_gone_and_nothing_else(runs: list[RunDir], home: Path) -> None:
    plan = planned("orders", "tickets", method="dare_ties", seed=5, density=0.7)
    run = mixing.candidate(plan)
    mix, _ = measured(plan, run, rows=2)
    assert mixing.candidate(plan).path == run.path  # the same command goes on with it
    assert [task.n for task in mix.tasks] == [2, 2]
    assert mix.made.kept_share < 1
    mine = run.path / "notes.txt"
    mine.write_text("a person's")
    mixing.throw_away(run)
    assert [each.name for each in run.path.iterdir()] == ["notes.txt"]
    assert [each.id for each in directory.list_runs()] == [each.id for each in reversed(runs)]


@pytest.mark.usefixtures("in_this_process")
def test_a_parent_from_elsewhere_is_not_measured_unless_rows_are_given(
    runs: list[RunDir], tiny: Path, tmp_path: Path
) -> None:
    foreign = [write_adapter(tmp_path / name, tiny, seed=seed) for seed, name in enumerate(("left", "right"))]
    plan = planned(str(foreign[0]), str(foreign[1]))
    told = {"mixes.form-sum", "mixes.base-by-name", "mixes.parent-without-run"}  # before anything is measured
    assert {note.code for note in plan.notes} == told
    run = mixing.candidate(plan)
    with raises(DataError, "mixes.no-rows"):
        measured(plan, run)
    with raises(ConfigError, "mixes.not-measured"):
        mixing.keep(run)
    rows = write_rows(tmp_path / "rows.jsonl", 5, start=900)
    mix, _ = measured(plan, run, data=mixing.sources([str(rows)]), rows=0)  # the hint of the error
    assert [(task.title, task.error and task.error.code) for task in mix.tasks] == [
        ("left", "mixes.parent-without-run"), ("right", "mixes.parent-without-run"), ("rows", None)]  # fmt: skip
    assert mix.tasks[-1].against in ("left", "right")
    assert "was not measured on left" in text(mixing.sentence(mix))


def test_why_a_task_was_not_measured_is_said_with_what_to_do() -> None:
    gone = Message("evaluate.own-rows-gone", run="tickets", reason=Message.literal("/tmp/rows.jsonl is gone."))
    found = msgspec.structs.replace(mix_of(), tasks=[OnTask(title="tickets", error=gone)])
    said = " ".join(map(text, mixing.parts(found)))
    assert "Not measured on tickets" in said
    assert "/tmp/rows.jsonl is gone" in said
    assert "--data FILE" in said


@pytest.mark.usefixtures("in_this_process")
def test_a_parent_that_changes_before_it_is_mixed_is_found(runs: list[RunDir]) -> None:
    plan = planned("orders", "tickets")
    run = mixing.candidate(plan)
    weights = runs[0].adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    with raises(ModelError, "mixes.parent-changed"):
        measured(plan, run)
    assert mixes.read(run) is None
    assert mixing.candidate(planned("orders", "tickets")).path != run.path  # the hint: it is made anew


@pytest.mark.usefixtures("in_this_process")
def test_a_parent_at_another_strength_makes_another_mix(runs: list[RunDir]) -> None:
    plan = planned("orders", "tickets")
    run = mixing.candidate(plan)
    strength.keep(runs[0].adapter, 0.5)
    with raises(ModelError, "mixes.parent-changed"):
        measured(plan, run)
    weaker = mixing.candidate(planned("orders", "tickets"))
    measured(planned("orders", "tickets"), weaker)
    assert mixing.candidate(planned("orders", "tickets")).path == weaker.path
    strength.keep(runs[0].adapter, 1.0)
    assert mixing.candidate(planned("orders", "tickets")).path != weaker.path


def test_senseless_requests_are_refused(runs: list[RunDir]) -> None:
    assert refused("mixes.too-few", "orders") == {"count": 1}
    refused("mixes.no-method", "orders", "tickets", method="slerp")
    refused("mixes.weights-uneven", "orders", "tickets", weights=[1.0])
    refused("mixes.bad-weight", "orders", "tickets", weights=[1.0, 0.0])
    refused("mixes.bad-weight", "orders", "tickets", weights=[1.0, float("nan")])
    refused("mixes.bad-density", "orders", "tickets", density=0.0)
    refused("mixes.bad-rank", "orders", "tickets", rank=5000)
    refused("mixes.twice", "orders", runs[0].adapter)
    plan = planned("orders", "tickets")
    with raises(ConfigError, "mixes.name-taken"):
        mixing.candidate(plan, "orders")


def test_adapters_that_no_sum_can_hold_name_what_it_is(runs: list[RunDir], tiny: Path, tmp_path: Path) -> None:
    def parts(**settings: Any) -> list[str]:
        folder = write_adapter(tmp_path / f"a{len(list(tmp_path.iterdir()))}", tiny, **settings)
        return [part.code for part in refused("mixes.beyond", "orders", folder)["parts"]]

    assert parts(use_dora=True) == ["mixes.has-dora"]
    assert "mixes.has-whole" in parts(modules_to_save=["norm"])
    assert parts(trainable_token_indices=[3, 4]) == ["mixes.has-tokens"]
    assert "mixes.has-bias" in parts(bias="lora_only", lora_bias=True)
    embedding = write_adapter(tmp_path / "embedding", tiny, target_modules=["embed_tokens", "q_proj"])
    refused("mixes.embedding", "orders", embedding, method="ties")
    planned("orders", str(embedding))  # the hint: linear


def test_another_base_and_a_model_are_named(runs: list[RunDir], tiny: Path, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=9)
    there = write_adapter(tmp_path / "there", other)
    args = refused("mixes.other-base", "orders", there)
    assert (Path(args["base"]), Path(args["other_base"])) == (tiny, other)
    refused("mixes.is-model", "orders", tiny)


def test_an_adapter_on_a_merged_model_is_told_from_one_on_another(runs: list[RunDir], tmp_path: Path) -> None:
    orders, tickets = (find_for_use(name) for name in ("orders", "tickets"))
    assert tickets.config is not None
    strategy = StrategySection(kind="merge", adapter="orders")
    there = replace(orders.card, path=make_tiny_model(tmp_path / "merged", seed=9))
    merged = replace(tickets, card=there, config=tickets.config.model_copy(update={"strategy": strategy}))
    for parents in ([orders, merged], [merged, orders]):
        with raises(ModelError, "mixes.merged-base") as error:
            check_parents(parents, "linear")
        args = error.value.reason.args
        assert (args["run"], args["merged"]) == ("tickets", str(there.path))
    check_parents([merged, replace(orders, card=there)], "linear")  # the hint: adapters of that merged model


def test_rows_that_are_gone_are_said_before_anything_is_made(runs: list[RunDir], trained: Path) -> None:
    rows, away = trained.parent / "tickets.jsonl", trained.parent / "away.jsonl"
    rows.rename(away)
    try:
        gone = [note for note in planned("orders", "tickets").notes if note.code == "mixes.rows-gone"]
    finally:
        away.rename(rows)
    assert [note.args for note in gone] == [{"adapter": "tickets", "path": str(rows)}]
    assert not [note for note in planned("orders", "tickets").notes if note.code == "mixes.rows-gone"]


def test_three_equal_weights_are_thirds_and_add_up(runs: list[RunDir], tiny: Path, tmp_path: Path) -> None:
    third = write_adapter(tmp_path / "third", tiny)
    recipe = planned("orders", "tickets", str(third)).recipe
    assert sum(parent.weight for parent in recipe.parents) == 1
    assert mixing.weights_said(recipe) == "1/3 orders + 1/3 tickets + 1/3 third"


def test_what_must_be_known_is_said(runs: list[RunDir], tiny: Path, tmp_path: Path) -> None:
    folder = write_adapter(
        tmp_path / "odd", tiny, r=8, use_rslora=True, target_modules=["q_proj"], tokenizer=True
    )  # fmt: skip
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    codes = {note.code for note in planned("orders", str(folder)).notes}
    assert codes >= {
        "mixes.layers-differ", "mixes.ranks-differ", "mixes.scaling-taken", "mixes.templates-differ",
        "mixes.base-by-name", "mixes.form-sum",
    }  # fmt: skip
