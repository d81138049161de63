"""The family of models and adapters, read from runs: who was made from whom, what is gone, what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.app.compare.differences import differences, shown
from engine.cli.commands.lineage import branch, describe
from engine.common.file_hash import sha256_of
from engine.config import toml
from engine.config.presets import Layer, resolve
from engine.models.lineage import Lineage, draw, key_of, made_from, read_lineage
from engine.runs import directory, exports
from engine.runs.directory import RunDir
from engine.runs.exports import Export

pytestmark = pytest.mark.usefixtures("home")


def make_run(name: str, *, adapter: bool = True, data: str = "orders.jsonl", **sections: dict[str, Any]) -> RunDir:
    values: dict[str, Any] = {"model": {"name_or_path": "tiny"}, "data": [{"path": data}], "run": {"name": name}}
    for section, fields in sections.items():
        values[section] = values.get(section, {}) | fields
    run = directory.create("tiny", toml.dumps(resolve([Layer("test", values)])), name)
    if adapter:
        run.adapter.mkdir()
    return run


def going_on(run: RunDir, kind: str = "continue") -> dict[str, Any]:
    return {"kind": kind, "adapter": run.id}


def drawn(family: Lineage) -> list[tuple[int, str]]:
    return [(len(line.lasts), line.node.title) for line in draw(family)]


def test_adapters_stand_under_what_they_were_made_from() -> None:
    first = make_run("first")
    second = make_run("second", strategy=going_on(first))
    make_run("third", strategy=going_on(second))
    make_run("apart")
    assert drawn(read_lineage()) == [(0, "tiny"), (1, "first"), (2, "second"), (3, "third"), (1, "apart")]


def test_a_merge_is_a_model_between_two_adapters() -> None:
    first = make_run("first")
    second = make_run("second", strategy=going_on(first, "merge"))
    (second.path / "merged").mkdir()
    third = make_run("third", model={"name_or_path": str(second.path / "merged")})
    (second.path / "merged" / "tunedeck.json").write_text(
        json.dumps({
            "kind": "merge", "base": {"name": "tiny", "path": ""},
            "adapters": [{"path": str(first.adapter), "run": first.id, "weight": 1.0}],
        })
    )  # fmt: skip
    assert drawn(read_lineage()) == [(0, "tiny"), (1, "first"), (2, "second/merged"), (3, "second"), (3, "third")]
    assert {first.id, second.id, third.id} == {
        node.run for node in read_lineage().around(key_of(first)).nodes.values() if node.run
    }


def test_only_the_relatives_of_one_run() -> None:
    first = make_run("first")
    second = make_run("second", strategy=going_on(first))
    make_run("sibling", strategy=going_on(first))
    make_run("other", model={"name_or_path": "other-base"})
    assert drawn(read_lineage().around(key_of(second))) == [(0, "tiny"), (1, "first"), (2, "second")]


def test_a_parent_that_was_deleted_is_shown_as_missing() -> None:
    first = make_run("first")
    make_run("second", strategy=going_on(first))
    name = first.id
    directory.delete(first)
    family = read_lineage()
    (gone,) = [node for node in family.nodes.values() if node.is_missing and node.kind == "adapter"]
    assert name in (gone.title, gone.path, gone.key.removeprefix("adapter:"))
    assert [node.title for node in family.children(gone.key)] == ["second"]


def written(folder: Path, weights: bytes, config: bytes = b"{}") -> dict[str, str]:
    """An adapter's two files in ``folder``, and what a child of it notes of them."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_bytes(config)
    digests = {"sha256": "adapter_model.safetensors", "config_sha256": "adapter_config.json"}
    return {"path": str(folder)} | {name: sha256_of(folder / file) for name, file in digests.items()}


def said_of(run: RunDir) -> list[str]:
    return [each.code for each in read_lineage().nodes[key_of(run)].details if "parent" in each.code]


def test_a_child_says_that_its_parent_has_changed_while_it_still_trains_and_after(tmp_path: Path) -> None:
    parent = make_run("parent")
    noted = written(parent.adapter, b"as it was") | {"kind": "continue", "run": parent.id}
    child = make_run("child", adapter=False, strategy=going_on(parent))
    child.parents.write_text(json.dumps([noted]))
    assert said_of(child) == []
    written(parent.adapter, b"after a rollback")
    assert said_of(child) == ["models.parent-changed"]
    child.adapter.mkdir()
    (child.adapter / "tunedeck.json").write_text(json.dumps({"base": {"name_or_path": "tiny"}, "parents": [noted]}))
    assert said_of(child) == ["models.parent-changed"]
    written(parent.adapter, b"as it was")
    assert said_of(child) == []
    written(parent.adapter, b"as it was", config=b'{"lora_alpha": 8}')  # another strength is another adapter
    assert said_of(child) == ["models.parent-changed"]


