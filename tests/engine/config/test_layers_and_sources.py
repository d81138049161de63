"""Default < preset < file < --set, and for every value the place it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common import paths
from engine.common.errors import ConfigError
from engine.config import provenance, toml
from engine.config.presets import Layer, load_preset, overrides, parse_assignment, resolve, set_dotted
from engine.config.provenance import DEFAULT, FILE, SET, YOU
from engine.messages.catalogue import codes, part
from engine.messages.message import Message


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "careful.toml").write_text(
        '[preset]\ntitle = "Careful"\ndescription = "Slow."\n[train]\nlearning_rate = 5e-5\nbatch_size = 4\n'
        "[adapter]\nr = 8\n"
    )
    monkeypatch.setattr(paths, "presets_dir", lambda: folder)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(
        '[model]\nname_or_path = "tiny"\n[train]\nbatch_size = 8\n'
        '[[data]]\npath = "a.jsonl"\nformat = "alpaca"\n[[data]]\npath = "b.jsonl"\n'
    )
    return path


def test_later_layers_win_and_each_value_knows_its_layer(presets: Path, file: Path) -> None:
    resolved = toml.load(file, ["adapter.r=64"], preset="careful")
    config = resolved.config
    assert (config.train.learning_rate, config.train.batch_size, config.adapter.r) == (5e-5, 8, 64)
    assert resolved.source("train.learning_rate") == provenance.preset("careful")
    assert resolved.source("train.batch_size") == FILE
    assert resolved.source("adapter.r") == SET
    assert resolved.source("train.weight_decay") == DEFAULT
    assert resolved.source("data.1.path") == FILE


def test_a_preset_has_words_for_people(presets: Path) -> None:
    preset = load_preset("careful")
    assert (preset.title, preset.description, preset.values["adapter"]) == ("Careful", "Slow.", {"r": 8})


@pytest.mark.parametrize("name", ["nope", "../secret", "", "careful.toml"])
def test_an_unknown_preset_names_those_there_are(presets: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_preset(name)
    assert "careful" in caught.value.hint


def test_one_field_of_one_source_can_be_set_and_the_others_stay(file: Path) -> None:
    resolved = toml.load(file, ["data.0.max_rows=10", "data.1.format=text"])
    first, second = resolved.config.data
    assert (first.path, first.format, first.max_rows) == ("a.jsonl", "alpaca", 10)
    assert (second.path, second.format) == ("b.jsonl", "text")
    assert resolved.source("data.0.max_rows") == SET
    assert resolved.source("data.0.format") == FILE


def test_a_source_can_be_added(file: Path) -> None:
    config = toml.load(file, ["data.2.path=c.jsonl"]).config
    assert [source.path for source in config.data] == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_source_left_out_in_between_is_asked_for(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        toml.load(file, ["data.3.path=c.jsonl"])
    assert "data.2.path: is required" in caught.value.message


def test_a_layer_with_sources_of_its_own_replaces_those_before() -> None:
    base = {"model": {"name_or_path": "m"}, "data": [{"path": "a", "format": "text"}, {"path": "b"}]}
    resolved = resolve([Layer("preset p", base), Layer("you", {"data": [{"path": "c"}]})])
    assert [source.path for source in resolved.config.data] == ["c"]
    assert resolved.source("data.0.path") == YOU
    assert resolved.source("data.0.format") == DEFAULT


def test_columns_are_replaced_whole() -> None:
    base = {"model": {"name_or_path": "m"}, "data": [{"path": "a", "columns": {"prompt": "q"}}]}
    resolved = resolve([Layer("file", base), Layer("--set", overrides(['data.0.columns={answer = "a"}']))])
    assert resolved.config.data[0].columns == {"answer": "a"}


@pytest.mark.parametrize(
    ("text", "dotted", "value"),
    [
        ("train.batch_size=8", "train.batch_size", 8),
        ("train.learning_rate=2e-4", "train.learning_rate", 2e-4),
        ("model.name_or_path=org/name", "model.name_or_path", "org/name"),
        ("model.name_or_path=a=b", "model.name_or_path", "a=b"),
        ('adapter.target_modules=["q_proj", "v_proj"]', "adapter.target_modules", ["q_proj", "v_proj"]),
        ("adapter.use_dora=true", "adapter.use_dora", True),
        ("run.name=2024-05-01", "run.name", "2024-05-01"),
        ("run.name= spaced out ", "run.name", " spaced out "),
        ("run.notes=", "run.notes", ""),
        ("run.notes=1\nseed = 2", "run.notes", "1\nseed = 2"),
        ('run.notes="quoted"', "run.notes", "quoted"),
        ("data.0.path=x.jsonl", "data.0.path", "x.jsonl"),
    ],
)
def test_an_assignment_is_read_as_toml_else_as_text(text: str, dotted: str, value: object) -> None:
    assert parse_assignment(text) == (dotted, value)


@pytest.mark.parametrize("text", ["", "train", "train.batch_size", "=3", "batch_size=3", "a..b=1", "a.b c=1", ".a.b=1"])
def test_an_assignment_that_makes_no_sense_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_assignment(text)
    assert text in caught.value.message
    assert "section.field=value" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["data.path=x", "data.x.path=y", "data.999999999.path=x", "train.batch_size.deep=1", "data.-1.path=x"]
)
def test_a_place_that_cannot_be_is_refused(file: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        toml.load(file, ["train.batch_size=8", text])


def test_a_number_is_no_place_to_put_a_field_into() -> None:
    values = {"train": {"batch_size": 8}}
    with pytest.raises(ConfigError):
        set_dotted(values, "train.batch_size.deep", 1)
    assert values == {"train": {"batch_size": 8}}


def test_an_unknown_field_of_an_assignment_gets_the_nearest_name_too(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        toml.load(file, ["train.bath_size=8"])
    assert "'batch_size'" in caught.value.message


def test_paths_from_the_current_folder_are_found_too_and_those_beside_the_file_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = tmp_path / "configs"
    for folder in (tmp_path / "models/tiny", tmp_path / "old", tmp_path / "data", configs / "data", tmp_path / "plain"):
        folder.mkdir(parents=True)
    for name in ("data/rows.jsonl", "data/both.jsonl", "configs/data/both.jsonl"):
        (tmp_path / name).touch()
    file = configs / "run.toml"
    file.write_text(
        '[model]\nname_or_path = "models/tiny"\nchat_template = "plain"\n[strategy]\nadapter = "old"\n'
        '[[data]]\npath = "data/rows.jsonl"\n[[data]]\npath = "data/both.jsonl"\n[[data]]\npath = "data/*.jsonl"\n'
    )
    monkeypatch.chdir(tmp_path)
    config = toml.load(Path("configs/run.toml")).config
    assert config.model.name_or_path == str(tmp_path / "models/tiny")
    assert config.model.chat_template == "plain"  # built in, whatever lies here under that name
    assert config.strategy.adapter == str(tmp_path / "old")
    paths = [source.path for source in config.data]
    assert paths == [str(tmp_path / "data/rows.jsonl"), str(configs / "data/both.jsonl"), str(configs / "data/*.jsonl")]


def test_paths_beside_the_file_and_paths_typed_at_the_prompt_are_both_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / "project", tmp_path / "here"
    for folder, name in ((beside, "a.jsonl"), (beside, "template.jinja"), (here, "b.jsonl")):
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    (beside / "model").mkdir()
    file = beside / "run.toml"
    file.write_text(
        '[model]\nname_or_path = "model"\nchat_template = "template.jinja"\n'
        '[[data]]\npath = "a.jsonl"\n[[data]]\npath = "org/rows"\n'
    )
    monkeypatch.chdir(here)
    config = toml.load(file, ["data.2.path=b.jsonl", "data.0.max_rows=3"]).config
    assert config.model.name_or_path == str(beside / "model")
    assert config.model.chat_template == str(beside / "template.jinja")
    assert [source.path for source in config.data] == [str(beside / "a.jsonl"), "org/rows", str(here / "b.jsonl")]


def test_a_source_is_kept_as_text_and_comes_back() -> None:
    for source in (YOU, provenance.preset("qlora"), provenance.auto(YOU), provenance.of("a word of one's own")):
        assert provenance.read(provenance.written(source)) == source


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ("you", YOU), ("--set", SET), ("preset first-steps", provenance.preset("first-steps")),
        ("adapter orders", provenance.adapter("orders")), ("strategy continue: a third of fresh", provenance.THIRD),
    ],
)  # fmt: skip
def test_a_source_in_the_words_of_an_earlier_version_is_understood(words: str, source: Message) -> None:
    assert provenance.read(words) == source


def test_a_source_has_a_word_that_fits_its_column() -> None:
    for code in codes("en"):
        if code.startswith("source."):
            assert 1 <= len(part(Message(code), "short")) <= 8, code
    assert provenance.short(provenance.of("mine")) == "mine"
