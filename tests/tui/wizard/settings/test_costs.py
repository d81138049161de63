"""What stands beside a setting: the cost of one step more, and what auto becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.presets import Layer, Resolved, resolve
from engine.models.card import read_card
from tests.tui.looking import said
from tests.tui.machines import gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import make_large
from tests.tui.wizard.making import text_of
from tests.tui.wizard.steering import press, settle, shown_words
from tui.draft import fields
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.draft.fit import fit_of
from tui.flow.costs import Costs, about_quantization, below, beside


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return Facts(card=read_card(make_large(tmp_path / "m")), machine=with_gpus(gpu(total_gib=22)))


@pytest.fixture
def prefill(tmp_path: Path, rows: Path) -> Resolved:
    """A run of an 8B model whose rows are known."""
    folder = make_large(tmp_path / "llama-8b")
    values = {"model": {"name_or_path": str(folder), "quantization": "none"}, "data": [{"path": str(rows)}]}
    return resolve([Layer("file", values)])


def test_every_cost_fits_beside_its_field(facts: Facts) -> None:
    facts.fit = fit_of(Draft({"model.quantization": "none", "dataset.max_length": 65536, "adapter.r": 512}), facts)
    for cost in Costs().of(facts.fit).values():
        assert len(beside(cost)) <= 28


def test_costs_are_worked_out_once_for_a_fit(facts: Facts) -> None:
    costs = Costs()
    facts.fit = fit_of(Draft(), facts)
    assert costs.of(facts.fit) is costs.of(facts.fit)
    assert costs.of(None) == {}


def test_auto_says_what_it_becomes_here_and_why(facts: Facts) -> None:
    facts.fit = fit_of(Draft({"model.quantization": "auto"}), facts)
    told = about_quantization("auto", facts.fit, Costs().of(facts.fit))
    assert told.startswith("Auto chose nf4: 4 bit is faster here; 4-bit weights: fits, ")
    facts.machine = with_gpus(gpu(total_gib=80))
    facts.fit = fit_of(Draft({"model.quantization": "auto"}), facts)
    assert about_quantization("auto", facts.fit, {}).startswith("Auto chose none: 16-bit weights; fits, ")
    assert "the fastest that fits" in about_quantization("auto", None, {})


def test_a_field_left_to_auto_tells_its_value_and_the_next_step(facts: Facts) -> None:
    facts.fit = fit_of(Draft({"model.quantization": "nf4"}), facts)
    assert facts.fit is not None
    told = below("train.micro_batch_tokens", facts.fit, Costs().of(facts.fit))
    chosen = facts.fit.resolution.settings["train.micro_batch_tokens"]
    assert isinstance(chosen, int)
    assert told.startswith(f"Auto chose {chosen:,}: ")
    assert f"One step up: {2 * chosen:,} tokens: " in told
    assert below("run.name", facts.fit, Costs().of(facts.fit)) == ""


async def test_the_common_fields_show_what_one_step_more_costs(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "f2")
        assert "rank 32: +0." in text_of(app)
        assert "batch 32: no extra memory" in text_of(app)
        assert "4-bit weights: -" in shown_words(app)
        assert "Shown: common fields." in text_of(app)


async def test_the_cost_follows_what_is_typed(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "f2", "tab", "tab", "tab", "tab")
        await press(app, pilot, "end", "backspace", "backspace", "6", "4")
        assert "rank 128: +" in text_of(app)


async def test_all_fields_tell_the_cost_of_the_line_under_the_cursor(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "f2", "f2")
        for _ in range(40):
            if "> gradient_checkpointing" in text_of(app):
                break
            await pilot.press("down")
            await pilot.pause()
        assert "recomputing on: -" in shown_words(app)
        assert "43% slower" in shown_words(app)


async def test_the_preset_depth_tells_what_auto_would_choose(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=22))) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "tab")
        assert "[none]" in text_of(app)
        await press(app, pilot, "left")
        assert "Auto chose nf4" in shown_words(app)
        app.watch.read(with_gpus(gpu(total_gib=80)))
        while "Auto chose none" not in shown_words(app):
            await pilot.pause(0.02)
        await settle(app, pilot)


async def test_a_huge_window_also_tells_what_else_is_set_and_what_it_is(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, size=(200, 60)) as (app, pilot):
        app.wizard.draft.set("train.lr_scheduler_type", "linear")
        while app.wizard.step_name != "settings":
            await press(app, pilot, "ctrl+n")
        assert fields.spec_of("train.lr_scheduler_type").description in shown_words(app)
        await press(app, pilot, "f2")
        words = shown_words(app)
        assert said("settings.also-set") in words
        assert fields.spec_of("train.lr_scheduler_type").description in words
