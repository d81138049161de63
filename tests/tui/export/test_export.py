"""The export screen: what each target takes or why it can't be, how it goes, and what stands at its end."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.app import evaluate, export
from engine.app.export import Plan
from engine.common.errors import ModelError, TunedeckError
from engine.runs import evaluations, exports, failures
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import ProofRequest
from engine.runs.evaluations import Evaluation
from engine.runs.exports import Export
from tests.engine.cli.test_evaluate import evaluation, made_run
from tests.engine.export.planned import subject_of
from tests.tui.looking import opened, said, screen_text, until, until_shows
from tui import messages
from tui.app import TunedeckApp
from tui.export.screen import ExportScreen
from tui.world import World

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run with an adapter, on a base that is only pretended to be there."""
    made = made_run(tmp_path, "orders")
    monkeypatch.setattr(export, "subject", lambda name: subject_of(made))
    return made


def app_of(run: RunDir) -> TunedeckApp:
    return TunedeckApp(World(root=run.path.parent))


def stand_in(
    monkeypatch: pytest.MonkeyPatch, hold: threading.Event | None = None, proof_fails: TunedeckError | None = None,
) -> list[Plan]:  # fmt: skip
    """Exports and proofs without their child processes; what was planned."""
    asked: list[Plan] = []

    def carry_out(plan: Plan, on_progress: Any, on_silence: Any) -> Export:
        asked.append(plan)
        while hold is not None and not hold.wait(0.02):
            on_silence()
        plan.out.mkdir(parents=True, exist_ok=True)
        names = [f"orders-{kind}.gguf" for kind in plan.kinds] or ["adapter_config.json"]
        for name in names:
            (plan.out / name).write_bytes(b"GGUF")
        made = Export(
            target=plan.target, path=str(plan.out), adapter=str(plan.adapter.path), adapter_sha256=plan.adapter_sha256,
            base=str(plan.base.path), run=plan.run.id if plan.run else "", kinds=list(plan.kinds),
            files=dict.fromkeys(names, 4),
        )  # fmt: skip
        exports.keep(plan.run, made)
        return made

    def prove(request: ProofRequest, on_progress: Any, on_note: Any = None, on_silence: Any = None) -> Evaluation:
        if proof_fails is not None:
            raise proof_fails
        found = evaluation(request.name)
        evaluations.keep(evaluations.folder(RunDir(Path(request.run)), request.name), found)
        return found

    monkeypatch.setattr(export, "export", carry_out)
    monkeypatch.setattr(evaluate, "run_request", prove)
    return asked


async def test_a_finished_run_is_in_llama_cpp_after_two_keys(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch)
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("u")
        await until_shows(pilot, "llama.cpp, LM Studio")
        await pilot.press("enter")
        await until_shows(pilot, "Better than the base model.")
        assert (asked[0].target, asked[0].kinds) == ("gguf", ("q8_0",))
        shown = screen_text(app)
        assert "llama-server -m" in shown
        assert "orders-q8_0.gguf" in shown
        assert "85% to 95%" in shown
        await pilot.press("escape")
        await until_shows(pilot, "Exported so far")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ExportScreen))


async def test_left_and_right_choose_the_type(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch)
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (_, pilot):
        await pilot.press("right", "right", "right")
        await until_shows(pilot, "gguf q4_k_m")
        await until_shows(pilot, "about 4.9 bits")
        await pilot.press("enter")
        await until(pilot, lambda: asked)
        assert asked[0].kinds == ("q4_k_m",)


async def test_what_cannot_be_exported_says_why_and_is_not_started(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stand_in(monkeypatch)
    path = run.adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bias": "lora_only"}))
    async with opened(app_of(run), messages.ExportAsked(run), "GGUF can't hold this adapter") as (app, pilot):
        await pilot.press("down", "down", "down", "down", "enter")
        await until_shows(pilot, "trained biases")
        assert 'Export it as "gguf" instead' in " ".join(screen_text(app).split())
        assert asked == []


async def test_a_run_whose_base_is_gone_says_so_once(home: Path, tmp_path: Path) -> None:
    run = made_run(tmp_path, "orders")
    app = app_of(run)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(messages.ExportAsked(run))
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await until_shows(pilot, "The base model can't be used")
        assert screen_text(app).count("The base model can't be used") == 1
        await pilot.press("enter", "right", "escape")
        await until(pilot, lambda: not isinstance(app.screen, ExportScreen))


async def test_escape_asks_and_stops(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, threading.Event())
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (app, pilot):
        await pilot.press("enter")
        await until_shows(pilot, "Esc stops it")
        assert "Esc Stop" in screen_text(app), "the bar says what the key does now"
        await pilot.press("escape")
        await until_shows(pilot, "Stop the export?")
        await pilot.press("escape")
        await until_shows(pilot, "Esc stops it")
        await pilot.press("escape")
        await until_shows(pilot, "Stop the export?")
        await pilot.press("y")
        await until(pilot, lambda: any("Nothing half-made" in each.message for each in app._notifications))
        assert "llama.cpp, LM Studio" in screen_text(app)


async def test_an_export_that_takes_long_to_end_is_left_at_once(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(export, "export", lambda *_: ended.wait(60))
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (app, pilot):
        try:
            await pilot.press("enter", "escape")
            await until_shows(pilot, "Stop the export?")
            await pilot.press("y")
            await until_shows(pilot, "stopping")
            assert "Esc stops it" not in screen_text(app)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, ExportScreen))
        finally:
            ended.set()


