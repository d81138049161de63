"""What is asked over a chat: how the model is to answer, and what is to be kept of an answer and where."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static, TextArea

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.config import numbers
from engine.messages.catalogue import text
from engine.models import stop_strings
from engine.models.chat_request import Turn
from tui.draft.manner import Manner
from tui.widgets.form import FormField
from tui.widgets.form_dialog import FormDialog
from tui.widgets.line import Prose

_ROLES = {"system": "chat.system", "user": "chat.you", "assistant": "chat.the-model"}


class MannerScreen(FormDialog[Manner | None]):
    """The fields of a Manner; wrong values are said under their field."""

    CSS_PATH: ClassVar = ["chat.tcss"]
    HEADING, ACCEPT = "chat.manner-title", "chat.accept"

    def __init__(self, manner: Manner, has_template: bool) -> None:
        super().__init__()
        self._manner, self._has_template = manner, has_template

    def fields(self) -> ComposeResult:
        manner = self._manner
        yield FormField("system", text("chat.system"), manner.system, about=text("chat.system-about"))
        yield FormField("temperature", text("chat.temperature"), f"{manner.temperature:g}",
                        about=text("chat.temperature-about"))  # fmt: skip
        yield FormField("top_p", text("chat.top-p"), f"{manner.top_p:g}")
        yield FormField("max_new_tokens", text("chat.max-new-tokens"), str(manner.max_new_tokens))
        yield FormField("stop", text("chat.stop"), stop_strings.written(manner.stop), about=text("chat.stop-about"))
        options = [text("chat.as-dialogue"), text("chat.as-text")]
        yield FormField("plain", text("chat.form"), options[manner.plain], options=options)
        if not self._has_template:
            yield Prose(text("chat.no-template-about"), classes="dialog-text")

    def action_accept(self) -> None:
        found: dict[str, float] = {}
        for name, low, high in (("temperature", 0.0, 5.0), ("top_p", 0.01, 1.0), ("max_new_tokens", 1, 32768)):
            field = self.field(name)
            try:
                value = numbers.read(field.text.strip(), whole=name == "max_new_tokens")
            except numbers.NoNumber:
                value = None
            if not isinstance(value, int | float) or not low <= value <= high:
                field.show_error(text("chat.number-wrong", low=low, high=high))
                field.focus_control()
                return
            field.show_error("")
            found[name] = value
        plain = self.field("plain").picked == 1
        self.dismiss(
            replace(
                self._manner, system=self.field("system").text, temperature=float(found["temperature"]),
                top_p=float(found["top_p"]), max_new_tokens=int(found["max_new_tokens"]), plain=plain,
                stop=stop_strings.read(self.field("stop").text),
            )
        )  # fmt: skip


class KeepScreen(FormDialog[tuple[str, str]]):
    """A turn as a training row or as a sample prompt, read and corrected before it is written.

    Gives the file and what was done to it, both "" for nothing.
    """

    CSS_PATH: ClassVar = ["chat.tcss"]
    AUTO_FOCUS = "#kind Choice"
    HEADING, ACCEPT, NOTHING = "chat.keep-title", "chat.write", ("", "")

    def __init__(self, turns: list[Turn], where: str) -> None:
        super().__init__()
        self._turns, self._where = turns, where

    def fields(self) -> ComposeResult:
        options = [text("chat.as-row"), text("chat.as-prompt")]
        yield FormField("kind", text("chat.keep-as"), options[0], options=options, id="kind")
        yield FormField("path", text("chat.keep-file"), self._where, about=text("chat.row-about"), id="path")
        yield Static(self._before(), markup=False, id="row-view")
        yield TextArea(clean(self._turns[-1].content), id="row-answer", soft_wrap=True, show_line_numbers=False)
        trouble = Static("", markup=False, classes="chat-trouble")
        trouble.display = False
        yield trouble

    def _before(self) -> str:
        """The turns before the answer, one a line."""
        return "\n".join(
            text("widgets.named", name=text(_ROLES[turn.role]), value=turn.content) for turn in self._turns[:-1]
        )

    @property
    def _is_row(self) -> bool:
        return self.query_one("#kind", FormField).picked == 0

    @on(FormField.Changed, "#kind")
    def _kind_changed(self) -> None:
        self.query_one("#row-answer").display = self._is_row
        self.query_one("#path", FormField).show_error("")

    def action_accept(self) -> None:
        from pathlib import Path

        from engine.app.chat import add_sample_prompt, append_row

        path = self.query_one("#path", FormField).text.strip()
        answer = self.query_one("#row-answer", TextArea).text
        if not path:
            self._say_trouble(text("chat.name-a-file"))
            return
        if self._is_row and not answer.strip():
            self._say_trouble(text("chat.empty-answer"))
            return
        try:
            if self._is_row:
                count = append_row(Path(path), [*self._turns[:-1], Turn("assistant", answer)])
                done = text("chat.row-written", path=path, rows=count)
            else:
                count = add_sample_prompt(Path(path), self._turns[-2].content)
                done = text("chat.prompt-written", path=path, prompts=count)
        except TunedeckError as error:
            self._say_trouble(clean(error.said, keep_newlines=False))
            return
        self.dismiss((path, done))

    def _say_trouble(self, words: str) -> None:
        trouble = self.query_one(".chat-trouble", Static)
        trouble.display = True
        trouble.update(f"! {words}")
