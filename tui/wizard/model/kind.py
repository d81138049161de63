"""Base or chat: what the model itself says when it is asked, and whether its kind suits the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.common.clean_text import clean, shorten
from engine.common.errors import TunedeckError
from engine.messages.catalogue import sentences
from tui.draft.child import Progress, Result, ask
from tui.draft.draft import task_of
from tui.widgets.whole import WholeScreen

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

KIND = "model.kind"
HOW = "F5 asks the model itself."


def advice(draft: Draft, card: ModelCard) -> str:
    """Whether base or chat suits the task, in a sentence or two."""
    from engine.models.kind import advise_kind

    chosen = str(draft.get(KIND))
    kind = card.kind if chosen == "auto" else chosen
    found = advise_kind("text" if task_of(draft) == "text" else "dialogue", kind)  # type: ignore[arg-type]
    mark = {True: "", False: "! ", None: "? "}[found.fits]
    return f"{mark}{found.text}" + (f" {HOW}" if found.fits is None else "")


class KindPanel(Static):
    """Asks the model in a child process; ``say`` gets progress and failures. Posts Answered with what it said."""

    DEFAULT_CSS = "KindPanel { display: none; }"

    class Said(Message):
        """How far it is, or why there is no answer."""

        def __init__(self, words: str, wrong: bool = False) -> None:
            super().__init__()
            self.words, self.wrong = words, wrong

    class Answered(Message):
        """The child's result."""

        def __init__(self, values: dict[str, Any]) -> None:
            super().__init__()
            self.values = values

    busy = False

    def start(self, command: tuple[str, ...], config_text: str) -> None:
        self.busy = True
        self.post_message(self.Said("asking the model: starting ...  ctrl+x stops it"))
        self._ask(command, config_text)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give it up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "kind")
            self._end("The question was taken back; F5 asks again.")

    @work(group="kind", exclusive=True)
    async def _ask(self, command: tuple[str, ...], config_text: str) -> None:
        try:
            async for said in ask(command, config_text):
                if isinstance(said, Progress):
                    self.post_message(self.Said(f"asking the model: {said.text}  ctrl+x stops it"))
                elif isinstance(said, Result):
                    self._end("")
                    self.post_message(self.Answered(said.values))
                else:
                    self._end(sentences(f"It was not asked: {said.message}"))
        except TunedeckError as error:
            self._end(error.said, wrong=True)

    def _end(self, words: str, wrong: bool = False) -> None:
        self.busy = False
        self.post_message(self.Said(words, wrong))
        self.screen.refresh_bindings()


class KindScreen(WholeScreen, ModalScreen[str]):
    """Dismissed with base or chat when a person takes that verdict over, else with ""."""

    CSS_PATH = "../../widgets/dialog.tcss"
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f5", "take('')", "Close"),
        Binding("b", "take('base')", "It is base"),
        Binding("c", "take('chat')", "It is chat"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static("Base or chat?", markup=False, classes="dialog-title")
            for text in told(self._values):
                yield Static(Content(text), classes="dialog-text")
            yield Static("b: it is base   c: it is chat   Esc: leave it to its files", classes="muted")

    def action_take(self, kind: str) -> None:
        self.dismiss(kind)


def told(values: Mapping[str, Any]) -> Iterator[str]:
    """What files and model say, the marks' norms, and both answers; every text cleaned."""
    for who in ("files", "model"):
        evidence = "; ".join(_short(each, 160) for each in values.get(f"{who}_evidence") or ())
        said = values.get("files_say" if who == "files" else "model_says") or "unclear"
        yield f"{'Its files say' if who == 'files' else 'It answers as'}: {_short(said)}. {evidence}".strip()
    marks = [_mark(mark) for mark in values.get("marks") or () if isinstance(mark, dict)]
    if marks:
        yield "Length of the marks' embeddings:\n" + "\n".join(marks)
    for name, heading in (("templated", "In its template"), ("plain", "Plain text")):
        said = values.get(name)
        if isinstance(said, dict):
            end = f"stopped at {_short(said.get('at'))}" if said.get("stopped") else "did not stop by itself"
            yield f"{heading}: {_short(said.get('prompt'), 80)}\n> {_short(said.get('text'), 200)}\n  ({end})"


def _mark(mark: Mapping[str, Any]) -> str:
    trained = "looks trained" if mark.get("looks_trained") else "hardly trained"
    norm, median = mark.get("norm"), mark.get("median")
    lengths = f"{norm:.2f} (median {median:.2f})" if isinstance(norm, float) and isinstance(median, float) else ""
    return f"  {_short(mark.get('token'), 20):<20} {_short(mark.get('matrix'), 10):<10} {lengths}, {trained}"


def _short(value: object, length: int = 40) -> str:
    return shorten(clean(str(value if value is not None else ""), keep_newlines=False), length)
