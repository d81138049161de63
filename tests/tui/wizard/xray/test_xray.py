"""The X-ray on screen: a row's tokens, what is right and wrong with it, and the way from row to row by keyboard."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.screen import Screen

import tui.app
from engine.data.token_view.form import Part, Piece, Verdict, Xray, to_json
from engine.messages.message import Message
from tests.tui.looking import screen_text, until, until_shows
from tests.tui.wizard.making import keys_of
from tests.tui.wizard.steering import to_data, write
from tui.app import TunedeckApp
from tui.wizard.xray.screen import XrayScreen
from tui.world import World

GOOD = (
    Verdict("begin", True, Message("xray.begin-once", token="<s>")),
    Verdict("stop", True, Message("xray.stop-trained", token="</s>")),
    Verdict("turns", True, Message("xray.answer-whole")), Verdict("fate", True, Message("xray.is-trained")),
)  # fmt: skip
BAD = (*GOOD[:3], Verdict("fate", False, Message("xray.left-out-long")))


def ray(number: int, answer: str, bad: bool = False) -> Xray:
    pieces = (
        Piece((1,), "<s>", "context", True), Piece((7,), f"Question {number}?", "context"),
        Piece((6,), "\n", "context"), Piece((8, 9), answer, "trained"), Piece((2,), "</s>", "trained", True),
        Piece((2, 2), "</s>", "padding"),
    )  # fmt: skip
    part = Part(pieces, 6, 3, 8)
    return Xray("/data/a.jsonl", number, "a", "left-out" if bad else "trained", BAD if bad else GOOD, (part,))


RAYS = [ray(1, "好\x1b[31m"), ray(2, "Second."), ray(3, "Third. " * 200, bad=True), ray(5, "Fifth zebra.")]

CHILD = """
import json, sys
rays = json.load(open({rays!r}))
def say(kind, **values): print(json.dumps(dict(type=kind, **values)), flush=True)
open({pid!r}, "w").write(str(__import__("os").getpid()))
say("progress", done=0, total=None, message="loading the tokenizer")
count = dict(count=len(rays), counted=True, ended=None)
def show(asked, at):
    if 0 <= at < len(rays): say("row", id=asked["id"], at=at, ray=rays[at], **count)
    else: say("none", id=asked["id"], message="4 rows looked at", **count)
for line in sys.stdin:
    asked = json.loads(line)
    open({asked!r}, "a").write(line)
    if asked["ask"] == "row": show(asked, asked["at"])
    elif asked["ask"] == "source": show(asked, asked["number"])
    elif asked["ask"] == "place":
        found = [at for at, ray in enumerate(rays) if ray["row"] == asked["row"]]
        if found: show(asked, found[0])
        else: say("trouble", id=asked["id"], title="There is no such row", message="1 to 5", hint="Name one of these.")
    else:
        at = asked["at"]
        while 0 <= at < len(rays):
            text = "".join(piece["text"] for piece in rays[at]["parts"][0]["pieces"])
            is_bad = not all(verdict["passes"] for verdict in rays[at]["verdicts"])
            if asked.get("text", "") in text and (is_bad or not asked.get("bad")): break
            at += asked["step"]
        show(asked, at)
