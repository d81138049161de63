"""The mix of the sources line by line: shares, roles, weights, and what they come to, on the board of the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.common.clean_text import clean
from engine.config import numbers
from engine.data.mixing.warnings import OFTEN
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui.draft import mix_sources as sources
from tui.draft.mix_board import ROLES, Board
from tui.flow import mix_text
from tui.flow.old_rows import old_rows
from tui.plain.lines import Back, Command, Question

if TYPE_CHECKING:
    from tui.plain.session import Session

_COMMANDS: dict[str, str] = {
    "r": "plain.mix-role", "w": "plain.mix-weight", "t": "keys.mix-unit", "c": "keys.mix-cap", "u": "keys.undo",
    **{name: code for name, code in mix_text.TITLES.items() if name != "temperature"},
    "temperature": "plain.mix-temperature",
}  # fmt: skip
_OLD = "o"
_MOST_SHARE, _MOST_WEIGHT = 100.0, 1000.0


def ask_mix(session: Session) -> bool:
    """Whether another mix was written into the draft: Enter does that, ``b`` leaves all as it was."""
    return _Mix(session).ask()


class _Mix:
    """A copy of the draft's mix, and those before it."""

    def __init__(self, session: Session) -> None:
        self._session, self._lines = session, session.lines
        draft, facts = session.draft, session.facts
        dataset = sources.dataset_of(draft)
        for item in draft.data_sources():
            key = sources.guess_key(draft, item)
            if key not in facts.guessed and (found := sources.guess_of(item, dataset)) is not None:
                facts.guessed[key] = found
        self._board = sources.board_of(draft, facts)
        there = {line.path for line in self._board.lines}
        self._old = [line for line in old_rows(draft, facts) if line.path not in there]
        self._before: list[Board] = []

    def ask(self) -> bool:
        while True:
            try:
                typed = self._lines.ask(self._question())
            except Back:
                return False
            if isinstance(typed, Command):
                self._do(typed)
            elif typed:
                self._share(typed)
            elif self._board.mix is None and all(line.figures for line in self._board.lines):
                self._lines.say(text("plain.mix-not-kept"))
            else:
                sources.keep(self._session.draft, self._board)
                self._session.save()
                return True

    def _question(self) -> Question:
        board = self._board
        told = [self._source(at) for at in range(len(board.lines))]
        told += filter(None, [*mix_text.totals(board, ""), mix_text.free(board).strip()])
        told += [mix_text.warning(each) for each in board.warnings]
        commands = {word: text(code) for word, code in _COMMANDS.items()}
        if self._old:
            commands[_OLD] = text("keys.mix-replay")
        return Question(
            text("mix.title"),
            "\n".join([*told, text("plain.about-mix")]),
            part(Message("mix.help"), "about"),
            free=True,
            commands=commands,
        )

    def _source(self, at: int) -> str:
        """One source: what it is for and its rows, its share, how often each row is seen."""
        board, line = self._board, self._board.lines[at]
        share = mix_text.percent(board.effective(at))
        how = "plain.mix-share" if line.share is not None else "plain.mix-all"
        found = board.part(at)
        passes = board.passes * found.repeats if found is not None else 0.0
        name = clean(line.name, keep_newlines=False)
        return text(how, number=at + 1, name=name, share=share, passes=passes, about=mix_text.about(board, at))

    # What can be typed

    def _change(self, board: Board) -> None:
        if board != self._board:
            self._before.append(self._board)
            self._board = board

    def _at(self, typed: str) -> int | None:
        """Which source that number is; None for none, which is said."""
        if typed.isdecimal() and 1 <= int(typed) <= len(self._board.lines):
            return int(typed) - 1
        self._lines.say(text("plain.which-source", most=len(self._board.lines)))
        return None

    def _share(self, typed: str) -> None:
        """ "2 30" gives source 2 a share of 30%, "2 -" none."""
        number, _, rest = typed.partition(" ")
        if (at := self._at(number)) is None:
            return
        if rest.strip() == "-":
            self._change(self._board.with_share(at, None))
        elif (share := self._number(rest, _MOST_SHARE)) is not None:
            self._change(self._board.with_share(at, share / 100))

    def _number(self, typed: str, most: float) -> float | None:
        try:
            number = float(numbers.read(typed.strip().removesuffix("%"), whole=False))
        except numbers.NoNumber:
            number = 0.0
        if 0 < number <= most:
            return number
        self._lines.say(text("mix.out-of-range", most=most))
        return None

    def _do(self, command: Command) -> None:
        board = self._board
        match command.word:
            case "r":
                self._role(command.rest)
            case "w":
                number, _, rest = command.rest.partition(" ")
                if (at := self._at(number)) is not None and (weight := self._number(rest, _MOST_WEIGHT)) is not None:
                    self._change(board.with_line(at, weight=weight))
            case "t":
                self._change(replace(board, unit="rows" if board.unit == "tokens" else "tokens"))
            case "c":
                self._change(replace(board, epochs_cap=OFTEN if board.epochs_cap is None else None))
            case "u":
                self._board = self._before.pop() if self._before else board
            case "o":
                self._change(board.added(self._old))
                self._old = []
            case "temperature":
                value = self._number(command.rest, _MOST_WEIGHT) if command.rest else board.temperature
                if value is not None:
                    self._change(replace(board, temperature=value).preset("temperature"))
            case name:
                if name == "replay" and not any(line.role == "replay" for line in board.lines):
                    self._lines.say(text("plain.mix-no-replay"))
                self._change(board.preset(name))  # type: ignore[arg-type]

    def _role(self, typed: str) -> None:
        """ "2 replay" makes source 2 earlier data."""
        number, _, role = typed.partition(" ")
        if (at := self._at(number)) is None:
            return
        if role not in ROLES:
            self._lines.say(text("plain.which-role", roles=ROLES))
            return
        lines = self._board.lines
        roles = [role if index == at else other.role for index, other in enumerate(lines)]
        held = sources.held_figures([other.figures for other in lines], roles, self._session.draft)
        known = [figures or line.known for figures, line in zip(held, lines, strict=True)]
        self._change(self._board.with_role(at, role, known))
