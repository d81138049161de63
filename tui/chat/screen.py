"""Chat: a dialogue with a run's model, alone or beside its base or another adapter, in a process of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from engine.common.clean_text import clean
from engine.common.errors import MachineError, TunedeckError
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from engine.models.chat_request import BASE, ChatRequest
from engine.runs.directory import RunDir
from tui import keys
from tui.chat import recall
from tui.chat.dialogs import KeepScreen, MannerScreen
from tui.chat.transcript import Transcript
from tui.draft.asked import AskedChild
from tui.draft.manner import Manner
from tui.flow.dialogue import Answer, Dialogue, Exchange
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.form import Entry
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.world import world_of

_BYTES_A_SECOND = 2000
"""What an answer that grows may cost over a slow line; a line costs its width and some codes a voice."""
_CODES = 60
_LEAST_WAIT_S = 0.15
_KILLED = 9
"""The signal by which the system takes memory back."""


class ChatScreen(WholeScreen, Screen[None]):
    """Talks to what ``request`` means. Leaving it ends the process, and with it frees its memory."""

    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "#say"
    BINDINGS = keys.bindings(keys.CHAT)
    HELP = "chat.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.CHAT),)

    class Checked(Message):
        """How the process is started and what is to be said before; or why it is not."""

        def __init__(
            self, notes: list[str], problem: TunedeckError | None = None, command: tuple[str, ...] = ()
        ) -> None:
            super().__init__()
            self.notes, self.problem, self.command = notes, problem, command

    def __init__(self, request: ChatRequest, manner: Manner | None = None) -> None:
        super().__init__()
        self.request = request
        self.run_dir = _run_of(request)
        """The run whose result answers, None for any other adapter or model."""
        self.manner = manner or Manner()
        self.dialogue = Dialogue(system=self.manner.system)
        self._child: AskedChild | None = None
        self._listening: Worker[None] | None = None
        self._asked: dict[int, str] = {}
        """Voices that are still to answer, by the number of their request."""
        self._number = 0
        self._ready, self._has_template = False, True
        """Whether the model is there; a template is missing once it says so."""
        self._waits = False
        """It came back from an earlier session: the model is loaded once a person asks for it."""
        self._error = ""
        self._notes: list[str] = []
        self._next_draw = 0.0
        self._drawing = False
        self._kept_in = self._typed = ""
        self._doing, self._said, self._opened = "", "", time.monotonic()

    def remembered(self) -> dict[str, Any]:
        typed = self.query_one("#say", Input).value
        return recall.remembered(self.request, self.manner, self.dialogue, typed, self._kept_in)

    def recall(self, kept: Mapping[str, Any]) -> None:
        """Take up the dialogue of ``kept``, which names what this screen talks to."""
        found = recall.found_in(kept)
        if found is None:
            return
        self.manner, self._kept_in, self._typed = found.manner, found.kept_in, found.typed
        self.dialogue, self._waits = found.dialogue, True

    def compose(self) -> ComposeResult:
        yield TopLine(text("chat.title"), text("chat.loading"))
        yield Transcript(self.dialogue, world_of(self).terminal.unicode, id="talk")
        with Panel(self.manner.words, id="say-panel"), Horizontal():
            yield Static("> ", markup=False, id="say-mark")
            about = text("chat.to-load" if self._waits else "chat.placeholder")
            yield Entry(self._typed, placeholder=about, compact=True, select_on_focus=False, id="say")
        yield KeyBar([*keys.in_bar(keys.CHAT), keys.HELP_BY_F1])

    def on_mount(self) -> None:
        self.query_one("#say", Input).cursor_blink = False
        if self._waits:
            self._note(text("chat.to-load"))
            self._state()
        else:
            self._begin()

    async def on_unmount(self) -> None:
        """The process is gone before the screen is."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(WorkerCancelled, WorkerFailed):
                await self._listening.wait()
        if self._child is not None:
            await self._child.closed()

    # Loading

    def _begin(self) -> None:
        self._waits, self._opened = False, time.monotonic()
        self.query_one("#say", Input).placeholder = text("chat.placeholder")
        self._wait(text("chat.loading"))
        self.set_interval(1.0, self._tick)
        self._check()
        self._state()

    @work(thread=True, group="check", exclusive=True)
    def _check(self) -> None:
        from engine.app import chat

        try:
            found = None if self.request.server else chat.found_by(self.request)
            room = chat.room_for(found, self.request.gpus, root=world_of(self).root) if found else None
            if room is not None and room.refusal is not None:
                raise room.refusal
        except TunedeckError as error:
            self.post_message(self.Checked([], error))
            return
        notes = [text(warning) for warning in room.warnings] if room is not None else []
        self.post_message(self.Checked(notes, command=tuple(chat.command(self.request))))

    @on(Checked)
    def _checked(self, message: Checked) -> None:
        if message.problem is not None:
            self._fail(message.problem)
            return
        self._notes = message.notes
        self._wait(text("chat.loading"))
        self._child = AskedChild(message.command, None, "chat.process-ended")
        self._listening = self._listen(self._child)

    @work(group="chat", exclusive=True)
    async def _listen(self, child: AskedChild) -> None:
        try:
            async with aclosing(child.answers()) as answers:
                async for record in answers:
                    if not self.is_whole:  # it is being left: what is shown goes first
                        return
                    self._hear(record)
        except TunedeckError as error:
            if self.is_whole:
                self._fail(error)

    def _fail(self, error: TunedeckError) -> None:
        """The process is gone, or was never started: what was said stays readable."""
        how = error.reason.args.get("how")
        if isinstance(how, Said) and how.args.get("signal") == _KILLED:
            error = MachineError("chat.killed")
        self._ready, self._asked = False, {}
        self._error = clean("\n".join(part for part in (error.title, error.message, error.hint) if part))
        last = self.dialogue.last
        for answer in last.answers.values() if last else ():
            if not answer.whole:
                answer.whole, answer.note = True, text("chat.broke-off")
        self._note(self._error)
        if self.dialogue.exchanges:
            self.notify(self._error, severity="error", timeout=10, markup=False)
        self._draw(whole=True)
        self._state()

    def _wait(self, doing: str) -> None:
        """Say what is done before the model is there, and for how long all of it has taken."""
        self._doing, waited = doing, time.monotonic() - self._opened
        self._said = text("draft.since", what=doing, since=waited) if waited >= 1 else doing
        self._note("\n".join([*self._notes, self._said]))
        if self.dialogue.exchanges:  # they stand where the note would
            self.query_one(TopLine).show(right=self._said)

    def _tick(self) -> None:
        if not self._ready and not self._error:
            self._wait(self._doing)

    def _note(self, words: str) -> None:
        talk = self.query_one("#talk", Transcript)
        talk.note = words
        if not self.dialogue.exchanges:
            talk.show()

    # What the process says

    def _hear(self, record: dict[str, Any]) -> None:
        kind = record["type"]
        if kind == "progress":
            message, total = Said.from_json(record["message"]), record.get("total")
            count = f" {record['done'] / total:.0%}" if total else ""
            self._wait(f"{text(message)}{count}")
        elif kind == "ready":
            self._loaded(record)
        elif kind == "error":
            self._fail(TunedeckError.from_json(record))
        elif kind in ("piece", "said", "trouble", "done"):
            self._heard_of(record)

    def _loaded(self, record: dict[str, Any]) -> None:
        self._ready, self._has_template = True, bool(record["template"])
        self.dialogue.voices = [
            (str(each["voice"]), clean(str(each["name"]), keep_newlines=False)) for each in record["voices"]
        ]
        asked = {voice for voice, _ in self.dialogue.voices} & self.dialogue.asked  # of a dialogue that came back
        self.dialogue.asked = asked or {str(each["voice"]) for each in record["voices"] if each["asked"]}
        notes = [*self._notes, *(clean(text(Said.from_json(each))) for each in record.get("told", ()))]
        if not self._has_template:
            self.manner = Manner(**{**vars(self.manner), "plain": True})
            notes.append(text("chat.no-template", model=str(record["model"])))
        self._note("\n".join([*notes, text("chat.say-something")]))
        self._state()
        if self.dialogue.last is not None and not self.dialogue.last.answers:
            self._ask()  # it was typed before the model was there

    def _heard_of(self, record: dict[str, Any]) -> None:
        voice = self._asked.get(record.get("id", -1))
        last = self.dialogue.last
        if voice is None or last is None:
            return
        answer = last.answers.setdefault(voice, Answer())
        kind = record["type"]
        if kind == "piece":
            answer.text += clean(str(record["text"]))
            self._draw()
            return
        if kind == "said":
            self._take(answer, record)
        elif kind == "trouble":
            answer.note = clean(TunedeckError.from_json(record).said)
        elif kind == "done":
            answer.whole = True
            del self._asked[record["id"]]
        self._draw(whole=kind == "done")
        self._state()

    def _take(self, answer: Answer, record: dict[str, Any]) -> None:
        from engine.app.chat import ending

        answer.text, answer.tokens = clean(str(record["text"])), int(record["tokens"])
        answer.seconds = float(record["seconds"])
        ended = ending(record)
        notes = [text(ended)] if ended is not None else []
        if record.get("dropped"):
            notes.append(text("chat.dropped", turns=int(record["dropped"])))
        if not answer.text.strip():
            notes.append(text("chat.said-nothing"))
        answer.note = " ".join(notes)

    # What is shown

    def _draw(self, whole: bool = False) -> None:
        """Show what came: at once where that is allowed, else when the line has had time for what was sent before."""
        now = time.monotonic()
        if not whole and now < self._next_draw:
            if not self._drawing:
                self._drawing = True
                self.set_timer(self._next_draw - now, self._draw_later)
            return
        talk = self.query_one("#talk", Transcript)
        lines = talk.show(max(0, len(self.dialogue.exchanges) - 1))
        cost = lines * (self.size.width + _CODES * max(1, len(self.dialogue.asked)))
        self._next_draw = now + max(_LEAST_WAIT_S, cost / _BYTES_A_SECOND)

    def _draw_later(self) -> None:
        self._drawing = False
        self._draw()

    def _state(self) -> None:
        names = " | ".join(name for voice, name in self.dialogue.voices if voice in self.dialogue.asked)
        last = self.dialogue.last
        said = [answer for answer in last.answers.values() if answer.whole and answer.tokens] if last else []
        if self._error:
            right = text("chat.ended-state")
        elif self._waits:
            right = text("chat.not-loaded")
        elif not self._ready:
            right = self._said if last else text("chat.loading")
        elif self._asked:
            right = text("chat.answering")
        elif said:
            seconds = sum(answer.seconds for answer in said)
            right = text("chat.pace", tokens=sum(a.tokens for a in said), seconds=seconds)
        else:
            right = text("chat.ready")
        self.query_one(TopLine).show(f"{text('chat.title')}  {names}", right)
        self.query_one("#say-panel", Panel).rename(self.manner.words)
        self.refresh_bindings()

    # Asking

    @on(Input.Submitted, "#say")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        words = event.value
        if self._waits:
            self._begin()
        if not words.strip() or self._asked or self._error:
            return
        event.input.value = ""
        self.dialogue.exchanges.append(Exchange(words, plain=self.manner.plain))
        self._draw(whole=True)
        self.query_one("#talk", Transcript).follow()
        if self._ready:
            self._ask()

    def _ask(self) -> None:
        """Ask every voice for its answer to the last prompt."""
        from engine.app.chat import line_of
        from engine.models.chat_request import Asked

        last = self.dialogue.last
        if last is None or self._child is None:
            return
        last.plain = last.plain or self.manner.plain
        voices = [voice for voice, _ in self.dialogue.voices if voice in self.dialogue.asked]
        last.answers = {voice: Answer() for voice in voices}
        for voice in voices:
            self._number += 1
            self._asked[self._number] = voice
            self._child.send(
                line_of(
                    Asked(
                        id=self._number, turns=self.dialogue.turns(voice), voices=[voice], plain=last.plain,
                        temperature=self.manner.temperature, top_p=self.manner.top_p,
                        max_new_tokens=self.manner.max_new_tokens, stop=self.manner.stop,
                    )
                )
            )  # fmt: skip
        self._draw(whole=True)
        self._state()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        last, idle = self.dialogue.last, not self._asked
        answered = last is not None and any(answer.text for answer in last.answers.values())
        if action == "again":
            return True if self._ready and idle and last is not None else None
        if action == "base":
            return True if any(voice == BASE for voice, _ in self.dialogue.voices) else None
        if action == "edit":
            return True if idle and last is not None else None
        if action in ("copy", "keep"):
            return True if answered and idle else None
        if action == "clear":
            return True if last is not None and idle else None
        return True

    def action_again(self) -> None:
        self._ask()

    def action_base(self) -> None:
        """Ask the untouched base too from the next message on, or no more: it takes no memory of its own."""
        self.dialogue.asked ^= {BASE}
        self._state()

    def action_edit(self) -> None:
        """Take the last message back into the line; what was answered to it goes with it."""
        last = self.dialogue.exchanges.pop()
        entry = self.query_one("#say", Input)
        entry.value = last.prompt
        entry.cursor_position = len(last.prompt)
        entry.focus()
        self._redraw()

    def action_clear(self) -> None:
        self.dialogue.exchanges.clear()
        self._note(text("chat.say-something"))
        self._redraw()

    def _redraw(self) -> None:
        self.query_one("#talk", Transcript).show()
        self._state()

    def action_manner(self) -> None:
        self.app.push_screen(MannerScreen(self.manner, self._has_template), self._manner_chosen)

    def _manner_chosen(self, manner: Manner | None) -> None:
        if manner is not None:
            self.manner, self.dialogue.system = manner, manner.system
            self._state()

    def copied(self) -> str:
        """The last answers; of several each below its name."""
        last = self.dialogue.last
        if last is None:
            return ""
        names = dict(self.dialogue.voices)
        said = [(names[voice], answer.text) for voice, answer in last.answers.items()]
        return said[0][1] if len(said) == 1 else "\n\n".join(f"{name}:\n{words}" for name, words in said)

    async def action_copy(self) -> None:
        """By a key that no line of text takes for a letter."""
        await self.app.run_action("copy")

    def action_keep(self) -> None:
        last = self.dialogue.last
        if last is None:
            return
        voice = next(voice for voice, answer in last.answers.items() if answer.text)
        turns = self.dialogue.row(voice, last.answers[voice].text)
        self.app.push_screen(KeepScreen(turns, self._kept_in or str(Path.cwd() / "chat.jsonl")), self._kept)

    def _kept(self, kept: tuple[str, str] | None) -> None:
        path, done = kept or ("", "")
        if done:
            if path.endswith(".jsonl"):  # the next row goes there too, unless another file is named
                self._kept_in = path
            self.notify(clean(done), markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#talk", Transcript).scroll_by(lines)

    def action_leave(self) -> None:
        """Stop the answer under way; with none, go back, and ask first where a dialogue would be lost.

        What is waiting to be answered counts as an answer under way.
        """
        if self._asked and self._child is not None:
            from engine.app.chat import stop

            self._child.send(stop(max(self._asked)))
            for number in list(self._asked)[1:]:
                del self._asked[number]
            return
        answers = sum(bool(each.text) for said in self.dialogue.exchanges for each in said.answers.values())
        if not answers:
            self._end(True)
            return
        # The key may have been meant for an answer that has just come to its end.
        about = text("chat.leave-about", answers=answers)
        question = ConfirmScreen(text("chat.leave-title"), about, (), text("keys.leave-run"), text("app.not-now"))
        self.app.push_screen(question, self._end)

    def _end(self, agreed: bool | None) -> None:
        if agreed:
            self.workers.cancel_group(self, "chat")
            self.dismiss()


def _run_of(request: ChatRequest) -> RunDir | None:
    folder = Path(request.target)
    return RunDir(folder) if request.target and (folder / "events.jsonl").is_file() else None
