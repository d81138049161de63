"""A labelled field of one or two lines: label, control, hint beside it, and the sentence or the error below."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from engine.common.clean_text import clean
from tui.widgets.form_choice import Choice


class Entry(Input):
    """A line whose letters and editing keys act in the order they were pressed, however fast they come.

    Textual acts on a key such as Backspace once it went all the way up to the app. Letters behind it in the same piece
    of input, as slow lines bundle them, would be written before.
    """

    async def _on_key(self, event: events.Key) -> None:
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return


class FormField(Vertical):
    """A field named ``name``. ``text`` is what stands in it; reading and checking it is the form's affair."""

    DEFAULT_CSS = """
    FormField { height: auto; width: 1fr; }
    FormField > Horizontal { height: 1; }
    FormField .label { width: 20; height: 1; }
    FormField Input { width: 1fr; }
    FormField Choice { width: 1fr; }
    FormField .hint { width: auto; max-width: 28; height: 1; padding: 0 0 0 1; text-style: dim; }
    FormField .about { height: auto; max-height: 2; padding: 0 0 0 2; text-style: dim; display: none; }
    FormField .about.-shown { display: block; }
    FormField .about.-error { color: $error; text-style: bold; max-height: 5; }
    """

    class Left(Message):
        """The focus left the field: a moment to check it."""

        def __init__(self, field: FormField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> FormField:
            return self.field

    class Entered(Left):
        """The focus came to the field."""

    class Changed(Left):
        """Its text is another now."""

    class Submitted(Left):
        """Enter was pressed in it."""

    def __init__(
        self,
        name: str,
        label: str,
        text: str = "",
        *,
        options: Sequence[str] = (),
        hint: str = "",
        about: str = "",
        placeholder: str = "",
        suggester: Suggester | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id)
        self._label, self._hint, self._about, self._error = label, hint, about, ""
        self.control: Input | Choice
        if options:
            self.control = Choice(options, text)
        else:
            self.control = Entry(
                text, placeholder=placeholder, suggester=suggester, compact=True, select_on_focus=False
            )
            self.control.set_reactive(Input.cursor_blink, False)

        # Held, not looked up: a suggestion for a path may come after the field was taken away.
        self._label_line = Static(self._marked(False), classes="label")
        self._hint_line = Static(Content(hint), classes="hint")
        self._about_line = Static(Content(about), classes="about" + (" -shown" if about else ""))

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self._label_line
            yield self.control
            yield self._hint_line
        yield self._about_line

    @property
    def key(self) -> str:
        """The field's dotted name."""
        return self.name or ""

    @property
    def text(self) -> str:
        return self.control.value

    @text.setter
    def text(self, text: str) -> None:
        with self.prevent(Input.Changed, Choice.Changed):
            self.control.value = text
        if isinstance(self.control, Input):
            self.control.cursor_position = len(text)

    def type_on(self, text: str) -> None:
        """Take the focus and what is typed, as if it had been typed here."""
        assert isinstance(self.control, Input)
        self.control.focus()
        self.control.insert_text_at_cursor(text)

    @property
    def error(self) -> str:
        return self._error

    def show_error(self, message: str) -> None:
        """Put ``message`` under the field; "" takes it away and brings the sentence back."""
        self._error = clean(message, keep_newlines=False)
        about = self._about_line
        about.update(Content(f"! {self._error}" if self._error else self._about))
        about.set_class(bool(self._error), "-error")
        about.set_class(bool(self._error or self._about), "-shown")

    def set_hint(self, hint: str) -> None:
        self._hint = hint
        self._hint_line.update(Content(hint))

    def focus_control(self) -> None:
        self.control.focus()

    def _marked(self, focused: bool) -> Content:
        return Content.assemble((("> " if focused else "  ") + self._label, "bold" if focused else ""))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._label_line.update(self._marked(True))
        self.post_message(self.Entered(self))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._label_line.update(self._marked(False))
        self.post_message(self.Left(self))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed(self))

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _submitted(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Submitted(self))
