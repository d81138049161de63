"""A run that continues an adapter takes its shape from it; whoever wants another shape is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import ConfigError, ModelError
from engine.config import provenance, toml
from engine.config.presets import Layer, Resolved, resolve
from engine.config.provenance import THIRD
from engine.memory.from_config import Setup, job_of
from engine.models.adapter.adopt import adopt
from engine.models.dims import from_config
from engine.runs import directory
from tests.codes import raises
from tests.engine.models.folders import CONFIG
from tests.engine.models.making import write_adapter


def config(old: Path | str, /, *layers: Layer, kind: str = "continue", **file: Any) -> Resolved:
    values: dict[str, Any] = {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]}
    values["strategy"] = {"kind": kind, "adapter": str(old)}
    return resolve([*layers, Layer("file", values | file)])


def test_rank_alpha_and_targets_come_from_the_adapter_and_say_so(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "old", use_rslora=True, modules_to_save=["lm_head"])
    adopted = adopt(
        config(folder, Layer(provenance.preset("first-steps"), {"adapter": {"r": 64, "lora_dropout": 0.1}}))
    )
    adapter = adopted.config.adapter
    assert (adapter.r, adapter.lora_alpha, adapter.use_rslora) == (4, 8, True)
    assert (adapter.target_modules, adapter.modules_to_save) == (["q_proj", "v_proj"], ["lm_head"])
    assert adopted.source("adapter.r") == provenance.adapter("old")
    assert (adapter.lora_dropout, adopted.source("adapter.lora_dropout")) == (0.1, provenance.preset("first-steps"))


def test_the_learning_rate_nobody_chose_becomes_a_third_and_a_chosen_one_stays(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "old")
    default = adopt(config(folder))
    assert default.config.train.learning_rate == pytest.approx(2e-4 / 3, rel=0.01)
    assert default.source("train.learning_rate") == THIRD
    preset = adopt(config(folder, Layer("preset qlora", {"train": {"learning_rate": 3e-4}})))
    assert preset.config.train.learning_rate == pytest.approx(1e-4)
    chosen = adopt(config(folder, train={"learning_rate": 5e-4}))
    assert (chosen.config.train.learning_rate, chosen.source("train.learning_rate")) == (5e-4, provenance.FILE)


def test_adopting_twice_and_reading_the_written_config_change_nothing(tmp_path: Path, home: Path) -> None:
    adopted = adopt(config(write_adapter(tmp_path / "old")))
    assert adopt(adopted).config == adopted.config
    file = tmp_path / "run.toml"
    file.write_text(toml.dumps(adopted))
    assert adopt(toml.load(file)).config == adopted.config


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("r", 16, "adapter.r: is 16, but the adapter to continue has 4"),
        ("lora_alpha", 32, "adapter.lora_alpha: is 32"),
        ("target_modules", ["q_proj"], "has q_proj, v_proj"),
        ("target_modules", "all-linear", "is all-linear"),
        ("use_dora", True, "is true, but the adapter to continue has false"),
        ("modules_to_save", ["lm_head"], "has none"),
    ],
)
def test_a_config_that_sets_another_value_is_refused(
    tmp_path: Path, home: Path, field: str, value: Any, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        adopt(config(write_adapter(tmp_path / "old"), adapter={field: value}))
    assert said in caught.value.message


def test_the_same_values_in_the_file_are_no_conflict(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "old")
    adopt(config(folder, adapter={"r": 4, "lora_alpha": 8, "target_modules": ["v_proj", "q_proj"]}))


def test_every_conflict_is_said_at_once(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        adopt(config(write_adapter(tmp_path / "old"), adapter={"r": 8, "use_dora": True}))
    assert len(caught.value.issues) == 2


def test_a_run_is_kept_by_its_id_so_that_last_means_the_same_tomorrow(home: Path) -> None:
    run = directory.create("m", "")
    write_adapter(run.adapter)
    assert adopt(config("last")).config.strategy.adapter == run.id


def test_other_strategies_keep_their_own_shape(tmp_path: Path, home: Path) -> None:
    given = config(write_adapter(tmp_path / "old"), kind="fresh")
    assert adopt(given) is given


def test_an_adapter_that_is_not_there_is_said_before_anything_else(home: Path) -> None:
    with raises(ModelError, "adapter.not-found"):
        adopt(config("nobody"))


def test_the_estimate_counts_the_adapters_rank_and_layers(tmp_path: Path, home: Path) -> None:
    adopted = adopt(config(write_adapter(tmp_path / "old")))
    job = job_of(Setup(adopted.config, from_config(CONFIG)))
    assert (job.rank, job.targets) == (4, ("q", "v"))
