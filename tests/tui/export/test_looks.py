"""The export screen looks as it was agreed on: both languages, two sizes, and ASCII.

After a change that is meant: ``TUNEDECK_SNAPSHOTS=write pytest tests/tui/export/test_looks.py``, and read the diff.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from engine.app import export
from engine.app.export import Plan, Subject
from engine.messages import language
from engine.messages.message import Message
from engine.runs import evaluations, exports
from engine.runs.directory import RunDir
from engine.runs.exports import Export
from tests.engine.cli.test_evaluate import evaluation
from tests.engine.export.planned import BASE, subject_of
from tests.tui import test_snapshots as agreed
from tests.tui.looking import screen_text, until
from tests.tui.test_snapshots import MakeWorld, one_clock
from tui import messages
from tui.app import TunedeckApp
from tui.export.screen import ExportScreen
from tui.widgets.beside import Advanced

__all__ = ["one_clock"]

KEPT = Path(__file__).parent / "snapshots"
ELSEWHERE = Path("/runs/orders/exports")


class Steady(Subject):
    """Exports to a folder that has the same name everywhere."""

    def plan(self, target: str, kinds: object = (), out: Path | None = None, base_id: str = "") -> Plan:
        return dataclasses.replace(super().plan(target, kinds, out, base_id), out=ELSEWHERE / target)  # type: ignore[arg-type]


def exported(run: RunDir, target: str, folder: Path, **more: object) -> None:
    made = Export(target=target, path=str(folder), adapter="", adapter_sha256="0", base=str(BASE), run=run.id, **more)  # type: ignore[arg-type]
    with (run.path / exports.LOG).open("ab") as log:
        log.write(msgspec.json.encode(made) + b"\n")


async def first(pilot: Pilot[None]) -> None:
    await pilot.pause()


async def refused(pilot: Pilot[None]) -> None:
    await pilot.press(*["down"] * 5)


async def running(pilot: Pilot[None]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, ExportScreen)
    screen.show_view("running")
    screen.post_message(Advanced("writing orders-q8_0.gguf", 0.25))


async def done(pilot: Pilot[None]) -> None:
    await pilot.press("tab", "enter")


async def gone(pilot: Pilot[None]) -> None:
    await pilot.press("tab", "down", "enter")


def planned(app: TunedeckApp) -> bool:
    return isinstance(app.screen, ExportScreen) and bool(app.screen._plans)


STATES: dict[str, Callable[[Pilot[None]], Awaitable[None]]] = {
    "targets": first, "refused": refused, "running": running, "done": done, "gone": gone,
}  # fmt: skip


@pytest.mark.parametrize("how", ["en", "zh", "ascii"])
@pytest.mark.parametrize("name", STATES)
async def test_the_export_screen_looks_as_it_was_agreed_on(
    name: str, how: str, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    language.use("zh" if how == "zh" else "en")
    root = Path("home/runs")
    made = agreed.with_adapter(root)
    run = RunDir(root / "20261130-094000-smollm2-135m-0000")
    made.path.rename(run.path)
    if name == "refused":
        config = run.adapter / "adapter_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"bias": "all"}))
    if name in ("done", "gone"):
        exported(run, "merged", ELSEWHERE / "merged", files={"model.safetensors": 269_000_000})
        folder = run.path / "exports" / "gguf"
        folder.mkdir(parents=True)
        (folder / "orders-q8_0.gguf").touch()
        exported(run, "gguf", folder, files={"orders-q8_0.gguf": 145_000_000}, kinds=["q8_0"])
        told = {"name": Message.literal("q8_0"), "theirs": "95%", "ours": "96%", "rows": 20}
        sentence = Message("proof.unclear", **told)
        found = evaluation("export-gguf")
        evaluations.keep(evaluations.folder(run, found.name), msgspec.structs.replace(found, sentence=sentence))
    subject = subject_of(run)
    monkeypatch.setattr(
        export, "subject", lambda name: Steady(subject.found, subject.adapter, subject.sha256, subject.config_sha256)
    )
    world = dataclasses.replace(make_world("16" if how == "ascii" else "truecolor", how != "ascii"), root=root)
    shown = []
    for size in agreed.SIZES if how == "en" else agreed.SIZES[:1]:
        app = TunedeckApp(world)
        async with app.run_test(size=size) as pilot:
            app.post_message(messages.ExportAsked(run))
            await until(pilot, functools.partial(planned, app))
            await STATES[name](pilot)
            await agreed.still(pilot)
            text = screen_text(app)
            agreed.check(app, text, size, how)
            agreed.picture(app, f"{name}.{how}.{size[0]}x{size[1]}")
            shown.append(text)
    agreed.compare(KEPT / f"{name}.{how}.txt", f"\n{'=' * 20}\n".join(shown) + "\n")
