"""Screens and steps that are called into only while all of their children are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import parse
from textual.await_complete import AwaitComplete
from textual.color import Color
from textual.dom import DOMNode
from textual.errors import NoWidget
from textual.message import Message
from textual.message_pump import MessagePump
from textual.reactive import Reactive
from textual.renderables.background_screen import BackgroundScreen

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.types import CallbackType
    from textual.widget import Widget as _Focused
    from textual.widget import Widget as _Widget
else:
    _Widget = MessagePump

LEAST_COLUMNS, LEAST_ROWS = 60, 18
"""Of a window that is of use: a smaller one is covered."""


class Whole(_Widget):
    """A mixin that stands before ``Widget`` among the bases.

    Children are there from the mount on until the removal begins, but for a moment while they are made anew. A worker's
    answer, a timer or a call put off that comes later finds nobody: it is dropped here, so that no handler has to ask.
    """

    _is_recomposing = False

    @property
    def is_whole(self) -> bool:
        return self.is_mounted and not self._pruning and not self._is_recomposing

    async def recompose(self) -> None:
        self._is_recomposing = True
        try:
            await super().recompose()
        finally:
            self._is_recomposing = False

    def in_screen(self, callback: Callable[..., Any], *args: Any) -> None:
        """From another thread: call ``callback`` in that of the screen, unless it is not whole any more."""
        self.app.call_from_thread(self._if_whole, callback, *args)  # type: ignore[arg-type]

    async def _on_message(self, message: Message) -> None:
        is_ours = not type(message).__module__.startswith("textual.") or isinstance(message, events.Timer)
        if not is_ours or not self._pruning:
            await super()._on_message(message)

    def call_after_refresh(self, callback: CallbackType, *args: Any, **kwargs: Any) -> bool:
        return super().call_after_refresh(self._if_whole, callback, *args, **kwargs)

    async def _if_whole(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        if self.is_whole:
            done = callback(*args, **kwargs)
            if isawaitable(done):
                await done


class _Dimmed(BackgroundScreen):
    """What lies behind a dialog where no colours can be mixed: the terminal makes it dim."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        dim = Style(dim=True, reverse=False)  # a line under the cursor there would outshine the dialog
        for text, style, control in super().process_segments(segments, color):
            yield Segment(text, dim if style is None else style + dim, control)


