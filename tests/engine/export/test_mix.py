"""Adapters mixed from their files: the sums are exact, what is trimmed follows from the seed, parents stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from engine.common.file_hash import sha256_of
from engine.export.mix import write_mix
from engine.models.adapter.card import read_adapter
from engine.models.adapter.mix import layer_ranks, size_of
from engine.runs.mixes import Ingredient, Made, Recipe
from tests.engine.modeling.test_load_for_use import write_adapter

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def one(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("a") / "one", tiny, seed=1, lora_alpha=8)


@pytest.fixture(scope="module")
def two(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("b") / "two", tiny, seed=2, r=6, lora_alpha=3)


def recipe(folders: Sequence[Path], weights: Sequence[float], method: str = "linear", **more: Any) -> Recipe:
    parents = [
        Ingredient(path=str(folder), title=folder.name, weight=weight)
        for folder, weight in zip(folders, weights, strict=True)
    ]
    return Recipe(base="", parents=parents, method=method, **more)


def mixed(made: Recipe, out: Path) -> Made:
    return write_mix(made, out, lambda done, total: None)[0]


def updates(tiny: Path, folder: Path) -> dict[str, torch.Tensor]:
    """What the adapter in ``folder`` adds to each weight, as plain PEFT has it."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), folder)
    return {
        name: module.get_delta_weight("default").detach()
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }


def test_a_linear_mix_is_the_weighted_sum_of_the_updates_through_plain_peft(
    tiny: Path, one: Path, two: Path, tmp_path: Path
) -> None:
    made = mixed(recipe([one, two], [0.7, -0.25]), tmp_path / "mix")
    first, second, both = (updates(tiny, folder) for folder in (one, two, tmp_path / "mix"))
    assert both.keys() == first.keys()
    for name, update in both.items():
        assert torch.allclose(update, 0.7 * first[name] - 0.25 * second[name], atol=1e-6)
    assert (made.combination, made.rank, made.kept_share) == ("cat", 10, 1.0)


def test_it_is_what_peft_itself_concatenates_and_not_what_it_calls_linear(
    tiny: Path, one: Path, tmp_path: Path
) -> None:
    other = write_adapter(tmp_path / "other", tiny, seed=3, lora_alpha=8)
    mixed(recipe([one, other], [0.5, 0.5]), tmp_path / "mix")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), one, "a")
    model.load_adapter(other, "b")
    for form, same in (("cat", True), ("linear", False)):
        model.add_weighted_adapter(["a", "b"], [0.5, 0.5], form, combination_type=form)
        name = "base_model.model.model.layers.0.self_attn.q_proj"
        theirs = model.get_submodule(name).get_delta_weight(form)
        assert torch.allclose(theirs, updates(tiny, tmp_path / "mix")[name], atol=1e-6) == same


def test_rslora_rank_patterns_and_missing_layers_are_summed_as_they_act(tiny: Path, one: Path, tmp_path: Path) -> None:
    odd = write_adapter(
        tmp_path / "odd", tiny, seed=4, use_rslora=True, target_modules=["q_proj", "down_proj"],
        rank_pattern={"q_proj": 2}, alpha_pattern={"q_proj": 5},
    )  # fmt: skip
    made = mixed(recipe([odd, one], [1.0, 1.0]), tmp_path / "mix")
    first, second, both = (updates(tiny, folder) for folder in (odd, one, tmp_path / "mix"))
    for name, update in both.items():
        expected = second[name] + first.get(name, torch.zeros(()))
        assert torch.allclose(update, expected, atol=1e-6), name
    assert (made.least_rank, made.rank, made.alone) == (4, 8, 10)
    assert read_adapter(tmp_path / "mix").settings.rank("model.layers.0.self_attn.q_proj") == 6


def test_a_smaller_rank_says_how_much_of_the_update_it_holds(tiny: Path, one: Path, two: Path, tmp_path: Path) -> None:
    made = mixed(recipe([one, two], [0.5, 0.5], rank=3), tmp_path / "mix")
    first, second, cut = (updates(tiny, folder) for folder in (one, two, tmp_path / "mix"))
    whole = {name: 0.5 * first[name] + 0.5 * second[name] for name in cut}
    lost = sum(float((whole[name] - cut[name]).square().sum()) for name in cut)
    share = 1 - lost / sum(float(update.square().sum()) for update in whole.values())
    assert made.kept_share == pytest.approx(share, abs=1e-4)
    assert 0.3 < made.kept_share < 0.999
    assert made.rank == 3


@pytest.mark.parametrize("method", ["ties", "dare_linear", "dare_ties"])
def test_trimming_is_that_of_peft_on_the_updates_and_the_same_for_the_same_seed(
    method: str, tiny: Path, one: Path, two: Path, tmp_path: Path
) -> None:
    wanted = recipe([one, two], [0.6, 0.4], method, density=0.5, seed=7)
    mixed(wanted, tmp_path / "mix")
    mixed(wanted, tmp_path / "again")
    files = [load_file(tmp_path / name / "adapter_model.safetensors") for name in ("mix", "again")]
    assert all(torch.equal(files[0][name], files[1][name]) for name in files[0])
    mixed(recipe([one, two], [0.6, 0.4], method, density=0.5, seed=8), tmp_path / "other")
    other = load_file(tmp_path / "other" / "adapter_model.safetensors")
    assert all(torch.equal(files[0][name], other[name]) for name in other) == (method == "ties")


def test_ties_at_full_rank_is_what_peft_s_svd_form_gives(tiny: Path, one: Path, two: Path, tmp_path: Path) -> None:
    wide = write_adapter(tmp_path / "wide", tiny, seed=5, r=64, lora_alpha=64)
    made = mixed(recipe([one, wide], [0.5, 0.5], "ties", density=0.4), tmp_path / "mix")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), one, "a")
    model.load_adapter(wide, "b")
    model.add_weighted_adapter(
        ["a", "b"], [0.5, 0.5], "m", combination_type="ties_svd", density=0.4, svd_rank=64, svd_full_matrices=False
    )
    ours = updates(tiny, tmp_path / "mix")
    for name, update in ours.items():
        assert torch.allclose(update, model.get_submodule(name).get_delta_weight("m"), atol=1e-4)
    assert made.kept_share == pytest.approx(1.0, abs=1e-5)


def test_parents_are_untouched_and_size_is_as_foretold(one: Path, two: Path, tmp_path: Path) -> None:
    before = [sha256_of(file) for folder in (one, two) for file in sorted(folder.iterdir())]
    made = mixed(recipe([one, two], [0.5, 0.5]), tmp_path / "mix")
    assert before == [sha256_of(file) for folder in (one, two) for file in sorted(folder.iterdir())]
    cards = [read_adapter(folder) for folder in (one, two)]
    assert size_of(cards, 0) == pytest.approx(made.size_bytes, rel=0.1)
    assert set(layer_ranks(cards, 0).values()) == {10}


def test_what_peft_warns_of_is_told(one: Path, two: Path, tmp_path: Path) -> None:
    _, notes = write_mix(recipe([one, two], [0.5, 0.5], "ties", density=1.0), tmp_path / "mix", lambda d, t: None)
    assert [note.code for note in notes] == ["mixes.peft-warned"]


def test_plain_peft_settings_remain(one: Path, two: Path, tmp_path: Path) -> None:
    mixed(recipe([one, two], [0.5, 0.5]), tmp_path / "mix")
    config = json.loads((tmp_path / "mix" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["rank_pattern"], config["use_rslora"]) == (10, 10, {}, False)
