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
from engine.messages.catalogue import text
from engine.messages.message import Message as Evidence
from tui.draft.child import Progress, Result, ask
from tui.draft.draft import task_of
from tui.widgets.bars import fit
from tui.widgets.whole import WholeScreen

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft

KIND = "model.kind"
KINDS = {"base": "wizard-model.base", "chat": "wizard-model.chat", "unclear": "wizard-model.unclear"}


def advice(draft: Draft, card: ModelCard) -> str:
    """Whether base or chat suits the task, in a sentence or two."""
    from engine.models.kind import advise_kind

    chosen = str(draft.get(KIND))
    kind = card.kind if chosen == "auto" else chosen
    found = advise_kind("text" if task_of(draft) == "text" else "dialogue", kind)  # type: ignore[arg-type]
    mark = {True: "", False: "! ", None: "? "}[found.fits]
    return f"{mark}{text(found.message)}" + (f" {text('wizard-model.test-how')}" if found.fits is None else "")


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
        self.post_message(self.Said(text("wizard-model.test-starting")))
        self._ask(command, config_text)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give it up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "kind")
            self._end(text("wizard-model.test-cancelled"))

    @work(group="kind", exclusive=True)
    async def _ask(self, command: tuple[str, ...], config_text: str) -> None:
        try:
            async for said in ask(command, config_text):
                if isinstance(said, Progress):
                    self.post_message(self.Said(text("wizard-model.test-progress", what=said.text)))
                elif isinstance(said, Result):
                    self._end("")
                    self.post_message(self.Answered(said.values))
                else:
                    self._end(text("wizard-model.test-refused", reason=said.message))
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
            yield Static(text("wizard-model.verdict-title"), markup=False, classes="dialog-title")
            for paragraph in told(self._values):
                yield Static(Content(paragraph), classes="dialog-text")
            yield Static(text("wizard-model.verdict-keys"), classes="muted")

    def action_take(self, kind: str) -> None:
        self.dismiss(kind)


def told(values: Mapping[str, Any]) -> Iterator[str]:
    """What files and model say, the marks' norms, and both answers; every text cleaned."""
    for who in ("files", "model"):
        evidence = "; ".join(text(Evidence.from_json(each)) for each in values.get(f"{who}_evidence") or ())
        said = values.get("files_say" if who == "files" else "model_says") or "unclear"
        kind = text(KINDS[str(said)]) if str(said) in KINDS else _short(said)
        code = "wizard-model.files-say" if who == "files" else "wizard-model.answers-say"
        yield text(code, kind=kind, evidence=evidence).strip()
    marks = [_mark(mark) for mark in values.get("marks") or () if isinstance(mark, dict)]
    if marks:
        yield "\n".join([text("wizard-model.marks"), *marks])
    for name, heading in (("templated", "wizard-model.templated"), ("plain", "wizard-model.plain")):
        said = values.get(name)
        if isinstance(said, dict):
            end = (
                text("wizard-model.stopped-at", token=_short(said.get("at")))
                if said.get("stopped")
                else text("wizard-model.not-stopped")
            )
            asked = text("widgets.named", name=text(heading), value=_short(said.get("prompt"), 80))
            yield f"{asked}\n> {_short(said.get('text'), 200)}\n  ({end})"


def _mark(mark: Mapping[str, Any]) -> str:
    norm, median = mark.get("norm"), mark.get("median")
    known = isinstance(norm, float) and isinstance(median, float)
    return text(
        "wizard-model.mark",
        token=fit(_short(mark.get("token"), 20), 20),
        matrix=fit(_short(mark.get("matrix"), 10), 10),
        norms=text("wizard-model.mark-norms", norm=f"{norm:.2f}", median=f"{median:.2f}") if known else "",
        trained=text("wizard-model.mark-trained" if mark.get("looks_trained") else "wizard-model.mark-untrained"),
    )


def _short(value: object, length: int = 40) -> str:
    return shorten(clean(str(value if value is not None else ""), keep_newlines=False), length)
