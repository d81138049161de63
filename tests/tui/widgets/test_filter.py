"""/ narrows every list to the lines that hold what is typed."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.containers import Vertical

from tests.tui.looking import said, screen_text, until, until_shows
from tui.theme import DARK
from tui.widgets.choosers import Pick, PickList

PICKS = (
    Pick("small", "small", heading=True), Pick("a", "smollm2-135m", "chat model", tail="0.3 GiB"),
    Pick("b", "qwen3-600m", "chat model"), Pick("large", "large", heading=True), Pick("c", "llama-8b", "base model"),
)  # fmt: skip


class Lists(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        with Vertical():
            yield PickList(PICKS, id="first")
            yield PickList([Pick("x", "another list")], id="second")

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        self.heard.append(event.pick.id)

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        self.heard.append(f"chosen {event.pick.id}")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            self.heard.append("escape")


def ids(app: App[Any]) -> list[str]:
    return [pick.id for pick in app.query_one("#first", PickList).shown]


async def test_words_leave_the_lines_that_hold_them_under_their_heading_and_esc_brings_all_back() -> None:
    app = Lists()
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("slash", *"MODEL ba")
        assert ids(app) == ["large", "c"]
        assert app.heard == ["c"], "what is under the cursor now is told"
        assert "another list" in screen_text(app)
        await pilot.press("enter", "enter")
        assert app.heard[-1] == "chosen c"
        await pilot.press("escape")
        await until(pilot, lambda: len(ids(app)) == 5)
        assert "escape" not in app.heard, "the first Esc ends the filter, and nothing else"
        await pilot.press("escape")
        assert app.heard[-1] == "escape"


async def test_what_finds_nothing_says_so_and_chooses_nothing() -> None:
    app = Lists()
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("slash", *"zzz")
        await until_shows(pilot, said("widgets.filter-nothing"))
        await pilot.press("enter", "enter")
        assert app.heard == []
        await pilot.press("escape")
        await until(pilot, lambda: len(ids(app)) == 5)


async def test_letters_in_one_piece_with_the_slash_are_the_filters() -> None:
    app = Lists()
    async with app.run_test(size=(60, 18)) as pilot:
        for key in ("slash", "q", "w", "e"):
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await until(pilot, lambda: ids(app) == ["small", "b"])


async def test_lines_that_come_meanwhile_are_narrowed_too() -> None:
    app = Lists()
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("slash", *"chat")
        listed = app.query_one("#first", PickList)
        listed.set_picks([*PICKS, Pick("d", "gemma", "chat model")])
        assert ids(app) == ["small", "a", "b", "large", "d"]
        assert [pick.id for pick in listed.picks] == ["small", "a", "b", "large", "c", "d"]


@pytest.mark.parametrize("key", ["down", "pagedown"])
async def test_the_arrows_move_in_the_list_while_words_are_typed(key: str) -> None:
    app = Lists()
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("slash", *"chat", key)
        assert app.query_one("#first", PickList).current == PICKS[2]
