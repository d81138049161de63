"""What the model list says of each model on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common import paths
from engine.models.card import read_card
from tests.tui.machines import gpu, no_gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import LLAMA_70B, make_large
from tests.tui.wizard.making import text_of
from tests.tui.wizard.steering import press, settle, shown_words
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.flow.verdicts import Verdicts, said_of

MODEL = {"model.name_or_path": "m"}


@pytest.fixture
def large(home: Path) -> Path:
    """An 8B and a 70B model among those tunedeck keeps."""
    make_large(paths.models_dir() / "llama-70b", LLAMA_70B)
    return make_large(paths.models_dir() / "llama-8b")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_model_has_its_verdict_in_one_column(
    open_wizard: Opener, large: Path, model: Path, size: tuple[int, int]
) -> None:
    async with open_wizard(size=size, machine=with_gpus(gpu(total_gib=22))) as (app, pilot):
        await press(app, pilot, "enter")
        lines = {name: _line(text_of(app), name) for name in ("llama-8b", "llama-70b", "tiny-chat")}
        assert "QLoRA 4-bit, fits" in lines["llama-8b"]
        assert " GiB short" in lines["llama-70b"]
        assert "LoRA 16-bit, fits" in lines["tiny-chat"]
        starts = {lines["llama-8b"].index("QLoRA"), lines["tiny-chat"].index("LoRA 16")}
        assert len(starts) == 1


async def test_the_card_says_method_longest_row_and_micro_batch(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await press(app, pilot, "enter")
        for _ in range(3):
            if "> llama-8b" not in text_of(app):
                await press(app, pilot, "down")
        words = shown_words(app)
        assert "LoRA 16-bit: fits, " in words
        assert "any row length fits, up to the model's 8,192 tokens" in words
        assert "Model llama, " in words


async def test_the_verdicts_follow_the_machine(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await press(app, pilot, "enter")
        assert "LoRA 16-bit, fits" in _line(text_of(app), "llama-8b")
        app.watch.read(with_gpus(gpu(total_gib=80, used_gib=66)))
        while "QLoRA 4-bit" not in _line(text_of(app), "llama-8b"):
            await pilot.pause(0.02)
        await settle(app, pilot)


def test_a_little_more_or_less_free_memory_changes_nothing(large: Path) -> None:
    facts, verdicts = Facts(machine=with_gpus(gpu(total_gib=24, used_gib=1.00))), Verdicts()
    assert verdicts.update(Draft(dict(MODEL)), facts)
    first = verdicts.of(read_card(large))
    facts.machine = with_gpus(gpu(total_gib=24, used_gib=1.01))
    assert not verdicts.update(Draft(dict(MODEL)), facts)
    assert verdicts.of(read_card(large)) is first
    facts.machine = with_gpus(gpu(total_gib=24, used_gib=2.0))
    assert verdicts.update(Draft(dict(MODEL)), facts)


def test_other_lengths_are_judged_anew(large: Path) -> None:
    facts, verdicts = Facts(machine=with_gpus(gpu(total_gib=12))), Verdicts()
    verdicts.update(Draft(dict(MODEL)), facts)
    short = verdicts.of(read_card(large))
    assert verdicts.update(Draft(MODEL | {"dataset.max_length": 8192}), facts)
    long = verdicts.of(read_card(large))
    assert short is not None
    assert long is not None
    assert (short.setup.row_tokens, long.setup.row_tokens) == (1024, 8192)


def test_the_model_chosen_does_not_matter_to_the_others(large: Path) -> None:
    facts, verdicts = Facts(machine=no_gpu()), Verdicts()
    assert verdicts.update(Draft(), facts)
    assert not verdicts.update(Draft({"model.name_or_path": "another"}), facts)


def test_without_a_machine_or_dimensions_nothing_is_claimed(large: Path) -> None:
    card, verdicts = read_card(large), Verdicts()
    (large / "config.json").write_text("[]")
    verdicts.update(Draft(), Facts(machine=no_gpu()))
    assert verdicts.column(card) == ""
    verdicts.update(Draft(), Facts())
    assert verdicts.column(read_card(large.with_name("llama-70b"))) == ""


def test_what_does_not_fit_says_by_how_much_and_which_rows_would(large: Path) -> None:
    card, verdicts = read_card(large), Verdicts()
    verdicts.update(Draft(MODEL | {"dataset.max_length": 8192}), Facts(machine=with_gpus(gpu(total_gib=8.4))))
    found = verdicts.of(card)
    assert found is not None
    (_, method), (_, rows) = said_of(found, card)
    assert method.startswith("does not fit: even QLoRA 4-bit with gradient checkpointing needs ")
    assert rows == f"up to {found.longest_row:,} tokens would fit"


def _line(text: str, name: str) -> str:
    return next((line for line in text.splitlines() if f" {name} " in line), "")
