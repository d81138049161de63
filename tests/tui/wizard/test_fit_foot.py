"""The fit bar and its breakdown in the wizard: over made-up machines that change while one looks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.containers import VerticalScroll

from engine.common import paths
from engine.memory import history
from engine.memory.history import Observation
from engine.messages.catalogue import text as text_of_code
from tests.engine.machine.fake_gpus import no_use
from tests.tui.machines import gpu, lost, no_gpu, process, used_by, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import CONFIG, WizardApp, make_model, text_of
from tests.tui.wizard.steering import LOOKS, enter, press, settle, to_data
from tui.terminal import Terminal
from tui.wizard.breakdown import BreakdownScreen
from tui.wizard.footer import Foot
from tui.wizard.settings.step import SettingsStep

SMALL, WIDE = (80, 24), (120, 40)
ASCII = Terminal(colours="16", unicode=False)
LARGE = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128_256, "tie_word_embeddings": False,
}  # fmt: skip
"""The dimensions of Llama-3-8B."""


@pytest.fixture
def large(home: Path) -> Path:
    """A model of 8B parameters, as far as its config tells."""
    folder = make_model(paths.models_dir() / "large-chat")
    (folder / "config.json").write_text(json.dumps(CONFIG | LARGE))
    return folder


def foot_of(app: WizardApp) -> str:
    return app.wizard.query_one(Foot).words


async def test_gpus_that_are_not_used_are_told_whole_before_there_is_a_model(open_wizard: Opener) -> None:
    mend = f"Install torch for CUDA 12.6: {'/long' * 12}/bin/python -m pip install --force-reinstall torch"
    barred = replace(gpu(), unusable=no_use("torch 2.13.0+cpu is built for CPUs only", mend, falls_to_cpu=True))
    async with open_wizard(machine=with_gpus(barred), size=SMALL) as (app, pilot):
        assert "built for CPUs only. F4 says what to do." in " ".join(text_of(app).split())
        await press(app, pilot, "f4")
        assert "load 37%" in text_of(app)
        assert "--force-reinstall torch" in " ".join(text_of(app).split())


async def to_settings(app: WizardApp, pilot: object) -> None:
    await to_data(app, pilot)  # type: ignore[arg-type]
    await app.wizard._show(4)
    await settle(app, pilot)  # type: ignore[arg-type]


@LOOKS
async def test_from_the_model_on_every_step_shows_the_bar(
    open_wizard: Opener, large: Path, size: tuple[int, int], terminal: Terminal
) -> None:
    async with open_wizard(machine=with_gpus(gpu()), size=size, terminal=terminal) as (app, pilot):
        assert "needs" not in foot_of(app)
        await enter(app, pilot, 1)
        for index in range(1, 6):
            await app.wizard._show(index)
            await settle(app, pilot)
            verdict, bar = text_of(app).splitlines()[-4:-2]
            assert "of 78.9 GiB free" in verdict, index
            assert "fits" in verdict
            assert bar.lstrip().startswith("██" if terminal.unicode else "[WW"), bar
            assert "of 79.3 GiB" in bar
            assert "peak: " in bar or size == SMALL
            if not terminal.unicode:
                assert text_of(app).isascii()
        if size == WIDE:
            assert "H100" in verdict


async def test_without_a_gpu_it_is_said_once_and_ram_is_the_budget(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=no_gpu()) as (app, pilot):
        assert "No NVIDIA driver on this machine" in text_of(app)
        await enter(app, pilot, 1)
        assert "of 18.2 GiB RAM free" in foot_of(app)
        assert "No NVIDIA" not in text_of(app)
        await press(app, pilot, "f4")
        assert "RAM 18.2 of 24.0 GiB free" in "\n".join(all_lines(app))
        assert "No NVIDIA driver on this machine" in " ".join(all_lines(app))


async def test_each_key_moves_the_bar_before_the_draft_takes_the_value(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await to_settings(app, pilot)
        assert isinstance(app.wizard.step, SettingsStep)
        await app.wizard.step.next_depth(1)
        rank = next(form for form in app.wizard.step.query("FormField") if form.name == "adapter.r")
        rank.focus_control()  # type: ignore[attr-defined]
        seen, shown = [], []
        for key in ("home", "end", "0", "backspace"):
            await press(app, pilot, key)
            seen.append(app.wizard.facts.fit.verdict.needed_bytes)  # type: ignore[union-attr]
            shown.append(foot_of(app))
        fit = app.wizard.facts.fit
        assert fit is not None
        assert fit.verdict.spare_bytes == fit.budget.available_bytes - fit.verdict.needed_bytes, "the figures add up"
        before, same, larger, again = seen
        assert before == same == again < larger, "rank 16, then 160, then 16"
        assert shown[2] not in (shown[1], shown[3])
        assert app.wizard.draft.get("adapter.r") == 16
        await press(app, pilot, "x")
        assert "needs" in foot_of(app), "a wrong value counts at its default"


async def test_another_process_is_named_while_one_looks(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu()), size=WIDE) as (app, pilot):
        await enter(app, pilot, 1)
        await press(app, pilot, "down", "up")  # a model that was looked at stays chosen, whatever others take
        assert "u17" not in foot_of(app)
        app.watch.read(with_gpus(used_by(gpu(), process(11.2))))
        await settle(app, pilot)
        assert "others 11.2" in text_of(app)
        assert "python u17 11.2" in text_of(app)
        app.watch.read(with_gpus(used_by(gpu(), process(79.0))))
        await settle(app, pilot)
        assert "does not fit" in text_of(app)
        assert "┃!" in foot_of(app), "what has no place is drawn beyond the GPU's end"


async def test_a_gpu_that_is_lost_leaves_the_other(open_wizard: Opener, large: Path) -> None:
    small = gpu(1, 23.6, name="NVIDIA GeForce RTX 4090")
    async with open_wizard(machine=with_gpus(gpu(), small)) as (app, pilot):
        await enter(app, pilot, 1)
        assert "of 78.9 GiB free" in foot_of(app)
        app.watch.read(with_gpus(lost(0), small))
        await settle(app, pilot)
        assert "of 23.2 GiB free" in foot_of(app)
        app.watch.read(with_gpus(lost(0), lost(1)))
        await settle(app, pilot)
        assert "GiB RAM free" in foot_of(app)
        await press(app, pilot, "f4")
        assert "fell off the bus" in " ".join(all_lines(app))


async def test_free_memory_that_hardly_moved_is_no_news(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=no_gpu(18.2)) as (app, pilot):
        await enter(app, pilot, 1)
        before = app.wizard.facts.fit
        newer = no_gpu(18.23)
        app.watch.read(newer)
        await settle(app, pilot)
        assert app.wizard.facts.machine is newer
        assert app.wizard.facts.fit is before
        app.watch.read(no_gpu(9.0))
        await settle(app, pilot)
        assert app.wizard.facts.fit is not before


async def test_a_gpu_that_is_not_there_is_said_in_place_of_the_bar(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await to_data(app, pilot)
        app.wizard.draft.set("launch.gpus", "7")
        app.wizard.query_one(Foot).weigh()
        await settle(app, pilot)
        assert "No such GPU" in foot_of(app)
        assert app.wizard.facts.fit is None


async def test_earlier_runs_calibrate_the_figure(open_wizard: Opener, large: Path) -> None:
    name = "NVIDIA H100 80GB HBM3"
    history.record([Observation(f"run-{n}", name, "other", "none", "loss", 10e9, 9e9) for n in range(3)])
    async with open_wizard(machine=with_gpus(gpu()), size=WIDE, terminal=ASCII) as (app, pilot):
        await enter(app, pilot, 1)
        assert "+- 0% from 3 runs" in foot_of(app) or "+- 1% from 3 runs" in foot_of(app)
        fit = app.wizard.facts.fit
        assert fit is not None
        assert f"calibrated {fit.verdict.needed_bytes * 0.9 / 2**30:.1f}" in foot_of(app)


async def test_a_draft_that_is_gone_on_with_has_its_bar_at_once(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await to_data(app, pilot)
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await enter(app, pilot, 1)
        assert app.wizard.step_name == "data"
        assert "of 78.9 GiB free" in foot_of(app)


async def test_one_watch_is_started_rests_when_nobody_looks_and_ends_with_the_app(
    open_wizard: Opener, large: Path
) -> None:
    async with open_wizard() as (app, pilot):
        assert app.watch.started == 1
        assert app.watch.interval_s == 1.0
        await press(app, pilot, "f4", "escape")
        assert app.watch.interval_s == 1.0
        await press(app, pilot, "escape")
        await pilot.pause()
        assert app.watch.interval_s > 5
        assert app.watch.started == 1
    assert app.watch.stopped == 1


# The breakdown


def all_lines(app: WizardApp) -> list[str]:
    """What the breakdown holds, scrolled out of sight or not."""
    screen = app.screen
    assert isinstance(screen, BreakdownScreen)
    return ["".join(text for text, _ in line) for line in screen.lines]


@LOOKS
async def test_f4_explains_every_term_and_every_gpu(
    open_wizard: Opener, large: Path, size: tuple[int, int], terminal: Terminal
) -> None:
    machine = with_gpus(used_by(gpu(), process(11.2), process(1.0, 99, None, None)), gpu(1, 23.6))
    async with open_wizard(machine=machine, size=size, terminal=terminal) as (app, pilot):
        await enter(app, pilot, 1)
        await press(app, pilot, "f4")
        lines = all_lines(app)
        text = "\n".join(lines)
        fit = app.wizard.facts.fit
        assert fit is not None
        assert f"Peak: {text_of_code(fit.estimate.peak.title)}" in text
        for words in (
            "W  Layer weights",
            "C  Context and margin",
            "<- peak",
            "nvidia-smi may show",
            "Not calibrated",
        ):
            assert words in text
        assert any("4711" in line and "u17" in line and "11.2" in line for line in lines)
        assert any("99" in line and "n/a" in line for line in lines)
        assert "* 0  H100 80GB HBM3  this run's" in text
        assert "free 67.1" in text
        assert max(len(line) for line in lines) <= size[0] - 6
        if not terminal.unicode:
            assert text_of(app).isascii()
        await press(app, pilot, "escape")
        assert not isinstance(app.screen, BreakdownScreen)


async def test_the_breakdown_is_read_to_its_end_by_keyboard(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await enter(app, pilot, 1)
        await press(app, pilot, "f4")
        assert "Peak:" in text_of(app)
        assert "This machine" not in text_of(app)
        await press(app, pilot, "end")
        scroll = app.screen.query_one(VerticalScroll)
        assert scroll.scroll_offset.y == scroll.max_scroll_y
        assert "This machine" in text_of(app)


async def test_the_breakdown_is_live_while_it_is_open(open_wizard: Opener, large: Path) -> None:
    async with open_wizard(machine=with_gpus(gpu()), size=WIDE) as (app, pilot):
        await enter(app, pilot, 1)
        await press(app, pilot, "f4")
        assert "free 78.9" in text_of(app)
        app.watch.read(with_gpus(used_by(gpu(), process(30.0))))
        await settle(app, pilot)
        assert "free 49.3" in text_of(app)
        assert "4711" in text_of(app)


async def test_the_breakdown_says_what_is_missing_before_a_model_is_chosen(open_wizard: Opener) -> None:
    async with open_wizard(machine=with_gpus(gpu())) as (app, pilot):
        await press(app, pilot, "f4")
        assert "choose a model, and wait" in text_of(app)
        assert "H100" in "\n".join(all_lines(app))
