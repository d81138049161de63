"""What lay over the place that was left comes back too: chat, comparison, evaluation. None of it begins any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from engine.app import chat as app_chat
from engine.app.compare.targets import of_run
from engine.common import paths
from engine.models.chat_request import BASE, ChatRequest
from engine.runs import evaluations
from tests.engine.cli.test_evaluate import answers, evaluation
from tests.tui import fake_runs
from tests.tui.chat.streaming import stand_in
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.test_compare import pair
from tests.tui.test_session import back
from tui import messages
from tui.app import TunedeckApp
from tui.chat import recall
from tui.chat.screen import ChatScreen
from tui.compare.screen import CompareScreen
from tui.draft.manner import Manner
from tui.evaluation.screen import EvaluateScreen
from tui.flow.dialogue import Answer, Dialogue, Exchange
from tui.judge.screen import JudgeScreen
from tui.session import Session
from tui.widgets.chart import Chart
from tui.widgets.form import FormField


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[ChatRequest]:
    """With what a model was loaded; a stand-in answers with how many turns it was given."""
    for name in ("command", "found_by", "room_for"):
        monkeypatch.setattr(app_chat, name, getattr(app_chat, name))
    stand_in(app_chat, json.dumps({"pieces": []}))
    begun: list[ChatRequest] = []
    command = app_chat.command
    monkeypatch.setattr(app_chat, "command", lambda request: begun.append(request) or command(request))
    return begun


async def test_a_dialogue_comes_back_and_its_model_is_loaded_by_enter_alone(
    make_world: MakeWorld, root: Path, children: list[ChatRequest]
) -> None:
    asked = ChatRequest(target="orders", beside=BASE)
    app = TunedeckApp(make_world(), talk=messages.ChatAsked(asked, Manner(system="Be brief.")), session=Session())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("f3", *"hello", "enter")
        await until(pilot, lambda: screen_text(app).count("2 turns: hello") == 2)
        await pilot.press(*"more", "ctrl+q")
        await until(pilot, lambda: app._exit)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.not-loaded"))
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        assert screen_text(app).count("2 turns: hello") == 2
        assert screen.query_one("#say", Input).value == "more"
        assert (screen.request, screen.manner.system) == (asked, "Be brief.")
        assert len(children) == 1
        await pilot.press("enter")
        await until(pilot, lambda: screen_text(app).count("4 turns: more") == 2)
        assert len(children) == 2


async def test_one_without_a_word_says_how_to_load_and_one_that_was_left_stays_closed(
    make_world: MakeWorld, root: Path, children: list[ChatRequest]
) -> None:
    app = TunedeckApp(make_world(), talk=messages.ChatAsked(ChatRequest(target="orders")), session=Session())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        app.exit()
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.to-load"))
        await pilot.press("enter")
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChatScreen))
        app.exit()
    assert Session().over == []


def test_a_broken_off_answer_is_told_and_the_oldest_of_a_long_dialogue_goes() -> None:
    dialogue = Dialogue([("tuned", "orders")], {"tuned"})
    dialogue.exchanges = [Exchange("x" * 150_000, {"tuned": Answer("y", whole=True)}) for _ in range(4)]
    dialogue.exchanges.append(Exchange("last", {"tuned": Answer("begun")}))
    kept = json.loads(json.dumps(recall.remembered(ChatRequest(target="orders"), Manner(), dialogue, "", "")))
    found = recall.found_in(kept)
    assert found is not None
    assert [each.prompt[:4] for each in found.dialogue.exchanges] == ["xxxx", "xxxx", "last"]
    assert found.dialogue.exchanges[-1].answers["tuned"].note == said("chat.broke-off")
    assert recall.found_in({"screen": "chat", "request": {"target": 3}}) is None


def test_a_server_with_a_password_in_its_address_is_not_kept() -> None:
    request = ChatRequest(target="", server="https://me:s3cret@host")
    assert recall.remembered(request, Manner(), Dialogue(), "", "") == {}


async def test_a_comparison_comes_back_with_curve_axis_scale_and_zoom(make_world: MakeWorld, root: Path) -> None:
    first, second = pair(root)
    app = TunedeckApp(make_world(), session=Session())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "second")
        app.post_message(messages.ComparisonAsked([of_run(first), of_run(second)]))
        await until_shows(pilot, "A first   B second")
        await pilot.press("i", "l", "plus", "plus", "left")
        view, log_y = app.screen.query_one(Chart).view, app.screen.query_one(Chart).log_y
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert view.start is not None
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "A first   B second")
        await until_shows(pilot, said("compare.over-tokens", curve=said("compare.loss")))
        chart = app.screen.query_one(Chart)
        assert (chart.view, chart.log_y) == (view, log_y)
        await pilot.press("c", "ctrl+q")
        await until(pilot, lambda: app._exit)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await until_shows(pilot, "B against A")
        assert not app.screen.query_one("#compare-curves").display


async def test_a_form_of_an_evaluation_comes_back_as_it_was_filled_in(make_world: MakeWorld, root: Path) -> None:
    run, other = fake_runs.finished_run(root, "one"), fake_runs.finished_run(root, "two")
    for each in (run, other):
        (each.path / "adapter").mkdir(exist_ok=True)
        (each.path / "adapter" / "adapter_config.json").write_text("{}")
        (each.path / "adapter" / "adapter_model.safetensors").write_bytes(b"")
    app = TunedeckApp(make_world(), "monitor", run, session=Session())
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(messages.EvaluateAsked(run))
        await until(pilot, lambda: isinstance(app.screen, EvaluateScreen) and len(app.screen._against) == 4)
        await pilot.press("right", "tab", *"new.jsonl", "tab", "right", "right", "right", "tab", *"50", "ctrl+q")
        await until(pilot, lambda: app._exit)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, EvaluateScreen) and len(app.screen._against) == 4)
        fields = {field.name: field for field in app.screen.query(FormField)}
        assert (fields["rows"].picked, fields["file"].text, fields["count"].text) == (1, "new.jsonl", "50")
        assert app.screen._against[fields["against"].picked][1] == (BASE, other.id)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: app.current_mode == "monitor" and not isinstance(app.screen, EvaluateScreen))


async def test_its_result_and_the_judging_over_it_come_back_too(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    answers(run, "mine")
    evaluations.keep(evaluations.folder(run, "mine"), evaluation("mine"))
    session = Session()
    look: dict[str, Any] = {"run": str(run.path)}
    session.over = [look | {"screen": "evaluate", "shown": "mine"}, look | {"screen": "judge", "name": "mine"}]
    session.save()
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, JudgeScreen))
        await pilot.press("escape")
        await until_shows(pilot, "Better than the base model.")


@pytest.mark.parametrize("over", [
    3, [7], [{}], [{"screen": "evaluate", "run": "/no/such"}], [{"screen": "chat"}], [{"screen": "nothing"}],
    [{"screen": "compare", "sides": ["gone", "gone-too"]}], [{"screen": "compare", "sides": {"a": 1}}],
    [{"screen": ["chat"], "run": "a\0b"}],
])  # fmt: skip
async def test_what_is_gone_or_broken_is_passed_over(over: Any, make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "apples", 4)
    (paths.home() / "session.json").write_text(json.dumps({"version": 1, "place": "home", "over": over}))
    app = back(make_world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "apples")
        await until(pilot, lambda: not any(each.name == "_reopen" for each in app.workers))
        assert len(app.screen_stack) == 1
        assert not app._notifications
