"""Export the README's pictures from the product itself: ``python docs/screenshots.py RUN``.

RUN is a run of this machine (its id, its name, or ``last``). Writes wizard.svg, mix.svg, xray.svg and monitor.svg
beside this file.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from engine.app.demo import demo_config
from engine.runs.directory import RunDir, find
from tui.app import TunedeckApp
from tui.draft.draft import Draft
from tui.screenshot import svg_of
from tui.world import World

SIZE = (100, 30)
TOKENIZER_S = 40.0
"""The X-ray's process loads the training libraries first."""
HERE = Path(__file__).parent


async def wizard(run: RunDir) -> None:
    """The demo's data step with old rows of ``run`` beside its own; the mix board and the X-ray over it."""
    draft = Draft.from_resolved(demo_config())
    draft.set_data([*draft.data_sources(), {"path": f"run:{run.id}", "role": "replay", "share": 0.1}])
    draft.task, draft.step = "instructions", "data"
    app = TunedeckApp(World(), route="wizard", prefill=draft)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(2.0)
        save(app, "wizard.svg")
        await pilot.press("f8")
        await pilot.pause(1.0)
        save(app, "mix.svg")
        await pilot.press("escape", "f6")
        await pilot.pause(TOKENIZER_S)
        save(app, "xray.svg")


async def monitor(run: RunDir) -> None:
    """The curves of ``run``."""
    app = TunedeckApp(World(), route="monitor", run=run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(2.0)
        await pilot.press("c", "c")  # a finished run opens on its result; the curves are two views on
        await pilot.pause(1.0)
        save(app, "monitor.svg")


def save(app: TunedeckApp, name: str) -> None:
    """Write the screen as SVG that loads nothing from elsewhere."""
    (HERE / name).write_text(svg_of(app), "utf-8")


if __name__ == "__main__":
    chosen = find(sys.argv[1])
    asyncio.run(monitor(chosen))
    asyncio.run(wizard(chosen))
