"""Questions and answers as lines: what a dumb terminal, a screen reader and a slow line can do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.common.clean_text import clean
from engine.common.redact import redact
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.flow.option import Option
from tui.plain.stream import Ended, Left, Said, Typed, is_typed_here

EMPTY = "-"
"""What is typed to make a field empty, as Enter takes what stands there."""
_PROGRESS_S = 3.0
_LONGEST_SILENCE_S = 15.0
_SAME_AGAIN_S = 60.0


class Tell(Protocol):
    """Says how far a job is; ``figures`` are equal where that is the same as before."""

    def __call__(self, words: str, figures: object = None) -> None: ...


class Back(Exception):
    """The person wants the question before."""


@dataclass(frozen=True)
class Command:
    """A word was typed that is no answer, with what stood behind it."""

    word: str
    rest: str = ""


@dataclass(frozen=True)
class Question:
    """``about`` is a sentence, ``why`` what ``?`` tells; Enter takes ``default``, the id of an option or a text.

    With ``free`` anything may be typed, else one of ``options``. ``commands``: words that do something else here, and
    what they do, and ``shown`` what is told of them where that is less. ``with_default`` false: Enter
    alone is no answer. ``empties``: what was answered may be made empty.
    """

    title: str
    about: str = ""
    why: str = ""
    options: Sequence[Option] = ()
    default: str = ""
    free: bool = False
    commands: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    with_default: bool = True
    empties: bool = False


class Lines:
    """Asks on stderr, where the screen would be, and reads stdin; nothing but text and line ends is sent."""

    def __init__(self) -> None:
        self._typed, self._said = Typed(), Said()
        self.everywhere: dict[str, tuple[str, Callable[[], None]]] = {}
        """Words that do something at every question that does not take them itself: what, and how."""

    def say(self, words: str = "", hanging: int = 0) -> None:
        """One or more lines; texts are cleaned here. What is too long for a line goes on ``hanging`` blanks in."""
        self._said.lines(clean(redact(words)), hanging)

    def ask(self, question: Question, is_shown: bool = True) -> str | Command:
        """The id of an option, what was typed, or a command. Raises Left, Ended and Back.

        Without ``is_shown`` only the prompt is: the same question goes on.
        """
        if is_shown:
            self._show(question)
        while True:
            typed = self._read(self._prompt(question)).strip()
            if typed == "?":
                self._explain(question)
                self._show(question)
                continue
            word, _, rest = typed.partition(" ")
            if typed == "q":
                raise Left
            if typed == "b":
                raise Back
            if word.lower() in question.commands:
                return Command(word.lower(), rest.strip())
            if typed.lower() in self.everywhere:
                self.everywhere[typed.lower()][1]()
                self._show(question)
                continue
            answer = self._understood(question, typed)
            if answer is not None:
                return answer
            self.say(self._allowed(question))

    def is_yes(self, title: str, about: str = "") -> bool:
        """Whether a person agrees; Enter does not."""
        options = [Option("no", text("app.no")), Option("yes", text("app.yes"))]
        try:
            return self.ask(Question(title, about, options=options, default="no")) == "yes"
        except Back:
            return False

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[Tell]:
        """Tells how far a job is, ever more rarely the longer it takes; Ctrl+C inside ends it and raises Back."""
        self.say(text("plain.working", what=what))
        try:
            yield self.rarely()
        except KeyboardInterrupt:
            self.say()
            self.say(text("plain.cancelled"))
            raise Back from None

    def rarely(self) -> Tell:
        """Says what it is given only now and then, ever more rarely the longer it takes.

        ``figures`` are what the words tell of: where only the time has passed since they were said, once a minute.
        """
        began = told_at = time.monotonic()
        told: object = None

        def tell(words: str, figures: object = None) -> None:
            nonlocal told_at, told
            now = time.monotonic()
            figures = words if figures is None else figures
            silence = min(_LONGEST_SILENCE_S, max(_PROGRESS_S, (now - began) / 3))
            if now - told_at >= (_SAME_AGAIN_S if figures == told else silence):
                told_at, told = now, figures
                self.say(words)

        return tell

    def typed_within(self, seconds: float) -> str | None:
        """A line that was typed meanwhile; None for none. Raises Ended at the end of the input."""
        typed = self._typed.line(seconds)
        return typed.strip() if typed is not None else None

    def _show(self, question: Question) -> None:
        self.say()
        self.say(question.title)
        if question.about:
            self.say(question.about)
        width = len(str(len(question.options)))
        for number, option in enumerate(question.options, 1):
            refused = text("plain.refused", reason=option.refused) if option.refused else option.about.strip()
            named = text("plain.option", title=option.title, about=refused) if refused else option.title
            self.say(f"  {number:>{width}}  {named}", hanging=width + 2)
        if shown := question.shown or question.commands:
            self.say(text("plain.commands", words=[f"{word} {does}" for word, does in shown.items()]))

    def _prompt(self, question: Question) -> str:
        if not question.with_default:
            return "> "
        ids = [option.id for option in question.options]
        shown = str(ids.index(question.default) + 1) if question.default in ids else question.default
        return f"[{shown}] > " if shown else "> "

    def _understood(self, question: Question, typed: str) -> str | None:
        """The answer that was typed; None where it is none."""
        if not typed:
            return question.default if question.with_default else None
        if typed.isdecimal() and 1 <= int(typed) <= len(question.options):
            chosen = question.options[int(typed) - 1]
            return None if chosen.refused else chosen.id
        by_name = {name.casefold(): each.id for each in question.options for name in (each.id, each.title)}
        if typed.casefold() in by_name:
            return by_name[typed.casefold()]
        if not question.free:
            return None
        return "" if typed == EMPTY and question.empties else typed

    def _allowed(self, question: Question) -> str:
        words: list[Message | str] = []
        if question.options:
            words.append(Message("plain.allowed-number", most=len(question.options)))
        if question.free:
            words.append(Message("plain.allowed-text"))
        if question.with_default:
            words.append(Message("plain.allowed-enter"))
        return text("plain.allowed", words=[*words, *(question.shown or question.commands), "b", "?", "q"])

    def _explain(self, question: Question) -> None:
        for words in (
            question.why,
            text("plain.empty") if question.empties else "",
            text("plain.keys" if question.with_default else "plain.keys-without-enter"),
        ):
            if words:
                self.say(words)
        for word, (does, _) in self.everywhere.items():
            self.say(f"  {word}  {does}", hanging=4)

    def _read(self, prompt: str) -> str:
        try:
            self._said.write(prompt)
            typed = self._typed.line() or ""
        except KeyboardInterrupt:
            self._said.write("\n")
            raise Left from None
        except Ended:
            self._said.write("\n")
            raise
        if not is_typed_here():
            self.say(typed)  # else the answers would be missing from what is read later
        return typed
