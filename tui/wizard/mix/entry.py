"""The line of the board where a share or a weight is typed; hidden until somebody wants to."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from engine.config import numbers
from engine.messages.catalogue import text
from tui.widgets.form import FormField

SHARE, WEIGHT = "share", "weight"
_LABELS = {SHARE: "mix.share-in-percent", WEIGHT: "mix.weight-in-loss"}
_MOST = {SHARE: 100.0, WEIGHT: 1000.0}


class Entry(Vertical):
    """``ask`` shows the field for a number; posts Taken once it makes sense."""

    DEFAULT_CSS = "Entry { height: auto; width: 1fr; padding: 0 1; }"

    class Taken(Message):
        """``number`` was typed for ``what``: percent, or a weight."""

        def __init__(self, what: str, number: float) -> None:
            super().__init__()
            self.what, self.number = what, number

    def compose(self) -> ComposeResult:
        for what, label in _LABELS.items():
            entry = FormField(what, text(label), hint=text("mix.entry-hint"), id=f"mix-{what}")
            entry.display = False
            yield entry

    def on_mount(self) -> None:
        self.display = False

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def ask(self, what: str, now: float) -> None:
        """Let it be typed, beginning from ``now``."""
        self.display = True
        for entry in self.query(FormField):
            entry.display = entry.key == what
            if entry.display:
                entry.text = f"{round(now, 1):g}"
                entry.show_error("")
                entry.focus_control()
                if isinstance(entry.control, Input):
                    entry.control.select_all()

    def close(self) -> None:
        self.display = False

    @on(FormField.Submitted)
    def _submitted(self, event: FormField.Submitted) -> None:
        event.stop()
        what = event.field.key
        typed = event.field.text.strip().removesuffix("%")
        try:
            number = float(numbers.read(typed, whole=False))
        except numbers.TwoNumbers as error:
            event.field.show_error(f"{typed} {error}")
            return
        except numbers.NoNumber:
            number = -1.0
        if 0 < number <= _MOST[what]:
            self.close()
            self.post_message(self.Taken(what, number))
        else:
            event.field.show_error(text("mix.out-of-range", most=_MOST[what]))
