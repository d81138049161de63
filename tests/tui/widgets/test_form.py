"""A field takes what is typed in the order it was typed, however closely keys follow each other."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult

from tui.theme import DARK
from tui.widgets.form import FormField


class _Form(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.submitted: list[str] = []

    def compose(self) -> ComposeResult:
        yield FormField("path", "Path")

    def on_form_field_submitted(self, event: FormField.Submitted) -> None:
        self.submitted.append(event.field.text)


@pytest.mark.parametrize(
    ("typed", "stands"),
    [
        (["a", "b", "X", "backspace", "c"], "abc"),
        (["a", "b", "c", "left", "left", "X"], "aXbc"),
        (["o", "l", "d", "ctrl+u", "n", "e", "w"], "new"),
        (["b", "home", "a", "end", "c"], "abc"),
        (["o", "n", "e", "space", "t", "w", "o", "ctrl+w", "2"], "one 2"),
    ],
)
async def test_keys_that_arrive_in_one_piece_act_in_their_order(typed: list[str], stands: str) -> None:
    app = _Form()
    async with app.run_test() as pilot:
        field = app.query_one(FormField)
        field.focus_control()
        await pilot.pause()
        for key in typed:
            character = " " if key == "space" else key
            app.post_message(events.Key(key, character if len(character) == 1 else None))
        await pilot.pause()
        assert field.text == stands


async def test_enter_sends_what_was_typed_before_it() -> None:
    app = _Form()
    async with app.run_test() as pilot:
        app.query_one(FormField).focus_control()
        await pilot.pause()
        for key in ("a", "b", "enter", "c"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert app.query_one(FormField).text == "abc"
        assert len(app.submitted) == 1
