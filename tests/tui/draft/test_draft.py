"""The draft: answers with their sources, that survive everything, and presets that never take an answer away."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.demo import demo_config
from engine.common import paths
from engine.common.errors import MachineError
from engine.config import provenance, toml
from engine.config.provenance import DEFAULT, DETECTED, YOU
from tui.draft import draft as drafts
from tui.draft.draft import Draft


def filled() -> Draft:
    draft = Draft(task="instructions", step="data")
    draft.apply_preset("first-steps")
    draft.set("model.name_or_path", "some/model")
    draft.set_data([{"path": "/rows.jsonl"}])
    return draft


def test_an_answer_is_marked_as_yours_and_an_untouched_value_is_not() -> None:
    draft = filled()
    draft.set("train.batch_size", draft.get("train.batch_size"))
    draft.set("train.learning_rate", 1e-4)
    assert draft.source("train.batch_size") == provenance.preset("first-steps")
    assert draft.source("train.learning_rate") == YOU
    assert draft.source("run.seed") == DEFAULT


def test_a_number_written_another_way_is_no_new_answer() -> None:
    draft = filled()
    draft.set("adapter.lora_alpha", 32)
    assert draft.source("adapter.lora_alpha") == provenance.preset("first-steps")


def test_another_preset_replaces_the_old_ones_values_and_keeps_yours() -> None:
    draft = filled()
    draft.set("train.learning_rate", 1e-4)
    draft.apply_preset("continued-pretraining")
    assert draft.get("dataset.train_on") == "all"
    assert draft.get("train.learning_rate") == 1e-4
    assert draft.get("model.name_or_path") == "some/model"
    draft.apply_preset("first-steps")
    assert draft.get("dataset.train_on") == "assistant"
    assert draft.get("dataset.too_long") == "drop"


def test_a_preset_taken_in_a_demo_keeps_its_model_and_rows() -> None:
    draft = Draft.from_resolved(demo_config())
    draft.apply_preset("first-steps")
    assert draft.get("model.name_or_path") == demo_config().config.model.name_or_path
    assert draft.resolve().config.data == demo_config().config.data


def test_a_prefilled_draft_makes_the_same_config_with_the_same_sources() -> None:
    demo = demo_config()
    again = Draft.from_resolved(demo).resolve()
    assert again.config == demo.config
    assert again.sources == demo.sources


def test_names_of_classes_and_tags_are_one_value_of_their_source(home: Path) -> None:
    draft = filled()
    draft.set_data([{"path": "rows.csv", "labels": {"0": "bad", "1": "good"}, "tags": {"role": "who"}}])
    again = Draft.from_resolved(draft.resolve())
    assert again.get("data.0.labels") == {"0": "bad", "1": "good"}
    assert again.data_sources()[0]["tags"] == {"role": "who"}


def test_what_a_file_showed_does_not_make_its_rows_others() -> None:
    draft = filled()
    before = draft.rows_key()
    draft.set("data.0.format", "alpaca", DETECTED)
    assert draft.rows_key() == before
    draft.set("data.0.format", "text")
    assert draft.rows_key() != before


def test_a_saved_draft_comes_back_whole(home: Path) -> None:
    draft = filled()
    draft.set("train.max_steps", 5)
    draft.set("train.max_steps", None)
    draft.set("sample.prompts", ["one, two", 'with "quotes"'])
    draft.set("data.0.columns", {"prompt": "foo"}, DETECTED)
    drafts.save(draft)
    assert drafts.load() == draft
    assert paths.draft_file().stat().st_mode & 0o077 == 0


def test_even_a_wrong_value_is_kept(home: Path) -> None:
    draft = filled()
    draft.set("train.batch_size", "many")
    drafts.save(draft)
    kept = drafts.load()
    assert kept is not None
    assert kept.get("train.batch_size") == "many"
    assert [issue.field for issue in kept.issues()] == ["train.batch_size"]


@pytest.mark.parametrize(
    "text", ["", "not toml [", "[draft]\ntask = 1\n", "[values]\n", '[draft]\ntask=""\npreset=""\n']
)
def test_a_draft_that_cannot_be_understood_is_no_draft(home: Path, text: str) -> None:
    paths.private_dir(home)
    paths.draft_file().write_text(text)
    assert drafts.load() is None


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="draft can't be saved"):
        drafts.save(filled(), tmp_path / "file" / "draft.toml")


def test_sources_keep_their_origin_when_another_file_is_added() -> None:
    draft = filled()
    draft.set("data.0.format", "alpaca", DETECTED)
    draft.set_data([{"path": "/rows.jsonl", "format": "alpaca"}, {"path": "/more.jsonl"}])
    assert draft.source("data.0.format") == DETECTED
    assert draft.source("data.1.path") == YOU
    draft.set_data([{"path": "/more.jsonl"}])
    assert [item["path"] for item in draft.data_sources()] == ["/more.jsonl"]


def test_the_config_file_names_every_source(home: Path) -> None:
    draft = filled()
    draft.set("data.0.format", "alpaca", DETECTED)
    text = toml.dumps(draft.resolve())
    assert 'path = "/rows.jsonl" # you' in text
    assert 'format = "alpaca" # detected' in text
    assert "batch_size = 16 # preset first-steps" in text
    assert "seed = 42 # default" in text