async def test_a_proof_that_fails_leaves_the_files_and_says_so(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, proof_fails=ModelError("gguf.not-loaded", model="orders-q8_0.gguf", code=1))
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (app, pilot):
        await pilot.press("enter")
        await until_shows(pilot, "Exported, but not proved.")
        assert "llama.cpp can't load the file" in screen_text(app)


async def test_exports_whose_files_are_gone_are_marked(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (app, pilot):
        await pilot.press("enter")
        await until_shows(pilot, "llama-server")
        (run.path / "exports" / "gguf" / "orders-q8_0.gguf").unlink()
        await pilot.press("escape", "escape", "u")
        await until_shows(pilot, "gone")
        await until(pilot, lambda: app.screen.query_one("#former").display)
        await pilot.press("tab", "enter")
        await until_shows(pilot, "Its files are gone")
        assert "llama-server" not in screen_text(app)


async def test_an_exported_adapter_is_pushed_once_the_person_has_said_where(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.app import hub_push

    asked = stand_in(monkeypatch)
    sent: list[hub_push.Push] = []
    refusal: list[TunedeckError] = []

    def push(planned: hub_push.Push, _: object) -> str:
        sent.append(planned)
        if refusal:
            raise refusal[0]
        return planned.repo

    monkeypatch.setattr(hub_push, "_sent", push)
    async with opened(app_of(run), messages.ExportAsked(run), "llama.cpp, LM Studio") as (app, pilot):
        await pilot.press("P")
        assert isinstance(app.screen, ExportScreen), "there is nothing to push yet"
        await pilot.press("down", "down", "down", "enter")
        await until_shows(pilot, "These are the very files")
        (asked[-1].out / "adapter_config.json").write_text('{"base_model_name_or_path": "tiny-chat"}')
        await pilot.press("P")
        await until_shows(pilot, "Share on the hub")
        shown = " ".join(screen_text(app).replace("│", " ").split())
        assert "Sends 1 file, 40 B: adapter_config.json (40 B)" in shown
        assert "calls the base model tiny-chat, which is not a hub id" in shown
        await pilot.press(*"orders", "enter")
        await until_shows(pilot, "not a repository name")
        await pilot.press("home", *"anna/", "enter")
        await until(pilot, lambda: any("pushed to anna/orders" in each.message for each in app._notifications))
        assert [(planned.repo, planned.private) for planned in sent] == [("anna/orders", True)]
        refusal.append(ModelError("hub.taken", repo="anna/orders"))
        await pilot.press("P")
        await until_shows(pilot, "Share on the hub")
        await pilot.press(*"anna/orders", "enter")
        await until(pilot, lambda: any("name is taken" in each.message for each in app._notifications))
        await until_shows(pilot, "Choose another name")
        assert [each.work for each in failures.all_of(run)] == ["push"]
        refusal.clear()
        await pilot.press("P")
        await until_shows(pilot, "Share on the hub")
        await pilot.press(*"anna/other", "enter")
        await until(pilot, lambda: not failures.all_of(run))
        await until(pilot, lambda: said("hub.last-failed") not in screen_text(app))
        many = {f"model-{number}.safetensors": 40 for number in range(40)}
        monkeypatch.setattr("tui.export.push.files_of", lambda made: many)
        await pilot.press("P")
        await until_shows(pilot, "Share on the hub")
        await pilot.press(*"orders", "tab", "tab", "enter")  # from the button, far below
        await until_shows(pilot, "not a repository name")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        assert len(sent) == 3


async def test_a_push_that_failed_is_told_until_a_person_has_read_it(run: RunDir) -> None:
    failures.keep(run, "push", "adapter", ModelError("hub.taken", repo="anna/orders").reason)
    async with opened(app_of(run), messages.ExportAsked(run), said("hub.last-failed")) as (app, pilot):
        assert f"Del {said('hub.key-dismiss')}" in screen_text(app)
        await pilot.press("delete")
        await until(pilot, lambda: said("hub.last-failed") not in screen_text(app))
        assert not failures.all_of(run)
        assert said("hub.key-dismiss") not in screen_text(app)
