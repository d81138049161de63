"""The mix board: a row a source with its share as a slider, and what the mix comes to while it is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from engine.data.mixing.warnings import OFTEN
from engine.messages.catalogue import part, text
from engine.messages.message import Message as Said
from tui import keys
from tui.draft import mix_sources as sources
from tui.draft.fit import unknown
from tui.draft.mix_board import ROLES, Board, Line
from tui.flow import mix_text
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.clickable import Clickable, hints
from tui.widgets.fitbar import ConsequenceLine, FitBar
from tui.widgets.line import Prose
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.wizard.mix import draw, outlook
from tui.wizard.mix.entry import SHARE, WEIGHT, Entry
from tui.wizard.mix.line import MixLine
from tui.wizard.mix.table import MixTable
from tui.world import world_of

if TYPE_CHECKING:
    from engine.data.mixing.source_figures import SourceFigures
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts
    from tui.wizard.review.check_panel import CheckPanel

TEMPERATURES = (2.0, 3.0, 5.0, 1.0)
TALL = 30


class MixScreen(WholeScreen, Screen[bool]):
    """Changes a copy of the mix; Enter writes it into the draft and dismisses with True, Esc with False.

    ``old_rows`` gives the sources that replay what an old adapter has learnt; [] where there is none. ``panel`` may be
    examining the rows meanwhile.
    """

    CSS_PATH = "mix.tcss"
    AUTO_FOCUS = "MixTable"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.MIX)
    HELP = "mix.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.MIX),)

    class OldRows(Message):
        """What an old adapter was trained on, as sources."""

        def __init__(self, lines: Sequence[Line]) -> None:
            super().__init__()
            self.lines = lines

    def __init__(
        self, draft: Draft, facts: Facts, old_rows: Callable[[], list[Line]], panel: CheckPanel | None = None
    ) -> None:
        super().__init__()
        self.draft, self.facts, self._find_old_rows, self._panel = draft, facts, old_rows, panel
        self.board = sources.board_of(draft, facts)
        self._before: list[Board] = []
        self._pulled_from: Board | None = None
        self._old: list[Line] = []
        self._note = ""
        self._left = False
        self._told: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield TopLine(text("mix.title"))
        yield MixTable()
        yield Static(id="mix-bar")
        with Panel(text("mix.comes-to"), id="mix-words"):
            yield Static(id="mix-totals")
            yield Static(id="mix-free", classes="muted")
            yield Static(id="mix-about")
            yield Static(id="mix-warnings")
        with Panel(text("mix.presets"), classes="roomy"):
            yield Clickable(id="mix-ways")
        with Horizontal(id="mix-beside", classes="roomy"):
            yield Panel(text("mix.first-steps"), Static(id="mix-steps"))
            yield Panel(text("wizard.why"), Prose(part(Said(self.HELP), "about")), id="mix-why")
        yield Entry()
        yield Clickable(id="mix-presets")
        yield ConsequenceLine()
        terminal = world_of(self).terminal
        yield FitBar(terminal.unicode, not terminal.sixteen)
        yield KeyBar(keys.in_bar(keys.MIX))

    def on_mount(self) -> None:
        if self._panel is not None:
            self._panel.said.subscribe(self, self._heard)
        self._look()
        self._look_for_old_rows()
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def copied(self) -> str:
        """Where the source under the cursor is."""
        at = self._at
        return self.board.lines[at].path if at < len(self.board.lines) else ""

    # What is not known yet

    def _look(self) -> None:
        """Guess of the sources that nobody has looked at."""
        dataset = sources.dataset_of(self.draft)
        entries = [*self.draft.data_sources(), *(dict(line.entry) for line in self.board.lines if line.entry)]
        for item in entries:
            key = sources.guess_key(self.draft, item)
            if key not in self.facts.guessed:
                self._guess(key, lambda item=item: sources.guess_of(item, dataset))

    @work(thread=True, group="preview")
    def _guess(self, key: str, guess: Callable[[], SourceFigures | None]) -> None:
        self.post_message(MixLine.Guessed(key, guess()))

    @on(MixLine.Guessed)
    def _guessed(self, event: MixLine.Guessed) -> None:
        if event.figures is None:
            return
        self.facts.guessed[event.key] = event.figures
        self.learn()

    def _heard(self, _words: str) -> None:
        if self._panel is not None:
            self.query_one(TopLine).show(right=self._panel.words if self._panel.busy else "")
            if not self._panel.busy:
                self.learn()

    def learn(self) -> None:
        """The rows were examined, or more is known of a source: show that, unless the board is being left."""
        if self._left:
            return
        self.board = self._filled(self.board)
        self._before = [self._filled(board) for board in self._before]
        self._show()

    def _filled(self, board: Board) -> Board:
        """With all that is known by now of its sources."""
        added = [dict(line.entry) for line in board.lines if line.entry]
        items = [*self.draft.data_sources(), *added]
        counted = [*sources.counted_figures(self.draft, self.facts), *([None] * len(added))]
        known = [
            seen or line.figures or self.facts.guessed.get(sources.guess_key(self.draft, item))
            for seen, line, item in zip(counted, board.lines, items, strict=True)
        ]
        held = sources.held_figures(known, [line.role for line in board.lines], self.draft)
        lines = [replace(line, figures=figures) for line, figures in zip(board.lines, held, strict=True)]
        return replace(board, lines=tuple(lines))

    @work(thread=True, group="preview")
    def _look_for_old_rows(self) -> None:
        self.post_message(self.OldRows(self._find_old_rows()))

    @on(OldRows)
    def _old_rows_found(self, event: OldRows) -> None:
        self._old = list(event.lines)
        self.refresh_bindings()

    @property
    def _missing(self) -> list[Line]:
        there = {line.path for line in self.board.lines}
        return [line for line in self._old if line.path not in there]

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "old_rows":
            return bool(self._missing)
        if action == "undo":
            return True if self._before else None
        return True

    @property
    def _typing(self) -> bool:
        return self.query_one(Entry).is_open

    @property
    def _at(self) -> int:
        return self.query_one(MixTable).at

    def _change(self, board: Board, since: Board | None = None) -> None:
        """Take ``board``; u goes back to what was there before it, or to ``since``."""
        if board != self.board:
            before = since or self.board
            if not self._before or self._before[-1] is not before:
                self._before.append(before)
            self.board = board
            self._show()
            self.refresh_bindings()

    def action_move(self, percent: int) -> None:
        if not self._typing:
            self._change(self.board.moved(self._at, percent / 100))

    def action_more(self) -> None:
        self.action_move(1)

    def action_less(self) -> None:
        self.action_move(-1)

    def action_go(self, by: int) -> None:
        self.query_one(MixTable).go(by)
        self._show()

    @on(MixTable.Clicked)
    def _clicked(self, event: MixTable.Clicked) -> None:
        """A click goes to a source; one on its slider pulls it there."""
        self.query_one(MixTable).at = event.at
        self._show()
        if event.share is not None and not self._typing:
            self._pulled_from = self._pulled_from if event.goes_on else self.board
            self._change(self.board.with_share(event.at, event.share), self._pulled_from)

    def action_all(self) -> None:
        self._change(self.board.with_share(self._at, None))

    def action_role(self) -> None:
        line = self.board.lines[self._at]
        role = ROLES[(ROLES.index(line.role) + 1) % len(ROLES)]
        roles = [role if index == self._at else other.role for index, other in enumerate(self.board.lines)]
        held = sources.held_figures([other.figures for other in self.board.lines], roles, self.draft)
        self._change(self.board.with_role(self._at, role, [figures or line.known for figures in held]))

    def action_unit(self) -> None:
        self._change(replace(self.board, unit="rows" if self.board.unit == "tokens" else "tokens"))

    def action_cap(self) -> None:
        self._change(replace(self.board, epochs_cap=OFTEN if self.board.epochs_cap is None else None))

    def action_preset(self, number: int) -> None:
        name, board = mix_text.PRESETS[number - 1], self.board
        if name == "temperature" and self._is(board.preset(name)):
            after = TEMPERATURES.index(board.temperature) + 1 if board.temperature in TEMPERATURES else 0
            board = replace(board, temperature=TEMPERATURES[after % len(TEMPERATURES)])
        if name == "replay" and not any(line.role == "replay" for line in board.lines):
            self._note = text("mix.no-replay")
        self._change(board.preset(name))
        self._show()

    def _is(self, board: Board) -> bool:
        return [line.share for line in board.lines] == [line.share for line in self.board.lines]

    def action_old_rows(self) -> None:
        """Mix in what the old adapter has learnt."""
        if self._missing:
            self._change(self.board.added(self._missing))
            self._look()

    def action_undo(self) -> None:
        if self._before:
            self.board = self._before.pop()
            self._show()
            self.refresh_bindings()

    def action_type_share(self) -> None:
        self._ask(SHARE, self.board.effective(self._at) * 100)

    def action_type_weight(self) -> None:
        self._ask(WEIGHT, self.board.lines[self._at].weight)

    def _ask(self, what: str, now: float) -> None:
        self.query_one(Entry).ask(what, now)
        self._show()

    @on(Entry.Taken)
    def _taken(self, event: Entry.Taken) -> None:
        at, number = self._at, event.number
        self.query_one(MixTable).focus()
        self._show()
        is_share = event.what == SHARE
        self._change(
            self.board.with_share(at, number / 100) if is_share else self.board.with_line(at, weight=number)
        )  # fmt: skip

    def action_keep(self) -> None:
        if self.board.mix is None and all(line.figures for line in self.board.lines):
            self._note = text("mix.not-kept")
            self._show()
            return
        self._left = True
        sources.keep(self.draft, self.board)
        self.dismiss(True)

    def action_leave(self) -> None:
        if self._typing:
            self.query_one(Entry).close()
            self.query_one(MixTable).focus()
            self._show()
        else:
            self._left = True
            self.dismiss(False)

    # Showing

    def _show(self) -> None:
        board, width = self.board, self.size.width - 2
        tall = self.size.height >= TALL
        self.query_one(MixTable).show(board, 14 if tall else 6)
        at = self._at
        self.query_one("#mix-bar", Static).update(draw.bar(board, width))
        self._tell("#mix-totals", "\n".join(mix_text.totals(board, self._time())))
        self._tell("#mix-free", mix_text.free(board))
        self._tell("#mix-about", mix_text.about(board, at))
        warnings = board.warnings
        most = 6 if tall else 2
        lines = [self._note] if self._note else []
        self._note = ""
        lines += [mix_text.warning(warning) for warning in warnings[:most]]
        if len(warnings) > most:
            lines[-1] += text("mix.and-more", more=len(warnings) - most)
        self.query_one("#mix-warnings").display = bool(lines)
        self._tell("#mix-warnings", "\n".join(lines))
        presets = self.query_one("#mix-presets", Static)
        presets.display = not self._typing and not self.has_class("-tall")
        numbers = range(1, len(mix_text.PRESETS) + 1)
        presets.update(hints(mix_text.presets(board), [f"preset({number})" for number in numbers]))
        if self.has_class("-tall"):
            self._show_outlook()
        self._show_fit()

    def _show_outlook(self) -> None:
        """What a tall window has room for besides."""
        self.query_one("#mix-ways", Static).update(Content("\n").join(outlook.presets(self.board, self.size.width - 4)))
        place = self.query_one("#mix-steps", Static)
        if place.size.height:
            place.update(Content("\n").join(outlook.steps(self.board, place.size.width, place.size.height)))

    def _time(self) -> str:
        from engine.app.plan import expected_time
        from engine.memory.duration import DataSize

        fit, found = self.facts.fit, self.board.mix
        if fit is None or found is None:
            return ""
        trained = found.trained / max(1, found.rows)
        size = DataSize(found.rows, round(found.tokens), not self.board.guessed, trained)
        time = expected_time(fit, size, self.facts.machine)
        return text(time.short) if time else ""

    def _show_fit(self) -> None:
        line, bar, fit = self.query_one(ConsequenceLine), self.query_one(FitBar), self.facts.fit
        line.display, bar.display = fit is None, fit is not None
        if fit is not None:
            bar.show(fit)
        else:
            line.say(unknown(self.draft, self.facts) or text("mix.memory-unknown"))

    def _tell(self, selector: str, said: str) -> None:
        if self._told.get(selector) != said:
            self._told[selector] = said
            self.query_one(selector, Static).update(Content(said))
