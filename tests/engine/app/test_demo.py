"""The demo's rows and settings: made by the generator beside them, all different, and sound."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from engine.app.demo import demo_config, demo_layers, orders_file
from engine.common import paths
from engine.config import presets, provenance, rules
from engine.config.presets import Layer, resolve
from engine.data.reader import load
from tests.engine.data.splitting.making import split


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The generator, loaded from its file: it is data's companion, not part of a package."""
    spec = importlib.util.spec_from_file_location("generate", paths.presets_dir() / "demo" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in orders_file().read_text("utf-8").splitlines()]


def test_the_rows_are_what_the_generator_writes(generate: ModuleType) -> None:
    assert orders_file().read_text("utf-8") == generate.text()


def test_there_are_enough_rows_and_no_sentence_comes_twice() -> None:
    prompts = [row["prompt"] for row in rows()]
    assert len(prompts) >= 400
    assert len(set(prompts)) == len(prompts)


def test_every_answer_is_json_in_one_line_that_follows_from_its_sentence(generate: ModuleType) -> None:
    for row in rows():
        answer = json.loads(row["completion"])
        assert list(answer) == ["name", "item", "qty", "city", "paid"]
        assert json.dumps(answer) == row["completion"]
        prompt = row["prompt"].lower()
        assert all(str(answer[key]).lower() in prompt for key in ("name", "item", "city"))
        assert any(phrase in prompt for phrase in (generate.PAID if answer["paid"] else generate.OPEN))


def test_sentences_vary_so_that_none_is_known_by_heart(generate: ModuleType) -> None:
    answers = [json.loads(row["completion"]) for row in rows()]
    for key, least in {"name": 45, "item": 35, "qty": 12, "city": 45, "paid": 2}.items():
        assert len({answer[key] for answer in answers}) >= least
    assert len(generate.SENTENCES) >= 10


def test_the_demo_is_a_valid_config_with_nothing_to_object_to() -> None:
    resolved = demo_config()
    assert not rules.errors(rules.check(resolved.config))
    assert resolved.source("train.batch_size") == provenance.preset("demo")
    assert Path(resolved.config.data[0].path).is_absolute()


def test_the_demo_learns_from_460_rows_and_is_asked_100_others() -> None:
    config = demo_config().config
    loaded = load(config).rows
    parts = split(loaded, config.dataset, config.run.seed)
    assert (len(parts.train), len(parts.heldout)) == (460, 100)
    trained = {loaded[index].first("user") for index in parts.train}
    assert not any(loaded[index].first("user") in trained for index in parts.heldout)


def test_answers_on_top_of_the_demo_win() -> None:
    resolved = resolve([*demo_layers(), Layer("you", {"train": {"batch_size": 4}})])
    assert (resolved.config.train.batch_size, resolved.source("train.batch_size")) == (4, provenance.YOU)


@pytest.mark.parametrize("preset_id", presets.preset_ids())
def test_every_preset_is_sound_and_says_for_whom_it_is(preset_id: str) -> None:
    preset = presets.load_preset(preset_id)
    assert preset.title
    assert 40 <= len(preset.description) <= 120
    needed = Layer("you", {"model": {"name_or_path": "m"}, "data": [{"path": "d.jsonl"}]})
    config = resolve([Layer(preset_id, preset.values), needed]).config
    assert [issue for issue in rules.check(config) if issue.level != "note"] == []


def test_the_presets_of_the_wizard_are_there() -> None:
    assert {"first-steps", "qlora", "demo", "continued-pretraining"} <= set(presets.preset_ids())
