"""A dialogue with a model line by line: what is typed is a message, what begins with a slash does something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from engine.models import stop_strings
from tui.draft.manner import Manner
from tui.flow import describe
from tui.flow.dialogue import Answer, Dialogue, Exchange
from tui.plain.lines import Back, Command, Lines, Question

if TYPE_CHECKING:
    from engine.app.chat import Talk
    from engine.models.chat_request import ChatRequest

_COMMANDS = {
    "/base": "plain.chat-base", "/again": "plain.chat-again", "/edit": "plain.chat-edit", "/keep": "plain.chat-keep",
    "/clear": "plain.chat-clear", "/system": "plain.chat-system", "/temperature": "plain.chat-temperature",
    "/top-p": "plain.chat-top-p", "/tokens": "plain.chat-tokens", "/stop": "plain.chat-stop",
    "/text": "plain.chat-text",
}  # fmt: skip
_NUMBERS: dict[str, tuple[str, type, float, float]] = {
    "/temperature": ("temperature", float, 0, 5),
    "/top-p": ("top_p", float, 0.01, 1),
    "/tokens": ("max_new_tokens", int, 1, 32768),
}
"""The field of the manner that each sets, and its range."""


def chat(lines: Lines, request: ChatRequest, manner: Manner) -> None:
    """Until the person leaves. Raises Ended; what keeps the model from being loaded is said."""
    from engine.app import chat as app

    try:
        found = None if request.server else app.found_by(request)
        room = app.room_for(found, request.gpus) if found is not None else None
        if room is not None and room.refusal is not None:
            raise room.refusal
        for warning in room.warnings if room is not None else ():
            lines.say(f"! {text(warning)}")
        with app.Talk(app.command(request)) as talk:
            _Chat(lines, talk, manner).go()
    except TunedeckError as error:
        lines.say(str(error))
    except Back:
        return


class _Chat:
    """One dialogue with the process of ``talk``."""

    def __init__(self, lines: Lines, talk: Talk, manner: Manner) -> None:
        self._lines, self._talk, self._manner = lines, talk, manner
        self._dialogue = Dialogue(system=manner.system)
        self._kept_in = str(Path.cwd() / "chat.jsonl")
        self._acts: dict[str, Callable[[str], None]] = {
            "/base": self._base, "/again": self._again, "/edit": self._edit, "/keep": self._keep,
            "/clear": self._clear, "/system": self._system, "/stop": self._stop, "/text": self._text,
        }  # fmt: skip

    def go(self) -> None:
        """Raises Back where loading was stopped, and Left."""
        self._load()
        question = Question(
            text("chat.title"), self._who(), self._why(), free=True, commands=dict.fromkeys(_COMMANDS, ""),
            shown={"/base": text("plain.chat-base"), "/keep": text("plain.chat-keep"), "?": text("plain.chat-more")},
            with_default=False,
        )  # fmt: skip
        is_first = True
        while True:
            typed = self._lines.ask(question, is_shown=is_first)
            is_first = False
            if isinstance(typed, Command):
                self._do(typed)
            else:
                self._dialogue.exchanges.append(Exchange(typed, plain=self._manner.plain))
                self._answer()

    def _load(self) -> None:
        with self._lines.working(text("chat.loading")) as tell:
            ready: dict[str, Any] = {}
            for record in self._talk.records("ready"):
                if record["type"] == "progress":
                    said = text(Message.from_json(record["message"]))
                    tell(describe.progress(record["done"], record.get("total"), said))
                ready = record
        self._dialogue.voices = [
            (str(each["voice"]), clean(str(each["name"]), keep_newlines=False)) for each in ready["voices"]
        ]
        self._dialogue.asked = {str(each["voice"]) for each in ready["voices"] if each["asked"]}
        for note in ready.get("told", ()):
            self._lines.say(text(Message.from_json(note)))
        if not ready["template"]:
            self._manner = replace(self._manner, plain=True)
            self._lines.say(f"! {text('chat.no-template', model=str(ready['model']))}")

    def _who(self) -> str:
        """Who answers, and how."""
        names = [name for voice, name in self._dialogue.voices if voice in self._dialogue.asked]
        return text("plain.chat-who", names=names, manner=" ".join(self._manner.words.split()))

    def _why(self) -> str:
        about = part(Message("chat.help"), "about")
        return "\n".join([about, *(f"  {word}  {text(code)}" for word, code in _COMMANDS.items())])

    # Answers

    def _answer(self) -> None:
        """Every voice that is asked to the last message, one after the other. Ctrl+C stops them."""
        last = self._dialogue.last
        if last is None:
            return
        last.plain, last.answers = last.plain or self._manner.plain, {}
        for voice, name in self._dialogue.voices:
            if voice not in self._dialogue.asked:
                continue
            answer = last.answers[voice] = Answer()
            is_stopped = self._hear(voice, answer)
            if len(self._dialogue.asked) > 1:
                self._lines.say(text("plain.chat-voice", name=name))
            self._lines.say(answer.text.strip("\n"))
            if answer.note:
                self._lines.say(f"({answer.note})")
            if is_stopped:
                return

    def _hear(self, voice: str, answer: Answer) -> bool:
        """The answer of ``voice`` into ``answer``; whether it was stopped by Ctrl+C."""
        manner = self._manner
        records = self._talk.ask(
            self._dialogue.turns(voice), [voice], plain=manner.plain, temperature=manner.temperature,
            top_p=manner.top_p, max_new_tokens=manner.max_new_tokens, stop=manner.stop,
        )  # fmt: skip
        tell = self._lines.rarely()
        try:
            for record in records:
                self._take(answer, record)
                tell(text("plain.chat-answering", words=len(answer.text.split())))
            return False
        except KeyboardInterrupt:
            self._lines.say()
            for record in self._talk.stop():
                self._take(answer, record)
            return True

    def _take(self, answer: Answer, record: dict[str, Any]) -> None:
        from engine.app.chat import ending

        if record["type"] == "piece":
            answer.text += clean(str(record["text"]))
        elif record["type"] == "trouble":
            answer.note = clean(TunedeckError.from_json(record).said)
        elif record["type"] == "said":
            answer.text = clean(str(record["text"]))
            ended = ending(record)
            notes = [text(ended)] if ended is not None else []
            if record.get("dropped"):
                notes.append(text("chat.dropped", turns=int(record["dropped"])))
            answer.note = " ".join(notes) or ("" if answer.text.strip() else text("chat.said-nothing"))

    # What else can be typed

    def _do(self, command: Command) -> None:
        if command.word in _NUMBERS:
            self._number(command.word, command.rest)
        else:
            self._acts[command.word](command.rest)

    def _base(self, rest: str) -> None:
        """Ask the base too from the next message on, or no more."""
        from engine.models.chat_request import BASE

        if not any(voice == BASE for voice, _ in self._dialogue.voices):
            self._lines.say(text("plain.chat-no-base"))
            return
        self._dialogue.asked ^= {BASE}
        self._lines.say(self._who())

    def _again(self, rest: str) -> None:
        if self._has_last():
            self._answer()

    def _edit(self, rest: str) -> None:
        """Another text in place of the last message, and its answer."""
        if self._has_last() and rest:
            self._dialogue.exchanges[-1] = Exchange(rest, plain=self._manner.plain)
            self._answer()

    def _clear(self, rest: str) -> None:
        self._dialogue.exchanges.clear()
        self._lines.say(text("plain.chat-cleared"))

    def _system(self, rest: str) -> None:
        self._manner = replace(self._manner, system=rest)
        self._dialogue.system = rest
        self._lines.say(self._who())

    def _stop(self, rest: str) -> None:
        self._manner = replace(self._manner, stop=stop_strings.read(rest))
        self._lines.say(self._who())

    def _text(self, rest: str) -> None:
        self._manner = replace(self._manner, plain=not self._manner.plain)
        self._lines.say(self._who())

    def _number(self, word: str, typed: str) -> None:
        name, kind, low, high = _NUMBERS[word]
        try:
            value = kind(typed)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self._lines.say(text("chat.number-wrong", low=low, high=high))
            return
        self._manner = replace(self._manner, **{name: value})
        self._lines.say(self._who())

    def _keep(self, rest: str) -> None:
        """The dialogue as a row of a file, or with a config its last message as a sample prompt."""
        from engine.app.chat import add_sample_prompt, append_row

        last = self._dialogue.last
        answered = [voice for voice, answer in last.answers.items() if answer.text] if last is not None else []
        if last is None or not answered:
            self._lines.say(text("plain.chat-nothing-yet"))
            return
        path = Path(rest or self._kept_in)
        try:
            if path.suffix.lower() == ".toml":
                done = text("chat.prompt-written", path=path, prompts=add_sample_prompt(path, last.prompt))
            else:
                turns = self._dialogue.row(answered[0], last.answers[answered[0]].text)
                done = text("chat.row-written", path=path, rows=append_row(path, turns))
                self._kept_in = str(path)
        except TunedeckError as error:
            done = error.said
        self._lines.say(done)

    def _has_last(self) -> bool:
        if self._dialogue.last is None:
            self._lines.say(text("plain.chat-nothing-yet"))
        return self._dialogue.last is not None
