"""Export the pictures of the README and the tour from the product itself: ``python docs/screenshots.py RUN...``.

RUN are finished runs of this machine (id, name, or ``last``); the first is the one that is shown. They are copied
into a home of their own, so that nothing else of this machine is in the pictures. Writes SVG files beside this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.app.demo import demo_config
from engine.common import paths
from engine.messages.catalogue import text
from engine.models.chat_request import of_run
from engine.runs.directory import RunDir, find
from tests.tui.looking import until, until_shows
from tui.app import TunedeckApp
from tui.draft.draft import Draft
from tui.draft.manner import Manner
from tui.messages import ChatAsked
from tui.screenshot import svg_of
from tui.terminal import Terminal
from tui.world import World

SIZE = (110, 34)
SLOW_S = 90.0
"""For what a process with the training libraries has to answer."""
HERE = Path(__file__).parent
FIRST_TOKEN = "<|im_start|>"
ORDER = "three green teas for Ada, please"


def made(home: Path, runs: Sequence[RunDir]) -> list[RunDir]:
    """Copies of ``runs`` in a new home, which models are shared with."""
    (home / "runs").mkdir(parents=True)
    (home / "models").symlink_to(paths.models_dir())
    for run in runs:
        shutil.copytree(run.path, home / "runs" / run.id)
    os.environ["TUNEDECK_HOME"] = str(home)
    return [RunDir(home / "runs" / run.id) for run in runs]


def world() -> World:
    return World(terminal=Terminal(colours="truecolor"))


async def home(run: RunDir) -> None:
    """The runs, and what is known of the chosen one."""
    app = TunedeckApp(world())
    async with app.run_test(size=SIZE) as pilot:
        await until_shows(pilot, str(run.read_run_json()["name"]))
        await pilot.pause(2.0)
        save(app, "home.svg")


async def wizard(run: RunDir) -> None:
    """The demo's data step with old rows of ``run`` beside its own, the mix board, the X-ray, the review."""
    draft = Draft.from_resolved(demo_config())
    draft.set_data([*draft.data_sources(), {"path": f"run:{run.id}", "role": "replay", "share": 0.1}])
    draft.task, draft.step = "instructions", "data"
    app = TunedeckApp(world(), route="wizard", prefill=draft)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(3.0)
        save(app, "wizard.svg")
        await pilot.press("f8")
        await pilot.pause(2.0)
        save(app, "mix.svg")
        await pilot.press("escape", "f6")
        await until_shows(pilot, FIRST_TOKEN, SLOW_S)
        save(app, "xray.svg")
    draft = Draft.from_resolved(demo_config())
    draft.task, draft.step = "instructions", "review"
    app = TunedeckApp(world(), route="wizard", prefill=draft)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(6.0)
        save(app, "review.svg")


async def monitor(run: RunDir) -> None:
    """The result of ``run``, its curves, and a word with it beside the base model."""
    app = TunedeckApp(world(), route="monitor", run=run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(3.0)
        save(app, "result.svg")
        await pilot.press("5")  # the curves and the log in the place of the result
        await pilot.pause(1.0)
        save(app, "monitor.svg")


async def chat(run: RunDir) -> None:
    app = TunedeckApp(world(), talk=ChatAsked(of_run(run), Manner()))
    async with app.run_test(size=SIZE) as pilot:
        await until_shows(pilot, text("chat.say-something"), SLOW_S)
        await pilot.press(*[{" ": "space", ",": "comma"}.get(letter, letter) for letter in ORDER], "enter")
        await until(pilot, lambda: not getattr(app.screen, "_asked", True), SLOW_S)
        save(app, "chat.svg")


def save(app: TunedeckApp, name: str) -> None:
    (HERE / name).write_text(svg_of(app), "utf-8")
    print(HERE / name)


def main() -> None:
    chosen = [find(name) for name in sys.argv[1:] or ["last"]]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        (short := Path(tempfile.gettempdir(), "tour")).symlink_to(folder)  # the path that is seen in a picture
        stack.callback(short.unlink)
        first, *_ = made(short / "tunedeck", chosen)
        for take in (home, wizard, monitor, chat):
            asyncio.run(take(first))


if __name__ == "__main__":
    main()
