"""What a form is made of: a choice of one line, a labelled field, a button of one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.common.clean_text import clean, masked
from engine.messages.catalogue import text as text_of
from tui.widgets.line import component_style


class Choice(Widget, can_focus=True):
    """The options in a row, the chosen one in brackets; where they don't fit, ``< nf4 >  2 of 4``."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--here"}
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    Choice > .choice--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("space", "turn", show=False),
        Binding("enter", "submit", show=False),
    ]

    index = reactive(0)

    class Changed(Message):
        """Another option is chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            return self.choice

    class Submitted(Changed):
        """Enter was pressed: the form is done."""

    def __init__(self, options: Sequence[str], value: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = list(options)
        self.value = value

    @property
    def value(self) -> str:
        """The chosen option."""
        return self.options[self.index] if self.options else ""

    @value.setter
    def value(self, value: str) -> None:
        self.set_reactive(Choice.index, self.options.index(value) if value in self.options else 0)
        self.refresh()

    def validate_index(self, index: int) -> int:
        return max(0, min(index, len(self.options) - 1))

    def _change(self, index: int) -> None:
        before = self.index
        self.index = index
        if self.index != before:
            self.post_message(self.Changed(self))

    def action_step(self, by: int) -> None:
        self._change(self.index + by)

    def action_turn(self) -> None:
        self._change((self.index + 1) % max(1, len(self.options)))

    def action_submit(self) -> None:
        self.post_message(self.Submitted(self))

    @property
    def _all_fit(self) -> bool:
        return sum(cell_len(name) + 2 for name in self.options) <= self.content_size.width

    def on_click(self, event: events.Click) -> None:
        """A click picks the option under it, or turns to the next where only one is shown."""
        if not self._all_fit:
            self.action_turn()
            return
        end = 0
        for index, name in enumerate(self.options):
            end += cell_len(name) + 2
            if event.x < end:
                self._change(index)
                return

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render(self) -> Content:
        style: str | Style = component_style(self, "choice--here") if self.has_focus else "bold"
        parts: list[tuple[str, str | Style]] = [
            (f"[{name}]", style) if i == self.index else (f" {name} ", "$muted") for i, name in enumerate(self.options)
        ]
        if self._all_fit:
            return Content.assemble(*parts)
        place = text_of("widgets.place", at=self.index + 1, all=len(self.options))
        return Content.assemble((f"< {self.value} >", style), (f"  {place}", "$muted"))


class Entry(Input):
    """A line whose letters and editing keys act in the order they were pressed, however fast they come.

    Textual acts on a key such as Backspace once it went all the way up to the app. Letters behind it in the same piece
    of input, as slow lines bundle them, would be written before.
    """

    @property
    def _value(self) -> Text:
        """What was not typed here may come from anywhere: it is kept as it is, and drawn so that it steers nothing."""
        drawn, shown = super()._value, masked(self.value)
        return drawn if shown == self.value else Text(shown, no_wrap=True, overflow="ignore", end="")

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
    FormField .hint { width: auto; max-width: 28; height: 1; padding: 0 0 0 1; color: $muted; }
    FormField .about { height: auto; max-height: 2; padding: 0 0 0 2; color: $muted; display: none; }
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
        self.set_class(bool(hint), "-hinted")
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

    @property
    def picked(self) -> int:
        """The place of the chosen option, 0 of a field without options."""
        return self.control.index if isinstance(self.control, Choice) else 0

    def set_options(self, options: Sequence[str], picked: int) -> None:
        """Offer other ``options``, the one at ``picked`` chosen."""
        assert isinstance(self.control, Choice)
        self.control.options = list(options)
        self.control.index = picked
        self.control.refresh()

    def choose(self, place: int) -> None:
        """The option at ``place``, without telling anybody."""
        assert isinstance(self.control, Choice)
        with self.prevent(Choice.Changed):
            self.control.index = place

    def type_on(self, text: str) -> None:
        """Take the focus and what is typed, as if it had been typed here."""
        assert isinstance(self.control, Input)
        self.control.focus()
        self.control.insert_text_at_cursor(text)

    @property
    def words(self) -> str:
        """Its label, and the sentence that says what it is."""
        return f"{self._label}\n{self._about}"

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
        self.set_class(bool(hint), "-hinted")
        self._hint_line.update(Content(hint))

    def copied(self) -> str:
        """``learning_rate=0.0002``, as `tunedeck run CONFIG --set` takes it; for ``WholeScreen.copied``."""
        return f"{self.key}={self.text}" if "." in self.key else self.text

    def focus_control(self) -> None:
        self.control.focus()

    def _marked(self, focused: bool) -> Content:
        return Content.assemble(("> " if focused else "  ", "bold $accent"), (self._label, "bold" if focused else ""))

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


class FormButton(Widget, can_focus=True):
    """Pressed by Enter, Space or a click. A button that can't be used now is dim and skipped by Tab."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"button--here", "button--off"}
    DEFAULT_CSS = """
    FormButton { width: auto; height: 1; margin: 0 2 0 0; }
    FormButton > .button--off { color: $faint; text-style: $faint-style; }
    FormButton > .button--here { color: $focus-foreground; background: $focus-background; text-style: $focus-style; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", show=False),
        Binding("up,left", "app.focus_previous", show=False),
        Binding("down,right", "app.focus_next", show=False),
    ]

    class Pressed(Message):
        """The button was pressed."""

        def __init__(self, button: FormButton) -> None:
            super().__init__()
            self.button = button

        @property
        def control(self) -> FormButton:
            return self.button

    def __init__(self, label: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.label = label

    def set_label(self, label: str) -> None:
        if label != self.label:
            self.label = label
            self.refresh(layout=True)

    def action_press(self) -> None:
        if not self.disabled:
            self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return cell_len(self.label) + 4

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render(self) -> Content:
        if self.has_focus:
            return Content.styled(f"[>{self.label}<]", component_style(self, "button--here"))
        style = component_style(self, "button--off") if self.disabled else "bold on $panel"
        return Content.assemble((f"[ {self.label} ]", style))
