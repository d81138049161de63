"""Every step of the wizard looks as it was last agreed on, in both languages, two sizes, and in ASCII.

After a change that is meant: ``TUNEDECK_SNAPSHOTS=write pytest tests/tui/wizard/test_snapshots.py``, and read the diff.
With ``TUNEDECK_PICTURES=FOLDER`` each is also written as a picture (SVG), at 200x60 too, in the theme TUNEDECK_THEME.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.common import paths
from engine.config.presets import Layer, Resolved, resolve
from engine.messages import language
from tests.tui.agreed import check, compare, picture, still
from tests.tui.looking import screen_text
from tests.tui.machines import gpu, process, used_by, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import make_large
from tests.tui.wizard.making import WizardApp, make_rows
from tests.tui.wizard.old_adapters import make_run, make_whole_model
from tests.tui.wizard.steering import press, settle, write
from tui.draft import draft as drafts
from tui.draft.draft import Draft
from tui.terminal import Terminal

KEPT = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40))
WIDEST = (200, 60)
ASCII = Terminal(colours="16", unicode=False)
MACHINE = with_gpus(used_by(gpu(total_gib=24, name="NVIDIA RTX 4090"), process(2.4)))
SMALL = with_gpus(used_by(gpu(total_gib=16, name="NVIDIA RTX 4080"), process(2.4)))

Show = Callable[[str], Awaitable[None]]
"""Keeps what is on the screen under a name."""


@pytest.fixture(autouse=True)
def one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of day are everywhere the same."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


async def first_run(app: WizardApp, pilot: Pilot[None], rows: Path, show: Show) -> None:
    """A large model, a shared GPU, and no adapter."""
    await show("task")
    await press(app, pilot, "enter")
    await show("model")
    await press(app, pilot, "enter")
    await show("data-none")
    await write(pilot, str(rows))
    await press(app, pilot, "enter")
    await show("data")
    await press(app, pilot, "enter")
    await show("settings-preset")
    await press(app, pilot, "f2")
    await show("settings-common")
    await press(app, pilot, "f2")
    await show("settings-all")
    await press(app, pilot, "f4")
    await show("breakdown")
    await press(app, pilot, "escape", "ctrl+n")
    await show("review")
    await press(app, pilot, "escape")


async def building_on(app: WizardApp, pilot: Pilot[None], rows: Path, show: Show) -> None:
    """An adapter of an earlier run is there."""
    await press(app, pilot, "enter", "enter")
    await show("strategy")
    await press(app, pilot, "down", "enter")
    await show("strategy-chosen")


async def too_large(app: WizardApp, pilot: Pilot[None], rows: Path, show: Show) -> None:
    """Weights as stored do not fit."""
    while app.wizard.step_name != "settings":
        await press(app, pilot, "ctrl+n")
    await press(app, pilot, "f7")
    await show("make-fit")
    await press(app, pilot, "escape", "ctrl+n")
    await show("review-too-large")


async def mixing(app: WizardApp, pilot: Pilot[None], rows: Path, show: Show) -> None:
    """Two sources, of which one is replay."""
    while app.wizard.step_name != "data":
        await press(app, pilot, "ctrl+n")
    await press(app, pilot, "f8", "down")
    await show("mix-board")


async def again(app: WizardApp, pilot: Pilot[None], rows: Path, show: Show) -> None:
    """Answers of last time are there."""
    await show("welcome")


Walk = Callable[[WizardApp, Pilot[None], Path, Show], Awaitable[None]]
WALKS: dict[str, Walk] = {
    "first": first_run,
    "adapter": building_on,
    "large": too_large,
    "mixing": mixing,
    "again": again,
}


def prepared(walk: str, model: Path, rows: Path) -> Resolved | None:
    """What ``walk`` finds when the wizard opens."""
    if walk == "adapter":
        base = make_whole_model(paths.models_dir() / "tiny-chat")
        make_run(paths.runs_dir(), base, rows)
    else:
        make_large(model)
    if walk == "again":
        drafts.save(Draft({"model.name_or_path": str(model)}, task="instructions", preset="first-steps", step="data"))
    if walk not in ("large", "mixing"):
        return None
    train = {"gradient_checkpointing": False}
    data: list[dict[str, object]] = [{"path": str(rows)}]
    if walk == "mixing":
        data.append({"path": str(make_rows(rows.with_name("chat.jsonl"), 90)), "role": "replay", "share": 0.1})
    values = {
        "model": {"name_or_path": str(model), "quantization": "none"},
        "data": data,
        "train": train,
    }
    return resolve([Layer("file", values)])


async def keep(app: WizardApp, pilot: Pilot[None], shown: dict[str, list[str]], how: str, name: str) -> None:
    """Take what is on the screen down under ``name``."""
    await settle(app, pilot)
    await still(pilot)
    size = (app.size.width, app.size.height)
    picture(app, f"{name}.{how}.{size[0]}x{size[1]}")
    if size in SIZES:
        text = screen_text(app)
        check(app, text, size, how)
        shown.setdefault(name, []).append(text)


@pytest.mark.parametrize("how", ["en", "zh", "ascii"])
@pytest.mark.parametrize("walk", WALKS)
async def test_looks_as_agreed(walk: str, how: str, open_wizard: Opener, tmp_path: Path, home: Path) -> None:
    language.use("zh" if how == "zh" else "en")
    rows, model = make_rows(tmp_path / "orders.jsonl", 460), paths.models_dir() / "llama-8b"
    prefill = prepared(walk, model, rows)
    shown: dict[str, list[str]] = {}
    sizes = (*SIZES, *([WIDEST] if "TUNEDECK_PICTURES" in os.environ else []))
    for size in sizes if how == "en" else SIZES[:1]:
        options = {"free_bytes": lambda _: 120 * 10**9, **({"terminal": ASCII} if how == "ascii" else {})}
        machine = SMALL if walk == "large" else MACHINE
        kept = paths.draft_file().read_bytes() if paths.draft_file().exists() else None
        async with open_wizard(prefill, size=size, machine=machine, **options) as (app, pilot):
            if theme := os.environ.get("TUNEDECK_THEME"):
                app.theme = theme

            await WALKS[walk](app, pilot, rows, partial(keep, app, pilot, shown, how))
        paths.draft_file().unlink(missing_ok=True)
        if kept is not None:
            paths.draft_file().write_bytes(kept)
    for name, texts in shown.items():
        compare(KEPT / f"{name}.{how}.txt", f"\n{'=' * 20}\n".join(texts) + "\n")


def test_no_snapshot_is_left_of_a_state_that_is_gone() -> None:
    shown = re.findall(r'show\("([\w-]+)"\)', Path(__file__).read_text("utf-8"))
    wanted = {f"{name}.{how}.txt" for name in shown for how in ("en", "zh", "ascii")}
    assert {file.name for file in KEPT.iterdir()} == wanted