"""


@pytest.fixture
def child(tmp_path: Path) -> tuple[str, ...]:
    """Stands in for the process with the tokenizer, and notes what it was asked."""
    (tmp_path / "rays.json").write_text(json.dumps([to_json(each) for each in RAYS]))
    places = {name: str(tmp_path / name) for name in ("pid", "asked")}
    (tmp_path / "xray.py").write_text(CHILD.format(rays=str(tmp_path / "rays.json"), **places))
    return (sys.executable, "-S", str(tmp_path / "xray.py"))


def asked(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]


class XrayApp(TunedeckApp):
    CSS_PATH = Path(tui.app.__file__).with_name("base.tcss")

    def __init__(self, world: World, screen: XrayScreen) -> None:
        super().__init__(world)
        self._xray = screen

    def on_mount(self) -> None:
        super().on_mount()
        self.push_screen(self._xray)

    def _home_screen(self) -> Screen[Any]:
        return Screen()


Open = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture
def opened(make_world: Callable[..., World], child: tuple[str, ...]) -> Open:
    @asynccontextmanager
    async def open_xray(
        size: tuple[int, int] = (80, 24), at: tuple[str, int] | None = None, command: tuple[str, ...] = child,
        **terminal: Any,
    ) -> AsyncIterator[Pilot[None]]:  # fmt: skip
        app = XrayApp(make_world(**terminal), XrayScreen(command, "[run]\n", at))
        async with app.run_test(size=size) as pilot:
            if command is child:
                await until_shows(pilot, "tokens trained" if at is None or at[1] < 9 else "no such row")
            yield pilot

    return open_xray


async def press(pilot: Pilot[None], *names: str, shows: str) -> None:
    await pilot.press(*names)
    await until_shows(pilot, shows)


async def test_the_first_row_is_shown_with_its_marks(opened: Open) -> None:
    async with opened() as pilot:
        text = screen_text(pilot.app)
        assert "X-ray  a.jsonl, row 1" in text
        assert "1 of 4" in text
        assert "{<s>}Question 1?↵" in text
        assert "»好<0x1B>[31m{</s>}«[padding: 2 x </s>]" in text
        assert "trained on  3 of 6 tokens trained, 50%  ok: begin, stop, answers" in text
        assert "»trained«  context  {special}" in text


async def test_it_opens_at_the_row_that_is_asked_for(opened: Open, tmp_path: Path) -> None:
    async with opened(at=("/data/a.jsonl", 5)) as pilot:
        assert "Fifth zebra." in screen_text(pilot.app)
        assert asked(tmp_path) == [{"ask": "place", "id": 1, "file": "/data/a.jsonl", "row": 5}]


async def test_a_row_that_is_not_there_is_said_with_those_that_are(opened: Open) -> None:
    async with opened(at=("/data/a.jsonl", 9)) as pilot:
        assert "! There is no such row: 1 to 5. Name one of these." in screen_text(pilot.app)


async def test_one_goes_from_row_to_row(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "n", shows="Second.")
        await press(pilot, "right", shows="row 3")
        await press(pilot, "N", shows="row 2")
        await press(pilot, "N", shows="row 1")
        await press(pilot, "N", shows="This is the first row.")
        await press(pilot, "n", "n", "n", shows="row 5")
        await press(pilot, "n", shows="No further match")


async def test_bad_rows_are_found_and_what_is_wrong_stands_above(opened: Open) -> None:
    async with opened() as pilot:
        assert "!" not in screen_text(pilot.app)
        await press(pilot, "b", shows="row 3")
        assert "left out  6 tokens  ok: begin" in screen_text(pilot.app)
        assert "!  It is left out, because it is too long." in screen_text(pilot.app)
        await press(pilot, "b", shows="No further match")
        await press(pilot, "n", shows="row 5")
        await press(pilot, "B", shows="row 3")


async def test_text_is_searched_for_and_searched_on(opened: Open, tmp_path: Path) -> None:
    async with opened() as pilot:
        await press(pilot, "slash", shows="> Search for")
        await press(pilot, *"zebra", "enter", shows="Fifth zebra.")
        assert "Search for" not in screen_text(pilot.app)
        await press(pilot, "n", shows="No further match")
        assert asked(tmp_path)[-1] == {"ask": "seek", "id": 3, "at": 4, "step": 1, "text": "zebra"}


async def test_the_row_is_copied_as_the_model_reads_it(opened: Open) -> None:
    async with opened() as pilot:
        await until_shows(pilot, "Question 1?")
        assert isinstance(pilot.app.screen, XrayScreen)
        assert "Question 1?" in pilot.app.screen.copied()
        assert "│" not in pilot.app.screen.copied(), "signs of the screen are none of the row's"


async def test_one_goes_to_a_number_of_this_file_or_of_another(opened: Open, tmp_path: Path) -> None:
    async with opened() as pilot:
        await press(pilot, "g", shows="> Go to row")
        await press(pilot, "5", "enter", shows="row 5")
        await press(pilot, "g", "backspace", *keys_of("b.jsonl 2"), "enter", shows="row 2")
        assert asked(tmp_path)[-1] == {"ask": "place", "id": 3, "file": "b.jsonl", "row": 2}
        await press(pilot, "g", "x", "enter", shows="Type the row's number")
        await press(pilot, "g", "1", "comma", "5", "enter", shows="Type the row's number")


async def test_bounds_and_ids_of_tokens_are_shown_in_turn(opened: Open) -> None:
    async with opened() as pilot:
        assert "t Tokens" in screen_text(pilot.app)
        await press(pilot, "t", shows="{<s>}│Question 1?│↵")
        await press(pilot, "t", shows="{<s>}:1 Question 1?:7 ↵:6")
        await press(pilot, "t", shows="{<s>}Question 1?↵")


async def test_all_verdicts_stand_there_where_there_is_room_or_on_request(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "v", shows="ok Starts with <s>, which occurs once.")
        await pilot.press("v")
        await until(pilot, lambda: "ok Starts" not in screen_text(pilot.app))
    async with opened(size=(120, 40)) as pilot:
        await until_shows(pilot, "ok Starts with <s>, which occurs once.")


async def test_escape_closes_what_is_typed_first_and_then_ends_the_child(opened: Open, tmp_path: Path) -> None:
    async with opened() as pilot:
        await press(pilot, "slash", shows="> Search for")
        await pilot.press("escape")
        await until(pilot, lambda: "Search for" not in screen_text(pilot.app))
        pid = int((tmp_path / "pid").read_text())
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, XrayScreen))
        await until(pilot, lambda: not Path(f"/proc/{pid}").exists())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("terminal", [{}, {"colours": "16", "unicode": False}], ids=["rich", "plain"])
async def test_nothing_is_cut_off(opened: Open, size: tuple[int, int], terminal: dict[str, Any]) -> None:
    async with opened(size, **terminal) as pilot:
        await press(pilot, "b", shows="row 3")
        text = screen_text(pilot.app)
        assert "Esc Back" in text
        assert "? Help" in text
        assert all(cell_len(line) <= size[0] for line in text.splitlines())
        if terminal:
            assert text.isascii()
            assert "[+Third. Third." in text
        await pilot.press("end")
        await until(pilot, lambda: "padding: 2 x </s>" in " ".join(screen_text(pilot.app).split()))


async def test_a_model_that_is_not_here_is_said_with_what_to_do(opened: Open, tmp_path: Path) -> None:
    script = tmp_path / "says.py"
    said = json.dumps({"type": "unavailable", "message": "rows can be looked at once org/x is downloaded"})
    script.write_text(f"print({said!r}, flush=True)")
    async with opened(command=(sys.executable, "-S", str(script))) as pilot:
        await until_shows(pilot, "once org/x is downloaded")
        assert "Get the model" in screen_text(pilot.app)


async def test_a_child_that_dies_is_told_with_its_last_words(opened: Open, tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text("import sys; sys.exit('ImportError: no such thing')")
    async with opened(command=(sys.executable, "-S", str(script))) as pilot:
        await until_shows(pilot, "ImportError: no such thing")


async def test_the_data_step_opens_it_at_the_file_under_the_cursor(
    open_wizard: Any, model: Path, rows: Path, child: tuple[str, ...], tmp_path: Path
) -> None:
    other = tmp_path / "more.jsonl"
    other.write_text(rows.read_text())
    async with open_wizard(xray_command=child) as (app, pilot):
        await to_data(app, pilot)
        await pilot.press("f6")
        assert not isinstance(app.screen, XrayScreen), "there is no row yet"
        for path in (rows, other):
            await write(pilot, str(path))
            await pilot.press("enter")
        await until_shows(pilot, "more.jsonl")
        await press(pilot, "f6", shows="Second.")
        assert asked(tmp_path)[-1] == {"ask": "source", "id": 1, "number": 1}
        await pilot.press("escape")
        await until(pilot, lambda: app.wizard.step_name == "data" and app.screen is app.wizard)