def test_a_child_of_a_checkpoint_that_was_taken_back_says_so() -> None:
    parent = make_run("parent", adapter=False)
    noted = written(parent.path / "checkpoint-20", b"step 20") | {"kind": "continue", "run": parent.id}
    child = make_run("child", strategy=going_on(parent))
    child.parents.write_text(json.dumps([noted]))
    assert said_of(child) == []
    (parent.path / "checkpoint-20").rename(parent.path / "checkpoint-20.abandoned")
    assert said_of(child) == ["models.parent-gone"]


def test_a_merged_model_says_that_its_adapter_has_changed(tmp_path: Path) -> None:
    parent = make_run("parent")
    noted = written(parent.adapter, b"as it was") | {"run": parent.id, "weight": 1.0}
    merged = tmp_path / "merged"
    merged.mkdir()
    record = {"kind": "merge", "base": {"name": "tiny", "path": ""}, "adapters": [noted]}
    (merged / "tunedeck.json").write_text(json.dumps(record))
    make_run("child", model={"name_or_path": str(merged)})
    assert read_lineage().nodes[f"merged:{merged}"].details == ()
    written(parent.adapter, b"another")
    (said,) = read_lineage().nodes[f"merged:{merged}"].details
    assert said.code == "models.parent-changed"


def test_exports_stand_under_their_adapter_and_those_that_are_gone_are_marked(tmp_path: Path) -> None:
    run = make_run("orders")
    for target, kinds in (("gguf", ["q8_0", "q4_k_m"]), ("merged", [])):
        folder = tmp_path / target
        folder.mkdir()
        (folder / "model").touch()
        exports.keep(run, Export(target=target, path=str(folder), adapter="", adapter_sha256="", base="", kinds=kinds,
                                 files={"model": 0}))  # fmt: skip
    (tmp_path / "merged" / "model").unlink()
    family = read_lineage()
    assert drawn(family) == [(0, "tiny"), (1, "orders"), (2, "gguf q8_0 q4_k_m"), (2, "merged")]
    told = [describe(line.node) for line in draw(family)]
    assert told[2:] == ["gguf q8_0 q4_k_m: export", "merged: export, missing"]
    assert made_from(run, family) == ()


def test_an_export_of_an_adapter_that_was_replaced_since_says_so(tmp_path: Path) -> None:
    run = make_run("orders")
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"first")
    (tmp_path / "model").touch()
    digest = sha256_of(weights)
    exports.keep(run, Export(target="merged", path=str(tmp_path), adapter="", adapter_sha256=digest, base="",
                             files={"model": 0}))  # fmt: skip
    assert describe(draw(read_lineage())[-1].node) == "merged: export"
    weights.write_bytes(b"the adapter of later")
    assert describe(draw(read_lineage())[-1].node) == "merged: export, made of an earlier adapter of this run"
    weights.write_bytes(b"first")
    config = run.adapter / "adapter_config.json"
    config.write_text('{"lora_alpha": 16}')
    exports.keep(run, Export(target="merged", path=str(tmp_path), adapter="", adapter_sha256=digest, base="",
                             config_sha256=sha256_of(config), files={"model": 0}))  # fmt: skip
    assert describe(draw(read_lineage())[-1].node) == "merged: export"
    config.write_text('{"lora_alpha": 8}')
    assert describe(draw(read_lineage())[-1].node) == "merged: export, made of an earlier adapter of this run"


def test_an_extracted_adapter_stands_under_both_models_and_was_trained_on_nothing(tmp_path: Path) -> None:
    run = make_run("taken", data="-")
    parent = {"path": str(tmp_path / "tuned"), "kind": "model"}
    record = {"base": {"name_or_path": "tiny"}, "strategy": "extract", "parents": [parent]}
    (run.adapter / "tunedeck.json").write_text(json.dumps(record))
    node = read_lineage().nodes[key_of(run)]
    assert (node.strategy, node.data, node.parents) == ("extract", (), ("model:tiny", f"model:{tmp_path / 'tuned'}"))
    assert read_lineage().nodes[f"model:{tmp_path / 'tuned'}"].is_missing
    (tmp_path / "tuned").mkdir()
    assert not read_lineage().nodes[f"model:{tmp_path / 'tuned'}"].is_missing


