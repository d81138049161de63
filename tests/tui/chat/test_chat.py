"""The chat's screen over a stand-in for its process: what is typed, what comes, what is kept, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.app import chat as app_chat
from engine.common.errors import ModelError
from engine.messages import language
from engine.models.chat_request import BASE, ChatRequest, Turn
from tests.tui.agreed import check, picture, still
from tests.tui.chat.streaming import CHILD, stand_in
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.pty_session import PtySession
from tests.tui.test_snapshots import SIZES
from tui import messages
from tui.app import TunedeckApp
from tui.chat.screen import ChatScreen
from tui.chat.transcript import Transcript
from tui.draft.asked import AskedChild
from tui.flow.dialogue import Answer, Dialogue, Exchange

KEPT = Path(__file__).parent / "snapshots"
TEXT = "The sea is a vast and mysterious realm, teeming with life and full of wonders. 海很大，里面有很多鱼。"
"""Its first 70 characters are ASCII."""
PROGRESS = {"type": "progress", "done": 0, "total": None, "message": {"code": "jobs.loading-model", "args": {}}}


@pytest.fixture
def talk(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TunedeckApp]:
    def make(colours: str = "truecolor", unicode: bool = True, **settings: Any) -> TunedeckApp:
        for name in ("command", "found_by", "room_for"):
            monkeypatch.setattr(app_chat, name, getattr(app_chat, name))
        stand_in(app_chat, json.dumps(settings))
        asked = messages.ChatAsked(ChatRequest(target="orders"))
        return TunedeckApp(make_world(colours, unicode), talk=asked)

    return make


async def say(pilot: Pilot[None], words: str) -> None:
    await pilot.press(*[{" ": "space"}.get(letter, letter) for letter in words], "enter")


def of(pilot: Pilot[None]) -> ChatScreen:
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    return screen


async def test_an_answer_comes_and_the_next_one_knows_of_it(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(pieces=[]).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hello")
        await until_shows(pilot, "1 turns: hello")
        await until_shows(pilot, "7 tokens")
        await say(pilot, "more")
        await until_shows(pilot, "3 turns: more")
        assert of(pilot).query_one("#say", Input).value == ""


async def test_what_is_typed_before_the_model_is_there_is_answered_then(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(pieces=[]).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await say(pilot, "early")
        await until_shows(pilot, "1 turns: early")


async def test_what_waits_for_the_model_says_how_long_and_nothing_is_said_of_a_template_yet(
    talk: Callable[..., TunedeckApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = talk()
    idle = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    monkeypatch.setattr(app_chat, "command", lambda request: idle)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))
        await say(pilot, "early")
        await until_shows(pilot, said("draft.since", what=said("chat.loading"), since=2))
        assert "early" in screen_text(app)
        await pilot.press("f2")
        await until_shows(pilot, said("chat.manner-title"))
        assert said("chat.no-template-about").split(".")[0] not in screen_text(app)


async def test_the_base_answers_beside_it_when_asked(talk: Callable[..., TunedeckApp]) -> None:
    async with talk().run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("f3")
        await say(pilot, "hi")
        await until(pilot, lambda: screen_text(pilot.app).count("One two three.") == 2)
        row = next(line for line in screen_text(pilot.app).splitlines() if "One two three." in line)
        assert row.index("│") > row.index("One two three.")
        await pilot.press("f3")
        await say(pilot, "again")
        await until(pilot, lambda: not of(pilot)._asked)
        assert list(of(pilot).dialogue.exchanges[-1].answers) == ["tuned"]


async def test_escape_stops_the_answer_first_and_leaves_then(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(pieces=["word "] * 500, pause=0.02).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("f3")
        await say(pilot, "go")
        await until_shows(pilot, "word word")
        await pilot.press("escape")
        await until_shows(pilot, "Stopped by you")
        await until(pilot, lambda: not of(pilot)._asked)
        child = of(pilot)._child
        assert child is not None
        process = child._process
        assert process is not None
        await pilot.press("escape")
        await until_shows(pilot, said("chat.leave-title"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert of(pilot).dialogue.exchanges, "an Esc that came too late for an answer loses none"
        await pilot.press("escape", "y")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ChatScreen))
        await until(pilot, lambda: process.returncode is not None)


async def test_a_chat_in_which_nothing_was_said_is_left_at_once(talk: Callable[..., TunedeckApp]) -> None:
    async with talk().run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ChatScreen))


async def test_the_last_message_is_edited_and_sent_again_or_answered_again(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(pieces=[]).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "one")
        await until_shows(pilot, "1 turns: one")
        await say(pilot, "twu")
        await until_shows(pilot, "3 turns: twu")
        await pilot.press("f5")
        await until(pilot, lambda: not of(pilot)._asked)
        assert "3 turns: twu" in screen_text(pilot.app)
        await pilot.press("f4")
        await until(pilot, lambda: of(pilot).query_one("#say", Input).value == "twu")
        await pilot.press("backspace")
        await say(pilot, "o")
        await until_shows(pilot, "3 turns: two")
        assert "twu" not in screen_text(pilot.app)
        await pilot.press("f8")
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "new")
        await until_shows(pilot, "1 turns: new")


async def test_a_model_without_a_template_continues_text(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(template=False, pieces=[]).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "no chat template")
        await say(pilot, "Once")
        await until_shows(pilot, "1 turns: Once")
        await say(pilot, "Twice")
        await until_shows(pilot, "1 turns: Twice")
        assert said("chat.manner-plain") in screen_text(pilot.app)


async def test_settings_are_checked_and_sent_along(
    talk: Callable[..., TunedeckApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    real = app_chat.line_of
    monkeypatch.setattr(app_chat, "line_of", lambda asked: sent.append(json.loads(real(asked))) or real(asked))
    async with talk().run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await pilot.press("f2")
        await until_shows(pilot, said("chat.manner-title"))
        await pilot.press(*"Brief", "tab", "backspace", "x", "ctrl+n")
        await until_shows(pilot, "Give a number from 0 to 5.")
        await pilot.press("backspace", *"0.7", *["tab"] * 3, *r"\nUser:, <|end|>", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await say(pilot, "hi")
        await until(pilot, lambda: sent)
        assert sent[0]["temperature"] == 0.7
        assert sent[0]["turns"][0] == {"role": "system", "content": "Brief"}
        assert sent[0]["stop"] == ["\nUser:", "<|end|>"]
        assert "temperature 0.7" in screen_text(pilot.app)
        assert said("chat.manner-stop", stop=r"\nUser:, <|end|>") in screen_text(pilot.app)
        await until(pilot, lambda: not of(pilot)._asked)
        await pilot.press("f2")  # what was set stands there again
        await until_shows(pilot, r"\nUser:, <|end|>")
        await pilot.press(*["tab"] * 4, "backspace", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await say(pilot, "on")
        await until(pilot, lambda: len(sent) == 2)
        assert sent[1]["stop"] == ["\nUser:", "<|end|"]


async def test_a_turn_is_corrected_and_written_as_a_row(talk: Callable[..., TunedeckApp], tmp_path: Path) -> None:
    async with talk().run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hi")
        await until_shows(pilot, "One two three.")
        await until(pilot, lambda: not of(pilot)._asked)
        of(pilot)._kept_in = str(tmp_path / "rows.csv")
        await pilot.press("f7")
        await until_shows(pilot, said("chat.keep-title"))
        assert not (tmp_path / "rows.jsonl").exists()
        await pilot.press("tab", "enter")
        await until_shows(pilot, "JSONL")
        await pilot.press(*["backspace"] * 3, *"jsonl", "tab", "end", "!", "tab", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        row = json.loads((tmp_path / "rows.jsonl").read_text())
        assert row["messages"][-1]["content"] == "One two three.!"


async def test_copying_asks_the_terminal_and_says_so(
    talk: Callable[..., TunedeckApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    async with talk().run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hi")
        await until_shows(pilot, "One two three.")
        await until(pilot, lambda: not of(pilot)._asked)
        monkeypatch.setattr(pilot.app, "send_to_terminal", written.append)
        await pilot.press("f6")
        await until(pilot, lambda: any("clipboard" in each.message for each in pilot.app._notifications))
    copied = next(each for each in written if each.startswith("\x1b]52;c;"))
    assert base64.b64decode(copied[7:-1]).decode() == "One two three."


async def test_escapes_of_a_model_steer_no_terminal(talk: Callable[..., TunedeckApp]) -> None:
    async with talk(pieces=["a\x1b[2Jb", "\x1b]52;c;AA", "AA\x07c [bold]d[/]"]).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hi")
        await until(pilot, lambda: of(pilot).dialogue.last and not of(pilot)._asked)
        assert "[bold]d[/]" in screen_text(pilot.app)
        assert "\x1b" not in screen_text(pilot.app)


@pytest.mark.parametrize(
    ("settings", "shown"),
    [({"ended": "limit"}, "did not end"), ({"ended": "positions"}, "read no further"), ({"dropped": 4}, "4 turns"),
     ({"trouble": "chat.out-of-memory"}, "Memory ran out"), ({"pieces": [" "]}, "(empty answer)")],
)  # fmt: skip
async def test_what_is_to_be_known_of_an_answer_stands_below_it(
    talk: Callable[..., TunedeckApp], settings: dict[str, Any], shown: str
) -> None:
    async with talk(**settings).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hi")
        await until_shows(pilot, shown)
        await until(pilot, lambda: not of(pilot)._asked)
        await say(pilot, "on")  # the next one is asked all the same
        await until(pilot, lambda: len(of(pilot).dialogue.exchanges) == 2)


@pytest.mark.parametrize(("signal", "shown"), [(9, "ran out of RAM"), (15, "ended by itself")])
async def test_a_process_that_is_gone_leaves_what_it_said(
    talk: Callable[..., TunedeckApp], signal: int, shown: str
) -> None:
    async with talk(die=2, signal=signal).run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("chat.say-something"))
        await say(pilot, "hi")
        await until(pilot, lambda: any(shown in each.message for each in pilot.app._notifications))
        assert "One two" in screen_text(pilot.app)
        assert said("chat.broke-off") in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ChatScreen))


async def test_what_can_not_be_loaded_is_said(
    talk: Callable[..., TunedeckApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talk(error="use.not-found").run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "No run, adapter or model")
        await say(pilot, "hi")
    app = talk()

    def refuse(request: ChatRequest) -> None:
        raise ModelError("models.not-here", name="x/y")

    monkeypatch.setattr(app_chat, "found_by", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "has not been fetched")
        assert of(pilot)._child is None


def test_each_voice_is_told_its_own_answers() -> None:
    dialogue = Dialogue([("tuned", "a"), (BASE, "b")], system="S")
    dialogue.exchanges = [
        Exchange("1", {"tuned": Answer("t1"), BASE: Answer("b1")}), Exchange("2", {"tuned": Answer("t2")}),
        Exchange("text", {"tuned": Answer("t3")}, plain=True), Exchange("4"),
    ]  # fmt: skip
    assert [turn.content for turn in dialogue.turns("tuned")] == ["S", "1", "t1", "2", "t2", "4"]
    assert [turn.content for turn in dialogue.turns(BASE)] == ["S", "1", "b1", "4"]
    assert dialogue.turns("tuned", 2) == [Turn("user", "text")]
    assert dialogue.row("tuned", "x")[-1] == Turn("assistant", "x")


@pytest.mark.e2e
@pytest.mark.parametrize("beside", [False, True])
def test_an_answer_that_streams_stays_under_3_kb_a_second(home: Path, beside: bool) -> None:
    voices = [{"voice": "tuned", "name": "orders", "asked": True}, {"voice": BASE, "name": "tiny", "asked": beside}]
    settings = {"pieces": ["Words ", "come ", "quickly. "] * 600, "pause": 0.01, "voices": voices}
    command = (sys.executable, "-m", "tests.tui.chat.streaming", json.dumps(settings))
    with PtySession(env={"TUNEDECK_HOME": str(home)}, command=command) as session:
        session.wait_for(said("chat.say-something"))
        session.send("hi\r")
        session.wait_for("come quickly")
        sent = session.bytes_while_quiet(8, settle=1)
    assert 0 < sent < 8 * 3000, f"{sent / 8:.0f} bytes a second"


STATES: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "said": ({"pieces": [TEXT]}, (*"hi", "enter"), "7 "),
    "beside": ({"pieces": [TEXT, f" {TEXT}"], "ended": "limit"}, ("f3", *"hi", "enter"), "14 "),
    "plain": ({"template": False}, (), "tiny"),
    "settings": ({}, ("f2",), "Top-p"),
    "keep": ({}, (*"hi", "enter", "f7"), "hi"),
    "error": ({"error": "use.not-found"}, (), "x"),
    "help": ({}, ("f1",), "F6"),
}


@pytest.mark.parametrize("how", ["en", "zh", "ascii"])
@pytest.mark.parametrize("name", STATES)
async def test_the_chat_looks_as_it_was_agreed_on(
    name: str, how: str, talk: Callable[..., TunedeckApp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.tui.agreed import compare

    monkeypatch.chdir(tmp_path)
    language.use("zh" if how == "zh" else "en")
    settings, pressed, shown = STATES[name]
    if how == "ascii":
        settings = settings | {"pieces": [piece.strip()[:70] for piece in settings.get("pieces", ["One two."])]}
    texts = []
    for size in SIZES if how == "en" else SIZES[:1]:
        app = talk("16" if how == "ascii" else "truecolor", how != "ascii", **settings)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
            await until(pilot, lambda screen=of(pilot): screen._ready or screen._error)
            screen = of(pilot)
            screen._kept_in = "rows.jsonl"
            for key in pressed:
                await pilot.press(key)
                await until(pilot, lambda screen=screen: not screen._asked)
            await until_shows(pilot, shown)
            await still(pilot)
            text = screen_text(app)
            check(app, text, size, how)
            picture(app, f"chat-{name}.{how}.{size[0]}x{size[1]}")
            texts.append(text)
    compare(KEPT / f"chat-{name}.{how}.txt", f"\n{'=' * 20}\n".join(texts) + "\n")


def test_no_snapshot_is_left_of_a_state_that_is_gone() -> None:
    kept = {file.name for file in KEPT.iterdir()}
    assert kept == {f"chat-{name}.{how}.txt" for name in STATES for how in ("en", "zh", "ascii")}
    assert CHILD.is_file()
    assert Transcript.can_focus


async def test_what_comes_while_the_chat_is_being_left_finds_nobody(
    talk: Callable[..., TunedeckApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[ChatScreen] = []
    came: list[bool] = []

    async def answers(child: AskedChild) -> AsyncGenerator[dict[str, Any], None]:
        while not opened or opened[0].query("#talk"):
            await asyncio.sleep(0)
        came.append(True)
        yield PROGRESS

    monkeypatch.setattr(AskedChild, "answers", answers)
    app = talk()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ChatScreen) and app.screen._listening)
        opened.append(of(pilot))
        opened[0].dismiss()
        await until(pilot, lambda: came and not opened[0].is_attached)
        assert app._exception is None
