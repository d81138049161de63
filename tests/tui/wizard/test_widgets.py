"""The form's widgets: focus is shown in their text, keys do what people expect, nothing is taken for markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tests.tui.wizard.making import text_of
from tui.theme import DARK
from tui.widgets.choosers import Card, Cards, Pick, PickList
from tui.widgets.form import Choice, FormButton, FormField
from tui.widgets.line import wrap
from tui.wizard.paths import complete

PICKS = [
    Pick("a", "first", "one"),
    Pick("b", "[b]second[/b]", "two\x1b[31m", tail="end"),
    Pick("c", "third", "no", False),
]


class Holder(App[None]):
    """An app that shows only the widgets given."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.widgets = widgets
        self.seen: list[Message] = []

    async def on_mount(self) -> None:
        await self.screen.mount(*self.widgets)
        self.widgets[0].focus()


@asynccontextmanager
async def showing(*widgets: Widget, width: int = 60) -> AsyncIterator[tuple[Holder, Pilot[None]]]:
    app = Holder(*widgets)
    async with app.run_test(size=(width, 12), message_hook=app.seen.append) as pilot:
        await pilot.pause()
        yield app, pilot


def chosen(app: Holder, kind: type[Message]) -> list[Message]:
    """Each message of ``kind`` once, however many widgets it passed."""
    return list({id(message): message for message in app.seen if type(message) is kind}.values())


async def test_a_list_marks_its_cursor_with_a_sign_and_shows_texts_as_they_are() -> None:
    async with showing(PickList(PICKS, chosen="a")) as (app, pilot):
        await pilot.press("down")
        await pilot.pause()
        lines = text_of(app).splitlines()
        assert lines[0].startswith("* first")
        assert lines[1].startswith("> [b]second[/b]")
        assert lines[1].rstrip().endswith("end")
        assert "\x1b" not in text_of(app)


async def test_a_refused_line_can_be_read_but_not_chosen() -> None:
    async with showing(PickList(PICKS)) as (app, pilot):
        await pilot.press("end", "enter")
        await pilot.pause()
        assert chosen(app, PickList.Chosen) == []
        await pilot.press("home", "enter")
        await pilot.pause()
        (message,) = chosen(app, PickList.Chosen)
        assert isinstance(message, PickList.Chosen)
        assert message.pick.id == "a"


async def test_a_long_list_follows_its_cursor() -> None:
    async with showing(PickList([Pick(str(n), f"line {n}") for n in range(50)])) as (app, pilot):
        await pilot.press("end")
        await pilot.pause()
        assert "> line 49" in text_of(app)
        assert len(text_of(app).split("line")) == 9


@pytest.mark.parametrize(("width", "shown"), [(60, "[nf4]"), (18, "< nf4 >  2 of 4")])
async def test_a_choice_shows_all_options_or_how_many_there_are(width: int, shown: str) -> None:
    async with showing(Choice(["none", "nf4", "int8", "auto"], "nf4"), width=width) as (app, _):
        assert shown in text_of(app)


async def test_a_choice_is_stepped_through_and_stops_at_its_ends() -> None:
    choice = Choice(["a", "b"], "a")
    async with showing(choice) as (app, pilot):
        await pilot.press("left", "right", "right")
        await pilot.pause()
        assert choice.value == "b"
        assert len(chosen(app, Choice.Changed)) == 1
        await pilot.press("space")
        assert choice.value == "a"


async def test_a_button_says_in_its_text_that_it_has_the_focus() -> None:
    async with showing(FormButton("Next"), FormButton("Back")) as (app, pilot):
        assert "[>Next<]" in text_of(app)
        assert "[ Back ]" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert len(chosen(app, FormButton.Pressed)) == 1


async def test_a_field_shows_focus_hint_sentence_and_error() -> None:
    async with showing(FormButton("Next")) as (app, pilot):
        field = FormField("train.batch_size", "batch size", "16", hint="1 to 65,536", about="Examples a step")
        await app.screen.mount(field)
        field.focus_control()
        await pilot.pause()
        assert "> batch size" in text_of(app)
        assert "1 to 65,536" in text_of(app)
        assert "Examples a step" in text_of(app)
        field.show_error("should be [b]at least[/b] 1, not\n0.")
        await pilot.pause()
        assert "! should be [b]at least[/b] 1, not 0." in text_of(app)
        assert "Examples a step" not in text_of(app)
        field.show_error("")
        await pilot.pause()
        assert "Examples a step" in text_of(app)


@pytest.mark.parametrize("unicode", [True, False])
async def test_cards_have_equal_frames_and_only_open_ones_can_be_chosen(unicode: bool) -> None:
    cards = [Card("a", "one", "short"), Card("b", "two", "a longer text that needs more lines", enabled=False)]
    async with showing(Cards(cards, "a", unicode)) as (app, pilot):
        lines = [line.rstrip() for line in text_of(app).splitlines() if line.strip()]
        assert len({len(line) for line in lines}) == 1
        assert ">one" in lines[0]
        assert text_of(app).isascii() is not unicode
        await pilot.press("right", "enter")
        await pilot.pause()
        assert chosen(app, Cards.Chosen) == []
        await pilot.press("left", "enter")
        await pilot.pause()
        assert len(chosen(app, Cards.Chosen)) == 1


def test_wrapping_counts_cells_and_never_loses_a_word() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("\u4f60\u597d\u4e16\u754c", 4) == ["\u4f60\u597d", "\u4e16\u754c"]
    assert wrap("a\n\nb", 5) == ["a", "", "b"]
    assert "".join(wrap("x" * 25, 10)) == "x" * 25


def test_a_path_is_completed_to_folders_and_data_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders.jsonl").write_text("")
    (tmp_path / "orders.exe").write_text("")
    (tmp_path / "evil\x1b[31m.jsonl").write_text("")
    assert complete(f"{tmp_path}/ord") == f"{tmp_path}/orders.jsonl"
    assert complete(f"{tmp_path}/orders/") is None
    assert complete(f"{tmp_path}/orders.e") is None
    assert complete(f"{tmp_path}/ev") is None
    assert complete(f"{tmp_path}/ord", folders_only=True) == f"{tmp_path}/orders/"
    assert complete(f"{tmp_path}/nowhere/x") is None


async def test_a_list_is_worked_by_mouse_alone() -> None:
    picks = PickList(PICKS)
    async with showing(picks) as (app, pilot):
        await pilot.click(picks, offset=(3, 1))
        assert picks.cursor == 1
        assert not chosen(app, PickList.Chosen)
        await pilot.click(picks, offset=(3, 1), times=2)
        assert picks.chosen == "b"
        await pilot._post_mouse_events([events.MouseScrollUp], picks)
        assert picks.cursor == 0


async def test_a_click_picks_the_option_under_it() -> None:
    choice = Choice(["none", "nf4", "int8"], "none")
    async with showing(choice) as (_, pilot):
        await pilot.click(choice, offset=(8, 0))
        assert choice.value == "nf4"


async def test_a_click_turns_a_choice_that_shows_one_option_only() -> None:
    choice = Choice(["none", "nf4", "int8"], "none")
    async with showing(choice, width=16) as (_, pilot):
        await pilot.click(choice, offset=(3, 0))
        assert choice.value == "nf4"