def test_an_adapter_from_elsewhere_is_a_node_of_its_own(tmp_path: Path) -> None:
    foreign = tmp_path / "friend" / "lora"
    foreign.mkdir(parents=True)
    make_run("mine", strategy={"kind": "continue", "adapter": str(foreign)})
    family = read_lineage()
    assert (0, "lora") in drawn(family)
    shutil.rmtree(foreign)
    assert read_lineage().nodes[f"adapter:{foreign}"].is_missing


def test_deleting_asks_about_what_was_made_from_it() -> None:
    first = make_run("first")
    second = make_run("second", strategy=going_on(first))
    make_run("third", strategy=going_on(second))
    assert [node.title for node in made_from(first, read_lineage())] == ["second"]
    assert made_from(make_run("alone"), read_lineage()) == ()


def test_runs_that_go_round_in_a_circle_end() -> None:
    first = make_run("first")
    second = make_run("second", strategy=going_on(first))
    strategy = f'[strategy]\nkind = "continue"\nadapter = "{second.id}"\n\n[[data]]'
    first.config.write_text(first.config.read_text().replace("[[data]]", strategy))
    assert len(read_lineage().nodes) == 3
    assert next(line.node.title for line in draw(read_lineage())) == "tiny"


def test_a_run_with_a_broken_config_is_left_out() -> None:
    make_run("good")
    make_run("bad").config.write_text("[model\n")
    assert [title for _, title in drawn(read_lineage())] == ["tiny", "good"]


def test_the_tree_is_drawn_with_branches_and_says_how_each_was_made() -> None:
    first = make_run("first", train={"max_steps": 40})
    make_run("second", strategy=going_on(first), adapter=False)
    make_run("apart", data="other/rows.csv")
    lines = [branch(line) + describe(line.node) for line in draw(read_lineage())]
    assert lines[0] == "tiny: base model"
    assert lines[1].startswith(f"|- first [{first.id}]: fresh, r 16, 40 steps, learning rate 2e-4, data orders.jsonl")
    assert lines[2].startswith("|  `- second [")
    assert lines[2].endswith("no adapter")
    assert lines[3].startswith("`- apart [")
    assert lines[3].endswith("data rows.csv")


@pytest.mark.parametrize(
    ("train", "passes"),
    [({"max_steps": 1}, "1 step"), ({"num_train_epochs": 1}, "1 epoch"), ({"num_train_epochs": 3}, "3 epochs")],
)
def test_how_long_a_run_trained_is_said_in_the_right_number(train: dict[str, int], passes: str) -> None:
    run = make_run("counted", train=train)
    assert f", {passes}, " in describe(read_lineage().nodes[key_of(run)])


def test_what_differs_between_two_runs_is_named_field_by_field() -> None:
    first = make_run("first", train={"learning_rate": 1e-4})
    second = make_run("second", train={"learning_rate": 3e-4}, dataset={"max_length": 512}, data="b.jsonl")
    found = {each.field: each.values for each in differences(first, second)}
    assert found == {
        "data.0.path": ("orders.jsonl", "b.jsonl"),
        "dataset.max_length": (1024, 512),
        "train.learning_rate": (0.0001, 0.0003),
    }


def test_the_same_path_with_other_rows_is_a_difference() -> None:
    runs = [make_run("first"), make_run("second")]
    for run, digest in zip(runs, ("a" * 64, "b" * 64), strict=True):
        record = {
            "base": {"name_or_path": "tiny", "weights_sha256": {"model.safetensors": "c" * 64}},
            "data_files": [{"path": "orders.jsonl", "sha256": digest}], "versions": {"torch": "2.13.0"}, "step": 40,
        }  # fmt: skip
        (run.adapter / "tunedeck.json").write_text(json.dumps(record))
    (found,) = differences(*runs)
    assert (shown(found.field), *found.values) == ("content of orders.jsonl", "a" * 12, "b" * 12)


def test_a_run_does_not_differ_from_itself() -> None:
    run = make_run("first")
    assert differences(run, run) == []
