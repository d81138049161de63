"""Of a frame only what changed is sent, and the terminal shows the same as if all of it had come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from engine.messages import language
from engine.messages.catalogue import text
from tests.tui import fake_runs
from tests.tui.looking import until, until_shows
from tests.tui.pty_session import ROOT, PtySession
from tests.tui.terminal_model import TerminalModel
from tui.app import TunedeckApp
from tui.frames import Picture
from tui.world import World

FRAMES_ARE_DRAWN = True
STYLES = ("", "1", "2;38;5;81", "38;5;81;48;5;233", "1;4;48;5;233", "7;31", "97;104", "38;2;1;2;3;48;2;4;5;6")
COLUMNS, ROWS = 24, 4
LETTERS = st.text("ab  ─é好，…😀", min_size=1, max_size=8) | st.sampled_from(["a  b", "e\u0301x", "ｱｲ", "    ", "✓ 好"])
RUN = st.tuples(LETTERS, st.sampled_from(STYLES))
LINE = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS), st.lists(RUN, min_size=1, max_size=4))
FRAMES = st.lists(st.lists(LINE, max_size=5), min_size=1, max_size=6)


def frame(lines: list[tuple[int, int, list[tuple[str, str]]]]) -> str:
    """As Textual writes one."""
    made = []
    for y, x, runs in lines:
        shown = "".join(f"\x1b[{style}m{words}\x1b[0m" if style else words for words, style in runs)
        made.append(f"\x1b[{y + 1};{x + 1}H{shown}")
    return "\n".join(made) + "\x1b[1;1H"


@settings(max_examples=300, deadline=None)
@given(frames=FRAMES, again=st.integers(0, 6))
def test_the_terminal_shows_what_whole_frames_would_have_shown(
    frames: list[list[tuple[int, int, list[tuple[str, str]]]]], again: int
) -> None:
    whole, changed, picture = TerminalModel(), TerminalModel(), Picture()
    for number, lines in enumerate(frames):
        if number == again:
            picture.forget()
        drawn = frame(lines)
        whole.feed(drawn)
        changed.feed(picture.sent_for(drawn))
        assert changed.looks == whole.looks
        assert changed.at == whole.at


def test_a_frame_that_is_painted_again_sends_nothing() -> None:
    picture, drawn = Picture(), frame([(0, 0, [("loss 2.31", "38;5;81"), ("   ", "48;5;233")]), (1, 0, [("好", "1")])])
    assert picture.sent_for(drawn)
    assert picture.sent_for(drawn) == ""


def test_one_digit_that_changes_costs_one_cell() -> None:
    picture = Picture()
    picture.sent_for(frame([(0, 0, [("step 118 of 900", "")])]))
    assert picture.sent_for(frame([(0, 0, [("step 119 of 900", "")])])) == "\x1b[1;8H9\x1b[1;1H"


def test_a_row_with_letters_of_unsure_width_is_sent_whole() -> None:
    picture = Picture()
    picture.sent_for(frame([(0, 0, [("name 😀 a", "")])]))
    assert "name 😀 b" in picture.sent_for(frame([(0, 0, [("name 😀 b", "")])]))


def test_a_style_is_told_by_what_changes() -> None:
    sent = Picture().sent_for(frame([(0, 0, [("a", "38;5;1;48;5;2"), (" ", "38;5;9;48;5;2"), ("b", "38;5;3;48;5;2")])]))
    assert sent == "\x1b[1H\x1b[38;5;1;48;5;2ma \x1b[38;5;3mb\x1b[m\x1b[1;1H"


@pytest.mark.parametrize(
    "other", ["\x1b[?1049h", "\x1b[2J", "\x1b[1;1H\x1b]8;;http://x\x1b\\a\x1b]8;;\x1b\\\x1b[1;1H", "a\tb"]
)
def test_what_is_no_frame_goes_through_and_is_not_relied_on(other: str) -> None:
    picture, drawn = Picture(), frame([(0, 0, [("loss", "")])])
    first = picture.sent_for(drawn)
    assert picture.sent_for(other) == other
    assert picture.sent_for(drawn) == first


@pytest.mark.parametrize("other", ["\x07", "\x1b[?2026h", "\x1b]52;c;YQ==\x07", "\x1bPtmux;\x1b\x1b]9;done\x07\x1b\\"])
def test_what_draws_nothing_goes_through_and_costs_no_frame(other: str) -> None:
    picture, drawn = Picture(), frame([(0, 0, [("loss", "")])])
    picture.sent_for(drawn)
    assert picture.sent_for(other) == other
    assert picture.sent_for(drawn) == ""


class Filmed(TunedeckApp):
    """Draws each frame on two terminals: as Textual made it, and as it is sent."""

    CSS_PATH = [ROOT / "tui" / name for name in TunedeckApp.CSS_PATH]  # noqa: RUF012

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.whole, self.changed, self.picture = TerminalModel(), TerminalModel(), Picture()
        self.made = self.sent = 0

    def _display(self, screen: Screen[object], renderable: object) -> None:
        super()._display(screen, renderable)  # type: ignore[arg-type]
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            made = renderable.render_segments(self.console) + "\x1b[1;1H"
            sent = self.picture.sent_for(made)
            self.whole.feed(made)
            self.changed.feed(sent)
            self.made, self.sent = self.made + len(made), self.sent + len(sent)
            assert self.changed.looks == self.whole.looks


@pytest.mark.parametrize(("spoken", "size"), [("en", (80, 24)), ("zh", (120, 40))])
async def test_a_walk_through_the_places_needs_less_than_half_of_what_is_painted(
    make_world: Callable[..., World], root: Path, spoken: str, size: tuple[int, int]
) -> None:
    language.use(spoken)
    fake_runs.finished_run(root)
    app = Filmed(make_world(colours="256"))
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "orders-json")
        for key, place in (
            ("question_mark", "HelpScreen"), ("escape", "HomeScreen"), ("colon", "PaletteScreen"),
            ("escape", "HomeScreen"), ("enter", "MonitorScreen"), ("tab", "MonitorScreen"), ("2", "MonitorScreen"),
            ("question_mark", "HelpScreen"), ("pagedown", "HelpScreen"), ("escape", "MonitorScreen"),
            ("q", "HomeScreen"), ("n", "WizardScreen"),
        ):  # fmt: skip
            await pilot.press(key)
            await until(pilot, lambda place=place: type(app.screen).__name__ == place)
        assert app.sent < app.made / 2


@pytest.mark.e2e
def test_ctrl_l_draws_the_screen_anew(home: Path, root: Path) -> None:
    fake_runs.finished_run(root)
    with PtySession(env={"TUNEDECK_HOME": str(home)}) as session:
        session.wait_for("orders-json")
        session.wait_for(text("home.curve"))
        session.read(2)
        shown, before = session.terminal.looks, len(session.received)
        session.terminal.cells.clear()
        session.send("\x0c")
        session.read(2)
        assert len(session.received) - before > 2000
        assert session.terminal.looks == shown