class WholeScreen(Whole):
    """The same before ``Screen``; and of two keys that close it, typed at once, the second closes nothing else.

    A key that can't be used now says why, where ``why_not`` knows. What has the focus is drawn by the widgets that get
    and lose it: Textual's own screen sends all of itself again each time.
    """

    focused: Reactive[_Focused | None] = Reactive(None, repaint=False)
    LEFT_BESIDE: ClassVar[bool] = True
    """Of a dialog: a click beside it does as Escape. Not of those in which something typed would be lost."""

    def on_compose(self) -> None:
        """The classes of the window's size come before the first layout, which else is drawn twice."""
        app = self.app
        for cells, points in (
            (app.size.width, app.HORIZONTAL_BREAKPOINTS),
            (app.size.height, app.VERTICAL_BREAKPOINTS),
        ):
            for name in self._get_breakpoint_classes(cells, points or []):  # type: ignore[attr-defined]
                self.add_class(name)

    def _reset_focus(self, widget: _Focused, avoiding: list[_Focused] | None = None) -> None:
        """Of what is removed Textual hands the focus on, as a rule to the last key of the bar: an Enter typed ahead of
        the next step would leave. Then nothing has it. What is shown again by the time it hears that it was hidden
        keeps it."""
        from tui.widgets.bars import KeyButton

        if avoiding is None and widget.focusable and all(node.display for node in widget.ancestors_with_self):
            return
        super()._reset_focus(widget, avoiding)  # type: ignore[misc]
        if isinstance(self.focused, KeyButton) and not isinstance(widget, KeyButton):
            self.set_focus(None)  # type: ignore[attr-defined]

    def render(self) -> RenderableType:
        behind = cast("RenderableType", super().render())
        if isinstance(behind, BackgroundScreen) and not behind.color.a:
            return _Dimmed(behind.screen, behind.color)
        return behind

    def why_not(self, action: str) -> str:
        """Why ``action`` can't be done now, in a sentence or two; "" where there is nothing to say."""
        return ""

    def _update_focus_styles(self, focused: _Focused | None = None, blurred: _Focused | None = None) -> None:
        """Of all around the focus only that is styled anew which a rule of ``:focus-within`` is about."""
        styled: set[DOMNode] = set()
        for widget in (focused, blurred):
            around = reversed(widget.ancestors_with_self) if widget is not None else ()
            outermost = next((each for each in around if each._has_focus_within), None)
            if outermost is not None:
                styled.update(each for each in outermost.walk_children(with_self=True) if each._has_focus_within)
        if styled:
            self.app.stylesheet.update_nodes(styled, animate=True)

    def _screen_resized(self, size: Size) -> None:
        """Once it is laid out Textual tells a screen of the size that it has, and would lay it out a second time."""
        if size != self._size:
            super()._screen_resized(size)  # type: ignore[misc]

    async def _on_message(self, message: Message) -> None:
        """A size that the window has no more is passed over.

        Textual tells a screen of its size again once it is laid out: two that come at once would take turns for ever.
        """
        if not isinstance(message, events.Resize) or message.size == self.app.size:
            await super()._on_message(message)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The runs that the keys of this screen act on now, as the shell calls them."""
        return ()

    def shell_of(self, action: str) -> str:
        """What does ``action`` in a shell as its key does here; "" where there is nothing like it."""
        from tui import shell

        return shell.command(action, *self.subjects)

    async def action_help(self) -> None:
        """For a click on the words of a dialog."""
        await self.app.run_action("help")

    async def action_filter(self) -> None:
        """Narrow the list that has the focus, else the first that can be narrowed."""
        from tui.widgets.choosers import PickList

        await PickList.filter_one_of(self)

    def copied(self) -> str:
        """What y copies here, for use in another program: the thing under the cursor; "" where there is none.

        It is asked of all around the focus that has a method of this name, the outermost first.
        """
        focused: _Widget | None = self.focused
        around = [each for each in focused.ancestors_with_self if each is not self] if focused is not None else []
        told = (each.copied() for each in reversed(around) if hasattr(each, "copied"))
        return next(filter(None, told), "")

    def on_key(self, event: events.Key) -> None:
        focused = self.focused
        between = focused.ancestors_with_self if focused is not None else ()
        if any(event.key in each._bindings.key_to_bindings for each in between if each is not self):
            return  # the key is that of the focused one: bindings are looked up once an event went all the way up
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not self.check_action(binding.action, ()) and self.refuse(binding.action):
                event.stop()

    def whose(self, action: str) -> DOMNode | None:
        """Who has the action of this name: the screen, what has the focus, the app, or a chart."""
        focused = self.focused.ancestors_with_self if self.focused is not None else ()
        around: Iterable[DOMNode] = (self, *focused, self.app, *self.query("Chart"))
        return next((node for node in around if hasattr(node, f"action_{action}")), None)

    async def press(self, key: str) -> None:
        """Do as the key with this id does, without the key; or say why that can't be done now."""
        _, name, parameters = parse(key)
        node = self.whose(name)
        if node is not None and node.check_action(name, parameters):
            await self.app.run_action(key, node)
        else:
            self.refuse(name)

    def refuse(self, action: str) -> bool:
        """Say why ``action`` can't be done now; whether there is something to say."""
        why = self.why_not(action)
        if why:
            self.notify(why, timeout=5, markup=False)  # news, no trouble: the next one takes its place
        return bool(why)

    async def on_click(self, event: events.Click) -> None:
        if self.is_modal and self.LEFT_BESIDE and self._is_beside(event):
            for binding in self._bindings.key_to_bindings.get("escape", ()):
                await self.app.run_action(binding.action, self)

    def _is_beside(self, event: events.Click) -> bool:
        """Whether nothing of a dialog is where the click was."""
        try:
            found: _Widget = self.get_widget_at(event.screen_x, event.screen_y)[0]  # type: ignore[attr-defined]
        except NoWidget:  # the window was made smaller since
            return False
        return found is self

    def dismiss(self, result: Any = None) -> AwaitComplete:
        if not self.is_active:  # type: ignore[attr-defined]
            return AwaitComplete()
        closing: AwaitComplete = super().dismiss(result)  # type: ignore[misc]
        return closing
